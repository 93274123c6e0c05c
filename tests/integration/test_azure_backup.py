# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of Azure Backup: login, clouds, permissions, vaults, pages, tiers, locks, counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Simulators
from tests.integration.running_modules import ModuleResult, get_login, read, run_module
from tests.simulators.azure_backup.accounts import FEDERATED_TOKEN
from tests.simulators.azure_backup.arm import SUBSCRIPTIONS, TENANT

AZURE = "azure_backup"
MODULE = "azure_backup_recovery_points_info"
Row = dict[str, Any]


def read_azure(simulators: Simulators, account: str | None = None, **options: Any) -> ModuleResult:
    return read(simulators.ready, AZURE, account, **options)


def read_ok(simulators: Simulators, account: str | None = None, **options: Any) -> Row:
    ended = read_azure(simulators, account, **options)
    assert not ended.failed, ended.message
    return ended.result


def list_points(result: Row, name: str) -> list[Row]:
    """Return the points of a workload, newest first."""
    points = [point for point in result["recovery_points"] if point["workload_name"] == name]
    return sorted(points, key=lambda point: str(point["created_at"]), reverse=True)


def list_paths(simulators: Simulators) -> list[str]:
    return [call["path"] for call in simulators.requests(AZURE)]


# Login


def test_options_and_variables_have_the_names_of_azcollection(simulators: Simulators) -> None:
    login = get_login(simulators.ready, AZURE)
    connection = {name: login[name] for name in ("url", "login_url", "ca_path")}
    account = {"client_id": login["username"], "secret": login["password"]}
    place = {"tenant": login["tenant"], "subscription_id": list(SUBSCRIPTIONS)}
    given = run_module(MODULE, {**connection, **account, **place})
    environment = {
        "AZURE_CLIENT_ID": login["username"],
        "AZURE_SECRET": login["password"],
        "AZURE_TENANT": TENANT,
        "AZURE_SUBSCRIPTION_ID": ",".join(SUBSCRIPTIONS),
    }
    found = run_module(MODULE, connection, environment)
    for ended in (given, found):
        assert not ended.failed, ended.message
        assert login["password"] not in ended.output
    assert given.result["totals"] == found.result["totals"]


def test_the_token_file_of_the_environment_is_used_only_on_request(simulators: Simulators, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(FEDERATED_TOKEN, "ascii")
    login = {name: value for name, value in get_login(simulators.ready, AZURE).items() if name != "password"}
    environment = {"AZURE_FEDERATED_TOKEN_FILE": str(file), "AZURE_AUTHORITY_HOST": login["login_url"]}
    ignored = run_module(MODULE, login, environment)
    assert "missing required arguments: secret" in ignored.message
    assert not simulators.requests(AZURE)
    asked = run_module(MODULE, {**login, "federated_token_file": str(file)}, environment)
    assert not asked.failed, asked.message
    assert FEDERATED_TOKEN not in asked.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"secret": "wrong"}, "AADSTS7000215: Invalid client secret provided"),
        ({"client_id": "00000000-0000-0000-0000-00000000000f"}, "AADSTS700016: Application with identifier"),
        ({"tenant": "elsewhere.example"}, "AADSTS90002: Tenant 'elsewhere.example' not found"),
    ],
)
def test_a_rejected_login_shows_the_message_of_the_product(simulators: Simulators, options: Row, message: str) -> None:
    login = get_login(simulators.ready, AZURE)
    renamed = {"client_id": login.pop("username"), "secret": login.pop("password")}
    ended = run_module(MODULE, {**login, **renamed, **options})
    assert ended.result["failure"]["code"] == "login_rejected"
    assert message in ended.message
    assert f"Login to {login['login_url']} as" in ended.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subscription_id": "Production"}, "subscription_id: 'production' is not a valid ID"),
        ({"tenant": "a/b"}, "tenant: 'a/b' is not a valid tenant"),
        ({"login_url": "http://login.example"}, "login_url: 'http://login.example' is not encrypted"),
        ({"login_url": "https://user:word@login.example"}, "login_url: expected a URL such as"),
        ({"vaults": ["a/b/c"]}, "vaults: 'a/b/c' is not a valid name"),
        ({"resource_groups": ["a/b"]}, "resource_groups: 'a/b' is not a valid name"),
        ({"recovery_services_api_version": "newest"}, "recovery_services_api_version: 'newest' is not a valid version"),
        ({"federated_token_file": "/nowhere"}, "federated_token_file: secret is set, too"),
    ],
)
def test_invalid_options_are_rejected_before_login(simulators: Simulators, options: Row, message: str) -> None:
    ended = read_azure(simulators, **options)
    assert message in ended.message
    assert ended.result["failure"]["code"] == "invalid_option"
    assert not simulators.requests(AZURE)


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("AzureCloud", "login.microsoftonline.com"),
        ("AzureUSGovernment", "login.microsoftonline.us"),
        ("AzureChinaCloud", "login.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_addresses(simulators: Simulators, cloud: str, host: str) -> None:
    login = {name: value for name, value in get_login(simulators.ready, AZURE).items() if "url" not in name}
    # No request leaves this machine, because the proxy does not exist.
    ended = run_module(MODULE, {**login, "cloud_environment": cloud, "proxy": "http://127.0.0.1:9", "retries": 0})
    assert ended.failed
    assert f"Cannot connect to {host}" in ended.message


def test_an_expired_token_is_replaced_during_the_read(simulators: Simulators) -> None:
    expected = read_ok(simulators)["totals"]
    simulators.reset()
    rule = {"match": {"path": "*/recoveryPoints", "nth": 5}, "fault": "expire_session"}
    simulators.ask(AZURE, "__faults", [rule])
    assert read_ok(simulators)["totals"] == expected
    assert sum(path.endswith("/token") for path in list_paths(simulators)) == 2


def test_an_unsupported_api_version(simulators: Simulators) -> None:
    ended = read_azure(simulators, recovery_services_api_version="2199-01-01")
    assert "No registered resource provider found" in ended.message
    assert 'Set "recovery_services_api_version"' in ended.message
    assert read_ok(simulators, recovery_services_api_version="2025-08-01")["complete"] is True


# Permissions and selection


@pytest.mark.parametrize("account", ["one_vault", "nothing", "no_rights_shown"])
def test_results_without_sufficient_permissions_are_incomplete(simulators: Simulators, account: str) -> None:
    ended = read_azure(simulators, account)
    assert ended.result["failure"]["code"] == "forbidden"
    assert "does not have the permission Microsoft.RecoveryServices/vaults/read" in ended.message
    assert "so the server silently omits vaults" in ended.message
    partly = read_ok(simulators, account, allow_partial=True)
    assert partly["complete"] is False
    assert partly["server"]["scope"] == {"inventory": False, "vaults": False}


def test_permissions_for_one_vault_are_sufficient_for_it(simulators: Simulators) -> None:
    part = read_ok(simulators, "one_vault", vaults=["rg-backup/rsv-1"], subscription_id=[SUBSCRIPTIONS[0]])
    assert part["complete"] is True
    assert part["server"]["scope"]["vaults"] is True
    assert part["selection"]["vaults"] == ["rg-backup/rsv-1"]
    expected = read_ok(simulators, vaults=["RSV-1"], subscription_id=[SUBSCRIPTIONS[0]])
    assert part["totals"] == expected["totals"]
    assert part["totals"]["recovery_points"] > 30
    unclear = read_azure(simulators, "one_vault", vaults=["rsv-1"], subscription_id=[SUBSCRIPTIONS[0]])
    assert "silently omits vaults" in unclear.message


def test_a_denied_vault_is_reported_once(simulators: Simulators) -> None:
    ended = read_azure(simulators, "some_vaults")
    assert "vault 'rg-backup/rsv-2': the account lacks permission for this request" in ended.message
    assert "does not have authorization to perform action" in ended.message
    partly = read_ok(simulators, "some_vaults", allow_partial=True)
    assert len(partly["errors"]) == sum(error["message"].startswith("vault") for error in partly["errors"])
    assert partly["server"]["scope"]["vaults"] is True
    assert 100 < partly["totals"]["recovery_points"] < read_ok(simulators)["totals"]["recovery_points"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vaults": ["elsewhere"]}, "vault 'elsewhere': it is not listed"),
        ({"vaults": ["rg-other/rsv-1"]}, "vault 'rg-other/rsv-1': it is not listed"),
        ({"resource_groups": ["elsewhere"]}, "resource group 'elsewhere': "),
        ({"subscription_id": "00000000-0000-0000-0000-00000000000a"}, "The subscription '00000000-0000-0000-0000"),
    ],
)
def test_selected_objects_must_exist(simulators: Simulators, options: Row, message: str) -> None:
    ended = read_azure(simulators, **options)
    assert ended.failed
    assert message in ended.message


def test_resource_groups_and_subscriptions_can_be_selected(simulators: Simulators) -> None:
    everything = read_ok(simulators)
    assert read_ok(simulators, resource_groups=["rg-backup"])["totals"] == everything["totals"]
    assert read_ok(simulators, resource_groups=["rg-empty"])["totals"]["workloads"] == 0
    parts = [read_ok(simulators, subscription_id=[one]) for one in SUBSCRIPTIONS]
    assert sum(part["totals"]["recovery_points"] for part in parts) == everything["totals"]["recovery_points"]
    assert {part["server"]["identity"] for part in parts} == {f"{AZURE}:{TENANT}"}
    hosts = [part["server"]["host"] for part in parts]
    assert [host.partition("/")[2] for host in hosts] == list(SUBSCRIPTIONS)


def test_only_the_selected_types_are_requested(simulators: Simulators) -> None:
    result = read_ok(simulators, workload_types=["physical"])
    assert {row["workload_type"] for row in result["workloads"]} == {"physical"}
    filters = {value for call in simulators.requests(AZURE) for key, value in call["query"] if key == "$filter"}
    assert "backupManagementType eq 'MAB'" in filters
    assert "backupManagementType eq 'AzureIaasVM'" not in filters
    assert not any(path.endswith("/backupInstances") for path in list_paths(simulators))


# Lists


@pytest.mark.parametrize("variant", [{"ids": "vendor"}, {"unfiltered_lists_all": True}, {"links": "other"}])
def test_variants_without_effect(simulators: Simulators, variant: Row) -> None:
    expected = read_ok(simulators)
    simulators.ask(AZURE, "__variant", variant)
    found = read_ok(simulators)
    assert found["totals"] == expected["totals"]
    assert found["points"] == expected["points"]


def test_fewer_points_than_the_service_counts_are_incomplete(simulators: Simulators) -> None:
    simulators.ask(AZURE, "__variant", {"counts": "high"})
    ended = read_azure(simulators, vaults=["rsv-1"])
    assert "the list of recovery points is incomplete" in ended.message
    assert "of 31 are listed" in ended.message
    simulators.ask(AZURE, "__variant", {"counts": "missing"})
    uncounted = read_azure(simulators)
    assert uncounted.result["complete"] is True
    assert "so missing ones would not be noticed" in uncounted.output


def test_log_backups_are_a_range_even_if_counted(simulators: Simulators) -> None:
    simulators.ask(AZURE, "__variant", {"log_ranges": True, "databases": "sql"})
    result = read_ok(simulators, workload_types=["database"], detail="recovery_points")
    kinds = [point["kind"] for point in list_points(result, "orders")]
    assert kinds.count("continuous") == 1
    assert set(kinds) == {"continuous", "full", "differential"}
    chain = next(point for point in list_points(result, "orders") if point["kind"] == "continuous")
    assert chain["restorable_from"] == list_points(result, "orders")[-1]["created_at"]
    row = next(row for row in result["workloads"] if row["workload_name"] == "orders")
    assert row["recovery_points"] == len(kinds) - 1
    simulators.ask(AZURE, "__variant", {"counts": "high"})
    counted = read_azure(simulators, workload_types=["database"])
    assert not counted.failed, counted.message
    assert "count more recovery points than they list (orders)" in counted.output


def test_log_backups_without_a_range_are_a_warning(simulators: Simulators) -> None:
    expected = read_ok(simulators, workload_types=["database"])
    simulators.ask(AZURE, "__variant", {"empty_ranges": True})
    ended = read_azure(simulators, workload_types=["database"])
    assert not ended.failed, ended.message
    assert (ended.result["complete"], ended.result["totals"]) == (True, expected["totals"])
    assert "databases list log backups without a range of times (" in ended.output
    # A range that is empty does not explain why fewer points are listed than counted.
    simulators.ask(AZURE, "__variant", {"counts": "high"})
    assert "the list of recovery points is incomplete" in read_azure(simulators, workload_types=["database"]).message


@pytest.mark.parametrize("ranges", ["[]", "null"])
def test_a_database_without_any_point_is_listed(simulators: Simulators, ranges: str) -> None:
    kind = "AzureWorkloadSAPHanaPointInTimeRecoveryPoint"
    body = f'{{"value": [{{"id": "x", "properties": {{"objectType": "{kind}", "timeRanges": {ranges}}}}}]}}'
    rule = {"match": {"path": "*SAPHanaDatabase*/recoveryPoints"}, "fault": "status", "status": 200, "body": body}
    simulators.ask(AZURE, "__variant", {"counts": "missing"})
    expected = read_ok(simulators, workload_types=["database"])["workloads"]
    names = {row["workload_name"] for row in expected if row["workload_type"] == "database"}
    simulators.ask(AZURE, "__faults", [rule])
    ended = read_azure(simulators, workload_types=["database"], allow_partial=True)
    found = {row["workload_name"]: row["recovery_points"] for row in ended.result["workloads"]}
    if ranges == "[]":
        assert ended.result["complete"] is True
        assert found.keys() == names
        assert 0 in found.values()
    else:
        # It is not known that they have no points.
        assert 0 not in found.values()
        assert "the recovery point 'x' has no time" in str(ended.result["errors"])


@pytest.mark.parametrize("page", [{"nextLink": None}, {"value": None}, {"value": ["x"], "nextLink": None}])
def test_empty_pages_are_an_error(simulators: Simulators, page: Row) -> None:
    rule = {"match": {"path": "*/backupInstances"}, "fault": "status", "status": 200, "body": json.dumps(page)}
    simulators.ask(AZURE, "__faults", [rule])
    ended = read_azure(simulators)
    assert ended.failed
    assert "vault 'rg-backup/bv-" in ended.message


def test_an_invalid_link_is_an_error(simulators: Simulators) -> None:
    for link, message in (("https://x.example/none", "is invalid"), (7, "is invalid"), ("http://[", "is invalid")):
        body = json.dumps({"value": [], "nextLink": link})
        rule = {"match": {"path": "*/backupInstances"}, "fault": "status", "status": 200, "body": body}
        simulators.ask(AZURE, "__faults", [rule])
        assert f"the link to the next page {message}" in read_azure(simulators).message


# Points


def test_deleted_points_are_not_usable(simulators: Simulators) -> None:
    for name in ("web-01", "catalog"):
        simulators.ask(AZURE, "__variant", {"soft_deleted": name})
        points = list_points(read_ok(simulators, detail="recovery_points"), name)
        assert {point["usable"] for point in points} == {False}
        assert points


def test_only_a_locked_vault_is_immutable(simulators: Simulators) -> None:
    reported = list_points(read_ok(simulators, detail="recovery_points"), "erp-prod")
    assert {point["immutable"] for point in reported if point["immutable_until"]} <= {True, False}
    assert not any("immutable" in point["inferred"] for point in reported)
    simulators.ask(AZURE, "__variant", {"point_locks": False})
    inferred = list_points(read_ok(simulators, detail="recovery_points"), "erp-prod")
    assert {(point["immutable"], *point["inferred"][-1:]) for point in inferred} == {(True, "immutable")}
    assert all(point["immutable_until"] == point["expires_at"] for point in inferred)
    simulators.ask(AZURE, "__variant", {"point_locks": True, "lock": "Unlocked"})
    unlocked = list_points(read_ok(simulators, detail="recovery_points"), "erp-prod")
    assert {point["immutable"] for point in unlocked} == {False}


def test_a_copy_that_only_microsoft_can_use_is_unknown(simulators: Simulators) -> None:
    points = list_points(read_ok(simulators, detail="recovery_points"), "web-01")
    assert (points[-1]["offsite"], points[-1]["inferred"]) == (True, ["offsite"])
    simulators.ask(AZURE, "__variant", {"cross_region_restore": False})
    points = list_points(read_ok(simulators, detail="recovery_points"), "web-01")
    assert {point["offsite"] for point in points} == {None}
    simulators.ask(AZURE, "__variant", {"source_location": True})
    points = list_points(read_ok(simulators, detail="recovery_points"), "dc-01")
    assert {(point["offsite"], *point["inferred"]) for point in points} == {(False,)}


def test_points_without_tiers_are_unknown(simulators: Simulators) -> None:
    simulators.ask(AZURE, "__variant", {"tier_details": False})
    point = list_points(read_ok(simulators, detail="recovery_points"), "web-01")[0]
    assert (point["kind"], point["usable"], point["offsite"], point["encrypted"]) == ("unknown", None, None, None)


def test_points_of_backup_servers_may_not_be_in_the_vault(simulators: Simulators) -> None:
    options: Row = {"workload_types": ["physical"], "detail": "recovery_points"}
    direct = read_ok(simulators, **options)["recovery_points"]
    assert {(point["kind"], point["usable"]) for point in direct} == {("backup", True)}
    for agent in ("DPM", "AzureBackupServer"):
        simulators.ask(AZURE, "__variant", {"agent": agent})
        points = read_ok(simulators, **options)["recovery_points"]
        assert len(points) == len(direct)
        names = ("usable", "offsite", "immutable", "encrypted")
        assert {tuple(point[name] for name in names) for point in points} == {(None, None, None, None)}


def test_records_of_the_product_are_returned_on_request(simulators: Simulators) -> None:
    result = read_ok(simulators, detail="recovery_points", include_raw=True, workload_names=["web-01"])
    for point in result["recovery_points"]:
        assert point["raw"]["properties"]["objectType"] == "IaasVMRecoveryPoint"
        assert point["raw"]["id"] == point["id"]
