# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The read result: compressing, sealing and opening."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.collector import Collector
from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    IDENTITY,
    canonical_json,
    open_result,
    pack,
    seal,
    sha256_hex,
    unpack,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._module.runner import AWX_EVENT_BYTES
from tests.unit.plugins.module_utils._collect.sealed_results import (
    BLOCK,
    IDENTITIES,
    a_read,
    content,
    incompressible,
    sealed,
)

# Serialization


def test_canonical_json_is_unique() -> None:
    assert canonical_json({"b": 1, "a": ["ü", None]}) == '{"a":["ü",null],"b":1}'.encode()
    assert canonical_json({"a": ["ü", None], "b": 1}) == canonical_json({"b": 1, "a": ["ü", None]})


@given(st.binary(max_size=2000))
def test_decompressed_data_has_the_same_bytes(data: bytes) -> None:
    assert unpack(pack(data), "x") == data


@pytest.mark.parametrize("length", [2, 3, 4, 8])
def test_compressed_text_avoids_an_accidental_password(length: int) -> None:
    """Ansible would mask it, and damage the text."""
    data = incompressible(1500)
    text = pack(data)
    secret = text[100 : 100 + length]
    again = pack(data, [secret])
    assert secret in text
    assert secret not in again
    assert unpack(again, "x") == unpack(text, "x") == data


def test_compressed_text_avoids_several_passwords() -> None:
    data = incompressible(1500)
    text = pack(data)
    secrets = [text[10:13], text[40:43], text[700:704], "%"]
    again = pack(data, secrets)
    assert not any(secret in again for secret in secrets)
    assert unpack(again, "x") == data


def test_compressed_text_is_unchanged_without_such_a_password() -> None:
    data = incompressible(300)
    assert pack(data, ["a password that does not occur"]) == pack(data)


def test_a_password_that_cannot_be_avoided_is_an_error() -> None:
    """A single letter occurs in every text of this length."""
    with pytest.raises(DataError, match="the password is so short that it occurs in any compressed text") as raised:
        pack(incompressible(3000), ["q"])
    assert "'q'" not in str(raised.value)
    assert "four characters" in (raised.value.hint or "")


@pytest.mark.parametrize("compress", [False, True])
def test_a_result_avoids_an_accidental_password(compress: bool) -> None:
    """This applies to its points and its data."""
    blocks = [{**BLOCK, "noise": base64.b64encode(incompressible(900)).decode()}]
    names = [{"workload_name": base64.b64encode(incompressible(900)).decode()}]
    plain = seal(a_read(workloads=names), blocks, compress=compress)
    texts = [*plain["points"], *plain.get("data", [])]
    secrets = [
        next(text[start : start + 3] for start in range(100, 900) if text[start : start + 3].isupper())
        for text in texts
    ]
    again = seal(a_read(workloads=names), blocks, compress=compress, secrets=["", *secrets])
    assert not any(secret in text for secret in secrets for text in [*again["points"], *again.get("data", [])])
    assert again["sha256"] == plain["sha256"]
    assert unpack(again["points"][0], "x") == canonical_json(blocks[0])
    assert list(open_result(again).identities()) == list(open_result(plain).identities())


@pytest.mark.parametrize("compress", [False, True])
def test_a_password_within_the_digest_is_an_error(compress: bool) -> None:
    digest = seal(a_read(), [BLOCK])["sha256"]
    with pytest.raises(DataError, match="the password occurs in its digest") as raised:
        seal(a_read(), [BLOCK], compress=compress, secrets=[digest[20:24]])
    assert raised.value.hint == "Use a longer password"


# Sealing and opening


@pytest.mark.parametrize("compress", [False, True])
def test_opening_returns_the_sealed_content(compress: bool) -> None:
    read = sealed(compress=compress)
    assert ("workloads" in read, "data" in read) == (not compress, compress)
    found = content(open_result(read))
    assert found["rows"] == IDENTITIES
    ((_classes, counts, codes, times, *apart),) = found["blocks"]
    assert (counts, codes, apart) == ([2, 1], "###", [{}, {}, {}])
    assert times == [1_795_000_000, 1_795_086_400, 1_795_003_600]
    names = ("schema", "server", "read_at", "selection", "complete", "errors", "sha256")
    assert found["frame"] == {name: read[name] for name in names}
    assert open_result(read).host == "backup.example"


def test_both_forms_have_the_same_digest_and_the_same_content() -> None:
    plain, compressed = sealed(), sealed(compress=True)
    assert plain["sha256"] == compressed["sha256"]
    assert plain["points"] == compressed["points"]
    assert content(open_result(plain)) == content(open_result(compressed))


TEXT = st.none() | st.text(max_size=8)
IDENTITY_ROWS = st.lists(
    st.fixed_dictionaries(
        {}, optional={**dict.fromkeys(IDENTITY[1:-1], TEXT), "in_inventory": st.none() | st.booleans()}
    ),
    max_size=5,
)


@given(IDENTITY_ROWS, st.lists(st.just(BLOCK), max_size=3))
def test_both_forms_are_unchanged_after_another_serialization(
    rows: list[dict[str, Any]], blocks: list[dict[str, Any]]
) -> None:
    """Registered results and files are serialized. A row without a source belongs to the server."""
    expected = [{**dict.fromkeys(IDENTITY), **row, "source": "backup.example"} for row in rows]
    plain, compressed = (sealed(compress=compress, blocks=blocks, workloads=rows) for compress in (False, True))
    assert plain["sha256"] == compressed["sha256"]
    for read in (plain, compressed):
        opened = open_result(json.loads(json.dumps(read)))
        assert list(opened.identities()) == expected
        assert [block.counts for block in opened.blocks()] == [[2, 1]] * len(blocks)


def test_rows_are_compressed_in_parts_of_a_thousand() -> None:
    rows = [{"workload_name": f"vm{number}"} for number in range(2001)]
    compressed = sealed(compress=True, workloads=rows)
    assert len(compressed["data"]) == 3
    assert [row["workload_name"] for row in open_result(compressed).identities()] == [f"vm{n}" for n in range(2001)]
    assert compressed["sha256"] == sealed(workloads=rows)["sha256"]


def test_rows_without_any_identity_are_counted() -> None:
    rows: list[dict[str, Any]] = [{"recovery_points": 1}, {"recovery_points": 2}]
    for compress in (False, True):
        opened = open_result(sealed(compress=compress, workloads=rows))
        assert list(opened.identities()) == [{**dict.fromkeys(IDENTITY), "source": "backup.example"}] * 2


def test_values_derived_from_points_may_change() -> None:
    """Request counters may change, too. None of these values is evaluated."""
    digest = seal(a_read(), [BLOCK])["sha256"]
    for more in ({"totals": {"workloads": 7}}, {"http_requests": {"count": 5}}, {"recovery_points": [{"id": "a"}]}):
        assert seal(a_read(**more), [BLOCK])["sha256"] == digest
    read = sealed()
    del read["totals"], read["http_requests"]
    read["workloads"][0].update(recovery_points=999, attributes={}, newest="never")
    assert content(open_result(read)) == content(open_result(sealed()))


# Sizes, and results of the collector


def many_workloads(workloads: int, nights: int, *, compress: bool) -> dict[str, Any]:
    """Return a result with one point a night, a full one in seven; starts vary by 10 minutes, sizes by 30 %.

    Each point has the end of its lock and its expiry.
    """
    chance = random.Random(7)
    collector = Collector("backup.example.com", "veeam_azure")
    for number in range(workloads):
        ident = f"{chance.getrandbits(128):032x}"
        workload = Workload(id=ident, name=f"srv-{number:05}", type="vm", platform="azure", in_inventory=True)
        place, offsite = chance.choice([("westeurope", True), ("germanywestcentral", False)])
        for night in range(nights):
            is_full = night % 7 == 0
            created = collector.now - night * DAY * SECOND - int(chance.gauss(5 * 3600, 600) * SECOND)
            collector.add_point(
                RecoveryPoint(
                    id=f"{ident}/{night}",
                    workload=workload,
                    created=created,
                    kind="full" if is_full else "incremental",
                    status="success",
                    usable=True,
                    size_bytes=int(chance.lognormvariate(24 if is_full else 21, 0.3)),
                    copies=[Copy(location=place, location_type="object")],
                    offsite=offsite,
                    immutable_until=created + (30 if is_full else 14) * DAY * SECOND,
                    expires_at=created + (nights + 7 if is_full else nights) * DAY * SECOND,
                )
            )
    return collector.result(compress=compress)


@pytest.mark.parametrize(
    ("workloads", "nights", "compress", "most"),
    [(1000, 30, True, 200_000), (500, 200, True, 450_000), (500, 200, False, 700_000)],
)
def test_the_size_of_a_result(workloads: int, nights: int, compress: bool, most: int) -> None:
    """Size of the event that AWX stores, and of the result that is registered for a host."""
    result = many_workloads(workloads, nights, compress=compress)
    assert len(json.dumps(result)) <= most
    assert [count for block in open_result(result).blocks() for count in block.counts] == [nights] * workloads


def test_five_hundred_readable_rows_fit_into_an_event_of_awx() -> None:
    """A few thousand bytes are reserved for everything that the module adds."""
    assert len(json.dumps(many_workloads(500, 30, compress=False))) <= AWX_EVENT_BYTES - 5000


CHECKS: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda read: read,
    lambda read: json.loads(json.dumps(read)),
    lambda read: dict(reversed(read.items())),
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("compress", [False, True])
def test_a_result_of_the_collector_can_be_opened(check: Any, compress: bool) -> None:
    result = check(many_workloads(3, 2, compress=compress))
    opened = open_result(result)
    assert [row["workload_name"] for row in opened.identities()] == ["srv-00000", "srv-00001", "srv-00002"]
    assert [block.counts for block in opened.blocks()] == [[2, 2, 2]]
    assert opened.frame["sha256"] == result["sha256"] == sha256_hex(canonical_json(covered(result)))


def covered(result: dict[str, Any]) -> dict[str, Any]:
    """Return the data that the digest covers, as documented in result.py."""
    names = ("schema", "server", "read_at", "selection", "complete", "errors")
    rows = result.get("workloads")
    identities = result.get("data") or []
    if rows is not None:
        columns = {name: [row.get(name) for row in rows] for name in IDENTITY}
        columns = {name: column for name, column in columns.items() if column != [None] * len(rows)}
        parts = [canonical_json({"rows": len(rows), **columns})]
    else:
        parts = [unpack(text, "x") for text in identities]
    return {
        **{name: result[name] for name in names},
        "workloads": [sha256_hex(part) for part in parts],
        "points": [sha256_hex(unpack(text, "x")) for text in result["points"]],
    }
