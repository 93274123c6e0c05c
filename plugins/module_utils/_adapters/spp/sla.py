# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spectrum Protect Plus: encryption, expiry and immutability, inferred from the current SLA policies."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Collection, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import add_days
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_text,
)

# protectionInfo.subPolicyType -> role of a copy. BACKUP is the source of the other copies.
ROLES = {
    "BACKUP": "primary",
    "REPLICATION": "replica",
    "SPPOFFLOAD": "offload",
    "SPPARCHIVE": "archive",
    "SNAPSHOT": "snapshot",
}


@dataclasses.dataclass(frozen=True)
class Sla:
    """The current settings of an SLA policy. Derived values are inferred: settings may have changed since the backup.

    If a policy has several rules for a role, only their common settings are known.
    """

    # Roles whose rules all require encryption. The others may be encrypted as well.
    encrypted: frozenset[str]
    # Days after which the primary copy expires.
    retention_days: int | None
    # Roles whose rules all have a write-once target (target.wormProtected) -> the shortest retention in days.
    locked: Mapping[str, int]


def parse_slas(policies: Iterable[Mapping[str, t.Any]]) -> dict[str, Sla]:
    """Return SLA policies by name. Names that are not unique are omitted."""
    named = [(as_text(policy.get("name")), policy) for policy in policies]
    names = [name for name, _policy in named]
    return {name: _parse_sla(policy) for name, policy in named if name and names.count(name) == 1}


def _parse_sla(policy: Mapping[str, t.Any]) -> Sla:
    rules: dict[str, list[dict[str, t.Any]]] = {}
    for rule in map(as_object, as_list(as_object(policy.get("spec")).get("subpolicy"))):
        kind = (as_text(rule.get("type")) or "").upper()
        # REPLICATION with software: true is the backup to the vSnap server; otherwise it is replication.
        role = "primary" if kind == "REPLICATION" and as_bool(rule.get("software")) else ROLES.get(kind)
        if role:
            rules.setdefault(role, []).append(rule)
    primary = _shortest(_parse_days(rule, None) for rule in rules.get("primary", ()))
    locked = {}
    for role, role_rules in rules.items():
        days = _shortest(_parse_days(rule, primary) for rule in role_rules)
        if days is not None and all(as_bool(as_object(rule.get("target")).get("wormProtected")) for rule in role_rules):
            locked[role] = days
    encrypted = {
        role for role, role_rules in rules.items() if all(as_bool(rule.get("useEncryption")) for rule in role_rules)
    }
    return Sla(frozenset(encrypted), primary, locked)


def _parse_days(rule: Mapping[str, t.Any], inherited: int | None) -> int | None:
    """Return the retention in days. If it is empty, it is inherited; if it is a number of snapshots, it is None."""
    retention = rule.get("retention")
    return inherited if retention == {} else as_int(as_object(retention).get("age"))


def _shortest(days: Iterable[int | None]) -> int | None:
    known = list(days)
    return min((one for one in known if one is not None), default=None) if None not in known else None


def apply_sla(point: RecoveryPoint, sla: Sla, roles: Collection[str]) -> None:
    """Set the inferred fields of a point; ``roles`` are those of its known copies."""
    inferred = list(point.inferred)
    if sla.encrypted.issuperset(roles):
        point.encrypted = True
        inferred.append("encrypted")
    if sla.retention_days is not None and "primary" in roles:
        point.expires_at = add_days(point.created, sla.retention_days)
        inferred.append("expires_at")
    for copy in point.copies or ():
        days = sla.locked.get(copy.role or "")
        if days is not None:
            copy.immutable_until = add_days(point.created, days)
            point.immutable_until = max(point.immutable_until or 0, copy.immutable_until)
            if "immutable_until" not in inferred:
                inferred += ["immutable", "immutable_until"]
    point.inferred = tuple(inferred)
