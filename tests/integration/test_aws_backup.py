# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of AWS Backup: regions and accounts, copies, locks, restore tests, denials, throttling, credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import ModuleResult, get_login, read, run_module
from tests.simulators.aws_backup.accounts import COPY_ACCOUNT, EXTERNAL_ID, MAIN_ACCOUNT, ROLE
from tests.simulators.aws_backup.service_model import find_problems, list_operations, load_model

AWS, MODULE = "aws_backup", "aws_backup_recovery_points_info"
MAIN_ROLE = {"role_arn": ROLE.format(MAIN_ACCOUNT)}
COPY_ROLE = {"role_arn": ROLE.format(COPY_ACCOUNT), "external_id": EXTERNAL_ID}
ALL_REGIONS = ["eu-central-1", "eu-north-1", "eu-west-1", "us-east-2"]


def read_ok(simulators: Simulators, account: str | None = None, **options: Any) -> dict[str, Any]:
    ended = read(simulators.ready, AWS, account, **options)
    assert not ended.failed, ended.message
    return ended.result


def find_row(result: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = (row for row in result["workloads"] if row["workload_name"] == name)
    return dict(row)


def set_variant(simulators: Simulators, **variants: Any) -> None:
    simulators.ask(AWS, "__variant", variants)


def count(row: dict[str, Any], attribute: str) -> int:
    return int(row["attributes"][attribute]["count"])


def warnings(result: dict[str, Any]) -> str:
    return str(result.get("warnings", ""))


@pytest.mark.parametrize(("percent", "is_reported"), [(0, False), (50, False), (105, False), (120, True)])
def test_a_vault_that_contains_more_than_it_lists(simulators: Simulators, percent: int, *, is_reported: bool) -> None:
    """The number of a vault is an approximation: only a clearly larger one causes a warning."""
    assert "NumberOfRecoveryPoints" not in warnings(read_ok(simulators))
    set_variant(simulators, stated_percent=percent)
    result = read_ok(simulators)
    assert ("NumberOfRecoveryPoints of the vault is" in warnings(result)) is is_reported
    assert result["complete"]


# Regions and accounts


def test_the_result_lists_accounts_and_regions(simulators: Simulators) -> None:
    server = read_ok(simulators)["server"]
    assert server["scope"] == {
        "accounts": [MAIN_ACCOUNT],
        "copy_jobs": True,
        "inventory": False,
        "protected_resources": True,
        "regions": ALL_REGIONS,
        "restore_jobs": True,
    }
    assert server["identity"] == "aws_backup:" + ",".join(f"{MAIN_ACCOUNT}/{region}" for region in ALL_REGIONS)


def test_a_key_without_roles_reads_its_own_account(simulators: Simulators) -> None:
    whole, own = read_ok(simulators), read_ok(simulators, assume_roles=[])
    assert own["totals"] == whole["totals"]
    assert own["server"]["identity"] == whole["server"]["identity"]
    assert not [call for call in simulators.requests(AWS)[-30:] if call["method"] == "POST"]


def test_one_region_has_only_its_own_recovery_points(simulators: Simulators) -> None:
    chicago = read_ok(simulators, regions=["us-east-2"])
    assert [row["workload_name"] for row in chicago["workloads"]] == ["dc-01"]
    assert chicago["server"]["scope"]["regions"] == ["us-east-2"]
    assert chicago["selection"]["regions"] == ["us-east-2"]
    empty = read_ok(simulators, regions=["ap-south-1"])
    assert (empty["workloads"], empty["complete"]) == ([], True)


def test_copies_in_another_account_belong_to_their_recovery_points(simulators: Simulators) -> None:
    set_variant(simulators, copy_account="other")
    both = read_ok(simulators, "hub", assume_roles=[MAIN_ROLE, COPY_ROLE])
    assert both["server"]["scope"]["accounts"] == [MAIN_ACCOUNT, COPY_ACCOUNT]
    row = find_row(both, "web-01")
    assert (row["recovery_points"], count(row, "offsite")) == (30, 30)
    assert {place["location"].split("/")[0] for place in row["locations"]} == {MAIN_ACCOUNT, COPY_ACCOUNT}
    # With only the account of the originals, the copies are not visible.
    main = find_row(read_ok(simulators, "hub", assume_roles=[MAIN_ROLE]), "web-01")
    assert (main["recovery_points"], count(main, "offsite")) == (30, 0)
    # With only the account of the copies, no copy job shows their originals.
    copies = read_ok(simulators, "hub", assume_roles=[COPY_ROLE])
    row = find_row(copies, "web-01")
    assert (row["recovery_points"], row["attributes"]["recovery_points"]["unknown"]) == (0, 30)
    assert "recovery points may be copies of others, because no copy job is listed" in warnings(copies)


def test_a_role_that_cannot_be_assumed(simulators: Simulators) -> None:
    for roles in ([{**COPY_ROLE, "external_id": "wrong"}], [{**COPY_ROLE, "external_id": None}]):
        ended = read(simulators.ready, AWS, "hub", assume_roles=roles)
        assert ended.result["failure"]["code"] == "forbidden"
        assert "is not authorized to perform: sts:AssumeRole" in ended.message
        assert "Check external_id, and whether the trust policy" in ended.message


def test_a_region_that_is_not_enabled_makes_the_result_incomplete(simulators: Simulators) -> None:
    set_variant(simulators, disabled="us-east-2")
    ended = read(simulators.ready, AWS)
    assert ended.failed
    assert "the read is incomplete: region us-east-2 of arn:aws:iam" in ended.message
    assert "Check that the account has enabled the region us-east-2, or remove it from regions" in ended.message
    partly = read_ok(simulators, allow_partial=True)
    assert partly["complete"] is False
    assert {row["workload_name"] for row in partly["workloads"]} >= {"web-01"}


# Copies


def test_copies_without_a_job_do_not_count(simulators: Simulators) -> None:
    before = find_row(read_ok(simulators), "web-01")
    set_variant(simulators, job_days=0)
    result = read_ok(simulators)
    row = find_row(result, "web-01")
    assert (before["recovery_points"], count(before, "offsite")) == (30, 30)
    assert (row["recovery_points"], count(row, "offsite")) == (30, 0)
    assert row["attributes"]["recovery_points"]["unknown"] == 30


@pytest.mark.parametrize(("dates", "known"), [("source", 30), ("own", 0)])
def test_copies_of_deleted_originals(simulators: Simulators, dates: str, known: int) -> None:
    """A copy that has the time of its copy job does not prove the age of its data."""
    set_variant(simulators, originals="deleted", copy_dates=dates)
    row = find_row(read_ok(simulators), "web-01")
    assert row["recovery_points"] == known
    assert row["attributes"].get("recovery_points", {}).get("unknown", 0) == 30 - known


def test_a_merged_recovery_point_has_the_time_of_the_original(simulators: Simulators) -> None:
    before = find_row(read_ok(simulators), "web-01")
    set_variant(simulators, copy_dates="own")
    row = find_row(read_ok(simulators), "web-01")
    assert [row[name] for name in ("newest", "oldest")] == [before[name] for name in ("newest", "oldest")]


# Locks and states


@pytest.mark.parametrize(
    ("locks", "immutable"),
    [("compliance", True), ("air_gapped", True), ("governance", False), ("grace", False), ("none", False)],
)
def test_only_compliance_mode_is_immutable(simulators: Simulators, locks: str, immutable: bool) -> None:
    set_variant(simulators, locks=locks)
    row = find_row(read_ok(simulators), "erp-prod")
    assert (count(row, "immutable") > 20) is immutable
    assert row["attributes"]["immutable"].get("unknown", 0) == 0


@pytest.mark.parametrize(("status", "unknown"), [("EXPIRED", 1), ("PARTIAL", 1), ("STOPPED", 1), ("DELETING", 0)])
def test_unusable_states(simulators: Simulators, status: str, unknown: int) -> None:
    set_variant(simulators, newest_status=status)
    row = find_row(read_ok(simulators), "intake-new")
    assert row["recovery_points"] == 1
    assert row["attributes"].get("recovery_points", {}).get("unknown", 0) == unknown


@pytest.mark.parametrize(
    ("validation", "tested", "inferred"), [("SUCCESSFUL", True, 0), ("FAILED", False, 0), ("", True, 1)]
)
def test_restore_tests(simulators: Simulators, validation: str, tested: bool, inferred: int) -> None:
    set_variant(simulators, validation=validation)
    points = [
        point
        for point in read_ok(simulators, detail="recovery_points")["recovery_points"]
        if point["workload_name"] == "erp-prod" and point["restore_tested"] is not None
    ]
    assert points
    assert {point["restore_tested"] for point in points} == {tested}
    assert {"restore_tested" in point["inferred"] for point in points} == {bool(inferred)}


def test_a_resource_without_remaining_recovery_points(simulators: Simulators) -> None:
    set_variant(simulators, emptied="crm-old")
    row = find_row(read_ok(simulators, include_unprotected=True), "crm-old")
    assert (row["recovery_points"], row["platform"]) == (0, "aws_ec2")
    without = read_ok(simulators, include_unprotected=False)
    assert "crm-old" not in {row["workload_name"] for row in without["workloads"]}


# Errors


def test_a_denied_vault_makes_the_result_incomplete(simulators: Simulators) -> None:
    set_variant(simulators, denied="ListRecoveryPointsByBackupVault/berlin-disk-2")
    ended = read(simulators.ready, AWS)
    assert ended.result["failure"]["code"] == "forbidden"
    assert "vault 'berlin-disk-2' in region eu-central-1 of arn:aws:iam" in ended.message
    assert "is not authorized to perform: backup:ListRecoveryPointsByBackupVault" in ended.message
    partly = read_ok(simulators, allow_partial=True)
    assert partly["complete"] is False
    assert [error["code"] for error in partly["errors"]] == ["forbidden"]
    assert find_row(partly, "web-01")["recovery_points"] == 30


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("ListCopyJobs", "copy_jobs"),
        ("ListRestoreJobs", "restore_jobs"),
        ("ListProtectedResources", "protected_resources"),
    ],
)
def test_denied_secondary_listings_leave_attributes_unknown(simulators: Simulators, operation: str, name: str) -> None:
    set_variant(simulators, denied=operation)
    result = read_ok(simulators)
    assert result["server"]["scope"][name] is False
    assert f"{name.replace('_', ' ')} of region eu-central-1" in warnings(result)
    assert count(find_row(result, "web-01"), "offsite") == (0 if name == "copy_jobs" else 30)
    assert ("restore_tested" in find_row(result, "erp-prod")["attributes"]) is (name != "restore_jobs")


def test_no_permission_at_all(simulators: Simulators) -> None:
    ended = read(simulators.ready, AWS, "nothing", assume_roles=[])
    assert ended.result["failure"]["code"] == "forbidden"
    assert "is not authorized to perform: backup:ListBackupVaults" in ended.message


# Protocol


@pytest.mark.parametrize("status", ["400", "429"])
def test_throttled_requests_are_retried(simulators: Simulators, status: str) -> None:
    expected = read_ok(simulators)["totals"]
    set_variant(simulators, throttled=status)
    result = read_ok(simulators)
    assert result["totals"] == expected
    assert result["http_requests"]["retries"] >= 10


def test_empty_pages_with_a_token_are_not_the_end(simulators: Simulators) -> None:
    expected = read_ok(simulators)["totals"]
    set_variant(simulators, empty_pages=True)
    assert read_ok(simulators, page_size=100)["totals"] == expected


def test_a_repeated_token_is_an_error(simulators: Simulators) -> None:
    set_variant(simulators, repeated_token=True)
    ended = read(simulators.ready, AWS, page_size=10)
    assert ended.failed
    assert "link to each other in a loop" in ended.message


def test_a_wrong_clock_of_this_machine_is_corrected(simulators: Simulators) -> None:
    set_variant(simulators, clock_skew=7200)
    result = read_ok(simulators)
    assert 7195 <= result["server"]["clock_skew_seconds"] <= 7205
    posts = [call for call in simulators.requests(AWS) if call["method"] == "POST"]
    assert len(posts) == 2


def test_every_request_and_response_is_in_the_service_model(simulators: Simulators) -> None:
    """Compares the requests that the module sends with the service model, including query keys and responses."""
    read_ok(simulators, page_size=100)
    by_path = {
        operation.http["requestUri"].partition("?")[0].replace("{backupVaultName}", "*"): operation
        for operation in list_operations(load_model())
        if operation.http["method"] == "GET"
    }
    calls = [call for call in simulators.requests(AWS) if call["method"] != "POST"]
    assert len(calls) > 20
    for call in calls:
        parts = call["path"].split("/")
        path = "/".join([*parts[:2], "*", *parts[3:]]) if "recovery-points" in parts else call["path"]
        operation = by_path[path]
        assert call["method"] == operation.http["method"]
        assert "Credential=ASIA" in call["headers"]["Authorization"]
        members = {
            member.serialization.get("name"): member
            for member in operation.input_shape.members.values()
            if member.serialization.get("location") == "querystring"
        }
        for key, value in call["query"]:
            shape = members[key]
            assert not list(find_problems(shape, int(value) if shape.type_name == "integer" else value))


# Credentials


def run_with_home(simulators: Simulators, home: Path, **options: Any) -> ModuleResult:
    """Run the module with other AWS files and variables that it must not use."""
    (home / ".aws").mkdir(exist_ok=True)
    login = get_login(simulators.ready, AWS)
    (home / ".aws" / "credentials").write_text(
        f"[audit]\naws_access_key_id = {login['username']}\naws_secret_access_key = {login['password']}\n"
        "[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n"
    )
    (home / ".aws" / "config").write_text("[profile audit]\nregion = eu-central-1\n")
    given = {name: login[name] for name in ("url", "ca_path")}
    return run_module(MODULE, {**given, **options}, {"HOME": str(home)}, before=_WATCH.format(home=str(home)))


# Ends the module if it opens a file of AWS, or a connection to any server except the simulator.
_WATCH = """
import sys
def watch(event, arguments):
    if event == "socket.connect" and "127.0.0.1" not in str(arguments[1]):
        raise SystemExit("connects to " + str(arguments[1]))
    if event == "open" and str(arguments[0]).startswith("{home}/.aws"):
        print("opens", arguments[0])
sys.addaudithook(watch)
"""


def test_only_the_given_credentials_are_used(simulators: Simulators, tmp_path: Path) -> None:
    login = get_login(simulators.ready, AWS)
    keys = {"access_key": login["username"], "secret_key": login["password"], "regions": ["us-east-2"]}
    given = run_with_home(simulators, tmp_path, **keys)
    assert not given.failed, given.message
    assert "opens" not in given.output
    none = run_with_home(simulators, tmp_path, regions=["us-east-2"])
    assert "missing required arguments: access_key, secret_key" in none.message
    assert "opens" not in none.output
    profile = run_with_home(simulators, tmp_path, profile="audit")
    assert not profile.failed, profile.message
    assert profile.result["server"]["scope"]["regions"] == ["eu-central-1"]
    assert profile.output.count("opens") >= 2
    assert login["password"] not in profile.output
