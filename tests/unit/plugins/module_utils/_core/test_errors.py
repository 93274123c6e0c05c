# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError


def test_an_error_says_where_what_in_whose_words_and_what_to_do() -> None:
    error = AuditError(
        "the server has trouble (503)",
        code="server_error",
        server="backup.example",
        request="GET /api/list",
        status=503,
        server_message="Starting!",
        hint="Try again later",
    )
    assert str(error) == (
        "backup.example GET /api/list: the server has trouble (503). It said: Starting! Try again later."
    )
    assert error.as_dict() == {
        "code": "server_error",
        "message": "the server has trouble (503)",
        "server": "backup.example",
        "request": "GET /api/list",
        "status": 503,
        "server_message": "Starting!",
        "hint": "Try again later",
    }


def test_what_is_not_known_is_left_out() -> None:
    assert str(AuditError("stopped")) == "stopped."
    assert AuditError("stopped").as_dict() == {"code": "error", "message": "stopped"}
    assert str(AuditError("no answer", server="backup.example")) == "backup.example: no answer."


def test_kinds_of_errors_have_stable_codes() -> None:
    assert OptionError("x").as_dict()["code"] == "invalid_option"
    assert DataError("x").as_dict()["code"] == "invalid_data"
    assert DataError("x", code="other").code == "other"
    assert DataError("x").code == "invalid_data"
