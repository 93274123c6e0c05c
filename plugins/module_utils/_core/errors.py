# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exception classes of the collection, with the failed request, the server, its own message and a hint."""

from __future__ import annotations

import typing as t


class AuditError(Exception):
    """Base class of errors that make a read result or an evaluation incomplete or wrong.

    ``code`` is a stable identifier for programs (login_rejected, certificate_error, ...), ``message`` is one line for
    people, ``server_message`` is the product's own message, and ``hint`` describes how to fix the problem. Callers must
    mask secrets before they raise it.
    """

    code = "error"
    # Whether the message names the server or the option itself, so that it needs no prefix.
    is_self_contained = False
    server_message_label = "Server response"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        server: str | None = None,
        request: str | None = None,
        status: int | None = None,
        server_message: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.server = server
        self.request = request
        self.status = status
        self.server_message = server_message
        self.hint = hint

    def __str__(self) -> str:
        """Format as one line: ``server request: message. Server response: "...". hint.``"""
        prefix = "" if self.is_self_contained else " ".join(part for part in (self.server, self.request) if part)
        parts = [f"{prefix}: {self.message}" if prefix else self.message]
        if self.server_message:
            quoted = (
                self.server_message if self.server_message.endswith("..") else self.server_message.removesuffix(".")
            )
            parts.append(f'{self.server_message_label}: "{quoted}".')
        if self.hint:
            parts.append(self.hint)
        return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)

    def as_dict(self) -> dict[str, t.Any]:
        """Return the fields for the result key ``failure`` (or an item of ``errors``), without unset fields."""
        named = {
            "code": self.code,
            "message": self.message,
            "server": self.server,
            "request": self.request,
            "status": self.status,
            "server_message": self.server_message,
            "hint": self.hint,
        }
        return {key: value for key, value in named.items() if value is not None}


class OptionError(AuditError):
    """An option, policy or file from the user is invalid. The message starts with the name of the option."""

    code = "invalid_option"
    is_self_contained = True


class DataError(AuditError):
    """A response or file does not have the expected format."""

    code = "invalid_data"
    server_message_label = "Error message"


class UnauthorizedError(AuditError):
    """HTTP 401: the server rejects the login, or the session has ended."""

    code = "rejected"


class ForbiddenError(AuditError):
    """HTTP 403: the account lacks the permission for this request."""

    code = "forbidden"


class NotFoundError(AuditError):
    """HTTP 404 or 405: the server does not support this request."""

    code = "not_found"


class ServerError(AuditError):
    """HTTP 429 or 5xx: the server cannot process the request at the moment."""

    code = "server_error"


class ConnectionFailedError(AuditError):
    """No complete response was received. The message names host and port.

    ``is_transient``: a retry may succeed. ``is_unsent``: the server certainly did not receive the request.
    ``is_timeout``: the server may still be processing the request.
    """

    code = "connection_error"
    is_self_contained = True
    is_transient = True
    is_unsent = False
    is_timeout = False


class CertificateError(ConnectionFailedError):
    """The TLS handshake failed for a reason that a retry does not fix."""

    code = "certificate_error"
    is_transient = False


class InvalidResponseError(AuditError):
    """The response does not have the format of this product."""

    code = "invalid_response"


# Errors of a single request. All others, such as a rejected login or a lost connection, end the read.
REQUEST_ERRORS = (ForbiddenError, NotFoundError, InvalidResponseError, ServerError)
