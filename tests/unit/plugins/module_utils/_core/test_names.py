# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of version 1: suggestions for them, and checks that no file uses them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import permutations
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from ansible_collections.backup.audit.plugins.module_utils._core.names import (
    REMOVED,
    RENAMED,
    distance,
    renamed,
    suggest,
)
from tests.tools.project import ROOT, project_files

# Names of version 1 that users do not write and that are not rejected: concepts, keys and codes of results.
NOT_WRITTEN = {
    *("facet", "facets", "words", "advice", "unpacked", "recoverable", "attestation"),
    *("no_connection", "server_trouble", "not_trusted", "bad_answer", "bad_option", "bad_data", "refused_by_wall"),
    *("verified_at", "verified_by"),
}
# Old names that are also used in other contexts, such as the argument ``days`` of timedelta or ``types`` of a query.
# They may occur as Python identifiers, but not as keys of files.
PLAIN_WORDS = {
    *("days", "weeks", "months", "years", "types", "production", "minimum", "exact", "names", "read", "kinds", "pack"),
    "checked",
}
# Removed options whose names are also keys of a policy or identifiers in the HTML report.
STILL_USED = {"day_start", "history"}
# Files that use names of vendors or test names of version 1.
FOREIGN = ("tests/samples/", "tests/recordings/", "tests/schemas/", "tests/simulators/", "tests/unit/simulators/")
TABLE = PurePosixPath("plugins/module_utils/_core/names.py")


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("newest_within", ["max_age", "min_count"], "It was renamed to max_age."),
        # The new name is not valid here, and no valid one is similar.
        ("newest_within", ["all", "none"], ""),
        ("recovery_points.minimum", ["recovery_points.min_count"], "It was renamed to recovery_points.min_count."),
        ("verified.restore_within", ["restore_tested.max_restore_time"], "It was renamed to restore_tested.max_re"),
        ("read.age", ["data.age"], "It was renamed to data.age."),
        ("min_cuont", ["max_age", "min_count"], "Did you mean 'min_count'?"),
        ("something", ["max_age"], ""),
        ("calendar_timezone", ["timeout"], "It was removed. Set timezone in the policy."),
        ("backup_day_start", ["backup_stanza"], "It was removed. Set day_start in the policy."),
        ("history", [], "It was removed, because timelines are drawn from the recovery points."),
        (7, ["max_age"], ""),
        # Initials.
        ("vbr", ["veeam_azure", "veeam_backup_replication"], "Did you mean 'veeam_backup_replication'?"),
    ],
)
def test_suggest(name: object, known: list[str], expected: str) -> None:
    assert suggest(name, known).startswith(expected)
    assert bool(suggest(name, known)) is bool(expected)


def test_a_new_name_is_not_renamed_again() -> None:
    assert {new for new in RENAMED.values() if renamed(new) != new} == set()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("", "", 0), ("", "abc", 3), ("url", "url", 0), ("url", "uri", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)],
)
def test_distance(one: str, other: str, expected: int) -> None:
    assert {distance(*pair) for pair in permutations((one, other))} == {expected}


def _yaml_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from map(str, value)
        for item in value.values():
            yield from _yaml_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _yaml_keys(item)


def _documentation(tree: ast.Module) -> Iterator[str]:
    """Iterate over the YAML texts in DOCUMENTATION, EXAMPLES and RETURN of a plugin or a doc fragment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            if names & {"DOCUMENTATION", "EXAMPLES", "RETURN"}:
                yield node.value.value


def _identifiers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def _files(*suffixes: str) -> list[PurePosixPath]:
    return [
        path
        for path in project_files()
        if path.suffix in suffixes
        and path != TABLE
        and not str(path).startswith(FOREIGN)
        and not (ROOT / path).is_symlink()
    ]


def test_no_key_of_a_file_is_an_old_name() -> None:
    """Keys of YAML files, and of the documentation of plugins (argument specs are compared with it elsewhere)."""
    old = {*RENAMED, *REMOVED, *NOT_WRITTEN} - STILL_USED
    found = []
    for path in _files(".yml", ".yaml", ".py"):
        text = (ROOT / path).read_text(encoding="utf-8")
        texts = list(_documentation(ast.parse(text))) if path.suffix == ".py" else [text]
        if str(path) != "changelogs/changelog.yaml":
            documents = [document for one in texts for document in yaml.safe_load_all(one)]
            found += [(str(path), key) for key in _yaml_keys(documents) if key in old]
    assert found == []


def test_no_identifier_is_an_old_name() -> None:
    """Names of test functions may contain an old name as a word."""
    old = {*RENAMED, *REMOVED, *NOT_WRITTEN} - PLAIN_WORDS - STILL_USED
    compound = re.compile("|".join(rf"(?<![a-z]){name}(?![a-z])" for name in sorted(old) if "_" in name))
    found = set()
    for path in _files(".py"):
        for identifier in _identifiers(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            name = "" if identifier.startswith("test_") else identifier.lower()
            if name.strip("_") in old or compound.search(name):
                found.add((str(path), identifier))
    assert found == set()
