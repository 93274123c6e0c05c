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


def test_an_error_says_where_what_in_whose_words_and_what_to_do() -> None:
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


def test_what_is_not_known_is_left_out() -> None:
    assert str(AuditError("stopped")) == "stopped."
    assert AuditError("stopped").as_dict() == {"code": "error", "message": "stopped"}
    assert str(AuditError("no answer", server="backup.example")) == "backup.example: no answer."


def test_the_message_of_the_product_is_quoted_without_its_last_period() -> None:
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


def test_kinds_of_errors_have_stable_codes() -> None:
    assert OptionError("x").as_dict()["code"] == "invalid_option"
    assert DataError("x").as_dict()["code"] == "invalid_data"
    assert DataError("x", code="other").code == "other"
    assert DataError("x").code == "invalid_data"
