# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Backup: lists that are silently shorter, snapshots, locks that can be removed, copies that nobody can use."""

from __future__ import annotations

from tests.false_compliance.simulated_servers import one
from tests.false_compliance.situations import COUNT, REJECTED, Pair, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

AZURE = "azure_backup"
THIRTY = {"recovery_points": {"min_count": 30}}
LOCKED = {"immutable": {"min_count": 1, "accept": ["reported", "inferred"]}}
ELSEWHERE = {"offsite": {"min_count": 1, "accept": ["reported", "inferred"]}}


@situation(
    "The account may see only one vault, and the others are silently omitted",
    naive_check="every item in the list is good",
    result=REJECTED,
    message="so the server silently omits vaults that it must not see",
)
def test_account_of_one_vault(simulators: Simulators) -> Pair:
    return read(simulators.ready, AZURE, "one_vault"), read(simulators.ready, AZURE)


@situation(
    "The account may list all vaults, but not read one of them",
    naive_check="the items in the other vaults are good",
    result=REJECTED,
    message="vault 'rg-backup/rsv-2': the account lacks permission",
)
def test_vault_that_is_denied(simulators: Simulators) -> Pair:
    return read(simulators.ready, AZURE, "some_vaults"), read(simulators.ready, AZURE)


@situation(
    "A recovery point exists only in the snapshot tier, with the disks of the machine",
    naive_check="the recovery point is valid",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 1 required",
)
def test_snapshot_tier_is_not_a_backup(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"min_count": 1}}
    return one(simulators, AZURE, "edge-cache", policy), one(simulators, AZURE, "web-01", policy)


@situation(
    "A machine was deleted from the vault, and its points can only be undeleted",
    naive_check="all recovery points are listed as valid",
    control=COUNT,
    result="fail",
    message="0 recovery points, at least 30 required",
)
def test_soft_deleted_item(simulators: Simulators) -> Pair:
    straight = one(simulators, AZURE, "web-01", THIRTY)
    simulators.ask(AZURE, "__variant", {"soft_deleted": "web-01"})
    return one(simulators, AZURE, "web-01", THIRTY), straight


@situation(
    "The service counts more recovery points than it lists",
    naive_check="every page was read",
    result=REJECTED,
    message="the list of recovery points is incomplete",
)
def test_incomplete_list(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, AZURE)
    simulators.ask(AZURE, "__variant", {"counts": "high"})
    return read(simulators.ready, AZURE), straight


@situation(
    "The immutability of the vault is enabled, but not locked",
    naive_check="the recovery points are reported as immutable",
    control="immutable.min_count",
    result="fail",
    message="0 immutable recovery points, at least 1 required",
)
def test_unlocked_vault(simulators: Simulators) -> Pair:
    straight = one(simulators, AZURE, "erp-prod", LOCKED)
    simulators.ask(AZURE, "__variant", {"lock": "Unlocked"})
    return one(simulators, AZURE, "erp-prod", LOCKED), straight


@situation(
    "The vault is geo-redundant, but does not offer a restore in the other region",
    naive_check="the storage of the vault is copied to another region",
    control="offsite.min_count",
    result="unknown",
    message="off-site recovery points: 0 known",
)
def test_copy_that_only_the_provider_can_use(simulators: Simulators) -> Pair:
    straight = one(simulators, AZURE, "web-01", ELSEWHERE)
    simulators.ask(AZURE, "__variant", {"cross_region_restore": False})
    return one(simulators, AZURE, "web-01", ELSEWHERE), straight


@situation(
    "The newest backup may not have been copied to the other region yet",
    naive_check="cross-region restore is enabled",
    control="offsite.max_age",
    result="unknown",
    message="",
)
def test_copy_that_may_be_late(simulators: Simulators) -> Pair:
    accept = ["reported", "inferred"]
    policies = [{"offsite": {"max_age": limit, "accept": accept}} for limit in ("30h", "96h")]
    late, straight = (one(simulators, AZURE, "web-01", policy) for policy in policies)
    return late, straight


@situation(
    "The newest recovery point of a machine cannot be restored from any tier",
    naive_check="the newest recovery point is of last night",
    control=COUNT,
    result="fail",
    message="29 recovery points, at least 30 required",
)
def test_invalid_tier(simulators: Simulators) -> Pair:
    return one(simulators, AZURE, "mail-01", THIRTY), one(simulators, AZURE, "web-01", THIRTY)


@situation(
    "Recovery points do not name their tiers",
    naive_check="recovery points are listed",
    control=COUNT,
    result="unknown",
    message="recovery points: 0 known, at least 30 required",
)
def test_points_without_tiers(simulators: Simulators) -> Pair:
    straight = one(simulators, AZURE, "web-01", THIRTY)
    simulators.ask(AZURE, "__variant", {"tier_details": False})
    return one(simulators, AZURE, "web-01", THIRTY), straight
