# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxmox Backup Server: lists that are silently shorter, and misleading states."""

from __future__ import annotations

from tests.false_compliance.simulated_servers import one, read_and_evaluate, with_and_without
from tests.false_compliance.situations import AGE, COUNT, REJECTED, Pair, situation
from tests.integration.conftest import Simulators
from tests.integration.running_modules import read

PBS = "pbs"
THIRTY = {"recovery_points": {"min_count": 30}}
CHECKED = {"integrity_checked": {"min_count": 1}}


@situation(
    "The account may see only the groups that it owns, and the others are silently omitted",
    naive_check="every guest in the list is good",
    result=REJECTED,
    message="the account does not have Datastore.Audit with propagation at /datastore",
)
def test_account_of_a_backup_client(simulators: Simulators) -> Pair:
    return read(simulators.ready, PBS, "owner"), read(simulators.ready, PBS)


@situation(
    "The permission on all datastores is not inherited, so every list is empty",
    naive_check="no backup is too old",
    result=REJECTED,
    message="the account does not have Datastore.Audit with propagation at /datastore",
)
def test_permission_without_propagation(simulators: Simulators) -> Pair:
    return read(simulators.ready, PBS, "not_propagated"), read(simulators.ready, PBS)


@situation(
    "A lower permission hides a part of one namespace",
    naive_check="the account may audit all datastores",
    result=REJECTED,
    message="with propagation at /datastore/berlin-disk-1/production",
)
def test_permission_that_replaces_another(simulators: Simulators) -> Pair:
    return read(simulators.ready, PBS, "partly"), read(simulators.ready, PBS)


@situation(
    "The server cannot read the owner of a group, and omits the group from both lists",
    naive_check="groups and snapshots match",
    result=REJECTED,
    message="the list of snapshots is incomplete",
)
def test_group_without_an_owner(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, PBS)
    simulators.ask(PBS, "__variant", {"hidden_groups": "owner"})
    return read(simulators.ready, PBS), straight


@situation(
    "A datastore is in maintenance mode",
    naive_check="the backups in the other datastores are good",
    result=REJECTED,
    message="is unavailable: offline maintenance mode",
)
def test_datastore_in_maintenance(simulators: Simulators) -> Pair:
    straight = read(simulators.ready, PBS)
    simulators.ask(PBS, "__variant", {"offline": "chicago-disk-1"})
    return read(simulators.ready, PBS), straight


@situation(
    "The newest snapshot is an upload that has not finished",
    naive_check="the newest snapshot is 20 minutes old",
    control=AGE,
    result="fail",
    message="newest recovery point is ",
)
def test_unfinished_upload(simulators: Simulators) -> Pair:
    policy = {"recovery_points": {"max_age": "30m"}}
    fresh = {"recovery_points": {"max_age": "48h"}}
    return one(simulators, PBS, "batch-night", policy), one(simulators, PBS, "batch-night", fresh)


@situation(
    "The server cannot read the manifest of the newest snapshot",
    naive_check="all files of the snapshot are listed",
    control=COUNT,
    result="unknown",
    message="recovery points: 29 known, at least 30 required",
)
def test_unreadable_manifest(simulators: Simulators) -> Pair:
    return with_and_without(simulators, PBS, {"unreadable_manifests": True}, THIRTY)


@situation(
    "A copy from another server has the result of the verification there",
    naive_check="the state of the verification is ok",
    control="integrity_checked.min_count",
    result="unknown",
    message="integrity-checked recovery points: 0 known",
)
def test_copy_of_a_verified_snapshot(simulators: Simulators) -> Pair:
    simulators.ask(PBS, "__variant", {"synced": True})
    copies, own = (
        one(simulators, PBS, "web-01", CHECKED, datastores=[name]) for name in ("dr-copies", "berlin-disk-1")
    )
    return copies, own


@situation(
    "The newest snapshot failed its verification",
    naive_check="the backup job was successful",
    control=COUNT,
    result="fail",
    message="29 recovery points, at least 30 required",
)
def test_failed_verification(simulators: Simulators) -> Pair:
    return one(simulators, PBS, "mail-01", THIRTY), one(simulators, PBS, "web-01", THIRTY)


@situation(
    "One of the files of a snapshot is not encrypted",
    naive_check="the snapshot has the fingerprint of a key",
    control="encrypted.all",
    result="fail",
    message="30 recovery points are not encrypted",
)
def test_one_file_is_not_encrypted(simulators: Simulators) -> Pair:
    return with_and_without(simulators, PBS, {"mixed_encryption": True}, {"encrypted": {"all": True}})


@situation(
    "A snapshot is protected",
    naive_check="protected snapshots cannot be deleted",
    control="immutable.min_count",
    result="unknown",
    message="immutable recovery points: 0 known",
)
def test_protected_is_not_immutable(simulators: Simulators) -> Pair:
    policy = {"immutable": {"min_count": 1, "accept": ["reported", "declared"]}}
    return one(simulators, PBS, "web-01", policy), read_and_evaluate(
        simulators,
        PBS,
        policy,
        workload_names=["web-01"],
        location_attributes=[{"match": "*", "immutable": True}],
    )
