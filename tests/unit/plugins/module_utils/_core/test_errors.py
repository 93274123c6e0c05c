# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.backup.audit.plugins.module_utils._core.errors import (
    AuditError,
    ConnectionFailedError,
    DataError,
    OptionError,
)


def test_an_error_has_server_problem_server_message_and_hint() -> None:
    error = AuditError(
        "the server failed or is still starting (HTTP 503)",
        code="server_error",
        server="backup.example",
        request="GET /api/list",
        status=503,
        server_message="Starting!",
        hint="Try again later",
    )
    assert str(error) == (
        "backup.example GET /api/list: the server failed or is still starting (HTTP 503). "
        'Server response: "Starting!". Try again later.'
    )
    assert error.as_dict() == {
        "code": "server_error",
        "message": "the server failed or is still starting (HTTP 503)",
        "server": "backup.example",
        "request": "GET /api/list",
        "status": 503,
        "server_message": "Starting!",
        "hint": "Try again later",
    }


def test_unknown_parts_are_omitted() -> None:
    assert str(AuditError("stopped")) == "stopped."
    assert AuditError("stopped").as_dict() == {"code": "error", "message": "stopped"}
    assert str(AuditError("no answer", server="backup.example")) == "backup.example: no answer."


def test_server_messages_are_quoted_without_final_period() -> None:
    assert str(AuditError("no", server_message="Not found.")) == 'no. Server response: "Not found".'
    assert str(AuditError("no", server_message="Not fou...")) == 'no. Server response: "Not fou...".'
    assert str(DataError("no", server_message="failed")) == 'no. Error message: "failed".'


def test_an_error_that_names_its_server_or_option_has_no_prefix() -> None:
    where: dict[str, Any] = {"server": "backup.example", "request": "GET /api/list"}
    assert str(OptionError("url: 'x' is not a valid URL", **where)) == "url: 'x' is not a valid URL."
    assert str(ConnectionFailedError("Cannot connect to backup.example:443", **where)) == (
        "Cannot connect to backup.example:443."
    )
    assert OptionError("url", **where).as_dict()["server"] == "backup.example"


def test_errors_have_stable_codes() -> None:
    assert OptionError("x").as_dict()["code"] == "invalid_option"
    assert DataError("x").as_dict()["code"] == "invalid_data"
    assert DataError("x", code="other").code == "other"
    assert DataError("x").code == "invalid_data"
