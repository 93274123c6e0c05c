# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Index of files and owners by their ids, in a few bytes each."""

from __future__ import annotations

import tracemalloc

from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.aws.records import PointOwners
from ansible_collections.backup.audit.plugins.module_utils._adapters.veeam.id_index import IdIndex
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload


def test_values_are_kept_for_each_id() -> None:
    """Unknown sizes and missing ids are distinguished from 0."""
    table = IdIndex()
    for number in range(500):
        table.add(f"file-{number}", None if number % 5 == 0 else number, number % 7)
    table.add("empty", 0, 3)
    table.finalize()
    for number in range(500):
        assert table.get(hash(f"file-{number}")) == (None if number % 5 == 0 else number, number % 7, True)
    assert table.get(hash("empty")) == (0, 3, True)
    assert table.get(hash("file-500")) is None


def test_ids_used_twice_are_shared() -> None:
    """An id that is used once is not shared. An id that is not in the index is ignored."""
    table = IdIndex()
    table.add("one", 10, 0)
    table.add("two", 20, 0)
    table.finalize()
    for ident in ("one", "two", "two", "two", "three"):
        table.count_use(hash(ident))
    assert table.get(hash("one")) == (10, 0, True)
    assert table.get(hash("two")) == (20, 0, False)


def test_size_of_an_index_of_many_files() -> None:
    """Each file needs about 25 bytes, including hashes."""
    count = 50_000
    tracemalloc.start()
    try:
        table = IdIndex()
        for number in range(count):
            table.add(str(number), number, 0)
        table.finalize()
        size, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / count < 27


def test_a_point_of_two_instances_belongs_to_neither() -> None:
    """A point that one instance lists twice still belongs to it."""
    owners, one, two = PointOwners(), Workload(id="i-1"), Workload(id="i-2")
    owners.add(one, ["a", "b"])
    owners.add(two, ["b", "c"])
    owners.finalize()
    assert [owners.get(ident) for ident in "abcd"] == [one, None, two, None]
    assert [owners.is_ambiguous(ident) for ident in "abcd"] == [False, True, False, False]
    assert owners.count == 4
