# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter unknown_variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ansible_collections.backup.audit.plugins.module_utils._core.names import REMOVED, RENAMED, distance, suggest

# Names that differ from a known one by this many characters are considered misspelled.
_MISSPELLED = 2


def unknown_variables(given: Iterable[str], known: Iterable[str], similar_only: bool = False) -> list[str]:
    """Return a sentence for each of the ``given`` names that is not ``known``, with the new or a similar name.

    With ``similar_only``, only for names of version 1 and for names that differ by at most two characters.
    """
    names = sorted(known)
    unknown = sorted(set(given).difference(names))
    if similar_only:
        unknown = [name for name in unknown if name in RENAMED or name in REMOVED or _is_misspelled(name, names)]
    return [f"{name}. {suggest(name, names)}".rstrip() for name in unknown]


def _is_misspelled(name: str, names: Iterable[str]) -> bool:
    return any(distance(name, other) <= _MISSPELLED for other in names)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters of this file."""
        return {"unknown_variables": unknown_variables}
