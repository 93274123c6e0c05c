# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One response of a server, and its decoding as JSON."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._transport.http_errors import invalid_json_error

_JSON_TYPES = {list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


@dataclasses.dataclass(frozen=True)
class Response:
    """One complete response."""

    request: str
    server: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    scrub: Callable[[str], str]

    def json(self) -> t.Any:
        """Decode the body as JSON without a BOM; InvalidResponseError describes the body if it is not JSON."""
        try:
            return json.loads(self.body.decode("utf-8-sig") if self.body[:3] == b"\xef\xbb\xbf" else self.body)
        except (ValueError, RecursionError) as error:
            raise invalid_json_error(self.server, self.request, self.status, self.body, error, self.scrub) from error

    def json_object(self) -> dict[str, t.Any]:
        """Decode the body as a JSON object. Raise InvalidResponseError if it is not one."""
        value = self.json()
        if not isinstance(value, dict):
            raise InvalidResponseError(
                f"the response is a JSON {_JSON_TYPES[type(value)]}, not an object",
                server=self.server,
                request=self.request,
                status=self.status,
                hint='Check that "url" is the URL of the product',
            )
        return value
