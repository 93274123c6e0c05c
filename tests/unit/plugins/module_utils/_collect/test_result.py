# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import copy
import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect import result as result_module
from ansible_collections.backup.audit.plugins.module_utils._collect.periods import Calendar
from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    SCHEMA,
    canonical_json,
    compact,
    compress,
    expand_row,
    open_result,
    seal,
    sha256_hex,
    shrink_row,
)
from ansible_collections.backup.audit.plugins.module_utils._collect.summary import Summary
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS, Copy, RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._module.runner import AWX_EVENT_BYTES

NOW = 1_795_243_740 * SECOND
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def a_read(**more: Any) -> dict[str, Any]:
    """Return a small read result, as an info module builds it before it is sealed."""
    return {
        "schema": SCHEMA,
        "server": {"host": "backup.example", "product": "spp"},
        "read_at": "2026-11-21T06:49:00Z",
        "window": {},
        "complete": True,
        "errors": [],
        "workloads": [{"workload_name": "db01", "recovery_points": 3}],
        "totals": {"workloads": 1},
        "http_requests": {"count": 4, "seconds": 0.25},
        **more,
    }


def compressed_by_hand(data: bytes) -> dict[str, Any]:
    """Compress data manually, with a matching digest, as somebody could in a file."""
    text = base64.b64encode(zlib.compress(data)).decode()
    return {"schema": SCHEMA, "data": text, "sha256": sha256_hex(data)}


# Serialization of rows


def test_compact_leaves_out_what_says_nothing_and_keeps_zero_and_false() -> None:
    row = {"a": None, "b": "", "c": [], "d": {}, "e": {"f": None, "g": {"h": ""}}, "i": 0, "j": False, "k": [None, ""]}
    assert compact(row) == {"i": 0, "j": False, "k": [None, ""]}


def test_canonical_is_one_spelling() -> None:
    assert canonical_json({"b": 1, "a": ["ü", None]}) == '{"a":["ü",null],"b":1}'.encode()
    assert canonical_json({"a": ["ü", None], "b": 1}) == canonical_json({"b": 1, "a": ["ü", None]})


POINTS = st.lists(
    st.builds(
        RecoveryPoint,
        id=st.uuids().map(str),
        workload=st.just(Workload(id="1", name="db01", type="vm")),
        created=st.sampled_from([NOW - days * DAY * SECOND for days in (0, 1, 2, 9, 40, 400)]),
        kind=st.sampled_from(KINDS),
        status=st.sampled_from(["success", "failed"]),
        usable=st.sampled_from([True, None, False]),
        size_bytes=st.sampled_from([None, 0, 10]),
        copies=st.sampled_from([None, [], [Copy(location="a")], [Copy(location="b", location_type="disk")]]),
        restore_tested=st.sampled_from([True, None, False]),
        tested_at=st.sampled_from([None, NOW]),
        immutable=st.sampled_from([True, None, False]),
        malware=st.sampled_from([None, "clean", "infected"]),
        inferred=st.sampled_from([(), ("immutable",)]),
        declared=st.sampled_from([(), ("restore_tested",)]),
    ),
    max_size=6,
)


@given(POINTS)
def test_a_lean_row_is_restored_to_what_it_was(points: list[RecoveryPoint]) -> None:
    summary = Summary("backup.example", "spp", NOW, Calendar(), history=True)
    summary.add_workload(Workload(id="1", name="db01", type="vm"))
    for point in points:
        summary.add(point)
    (row,) = summary.rows()
    back = expand_row(shrink_row(row))
    kinds = back.pop("kinds", None)
    expected = compact(row)
    if "kinds" in expected:
        assert kinds == expected.pop("kinds")
    elif kinds is not None:
        # A row with one kind does not store it; the restored values are those of all its points.
        ((kind, counts),) = kinds.items()
        assert row["by_kind"] == {kind: counts["count"] + counts.get("unknown", 0)}
        assert counts.get("gaps") == expected.get("gaps")
        assert counts.get("possible") == expected.get("possible")
        assert {name: counts.get(name) for name in ("newest", "oldest")} == {
            name: expected.get(name) for name in ("newest", "oldest")
        }
    assert back == expected


def test_restoring_does_not_change_the_lean_row() -> None:
    summary = Summary("backup.example", "spp", NOW, Calendar())
    for days, kind in ((1, "full"), (3, "snapshot"), (5, "snapshot")):
        summary.add(
            RecoveryPoint(
                id=str(days), workload=Workload(id="1"), created=NOW - days * DAY * SECOND, kind=kind, usable=True
            )
        )
    slim = shrink_row(summary.rows()[0])
    before = copy.deepcopy(slim)
    full = expand_row(slim)
    assert slim == before
    assert full["kinds"]["full"]["newest"] == full["newest"]
    assert full["kinds"]["snapshot"]["gaps"]["7d"] == full["kinds"]["snapshot"]["gaps"]["all"] == 3 * DAY
    # With one kind of full backups, its values are those of the attribute "full".
    assert "full" not in slim["kinds"]


# Sealing, compressing, decompressing


def test_packed_or_not_the_digest_is_the_same_and_so_is_what_comes_out() -> None:
    read = a_read(recovery_points=[{"id": "a"}])
    sealed, compressed = seal(read), compress(read)
    assert sealed["sha256"] == compressed["sha256"]
    assert not {"workloads", "recovery_points"} & set(compressed)
    assert compressed["http_requests"] == read["http_requests"]
    assert open_result(compressed) == open_result(sealed)
    assert open_result(compressed)["workloads"] == read["workloads"]
    assert open_result(compressed)["recovery_points"] == [{"id": "a"}]


@given(
    st.lists(
        st.dictionaries(st.text(max_size=8).filter(lambda key: key not in {"attributes", "kinds", "by_kind"}), JSON)
    )
)
def test_whatever_rows_hold_survives_packing(rows: list[dict[str, Any]]) -> None:
    read = a_read(workloads=rows)
    assert open_result(compress(read))["workloads"] == rows
    assert compress(read)["sha256"] == seal(read)["sha256"]
    # A registered result was serialized as JSON once more.
    assert open_result(json.loads(json.dumps(compress(read))))["workloads"] == rows
    assert open_result(json.loads(json.dumps(seal(read))))["workloads"] == rows


def test_how_it_was_read_is_not_part_of_the_digest_but_what_was_found_is() -> None:
    digest = seal(a_read())["sha256"]
    assert seal(a_read(requests={"count": 5}))["sha256"] == digest
    for name, value in (
        ("complete", False),
        ("errors", [{"code": "error"}]),
        ("server", {"host": "other.example"}),
        ("read_at", "2026-11-21T06:49:01Z"),
        ("window", {"since": "2026-11-20T06:49:00Z"}),
        ("workloads", []),
        ("totals", {"workloads": 2}),
        ("recovery_points", []),
    ):
        assert seal(a_read(**{name: value}))["sha256"] != digest, name


def incompressible(size: int) -> str:
    return base64.b64encode(random.Random(7).randbytes(size)).decode()


def test_packing_avoids_every_forbidden_text() -> None:
    """Ansible would mask a secret that happens to be in the compressed text, and damage the text."""
    read = a_read(workloads=[{"workload_name": incompressible(300)}])
    text = compress(read)["data"]
    secrets = ["", text[10:16], text[40:44], "%"]
    again = compress(read, secrets)
    assert again["data"] != text
    assert not any(secret in again["data"] for secret in secrets if secret)
    assert again["sha256"] == compress(read)["sha256"]
    assert open_result(again) == open_result(compress(read))


def test_a_secret_that_cannot_be_avoided_is_an_error() -> None:
    read = a_read(workloads=[{"workload_name": incompressible(3000)}])
    with pytest.raises(DataError, match="cannot be compressed") as raised:
        compress(read, ["a"])
    assert "'a'" not in str(raised.value)


def test_a_secret_that_stands_in_the_digest_is_an_error_before_ansible_masks_it() -> None:
    read = a_read()
    digest = seal(read)["sha256"]
    with pytest.raises(DataError, match="short"):
        compress(read, [digest[20:24]])


# Rejected input


@pytest.mark.parametrize("flavour", [seal, compress])
def test_an_altered_read_is_refused(flavour: Any) -> None:
    read = flavour(a_read())
    if "data" in read:
        altered = a_read(complete=False)
        read["data"] = compress(altered)["data"]
    else:
        read["workloads"][0]["recovery_points"] = 4
    with pytest.raises(DataError, match="altered") as raised:
        open_result(read, where="results[0]")
    assert raised.value.message.startswith("results[0]: ")


@given(st.data())
def test_no_single_changed_character_of_a_packed_read_is_believed(data: st.DataObject) -> None:
    read = compress(a_read())
    place = data.draw(st.integers(0, len(read["data"]) - 1))
    letter = data.draw(st.sampled_from("ABCabc019+/=*"))
    assume(read["data"][place] != letter)
    read["data"] = read["data"][:place] + letter + read["data"][place + 1 :]
    try:
        found = open_result(read)
    except DataError:
        return
    # The last bits of base64 and the window size of zlib carry no data; then the sealed data is unchanged.
    assert found == open_result(compress(a_read()))


@pytest.mark.parametrize("missing", ["sha256", "complete", "server", "totals", "errors"])
def test_a_read_that_lost_a_member_is_refused(missing: str) -> None:
    read = seal(a_read())
    del read[missing]
    with pytest.raises(DataError, match="SHA-256"):
        open_result(read)


def test_a_read_in_which_ansible_masked_a_name_is_refused_with_a_way_out() -> None:
    read = seal(a_read())
    read["workloads"] = [{"workload_name": "********", "recovery_points": 3}]
    with pytest.raises(DataError, match="masked") as raised:
        open_result(read)
    assert "set compress: true" in (raised.value.hint or "")


def test_a_packed_read_that_was_cut_is_refused() -> None:
    read = compress(a_read(workloads=[{"workload_name": incompressible(900)}]))
    whole = read["data"]
    for length in (0, 4, len(whole) // 8 * 4, len(whole) - 4, len(whole) - 1):
        with pytest.raises(DataError, match=r"truncated|damaged"):
            open_result({**read, "data": whole[:length]})


def test_a_packed_read_larger_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read = compress(a_read(workloads=[{"workload_name": "x" * 100_000}]))
    open_result(read)
    monkeypatch.setattr(result_module, "MAX_DECOMPRESSED_BYTES", 50_000)
    with pytest.raises(DataError, match="larger than 50000 bytes"):
        open_result(read)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        42,
        {},
        {"failed": True, "msg": "no"},
        {"schema": "backup.audit/assessment/1", "workloads": []},
        {"schema": SCHEMA},
        {"schema": SCHEMA, "workloads": "all"},
        {"data": "not base64!"},
        {"data": base64.b64encode(b"not zlib").decode()},
        compressed_by_hand(b"not json"),
        compressed_by_hand(b"[]"),
        compressed_by_hand(b"null"),
        compressed_by_hand(b"[" * 200_000),
        compressed_by_hand(b'{"schema":"' + SCHEMA.encode() + b'"}'),
        compressed_by_hand(b"\xff\xfe\xfd"),
    ],
)
def test_what_is_no_read_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(DataError) as raised:
        open_result(value, where="results[3]")
    assert raised.value.message.startswith("results[3]: ")


@pytest.mark.parametrize(
    "row",
    [None, 1, "row", [], {"attributes": 1}, {"kinds": [1]}, {"by_kind": {"full": 1}}, {"attributes": {"full": 1}}],
)
@pytest.mark.parametrize("flavour", [seal, compress])
def test_rows_that_are_no_rows_are_refused(row: Any, flavour: Any) -> None:
    with pytest.raises(DataError, match="contains an invalid row"):
        open_result(flavour(a_read(workloads=[row])))


def many_rows(workloads: int, nights: int) -> list[dict[str, Any]]:
    """Return serialized rows with times in microseconds and unique ids and sizes."""
    chance = random.Random(7)
    summary = Summary("backup.example.com", "veeam_azure", NOW, Calendar())
    for number in range(workloads):
        ident = f"{chance.getrandbits(128):032x}"
        workload = Workload(id=ident, name=f"srv-{number:05}", type="vm", platform="azure", in_inventory=True)
        full = chance.randrange(1 << 30, 1 << 38)
        place, offsite = chance.choice([("westeurope", True), ("germanywestcentral", False)])
        for day in range(nights):
            kind = "incremental" if day % 7 else "full"
            summary.add(
                RecoveryPoint(
                    id=f"{ident}/{day}",
                    workload=workload,
                    created=NOW - day * DAY * SECOND - chance.randrange(3600 * SECOND),
                    kind=kind,
                    status="success",
                    usable=True,
                    size_bytes=full + chance.randrange(1 << 26) if kind == "full" else chance.randrange(1 << 33),
                    copies=[Copy(location=place, location_type="blob")],
                    offsite=offsite,
                    immutable=False,
                )
            )
    return [shrink_row(row) for row in summary.rows()]


def test_a_thousand_workloads_of_all_sorts_of_times_and_sizes_pack_to_150_kilobytes() -> None:
    """The size of results in AWX and of registered results."""
    rows = many_rows(1000, 30)
    compressed = compress(a_read(workloads=rows))
    assert len(compressed["data"]) <= 150_000
    assert open_result(compressed)["workloads"] == [expand_row(row) for row in rows]


@pytest.mark.parametrize("nights", [30, 366])
def test_five_hundred_readable_rows_fit_into_an_event_of_awx(nights: int) -> None:
    """A few thousand bytes are for everything except the rows."""
    assert len(json.dumps(many_rows(500, nights))) <= AWX_EVENT_BYTES - 5000


def test_a_place_that_holds_all_points_does_not_repeat_the_newest() -> None:
    """It is restored only if the counts imply it: values that were not reported for a location stay unknown."""
    newest = "2026-11-21T01:00:12Z"
    place, part = {"location": "a", "count": 3, "newest": newest}, {"location": "b", "count": 2, "newest": newest}
    row: dict[str, Any] = {
        "by_kind": {"full": 1, "replica": 2},
        "newest": newest,
        "locations": [place, part],
        "recovery_points": 3,
    }
    slim = shrink_row(row)
    assert slim["locations"] == [{"location": "a", "count": 3}, part]
    assert expand_row(slim)["locations"] == [place, part]
    for untold in ({"location": "c", "count": 2}, {"location": "c", "count": 0}, {"location": "c"}):
        assert expand_row({**slim, "locations": [untold]})["locations"] == [untold]
    with_continuous = {**slim, "by_kind": {**row["by_kind"], "continuous": 1}}
    assert expand_row(with_continuous)["locations"] == slim["locations"]
    assert shrink_row({**row, "by_kind": with_continuous["by_kind"]})["locations"] == [place, part]
