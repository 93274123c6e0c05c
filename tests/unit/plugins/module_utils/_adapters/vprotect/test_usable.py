# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vProtect: a backup counts only if the server reports everything that is needed to restore it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._adapters.vprotect.reading import read_rows

Row = dict[str, Any]
NOW = int(time.time() * 1000)
TAKEN = NOW - 5 * 3_600_000
VM = {"guid": "vm-1", "name": "web-01", "type": {"name": "VM"}}
FULL: Row = {
    "guid": "full",
    "snapshotTime": TAKEN - 86_400_000,
    "status": {"name": "SUCCESS"},
    "type": {"name": "FULL"},
    "size": 5,
    "protectedEntity": VM,
    "backupLocations": [{"status": {"name": "PRESENT"}, "backupDestination": {"guid": "d-1", "name": "disk"}}],
}


def terms(*known: str) -> st.SearchStrategy[Any]:
    """Generate a value as an object or as text, or an unknown one; None omits the field."""
    word = st.sampled_from((*known, *known, "NEVER_HEARD_OF"))
    return st.one_of(word, word.map(lambda name: {"name": name}), st.sampled_from([None, {}, [], 1, True]))


def name_of(value: Any) -> Any:
    """Return the name of an enumeration value."""
    return value.get("name") if isinstance(value, dict) else value


LOCATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "status": terms("PRESENT", "PRESENT", "REMOVED", "FAILED", "IN_PROGRESS"),
            "retentionHint": terms("STANDARD_RETENTION", "ARCHIVE", "TO_REMOVE", "RECREATE"),
            "roleType": terms("PRIMARY", "SECONDARY", "ARCHIVE"),
            "backupDestinationType": terms("FILESYSTEM", "S3", "ISP"),
            "backupDestination": st.sampled_from(
                [None, {"guid": "d-1", "name": "disk"}, {"guid": "d-2", "name": "S3"}]
            ),
        }
    ),
    max_size=3,
)
ROWS = st.fixed_dictionaries(
    {
        "status": terms("SUCCESS", "SUCCESS", "PARTIAL_SUCCESS", "FAILED", "INPROGRESS", "QUEUED"),
        "type": terms("FULL", "INCREMENTAL", "SYNTHETIC", "LOG_BACKUP"),
        "backupLocations": st.one_of(LOCATIONS, LOCATIONS, st.none()),
        "hidden": st.sampled_from([None, False, False, True, "true"]),
        "warningsPresent": st.sampled_from([None, False, True]),
        "warnings": st.sampled_from([None, [], ["skipped"]]),
        "archiveExpire": st.sampled_from([None, NOW + 10**9, "soon", 0]),
        "parentBackup": st.sampled_from([None, {}, {"guid": "full"}, {"guid": "full"}, {"guid": "elsewhere"}]),
        "protectedEntity": st.sampled_from([VM, VM, VM, {"name": "web-01"}, None]),
        "snapshotTime": st.sampled_from([TAKEN, TAKEN, TAKEN, None, 0, "soon"]),
        "backupTime": st.sampled_from([TAKEN + 60_000, None]),
    }
)


def should_count(row: Row) -> bool:
    """Return whether all required values are reported."""
    kind = name_of(row["type"])
    places = [
        place
        for place in row["backupLocations"] or ()
        if name_of(place["status"]) == "PRESENT" and name_of(place["retentionHint"]) not in ("TO_REMOVE", "RECREATE")
    ]
    return (
        name_of(row["status"]) in ("SUCCESS", "PARTIAL_SUCCESS")
        and kind in ("FULL", "SYNTHETIC", "INCREMENTAL")
        and (kind != "INCREMENTAL" or row["parentBackup"] == {"guid": "full"})
        and bool(places)
        and str(row["hidden"]).lower() != "true"
        and row["protectedEntity"] == VM
        and row["snapshotTime"] == TAKEN
    )


@given(ROWS)
def test_a_backup_counts_if_and_only_if_all_values_are_reported(values: Row) -> None:
    """Tests any combination of fields. If a backup does not count and has not failed, a warning states the reason."""
    row = {"guid": "b-1", "size": 1, **{name: value for name, value in values.items() if value is not None}}
    result = read_rows([row, FULL])
    assert result.error is None
    found = [point for point in result.points if point["id"] == "b-1"]
    counts = [point for point in found if point["usable"] is True and point["kind"] != "unknown"]
    assert bool(counts) is should_count(values)
    if not found:
        assert any("have no time and are not included" in warning for warning in result.warnings)
    elif not counts and found[0]["usable"] is not False and values["protectedEntity"] == VM:
        assert result.warnings, found
    for copy in (counts[0]["copies"] or ()) if counts else ():
        assert copy["location"] in ("disk", "S3", None)
        assert copy["location_type"] in ("disk", "object", "other", None)


PLATFORMS = {
    "VMWARE": "vmware",
    "ESXI": "vmware",
    "RHV": "ovirt",
    "NUTANIX": "nutanix_ahv",
    "AWS_EC2": "aws_ec2",
    "AZURE": "azure_vm",
    "OPENSTACK": "openstack",
    "KVM": "kvm",
    "NEVER_HEARD_OF": "other",
    None: None,
}
# Destination -> platforms of machines that may be in the same location.
NEAR = {
    "S3": {"aws_ec2", "other", None},
    "AZURE": {"azure_vm", "other", None},
    "SWIFT": {"openstack", "kvm", "other", None},
    "GCS": {"other", None},
}


@pytest.mark.parametrize("destination", NEAR)
@pytest.mark.parametrize("word", PLATFORMS)
def test_object_storage_of_the_same_cloud_may_not_be_off_site(destination: str, word: str | None) -> None:
    """Off-site is inferred from object storage, unless the machine may run in the cloud that has it."""
    place = {**FULL["backupLocations"][0], "backupDestinationType": destination}
    machine = {**VM, **({"hvType": {"name": word}} if word else {})}
    result = read_rows([{**FULL, "backupLocations": [place]}], {"/virtual-machines": [machine]})
    (point,) = result.points
    assert (point["platform"], point["vendor_platform"]) == (PLATFORMS[word], word)
    assert point["offsite"] is (None if PLATFORMS[word] in NEAR[destination] else True)
    assert ("offsite" in point["inferred"]) is (point["offsite"] is True)
    (copy,) = point["copies"]
    assert (copy["location_type"], copy["vendor_location_type"]) == ("object", destination)
    assert copy["offsite"] is point["offsite"]


@pytest.mark.parametrize(
    ("word", "location_type"),
    [
        ("FILESYSTEM", "disk"),
        ("SYNTHETICXFS", "disk"),
        ("SYNTHETICDDBOOST", "dedup_appliance"),
        ("VSTOR", "disk"),
        ("S3", "object"),
        ("TAPE", "tape"),
        *((word, "other") for word in ("ISP", "NETBACKUP", "NETWORKER", "AVAMAR", "DATAPROTECTOR", "NEVER_HEARD_OF")),
        (None, None),
    ],
)
@pytest.mark.parametrize("listed", [True, False], ids=["in the list of destinations", "in the backup"])
def test_types_of_destinations(word: str | None, location_type: str | None, listed: bool) -> None:
    """A location without a type has that of its destination."""
    place = FULL["backupLocations"][0]
    destination = {"guid": "d-1", "name": "disk", "type": {"name": word}}
    if not listed and word is not None:
        place = {**place, "backupDestinationType": {"name": word}}
        destination["type"] = {"name": "S3"}
    if word is None:
        del destination["type"]
    (point,) = read_rows([{**FULL, "backupLocations": [place]}], {"/backup-destinations": [destination]}).points
    (copy,) = point["copies"]
    assert (copy["location_type"], copy["vendor_location_type"]) == (location_type, word)


def test_a_destination_is_one_location_regardless_of_its_names() -> None:
    """Ids take precedence over names: two locations in one destination are one location."""
    places = [
        {"status": "PRESENT", "roleType": role, "backupDestination": {"guid": "d-1", "name": name}}
        for role, name in (("PRIMARY", "Berlin"), ("SECONDARY", "berlin (old)"))
    ]
    rows = [{**FULL, "backupLocations": places}, {**FULL, "guid": "b-2", "backupLocations": places[1:]}]
    for lists, name in (({}, "Berlin"), ({"/backup-destinations": [{"guid": "d-1", "name": "B"}]}, "B")):
        points = {point["id"]: point for point in read_rows(rows, lists).points}
        assert {copy["location"] for copy in points["full"]["copies"]} == {name}
    assert points["b-2"]["copies"][0]["location"] == "B"


@pytest.mark.parametrize(
    ("hints", "dates", "own", "expected"),
    [
        (["ARCHIVE"], [5], None, 5),
        (["ARCHIVE"], [None], 7, 7),
        (["ARCHIVE", "ARCHIVE"], [9, 6], None, 6),
        (["ARCHIVE", "STANDARD_RETENTION"], [9, 3], 8, 8),
        (["STANDARD_RETENTION"], [5], 5, None),
        ([None], [None], 4, 4),
        (["TO_REMOVE"], [5], 5, None),
    ],
)
def test_expiry_of_a_backup(
    hints: list[str | None], dates: list[int | None], own: int | None, expected: int | None
) -> None:
    """The earliest date of locations that are kept until a date counts. Dates without that mode have no effect."""

    def day(number: int | None) -> int | None:
        return None if number is None else NOW // 1000 * 1000 + number * 86_400_000

    places = [
        {"status": "PRESENT", "retentionHint": hint, "archiveExpire": day(date), "backupDestination": {"guid": "d"}}
        for hint, date in zip(hints, dates, strict=True)
    ]
    (point,) = read_rows([{**FULL, "backupLocations": places, "archiveExpire": day(own)}]).points
    when = None
    if expected is not None:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((day(expected) or 0) // 1000))
    assert point["expires_at"] == when


@pytest.mark.parametrize("role", ["ARCHIVE", "PRIMARY"])
@pytest.mark.parametrize(
    ("word", "kind"), [("FULL", "full"), ("LOG_BACKUP", "unknown"), ("SYNCHRONIZATION", "unknown")]
)
def test_a_log_backup_in_an_archive_stays_a_log_backup(role: str, word: str, kind: str) -> None:
    """A backup that is only in an archive has the type archive, unless it is a log backup."""
    places = [
        {"status": "REMOVED", "roleType": "PRIMARY", "backupDestination": {"guid": "d-1", "name": "disk"}},
        {"status": "PRESENT", "roleType": role, "backupDestination": {"guid": "d-2", "name": "tape"}},
    ]
    (point,) = read_rows([{**FULL, "type": word, "backupLocations": places}]).points
    assert point["kind"] == ("archive" if (kind, role) == ("full", "ARCHIVE") else kind)


def test_two_machines_with_one_name_and_no_guid() -> None:
    """They must not become one row with two points."""
    rows = [{**FULL, "guid": guid, "protectedEntity": {"name": "dc", "type": "VM"}} for guid in ("b-1", "b-2")]
    result = read_rows(rows)
    assert {point["usable"] for point in result.points} == {None}
    reason = "they do not report the guid of their workload, and names are not unique"
    assert result.warnings == [f"backups that count as unknown because {reason}: 2"]


GUID, OTHER_GUID = "5f0c2a3e-1b2c-4d5e-8f90-a1b2c3d4e5f6", "6a1d3b4f-2c3d-4e5f-9a01-b2c3d4e5f607"


@pytest.mark.parametrize(
    ("kept", "name", "guid"),
    [
        (f"dc ({GUID})", "dc", GUID),
        (f"{GUID} dc", "dc", GUID),
        ({"name": "dc", "guid": "7"}, "dc", "7"),
        (GUID, GUID, GUID),
        (f"{GUID} {OTHER_GUID}", f"{GUID} {OTHER_GUID}", None),
        ("dc", "dc", None),
        (None, None, None),
    ],
)
def test_the_text_that_identifies_a_deleted_workload(kept: Any, name: str | None, guid: str | None) -> None:
    """A guid in the text is an id. Backups without one are unknown. ``workload_names`` matches the name."""
    row = {name: value for name, value in FULL.items() if name != "protectedEntity"}
    (point,) = read_rows([{**row, **({"sourceNameAndGuid": kept} if kept else {})}]).points
    assert (point["workload_name"], point["workload_id"]) == (name, guid)
    assert point["usable"] is (True if guid else None)


def test_copies_of_backups_without_a_workload() -> None:
    """None of them is lost, because it may be a copy of another backup."""
    row = {name: value for name, value in FULL.items() if name != "protectedEntity"}
    copies = [{**row, "guid": f"b-{number}", "type": "SYNCHRONIZATION"} for number in range(3)]
    assert len(read_rows([row, *copies]).points) == 4
