# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutants: each has one error, compiles, and describes the change."""

from __future__ import annotations

import ast

from tests.tools.mutants import generate_mutants

SOURCE = '''
"""A text for people."""
import dataclasses
Row = dict[str, int]
LIMIT = 3

@dataclasses.dataclass(frozen=True)
class Thing:
    size: int = 1

    def fits(self, other: int, *, really: bool = True) -> bool | None:
        """Whether it fits."""
        if not really:
            raise ValueError("it does not, really")
        for number in range(other):
            if number > self.size and really:
                break
        return max(self.size, other) <= LIMIT + 1
'''


def descriptions() -> set[str]:
    """List all changes."""
    return {mutant.description for mutant in generate_mutants(SOURCE)}


def test_kinds_of_changes() -> None:
    """Mutants change comparisons, boundaries, and/or, not, constants, arithmetic, returns, statements and loops."""
    changes = descriptions()
    for change in (
        "number > self.size  ->  number >= self.size",
        "number > self.size and really  ->  number > self.size or really",
        "not really  ->  really",
        "3  ->  4",
        "True  ->  False",
        "LIMIT + 1  ->  LIMIT - 1",
        "max(self.size, other)  ->  min(self.size, other)",
        "return max(self.size, other) <= LIMIT + 1  ->  return None",
        "break  ->  continue",
    ):
        assert change in changes
    assert any(change.startswith("raise ValueError") and change.endswith("pass") for change in changes)


def test_code_that_is_not_changed() -> None:
    """Types, decorators, and texts for people are not changed."""
    assert not [change for change in descriptions() if "frozen" in change or "it does not, really_" in change]
    assert not [change for change in descriptions() if change.startswith(("'A text", "dict[", "bool"))]


def test_mutants_are_different_programs() -> None:
    """Each mutant compiles, and differs from the source in one place."""
    plain = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in generate_mutants(SOURCE):
        tree = mutant.tree()
        compile(tree, "mutant", "exec")
        changed = ast.unparse(tree).splitlines()
        assert changed != plain, mutant.description
        assert sum(line not in plain for line in changed) <= 2, mutant.description


def test_mutants_at_import() -> None:
    """Constants and defaults take effect at import, the rest when a function runs."""
    by_change = {mutant.description: mutant.at_import for mutant in generate_mutants(SOURCE)}
    assert by_change["3  ->  4"]
    assert by_change["True  ->  False"]
    assert not by_change["break  ->  continue"]


def test_selection_of_lines() -> None:
    """The mutants are the same as without a selection, but only of these lines."""
    everything = list(generate_mutants(SOURCE))
    line = next(mutant.line for mutant in everything if mutant.description == "3  ->  4")
    assert list(generate_mutants(SOURCE, {line})) == [mutant for mutant in everything if mutant.line == line]
    assert list(generate_mutants(SOURCE, ())) == []
