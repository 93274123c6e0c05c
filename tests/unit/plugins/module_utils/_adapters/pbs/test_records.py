# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing of snapshot records."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs import records
from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.records import (
    Files,
    Namespace,
    SnapshotParser,
    Task,
    VerificationResult,
    evaluate_verification,
    parse_files,
    parse_name,
    parse_task,
)
from ansible_collections.backup.audit.plugins.module_utils._core.errors import InvalidResponseError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND

START = 0x6ABA2CB6
MANIFEST = ("index.json.blob", "none")
LOG = ("client.log.blob", None)
DATA = ("disk.fidx", "encrypt")


def upid(worker: str, *, node: str = "pbs-01", start: str = f"{START:08X}", kind: str = "verify") -> str:
    return f"UPID:{node}:00000025:000023D8:00000009:{start}:{kind}:{worker}:root@pam:"


# Tasks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (upid("store1"), Task("pbs-01", START * SECOND, "store1")),
        (upid(r"store1\x3aweekly"), Task("pbs-01", START * SECOND, "store1:weekly")),
        (upid(r"store\x2d1\x3avm-100"), Task("pbs-01", START * SECOND, "store-1:vm/100")),
        (upid(""), Task("pbs-01", START * SECOND, "")),
        # A server with a long uptime.
        (upid("s").replace("000023D8", "1A12D8375"), Task("pbs-01", START * SECOND, "s")),
        (upid("s").rstrip(":"), None),
        (upid("s", start="6ABA2CB"), None),
        ("", None),
        (None, None),
        (["UPID"], None),
    ],
)
def test_tasks(text: Any, expected: Task | None) -> None:
    assert parse_task(text) == expected


# Files


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], Files(finished=False, readable=False, encrypted=None)),
        ([("disk.fidx", None)], Files(finished=False, readable=False, encrypted=None)),
        ([("disk.fidx", "none"), MANIFEST], Files(finished=True, readable=True, encrypted=False)),
        ([("disk.fidx", "encrypt"), MANIFEST], Files(finished=True, readable=True, encrypted=True)),
        # The manifest of an encrypted backup is only signed, and the log is not in the manifest.
        (
            [("disk.fidx", "encrypt"), ("index.json.blob", "sign-only"), LOG],
            Files(finished=True, readable=True, encrypted=True),
        ),
        ([("disk.fidx", "sign-only"), MANIFEST], Files(finished=True, readable=True, encrypted=False)),
        ([("a.fidx", "encrypt"), ("b.fidx", "none"), MANIFEST], Files(finished=True, readable=True, encrypted=False)),
        ([("a.fidx", "none"), ("b.fidx", None), MANIFEST], Files(finished=True, readable=True, encrypted=False)),
        ([("a.fidx", "encrypt"), ("b.fidx", None), MANIFEST], Files(finished=True, readable=True, encrypted=None)),
        ([("a.fidx", "new-mode"), MANIFEST], Files(finished=True, readable=True, encrypted=None)),
        # A name is listed twice.
        ([("a.fidx", "none"), ("a.fidx", "encrypt"), MANIFEST], Files(finished=True, readable=True, encrypted=False)),
        ([("a.fidx", None), ("a.fidx", "encrypt"), MANIFEST], Files(finished=True, readable=True, encrypted=None)),
        ([DATA, ("index.json.blob", None), MANIFEST], Files(finished=True, readable=False, encrypted=None)),
        # The server lists names alone if it cannot read the manifest.
        ([("disk.fidx", None), ("index.json.blob", None)], Files(finished=True, readable=False, encrypted=None)),
        ([MANIFEST], Files(finished=True, readable=False, encrypted=None)),
        ([(None, "encrypt"), MANIFEST], Files(finished=None, readable=False, encrypted=None)),
        ([([], "encrypt"), MANIFEST], Files(finished=None, readable=False, encrypted=None)),
    ],
)
def test_files(files: list[tuple[Any, Any]], expected: Files) -> None:
    assert parse_files(*files) == expected


# Verification


@pytest.mark.parametrize(
    ("verification", "expected"),
    [
        (None, VerificationResult()),
        (("ok", upid("store1")), VerificationResult(checked=True, checked_at=START * SECOND)),
        (("ok", upid(r"store1\x3aweekly")), VerificationResult(checked=True, checked_at=START * SECOND)),
        (("ok", upid(r"store1\x3ans\x3avm-100-1")), VerificationResult(checked=True, checked_at=START * SECOND)),
        # Another datastore, one with the same prefix, another server, an unknown format.
        (("ok", upid("store9")), VerificationResult(is_foreign=True)),
        (("ok", upid("store10")), VerificationResult(is_foreign=True)),
        (("ok", upid("store1", node="pbs-02")), VerificationResult(is_foreign=True)),
        (("ok", "a task"), VerificationResult(is_foreign=True)),
        (("ok", None), VerificationResult(is_foreign=True)),
        # Damage counts, regardless of which server found it.
        (("failed", upid("store9", node="pbs-02")), VerificationResult(checked=False, is_failed=True)),
        (("failed", None), VerificationResult(checked=False, is_failed=True)),
        (("pending", upid("store1")), VerificationResult(is_unclear=True)),
        ((None, upid("store1")), VerificationResult(is_unclear=True)),
    ],
)
def test_verifications(verification: tuple[str | None, str | None] | None, expected: VerificationResult) -> None:
    assert evaluate_verification(verification, "store1", {"pbs-01"}) == expected


def test_no_verification_counts_without_the_server_name() -> None:
    assert evaluate_verification(("ok", upid("store1")), "store1", set()) == VerificationResult(is_foreign=True)


@pytest.mark.parametrize(
    ("files", "result", "expected"),
    [
        ([DATA, MANIFEST], VerificationResult(), ("success", True, None)),
        ([DATA, MANIFEST], VerificationResult(checked=True, checked_at=1), ("success", True, True)),
        ([DATA, MANIFEST], VerificationResult(is_foreign=True), ("success", True, None)),
        ([DATA, MANIFEST], VerificationResult(checked=False, is_failed=True), ("failed", False, False)),
        ([DATA, MANIFEST], VerificationResult(is_unclear=True), ("unknown", None, None)),
        ([], VerificationResult(), ("running", False, None)),
        ([DATA, ("index.json.blob", None)], VerificationResult(), ("unknown", None, None)),
        ([("", None), MANIFEST], VerificationResult(), ("unknown", None, None)),
    ],
)
def test_points(files: list[tuple[Any, Any]], result: VerificationResult, expected: tuple[Any, ...]) -> None:
    rows = [{"backup-type": "vm", "backup-id": "100", "backup-time": 7, "files": [_file(*one) for one in files]}]
    (group,) = list(SnapshotParser(include_raw=False).parse_all(rows).values())
    place = Namespace("store1", "a/b", "s3")
    workload = place.build_workload(group, use_comment=True)
    point = records.build_template(group.snapshots[0], place, workload, result)
    assert (point.status, point.usable, point.integrity_checked) == expected
    assert (point.kind, point.created) == ("full", 7 * SECOND)
    assert [(copy.location, copy.location_type, copy.vendor_location_type) for copy in point.copies or ()] == [
        ("store1/a/b", "object", "s3")
    ]
    assert records.get_id(workload, 7) == "store1/a/b/vm/100/1970-01-01T00:00:07Z"


def _file(name: str, mode: str | None) -> dict[str, Any]:
    return {"filename": name, "crypt-mode": mode}


# Groups and names


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("web-01", "web-01"),
        (" web-01\n", "web-01"),
        ("büro-größe", "büro-größe"),
        ("before the upgrade", None),
        ("cluster,web-01", None),
        ("", None),
        (None, None),
        (7, None),
        (["web-01"], None),
    ],
)
def test_one_word_comments_are_names(comment: Any, name: str | None) -> None:
    assert parse_name(comment) == name


def test_comments_of_hosts_are_not_names() -> None:
    rows = [{"backup-type": "host", "backup-id": "db01", "backup-time": 1, "files": [], "comment": "note"}]
    (group,) = list(SnapshotParser(include_raw=False).parse_all(rows).values())
    assert Namespace("s", "").build_workload(group, use_comment=True).name == "db01"


def test_the_newest_name_is_used_in_any_order() -> None:
    rows = [
        {"backup-type": "vm", "backup-id": "100", "backup-time": time, "files": [], "comment": comment}
        for time, comment in ((3, "renamed"), (9, "before the upgrade"), (1, "first"), (3, "renamed"))
    ]
    (group,) = list(SnapshotParser(include_raw=False).parse_all(rows).values())
    assert group.name == "renamed"
    assert (len(group.snapshots), group.count()) == (4, 3)
    place = Namespace("store1", "")
    assert place.build_workload(group, use_comment=True).name == "renamed"
    by_id = place.build_workload(group, use_comment=False)
    assert (by_id.id, by_id.name, by_id.type, by_id.platform) == ("store1/vm/100", "100", "vm", "proxmox")


@pytest.mark.parametrize(
    ("backup_type", "expected"),
    [("vm", ("vm", "proxmox")), ("ct", ("container", "proxmox")), ("host", ("host", None)), ("new", ("other", None))],
)
def test_types(backup_type: str, expected: tuple[str, str | None]) -> None:
    workload = Namespace("s", "").build_workload(records.Group(backup_type, "x"), use_comment=True)
    assert (workload.type, workload.platform) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "'backup-type'"),
        ({"backup-type": "vm"}, "'backup-id'"),
        ({"backup-type": "vm", "backup-id": "1"}, "'backup-time'"),
        ({"backup-type": "vm", "backup-id": "1", "backup-time": -1}, "'backup-time'"),
        ({"backup-type": "vm", "backup-id": "1", "backup-time": 10**12}, "'backup-time'"),
        ([], "not a record"),
    ],
)
def test_a_snapshot_without_identity_or_time_is_an_error(row: Any, message: str) -> None:
    """Otherwise the list would be silently shorter."""
    with pytest.raises(InvalidResponseError, match=message):
        SnapshotParser(include_raw=False).parse_all([row])
