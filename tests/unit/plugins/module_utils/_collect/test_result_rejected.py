# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed, damaged and invalid read results are rejected."""

from __future__ import annotations

import base64
import itertools
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect import result as result_module
from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    IDENTITY,
    canonical_json,
    open_result,
    pack,
    seal,
    unpack,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY
from tests.unit.plugins.module_utils._collect.sealed_results import (
    BLOCK,
    INFINITY,
    NAN,
    ROWS,
    a_read,
    content,
    forge,
    incompressible,
    sealed,
    values,
)

# Changed results

CHANGES: list[tuple[str, Any]] = [
    ("complete", False),
    ("errors", [{"code": "error"}]),
    ("server", {"host": "other.example", "product": "spp", "scope": {"inventory": True}}),
    ("server", {"host": "backup.example", "product": "spp", "scope": {"inventory": False}}),
    ("server", {"host": "backup.example", "product": "spp", "scope": {"inventory": True}, "identity": "spp:1"}),
    ("read_at", "2026-11-21T06:49:01Z"),
    ("selection", {}),
    ("selection", {"since": "2026-11-02T00:00:00Z"}),
    ("selection", {"since": "2026-11-01T00:00:00Z", "workload_names": ["db*"]}),
    ("sha256", "0" * 64),
    ("sha256", None),
    ("points", []),
]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_a_changed_field_is_rejected(name: str, value: Any, compress: bool) -> None:
    with pytest.raises(DataError, match="altered, truncated or masked") as raised:
        open_result({**sealed(compress=compress), name: value}, where="results[0]")
    assert raised.value.message.startswith("results[0]: ")
    assert raised.value.hint


@pytest.mark.parametrize("name", IDENTITY)
def test_a_changed_identity_is_rejected(name: str) -> None:
    for value in ("other", None) if name != "in_inventory" else (True, None):
        read = sealed()
        read["workloads"][0][name] = value
        with pytest.raises(DataError, match="altered"):
            open_result(read)


def test_rows_in_another_order_are_rejected() -> None:
    for rows in (ROWS[::-1], ROWS[:1], [*ROWS, ROWS[1]], []):
        with pytest.raises(DataError, match="altered"):
            open_result({**sealed(), "workloads": rows})


def test_points_of_another_result_are_rejected() -> None:
    other = sealed(blocks=[{**BLOCK, "times": [1_795_000_000 - DAY, 1, 3600 - 2 * DAY]}])
    for points in (other["points"], [*sealed()["points"], *other["points"]], sealed()["points"] * 2):
        with pytest.raises(DataError, match="altered"):
            open_result({**sealed(), "points": points})


@pytest.mark.parametrize("member", ["points", "data"])
@given(data=st.data())
def test_any_single_changed_character_is_detected(member: str, data: st.DataObject) -> None:
    original = sealed(compress=True)
    text = original[member][0]
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCabc019+/=* é\0"))
    assume(text[place] != letter)
    try:
        found = open_result({**original, member: [text[:place] + letter + text[place + 1 :]]})
    except DataError:
        return
    # The last bits of base64 and the window size of zlib contain no data, so the data may be unchanged.
    assert content(found) == content(open_result(original))


@pytest.mark.parametrize("missing", ["sha256", "complete", "server", "read_at", "selection", "errors", "points"])
@pytest.mark.parametrize("compress", [False, True])
def test_a_result_without_a_field_is_rejected(missing: str, compress: bool) -> None:
    read = sealed(compress=compress)
    del read[missing]
    with pytest.raises(DataError):
        open_result(read)


def test_a_result_without_rows_is_rejected() -> None:
    for compress, name in ((False, "workloads"), (True, "data")):
        read = sealed(compress=compress)
        del read[name]
        with pytest.raises(DataError, match=r"^input\.workloads: not a list of rows"):
            open_result(read)


def test_a_name_masked_by_ansible_is_rejected_with_a_hint() -> None:
    read = sealed()
    read["workloads"][0]["workload_name"] = "********"
    with pytest.raises(DataError, match="masked") as raised:
        open_result(read)
    assert "set compress: true" in (raised.value.hint or "")


@pytest.mark.parametrize("member", ["points", "data"])
def test_truncated_compressed_data_is_rejected(member: str) -> None:
    read = sealed(compress=True, workloads=[{"workload_name": base64.b64encode(incompressible(900)).decode()}])
    text = read[member][0]
    for length in (0, 4, len(text) // 8 * 4, len(text) - 4, len(text) - 1):
        with pytest.raises(DataError, match=r"truncated|damaged"):
            open_result({**read, member: [text[:length]]})


def test_trailing_data_is_rejected() -> None:
    text = base64.b64encode(b"\0" + zlib.compress(canonical_json(BLOCK)) + b"x").decode()
    with pytest.raises(DataError, match=r"input\.points\[0\]: the compressed data is truncated"):
        open_result({**sealed(), "points": [text]})


# Other input


def test_a_result_of_version_1_is_rejected_with_a_clear_message() -> None:
    for more in values({"workloads": []}, {"data": "eJyrrgUAAXUA+Q=="}):
        with pytest.raises(DataError) as raised:
            open_result({"schema": "backup.audit/read/1", "sha256": "0" * 64, **more}, where="results[1]")
        assert raised.value.message == "results[1]: a read result of version 1 does not contain recovery points"
        assert raised.value.hint == "Read the server again"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "expected a read result, found NoneType"),
        ([], "expected a read result, found list"),
        ("text", "expected a read result, found str"),
        (42, "expected a read result, found int"),
        ({}, "expected a read result, found data without a schema"),
        ({"failed": True, "msg": "no"}, "expected a read result, found data without a schema"),
        ({"schema": "backup.audit/assessment/1"}, "expected a read result, found schema 'backup.audit/assessment/1'"),
        ({"schema": ["backup.audit/read/1"]}, "expected a read result, found schema ['backup.audit/read/1']"),
    ],
)
def test_other_input_is_rejected(value: Any, message: str) -> None:
    with pytest.raises(DataError) as raised:
        open_result(value, where="results[3]")
    assert raised.value.message == f"results[3]: {message}"
    assert "info module" in (raised.value.hint or "")


NOT_TEXTS: list[Any] = [1, 1.5, NAN, True, [], {}]
NOT_TIMES: list[Any] = [
    *(True, 1_795_000_000, NAN, INFINITY, [], {}, "", "yesterday", "2026-11-21", "2026-11-21T06:49:00"),
    *("0001-01-01T00:00:00Z", "1979-12-31T23:59:59Z", "9000-01-01T00:00:01Z", "9999-12-31T23:59:59Z"),
]
TYPES: list[tuple[str, Any]] = [
    *(("server", value) for value in [None, *NOT_TEXTS, "backup.example"]),
    *(("server.host", value) for value in [None, *NOT_TEXTS]),
    *((f"server.{name}", value) for name in ("product", "version", "identity") for value in NOT_TEXTS),
    *(
        ("server.clock_skew_seconds", value)
        for value in values(True, False, 1.0, NAN, INFINITY, -INFINITY, "1", [], {})
    ),
    *(("server.scope", value) for value in values(True, 1, "all", [], ["inventory"])),
    *(
        (f"server.scope.{name}", value)
        for name in ("inventory", "failed_runs")
        for value in values(0, 1, NAN, "true", [], {})
    ),
    *(("server.verify", value) for value in values(True, 1, NAN, "passed", [])),
    *(
        (name, value)
        for name in ("server.inventory_types", "selection.workload_names", "selection.workload_types")
        for value in values(True, 1, NAN, "vm", {}, [1], [None])
    ),
    *(("server.time", value) for value in NOT_TIMES),
    *(("read_at", value) for value in [None, *NOT_TIMES]),
    *(("selection", value) for value in values(True, 1, NAN, "all", [])),
    *((f"selection.{name}", value) for name in ("since", "until") for value in NOT_TIMES),
    *(("complete", value) for value in values(None, 0, 1, NAN, "true", [], {})),
    *(("errors", value) for value in values(True, 1, NAN, "none", {})),
    *(("points", value) for value in values(None, True, 1, "text", {}, [None], [1], [["text"]], [b"text"])),
    *(("workloads", value) for value in values(None, True, 1, "text", {}, [None], [1], ["row"], [[]])),
]
# JSON does not have such numbers.
NOT_JSON: list[tuple[str, Any]] = [
    ("server.extra", NAN),
    ("server.scope.extra", INFINITY),
    ("server.verify", {"seconds": NAN}),
    ("selection.extra", [-INFINITY]),
    ("errors", [{"status": NAN}]),
]


def forge_member(path: str, value: Any) -> dict[str, Any]:
    """Return a result with this value, with a matching digest if it can be calculated."""
    *steps, last = path.split(".")
    read = a_read()
    node = read
    for step in steps:
        node = node[step]
    node[last] = value
    try:
        return forge(**read)
    except (ValueError, TypeError, AttributeError):
        return {**sealed(), **read}


@pytest.mark.parametrize(("path", "value"), TYPES)
def test_a_field_of_another_type_is_rejected_with_its_path(path: str, value: Any) -> None:
    """Even if the digest matches."""
    read = forge_member(path, value) if path != "points" else {**sealed(), "points": value}
    with pytest.raises(DataError) as raised:
        open_result(read, where="results[2]")
    found = raised.value.message.split(": ")[0]
    assert found == f"results[2].{path}" or (path == "server" and found == "results[2].server.host")


@pytest.mark.parametrize(("path", "value"), NOT_JSON)
def test_numbers_that_json_does_not_have_are_rejected(path: str, value: Any) -> None:
    with pytest.raises(DataError, match=r"^results\[2\]"):
        open_result(forge_member(path, value), where="results[2]")


def test_the_limits_of_times_are_accepted() -> None:
    server = {"host": "backup.example", "time": "9000-01-01T00:00:00Z", "clock_skew_seconds": -1}
    selection = {"since": "1980-01-01T00:00:00Z", "until": "9000-01-01T00:00:00Z"}
    opened = open_result(sealed(server=server, read_at="1980-01-01T00:00:00Z", selection=selection))
    assert opened.frame["selection"] == selection
    # Null is the same as an omitted field.
    nothing = dict.fromkeys(("product", "version", "identity", "clock_skew_seconds", "scope", "verify", "time"))
    open_result(sealed(server={"host": "backup.example", **nothing}, selection={"since": None, "until": None}))


@pytest.mark.parametrize(
    "text",
    ["", "=", "not base64!", "é", "AAAA", base64.b64encode(b"\0not zlib").decode(), base64.b64encode(b"\0").decode()],
)
def test_damaged_data_is_rejected_with_its_path(text: str) -> None:
    read = sealed(compress=True)
    with pytest.raises(DataError, match=r"^results\[0\]\.points\[1\]: the compressed data is"):
        open_result({**read, "points": [*read["points"], text]}, where="results[0]")
    with pytest.raises(DataError, match=r"^results\[0\]\.data.*: the compressed data is"):
        open_result({**read, "data": [text]}, where="results[0]")


BAD_JSON = [b"", b"not json", b"{", b"\xff\xfe\xfd", b"[" * 200_000, b'{"a":NaN}', b'{"a":-Infinity}', b"9" * 5000]


@pytest.mark.parametrize("data", [*BAD_JSON, b"[]", b"null", b"1", b'{"classes":[]}', b'{"codes":NaN}'])
def test_data_that_is_not_a_block_is_rejected_with_its_path(data: bytes) -> None:
    opened = open_result(forge(points=[canonical_json(BLOCK), data]), where="results[0]")
    with pytest.raises(DataError, match=r"^results\[0\]\.points\[1\]"):
        list(opened.blocks())


@pytest.mark.parametrize(
    "data",
    [
        *BAD_JSON,
        *(b"[]", b"null", b"1", b"{}"),
        *(b'{"rows":"2"}', b'{"rows":1.0}', b'{"rows":true}', b'{"rows":-1}', b'{"rows":null}'),
        *(b'{"rows":2,"workload_name":["a"]}', b'{"rows":0,"workload_name":["a"]}', b'{"workload_name":["a"]}'),
        *(b'{"rows":1,"workload_name":"a"}', b'{"rows":1,"workload_name":{"a":1}}', b'{"rows":1,"workload_name":1}'),
        # More rows than a part can have, although the data does not contain them.
        *(b'{"rows":1001}', b'{"rows":1000000000000}'),
    ],
)
def test_data_without_identities_is_rejected(data: bytes) -> None:
    opened = open_result(forge(identities=[data]), where="results[0]")
    with pytest.raises(DataError, match=r"^results\[0\]\.data"):
        list(itertools.islice(opened.identities(), 5000))


@pytest.mark.parametrize("name", IDENTITY)
@pytest.mark.parametrize("compress", [False, True])
def test_an_identity_of_another_type_is_rejected_with_its_path(name: str, compress: bool) -> None:
    values = [1, 1.5, True, [], {}] if name != "in_inventory" else [1, 0, "true", [], {}]
    for value in values:
        opened = open_result(sealed(compress=compress, workloads=[ROWS[0], {name: value}]), where="results[0]")
        with pytest.raises(DataError, match=rf"^results\[0\]\.workloads\[1\]\.{name}: .* is not a (text|boolean)"):
            list(opened.identities())


# Bounds


@pytest.mark.parametrize("member", ["points", "data"])
def test_data_larger_than_the_limit_is_rejected(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    large = pack(b'{"a":"' + b"x" * 6000 + b'"}')
    read = sealed(compress=True)
    read[member] = [large]
    monkeypatch.setattr(result_module, "MAX_BLOCK_BYTES", 5000)
    open_result(sealed(compress=True))
    with pytest.raises(DataError, match=rf"^results\[0\]\.{member}.*larger than 5000 bytes"):
        open_result(read, where="results[0]")


def test_a_decompression_bomb_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """50 MB in 50 kB of text."""
    bomb = pack(bytes(50_000_000))
    assert len(bomb) < 100_000
    monkeypatch.setattr(result_module, "MAX_BLOCK_BYTES", 100_000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="larger than 100000 bytes"):
            unpack(bomb, "points[0]")
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_data_of_exactly_the_limit_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_module, "MAX_BLOCK_BYTES", 5000)
    assert unpack(pack(bytes(4999)), "x") == bytes(4999)
    assert unpack(pack(bytes(5000)), "x") == bytes(5000)
    with pytest.raises(DataError, match="larger than 5000 bytes"):
        unpack(pack(bytes(5001)), "x")


def test_results_that_could_not_be_opened_are_not_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workload with very many points has a separate block, which may be larger than the limit."""
    monkeypatch.setattr(result_module, "MAX_BLOCK_BYTES", 500)
    block = {**BLOCK, "counts": [1000], "codes": "#" * 1000, "times": [1_795_000_000 - DAY, *[0] * 999]}
    with pytest.raises(DataError):
        seal(a_read(), [block])
