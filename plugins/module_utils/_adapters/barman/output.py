# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON output of Barman: one key for each server; keys that begin with an underscore are messages."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.barman.files import is_directory, parse_directory
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_list,
    as_object,
    as_text,
    remove_secrets,
)
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandResult,
    OutputError,
    Runner,
    to_single_line,
)

_SOUND = "backup successfully verified"
_DAMAGED = "verify backup failure"
# The directories that "barman check" creates.
_DIRECTORIES = ("backup", "basebackups", "wals", "incoming_wals", "streaming_wals", "errors", "xlogdb")


def decode(result: CommandResult) -> dict[str, t.Any] | None:
    """Return the output of a command, even of one that failed, or None if it is not an object."""
    try:
        output = json.loads(result.out.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return output if isinstance(output, dict) else None


def get_messages(output: Mapping[str, t.Any], *kinds: str) -> list[str]:
    """Return the messages of these kinds: ``_INFO``, ``_ERROR`` or ``_EXCEPTION``."""
    return [text for kind in kinds for text in map(as_text, as_list(output.get(kind))) if text is not None]


def get_list(output: Mapping[str, t.Any], server: str) -> list[t.Any]:
    """Return the list of a server. Raise OutputError if it is missing, which is not the same as an empty list."""
    value = output.get(server)
    if not isinstance(value, list):
        raise _missing(server)
    return value


def get_object(output: Mapping[str, t.Any], server: str) -> dict[str, t.Any]:
    """Return the object of a server. Raise OutputError if it is missing."""
    value = output.get(server)
    if not isinstance(value, dict):
        raise _missing(server)
    return value


def _missing(server: str) -> OutputError:
    return OutputError(
        f"the output does not contain server {server!r}",
        hint="Check the version of the tool, and whether the server is active",
    )


def build_error(runner: Runner, result: CommandResult) -> AuditError:
    """Build the error of a command from its messages alone: settings in its output contain passwords."""
    output = decode(result)
    if output is not None:
        text = "\n".join(get_messages(output, "_EXCEPTION", "_ERROR"))
    else:
        text = "" if result.out.lstrip().startswith(b"{") else result.out.decode("utf-8", "replace")
    shown = dataclasses.replace(result, out=str(remove_secrets(text)).encode(), err=str(remove_secrets(result.err)))
    if result.rc != 0:
        return runner.error(shown)
    return OutputError(
        "the output of the command is not as expected",
        server=runner.host,
        request=result.request,
        server_message=runner.tool_message(shown),
        hint="Check the version of the tool",
    )


def get_damage(runner: Runner, result: CommandResult) -> str | None:
    """Return the damage that ``verify-backup`` found, or None. Raise AuditError if there is no result."""
    output = decode(result) or {}
    errors = get_messages(output, "_EXCEPTION", "_ERROR")
    if result.rc == 0 and not errors and _SOUND in get_messages(output, "_INFO"):
        return None
    error = build_error(runner, result)
    if error.code != "tool_failed" or not any(text.startswith(_DAMAGED) for text in errors):
        raise error
    # The first message names only the directory.
    return to_single_line(runner.scrub(" ".join(errors[1:]))) or "damaged"


def find_failed_checks(runner: Runner, result: CommandResult, server: str) -> dict[str, str]:
    """Return the checks of ``barman check`` that are not OK, with their hints.

    Raise AuditError if there are no results.
    """
    checks = (decode(result) or {}).get(server)
    if not isinstance(checks, dict):
        raise build_error(runner, result)
    return {
        name: as_text(as_object(one).get("hint")) or ""
        for name, one in checks.items()
        if as_object(one).get("status") != "OK"
    }


def find_missing_directories(settings: Mapping[str, t.Any]) -> Iterator[str]:
    """Return the configured directories of a server that do not exist."""
    for name in _DIRECTORIES:
        path = parse_directory(settings.get(f"{name}_directory"))
        if path is not None and not is_directory(path):
            yield str(path)
