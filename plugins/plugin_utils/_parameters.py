# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Error message for unsupported options of a module or plugin, with the new or a similar name."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest


def unsupported_parameters(name: str, given: Iterable[object], supported: Iterable[str]) -> str | None:
    """Return the error message for the ``given`` names that are not ``supported``, or None if all are.

    ``name`` is the name of the module without its collection. Internal options (with a leading underscore) are skipped.
    """
    names = sorted(supported)
    unknown = [str(option) for option in given if option not in names and not str(option).startswith("_")]
    if not unknown:
        return None
    parts = " ".join(f"{option}. {suggest(option, names)}".rstrip() for option in unknown)
    plural = "" if len(unknown) == 1 else "s"
    return f"Unsupported parameter{plural} for backup.audit.{name}: {parts} Supported parameters: {', '.join(names)}."
