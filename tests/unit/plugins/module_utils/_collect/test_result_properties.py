# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A read result that was changed after it was sealed is rejected, compressed or not."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._collect.result import (
    DIGEST_FIELDS,
    compress,
    open_result,
    seal,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from tests.unit.plugins.module_utils._policy.policy_rows import read, row

RESULT = read(row(), row(workload_id="id-2", workload_name="db01", malware={"clean": 30}), row(workload_name="Zürich"))
WHOLE = open_result(RESULT)


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from _leaves(inner, (*path, step))


LEAVES = [path for path in _leaves(RESULT) if path[0] in DIGEST_FIELDS]


def test_a_flipped_bit_of_a_packed_read_is_never_another_read() -> None:
    """Each bit is flipped; only some bits of the zlib header and of the padding after its last block are ignored."""
    compressed = compress(RESULT)
    data = base64.b64decode(compressed["data"])
    passed = []
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = open_result({**compressed, "data": base64.b64encode(flipped).decode("ascii")})
        except DataError:
            continue
        assert found == WHOLE
        passed.append(bit // 8)
    # The checksum is the last four bytes.
    assert set(passed) <= {0, 1, len(data) - 5}


@given(st.sampled_from(LEAVES), st.sampled_from([None, True, False, 0, 1, 10**9, "x", "pass", [], {}]))
def test_a_changed_member_of_a_sealed_read_is_refused(path: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(RESULT)
    node = changed
    for step in path[:-1]:
        node = node[step]
    if json.dumps(node[path[-1]]) == json.dumps(value):
        return
    node[path[-1]] = value
    with pytest.raises(DataError):
        open_result(changed)


@pytest.mark.parametrize("path", LEAVES, ids=str)
def test_a_removed_member_of_a_sealed_read_is_refused(path: tuple[Any, ...]) -> None:
    changed = copy.deepcopy(RESULT)
    node = changed
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    with pytest.raises(DataError):
        open_result(changed)


def test_packed_or_not_it_is_the_same() -> None:
    assert (
        open_result(compress(RESULT))
        == open_result(seal({name: RESULT[name] for name in RESULT if name != "sha256"}))
        == WHOLE
    )
