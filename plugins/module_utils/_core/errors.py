# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one family of errors of the library: what failed, where, in whose words, and what to do about it."""

from __future__ import annotations

import typing as t


class AuditError(Exception):
    """Anything that keeps a read or a judgement from being complete and true.

    ``code`` is a stable word for programs (login_rejected, not_trusted, ...), ``message`` one line for people,
    ``words`` what the product itself said, ``advice`` what to do. Secrets are scrubbed before they come here.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        server: str | None = None,
        call: str | None = None,
        status: int | None = None,
        words: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.server = server
        self.call = call
        self.status = status
        self.words = words
        self.advice = advice

    def __str__(self) -> str:
        """One line: which server, which call, which status, the product's own words, what to do."""
        where = " ".join(part for part in (self.server, self.call) if part)
        parts = [f"{where}: {self.message}" if where else self.message]
        if self.words:
            parts.append(f"It said: {self.words}")
        if self.advice:
            parts.append(self.advice)
        return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts)

    def as_dict(self) -> dict[str, t.Any]:
        """The same as a result member ``failure`` (or an item of ``errors``), without what is not known."""
        named = {
            "code": self.code,
            "message": self.message,
            "server": self.server,
            "call": self.call,
            "status": self.status,
            "words": self.words,
            "advice": self.advice,
        }
        return {key: value for key, value in named.items() if value is not None}


class OptionError(AuditError):
    """An option, a policy or a file that the user gave makes no sense."""

    code = "bad_option"


class DataError(AuditError):
    """An answer or a file is not what it must be; nothing is guessed from it."""

    code = "bad_data"


class UnauthorizedError(AuditError):
    """401: the session (or the log-in) is not, or no longer, accepted."""

    code = "rejected"


class ForbiddenError(AuditError):
    """403: the account may not do this."""

    code = "forbidden"


class NotFoundError(AuditError):
    """404 or 405: this server does not have this call."""

    code = "not_found"


class ServerError(AuditError):
    """429 or 5xx: the server cannot at the moment."""

    code = "server_trouble"


class ConnectionFailedError(AuditError):
    """No whole answer came. ``passing``: another try may help; ``unsent``: the request surely never arrived."""

    code = "no_connection"
    passing = True
    unsent = False


class CertificateError(ConnectionFailedError):
    """The TLS handshake failed in a way that another try will not cure."""

    code = "not_trusted"
    passing = False


class InvalidResponseError(AuditError):
    """The answer is not what this product sends."""

    code = "bad_answer"
