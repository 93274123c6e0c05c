# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record a simulated server's responses during a successful read, and replay them with changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.fuzz.reading import FakeResponse, ReadResult, read
from tests.integration.products import ADAPTERS
from tests.simulators.aws_backup.accounts import MAIN_ACCOUNT, ROLE
from tests.simulators.estate import add_product_scenarios, build_estate
from tests.simulators.ground_truth import Estate, as_datetime, as_moment
from tests.simulators.product_api import Call, ProductApi
from tests.simulators.products import PRODUCT_APIS

# All scenarios, each with few points, because only the number of different fields matters.
_WORKLOADS, _POINTS, _SEED = 20, 3, 7

Key = tuple[str, str, bytes]


@dataclasses.dataclass(frozen=True)
class Setup:
    """A product in one of its versions or variants, and the options to read it with."""

    name: str
    product: str
    variants: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclasses.dataclass
class Recording:
    """Responses by request, as documents {status, headers, body}; bodies other than JSON stay text.

    ``original`` is the result of the unchanged read.
    """

    setup: Setup
    documents: Mapping[Key, dict[str, Any]]
    original: ReadResult

    def replay(self, changed: Mapping[Key, dict[str, Any]], *, compressed: bool = False) -> ReadResult:
        """Read with these documents changed. Requests that were not recorded get a 404."""

        def serve(request: requests.PreparedRequest) -> FakeResponse:
            key = _key(request)
            return _build_response(changed[key]) if key in changed else self._responses.get(key, _NOT_FOUND)

        return read(get_adapter(self.setup.product), serve, self.setup.own, compressed=compressed)

    @cached_property
    def _responses(self) -> dict[Key, FakeResponse]:
        return {key: _build_response(document) for key, document in self.documents.items()}


_NOT_FOUND = FakeResponse(404, {"Content-Type": "application/json"}, b'{"message": "not found"}')


def _key(request: requests.PreparedRequest) -> Key:
    body = request.body or b""
    return str(request.method), str(request.url), body.encode() if isinstance(body, str) else body


def _build_response(document: Mapping[str, Any]) -> FakeResponse:
    body = document.get("body", "")
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else json.dumps(body).encode()
    headers = {str(name): str(value) for name, value in document["headers"].items()}
    return FakeResponse(document["status"], headers, data)


def get_adapter(product: str) -> type[RestAdapter]:
    """Return the adapter of a product that is read over the network."""
    found = ADAPTERS[product]
    assert issubclass(found, RestAdapter)
    return found


@cache
def _sample_estate() -> Estate:
    now = as_moment(datetime.now(timezone.utc))
    estate = build_estate(_SEED, _WORKLOADS, _POINTS, now)
    add_product_scenarios(estate, _POINTS)
    return estate


def record(setup: Setup, answer: Callable[[requests.PreparedRequest], FakeResponse]) -> Recording:
    """Read from ``answer`` and record its responses."""
    documents: dict[Key, dict[str, Any]] = {}

    def serve(request: requests.PreparedRequest) -> FakeResponse:
        response = answer(request)
        documents[_key(request)] = _as_document(response)
        return response

    original = read(get_adapter(setup.product), serve, setup.own, compressed=False)
    return Recording(setup, documents, original)


@cache
def get_recording(name: str) -> Recording:
    """Record a successful read of this setup from its simulator."""
    setup = next(setup for setup in SETUPS if setup.name == name)
    api = PRODUCT_APIS[setup.product](_sample_estate())
    api.set_initial_variants(setup.variants)
    api.prepare()
    account: dict[str, Any] = {key: str(api.credentials()[key]) for key in ("username", "password")}
    account |= api.module_options("https://server.example")

    def answer(request: requests.PreparedRequest) -> FakeResponse:
        return _get_response(api, request)

    recording = record(dataclasses.replace(setup, own={**account, **setup.own}), answer)
    assert recording.original.error is None
    return recording


def _get_response(api: ProductApi, request: requests.PreparedRequest) -> FakeResponse:
    parts = urlsplit(request.url or "")
    method, _url, body = _key(request)
    query = parse_qsl(parts.query, keep_blank_values=True)
    # Signatures cover the host, which is added when a request is sent.
    received = requests.structures.CaseInsensitiveDict({**request.headers, "Host": str(parts.hostname)})
    answer = api.respond(Call(method, parts.path, query, received, body))
    headers = {"Date": format_datetime(as_datetime(api.clock()), usegmt=True), **answer.headers}
    if answer.body:
        headers["Content-Type"] = answer.content_type
    return FakeResponse(answer.status, headers, answer.body)


def _as_document(response: FakeResponse) -> dict[str, Any]:
    text = response.body.decode("utf-8-sig")
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    return {"status": response.status, "headers": dict(response.headers), "body": body}


def _midnight(days: int) -> str:
    """Return midnight this many days from today, so that the window is the same in every replay."""
    day = datetime.now(timezone.utc).date() + timedelta(days=days)
    return f"{day.isoformat()}T00:00:00Z"


AWS_ROLE = {"role_arn": ROLE.format(MAIN_ACCOUNT), "external_id": None, "session_name": "fuzz"}
_UNITRENDS = {"since": _midnight(-60), "until": _midnight(2), "slice": "30d", "timezone": None}
SETUPS = (
    Setup("spp", "spp"),
    Setup("spp with copies", "spp", {"copies_as_rows": False}, {"copies": True}),
    Setup("spp counts", "spp", {}, {"detail": "counts"}),
    Setup("vprotect", "vprotect"),
    Setup("vprotect, enums as text", "vprotect", {"enums": "strings"}, {"since": _midnight(-60)}),
    Setup("unitrends", "unitrends", {}, _UNITRENDS),
    Setup("unitrends of 2015", "unitrends", {"generation": "wiki"}, _UNITRENDS),
    Setup("aws", "veeam_aws"),
    Setup("azure v8.1", "veeam_azure", {}, {"api_version": "v8.1"}),
    Setup("azure v7", "veeam_azure", {}, {"api_version": "v7"}),
    Setup("azure v3", "veeam_azure", {}, {"api_version": "v3"}),
    Setup("vbr 1.3-rev2", "veeam_backup_replication"),
    Setup("vbr 1.2-rev1", "veeam_backup_replication", {}, {"api_version": "1.2-rev1"}),
    Setup("vbr 1.1-rev0", "veeam_backup_replication", {}, {"api_version": "1.1-rev0"}),
    Setup("em 12", "veeam_enterprise_manager"),
    Setup("em 13", "veeam_enterprise_manager", {"release": "13"}),
    Setup("aws_backup", "aws_backup", {"validation": ""}, {"regions": ["eu-central-1"], "assume_roles": []}),
    Setup("aws_backup with a role", "aws_backup", {}, {"regions": ["eu-north-1"], "assume_roles": [AWS_ROLE]}),
    Setup("azure backup", "azure_backup", {"page_length": 100}),
    Setup(
        "azure backup, older",
        "azure_backup",
        {"ids": "vendor", "point_locks": False, "databases": "sql", "log_ranges": True, "page_length": 2},
    ),
    Setup("pbs", "pbs", {"empty_groups": True}),
    Setup("pbs 2.1", "pbs", {"version": "2.1.10"}),
    Setup("pbs with copies", "pbs", {"synced": True, "mixed_encryption": True}, {"workload_name": "id"}),
)
