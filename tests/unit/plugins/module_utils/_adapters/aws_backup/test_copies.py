# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of recovery points: points that copy jobs link are one point, and possible copies do not count."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.copies import (
    CopyLinks,
    drop_members,
    find_doubtful,
    merge_copies,
)
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.jobs import CopyJob, RestoreTest
from ansible_collections.backup.audit.plugins.module_utils._adapters.aws_backup.records import (
    Arn,
    Entry,
    PointParser,
    Vault,
    build_workload,
)
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND

HOME, AWAY = Arn("eu-west-1", "123456789012", ""), Arn("eu-central-1", "123456789012", "")
INSTANCE = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"
DAY = 24 * 3600
NOON = 1_790_000_000


def vault(name: str, place: Arn = HOME, *, is_locked: bool | None = False) -> Vault:
    arn = f"arn:aws:backup:{place.region}:{place.account}:backup-vault:{name}"
    return Vault(arn, name, "BACKUP_VAULT", is_locked, None)


def entry(arn: str, where: Vault, day: float = 0, **more: Any) -> Entry:
    """Build a recovery point that was created this many days after the first one."""
    created = NOON + day * DAY
    row = {
        "RecoveryPointArn": arn,
        "ResourceArn": INSTANCE,
        "ResourceType": "EC2",
        "Status": "COMPLETED",
        "CreationDate": created,
        "IsEncrypted": True,
        "BackupSizeInBytes": 100,
        "CalculatedLifecycle": {"DeleteAt": created + 30 * DAY},
        "Lifecycle": {"DeleteAfterDays": 30},
        **more,
    }
    made = PointParser(where, keep_rows=True).parse_all([row])[0]
    made.shared.template.workload = build_workload(INSTANCE, "web-01", "EC2")
    return made


def links(*jobs: tuple[str, str, float], place: Arn = HOME) -> CopyLinks:
    """Build links from (source, target, day on which the job started)."""
    made = CopyLinks()
    made.add(place, [CopyJob(source, target, round(NOON + day * DAY) * SECOND) for source, target, day in jobs])
    return made


def merge(entries: list[Entry], known: CopyLinks, tests: dict[str, RestoreTest] | None = None) -> list[RecoveryPoint]:
    doubtful = find_doubtful(entries, known)
    return list(merge_copies(entries, known, doubtful, tests or {}, include_raw=True))


MAIN, OTHER, LOCKED = vault("main"), vault("other"), vault("locked", AWAY, is_locked=True)
LATER = round(NOON + 30 * DAY) * SECOND


def test_points_linked_by_a_copy_job_are_merged() -> None:
    original, copy = entry("a", MAIN), entry("b", LOCKED, 0.1, IsEncrypted=False)
    (point,) = merge([copy, original], links(("a", "b", 0.1)))
    assert (point.id, point.created, point.usable) == ("a", NOON * SECOND, True)
    assert [one.location for one in point.copies or ()] == [
        "123456789012/eu-central-1/locked",
        "123456789012/eu-west-1/main",
    ]
    assert point.offsite is True
    assert point.immutable_until == LATER + round(0.1 * DAY) * SECOND
    # One copy that is not encrypted exposes the data.
    assert point.encrypted is False
    # The last copy expires with its own retention.
    assert point.expires_at == point.immutable_until
    assert [row["RecoveryPointArn"] for row in (point.raw or {})["records"]] == ["b", "a"]


def test_a_copy_of_a_copy_is_the_same_recovery_point() -> None:
    entries = [entry("a", MAIN), entry("b", LOCKED, 0.1), entry("c", OTHER, 0.2)]
    (point,) = merge(entries, links(("a", "b", 0.1), ("b", "c", 0.2)))
    assert point.id == "a"
    assert len(point.copies or ()) == 3


def test_circular_copy_jobs() -> None:
    points = merge([entry("a", MAIN), entry("b", OTHER)], links(("a", "b", 0.1), ("b", "a", 0.2)))
    assert 1 <= len(points) <= 2


def test_an_unusable_copy_does_not_make_a_point_usable() -> None:
    copy = entry("b", LOCKED, 0.1, Status="EXPIRED")
    (point,) = merge([entry("a", MAIN), copy], links(("a", "b", 0.1)))
    assert (point.usable, point.offsite, point.immutable) == (True, False, False)
    assert [one.location for one in point.copies or ()] == ["123456789012/eu-west-1/main"]
    (point,) = merge([entry("a", MAIN, Status="EXPIRED"), entry("b", LOCKED, 0.1)], links(("a", "b", 0.1)))
    assert (point.usable, point.offsite) == (True, True)
    # Its data still exists, so it can expose the data.
    copy = entry("b", LOCKED, 0.1, Status="EXPIRED", IsEncrypted=False)
    (point,) = merge([entry("a", MAIN), copy], links(("a", "b", 0.1)))
    assert (point.usable, point.encrypted) == (True, False)
    copy = entry("b", LOCKED, 0.1, Status="EXPIRED")
    (point,) = merge([entry("a", MAIN, Status="EXPIRED"), copy], links(("a", "b", 0.1)))
    assert point.usable is None


def test_a_restore_test_of_a_copy_counts_for_the_recovery_point() -> None:
    tests = {"b": RestoreTest(True, True, 5)}
    (point,) = merge([entry("a", MAIN), entry("b", LOCKED, 0.1)], links(("a", "b", 0.1)), tests)
    assert (point.restore_tested, point.tested_at, point.tested_by) == (True, 5, "boot")


@pytest.mark.parametrize(
    ("original", "copy", "expected"),
    [
        # The newest test counts, so a failed one is not lost.
        (RestoreTest(True, True, 5), RestoreTest(False, True, 6), (False, 6, ())),
        (RestoreTest(True, True, 6), RestoreTest(False, True, 5), (True, 6, ())),
        (RestoreTest(True, True, 5), RestoreTest(False, True, 5), (False, 5, ())),
        (RestoreTest(True, True, 5), RestoreTest(False, True, None), (False, None, ())),
        (None, RestoreTest(False, True, 5), (False, 5, ())),
        # A restore without validation counts only if no other was validated.
        (RestoreTest(True, False, 6), RestoreTest(False, True, 5), (False, 5, ())),
        (RestoreTest(True, False, 6), RestoreTest(True, True, 5), (True, 5, ())),
        (RestoreTest(True, False, 6), None, (True, 6, ("restore_tested", "tested_at", "tested_by"))),
    ],
)
def test_the_newest_restore_test_of_all_copies_counts(
    original: RestoreTest | None, copy: RestoreTest | None, expected: tuple[bool, int | None, tuple[str, ...]]
) -> None:
    for first, second in ((original, copy), (copy, original)):
        tests = {arn: test for arn, test in (("a", first), ("b", second)) if test is not None}
        (point,) = merge([entry("a", MAIN), entry("b", LOCKED, 0.1)], links(("a", "b", 0.1)), tests)
        assert (point.restore_tested, point.tested_at, point.inferred) == expected


CONTINUOUS = "arn:aws:backup:eu-west-1:123456789012:recovery-point:continuous:web-01-1234"


def test_copies_of_a_continuous_backup_are_separate_recovery_points() -> None:
    """Each is a snapshot, whose data is older than its time if that is the time of its copy job."""
    snapshots = [entry(f"s{day}", LOCKED, day) for day in (1, 2, 3)]
    jobs = links((CONTINUOUS, "s1", 1), (CONTINUOUS, "s2", 2), (CONTINUOUS, "s3", 3.1), ("s3", "t3", 3.2))
    points = merge([entry(CONTINUOUS, MAIN), *snapshots, entry("t3", OTHER, 3.2)], jobs)
    assert [(point.id, point.kind, point.usable, len(point.copies or ())) for point in points] == [
        (CONTINUOUS, "continuous", True, 1),
        ("s1", "full", None, 1),
        ("s2", "full", None, 1),
        ("s3", "full", True, 2),
    ]


def test_a_view_of_a_vault_does_not_replace_the_vault() -> None:
    view = Vault("arn:aws:backup:eu-west-1:999988887777:backup-vault:v", "v", "RESTORE_ACCESS_BACKUP_VAULT", None, None)
    for entries in ([entry("a", LOCKED), entry("a", view)], [entry("a", view), entry("a", LOCKED)]):
        (point,) = merge(entries, links())
        assert [copy.location for copy in point.copies or ()] == [LOCKED.location]
        assert point.immutable_until == LATER


def test_a_copy_that_never_expires_stays_immutable() -> None:
    copy = entry("b", LOCKED, 0.1, CalculatedLifecycle={}, Lifecycle={})
    (point,) = merge([entry("a", MAIN), copy], links(("a", "b", 0.1)))
    assert (point.immutable, point.immutable_until, point.expires_at) == (True, None, None)


@pytest.mark.parametrize(
    ("copy", "usable"),
    [
        # It kept the creation time of the original, which is before the copy job.
        (entry("b", LOCKED, 0), True),
        # It has the time of the copy job, so the age of its data is unknown.
        (entry("b", LOCKED, 0.1), None),
        (entry("b", LOCKED, 0.2), None),
    ],
)
def test_a_copy_without_its_original_counts_only_if_its_time_is_known(copy: Entry, usable: bool | None) -> None:
    (point,) = merge([copy], links(("a", "b", 0.1)))
    assert (point.id, point.usable) == ("b", usable)


def test_copies_of_a_deleted_original_are_one_recovery_point() -> None:
    (point,) = merge([entry("b", LOCKED), entry("c", OTHER)], links(("a", "b", 0.1), ("a", "c", 0.1)))
    assert point.usable is True
    assert len(point.copies or ()) == 2


@pytest.mark.parametrize(
    "copy",
    [
        entry("b", LOCKED),
        entry("b", OTHER, SourceBackupVaultArn=MAIN.arn),
        entry("arn:aws:rds:eu-west-1:123456789012:snapshot:awsbackup:copyjob-1", OTHER),
    ],
)
def test_a_copy_without_a_job_does_not_count(copy: Entry) -> None:
    first, second = merge([entry("a", MAIN), copy], CopyLinks())
    assert (first.id, first.usable) == ("a", True)
    assert (second.id, second.usable) == (copy.arn, None)
    (alone,) = merge([copy], CopyLinks())
    assert alone.usable is None


def test_backups_in_one_vault_need_no_copy_jobs() -> None:
    points = merge([entry("a", MAIN), entry("b", MAIN, 1)], CopyLinks())
    assert [point.usable for point in points] == [True, True]


def test_backups_in_several_vaults_may_be_copies_if_they_are_older_than_the_jobs() -> None:
    entries = [
        entry("a", MAIN, 0),
        entry("b", MAIN, 1),
        entry("c", MAIN, 9),
        entry("d", OTHER, 0),
        entry("e", OTHER, 9),
    ]
    # A job of another resource shows that the list of jobs starts on day 5.
    points = {point.id: point.usable for point in merge(entries, links(("x", "y", 5)))}
    assert points == {"a": True, "b": True, "c": True, "d": None, "e": True}
    # Jobs of another region show nothing about this one.
    points = {point.id: point.usable for point in merge(entries, links(("x", "y", 5), place=AWAY))}
    assert points == {"a": True, "b": True, "c": True, "d": None, "e": None}
    assert find_doubtful(entries, CopyLinks()) == {"d", "e"}
    # A point that is the source of a copy job and not its target is not a copy.
    assert find_doubtful(entries, links(("d", "z", 10))) == {"e"}


def test_merging_does_not_improve_an_unknown_state() -> None:
    (point,) = merge([entry("b", LOCKED, Status="CREATING")], CopyLinks())
    assert (point.status, point.usable) == ("running", False)


def test_a_repeated_recovery_point_counts_once() -> None:
    (point,) = merge([entry("a", MAIN), entry("a", MAIN)], CopyLinks())
    assert len(point.copies or ()) == 1


def test_members_of_a_composite_recovery_point_are_omitted() -> None:
    parent, member = entry("p", MAIN, IsParent=True), entry("m", MAIN, ParentRecoveryPointArn="p")
    other = entry("n", MAIN, ParentRecoveryPointArn="q")
    assert [one.arn for one in drop_members([parent, member, other])] == ["p", "n"]
    assert [one.arn for one in drop_members([parent])] == ["p"]
