# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground truth that every simulated product serves: the actual backups and the state of each.

Times are whole microseconds since 1970 (UTC). A product reports them in its own resolution and time zone; the expected
result of a reader is the ground truth truncated to that resolution.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def as_datetime(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)


def as_moment(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1)


def from_iso(text: str) -> datetime:
    """Parse an ISO 8601 time; Python 3.10 itself accepts neither Z nor fractions of other than 3 or 6 digits."""
    six_digits = re.sub(r"\.(\d+)", lambda fraction: f".{fraction[1][:6]:0<6}", text)
    return datetime.fromisoformat(six_digits.replace("Z", "+00:00"))


def rfc3339(moment: int) -> str:
    return as_datetime(moment).isoformat(timespec="microseconds")[:26] + "Z"


def optional_time(moment: int | None) -> str | None:
    return None if moment is None else rfc3339(moment)


@dataclass(frozen=True)
class Site:
    """A site. `timezone` is for products that report local time; `origin` is the backup server at this site."""

    key: str
    name: str
    timezone: str
    origin: str
    region: str


@dataclass(frozen=True)
class Location:
    """Where copies are stored: disk, object, archive, snapshot (with the workload), host (a replica)."""

    key: str
    name: str
    location_type: str
    site: Site


@dataclass(frozen=True)
class CopyRule:
    """One location that a policy writes to. `lag` is the time between the backup and the copy."""

    location: Location
    role: str
    lag: int = 0
    immutable_days: int = 0


@dataclass(frozen=True)
class Policy:
    key: str
    name: str
    hour: int
    minute: int
    encrypted: bool
    rules: tuple[CopyRule, ...]
    check: str | None = None
    checked_by: str = "integrity_check"
    ordinal: int = 0
    # Locations of monthly and yearly runs instead of `rules`; None: this policy does not keep generations.
    archive: CopyRule | None = None

    @property
    def all_rules(self) -> tuple[CopyRule, ...]:
        return self.rules if self.archive is None else (*self.rules, self.archive)

    @property
    def schedule(self) -> str:
        return f"daily at {self.hour:02}:{self.minute:02} UTC"


@dataclass(frozen=True)
class Run:
    """One nightly run of one policy, shared by all workloads of the policy."""

    policy: Policy
    started: int
    status: str

    @cached_property
    def key(self) -> str:
        return f"{self.policy.key}-{as_datetime(self.started):%Y%m%dT%H%M}"


@dataclass(frozen=True, slots=True)
class Copy:
    location: Location
    role: str
    copied_at: int
    immutable_until: int | None
    encrypted: bool
    offsite: bool


@dataclass(slots=True)
class Point:
    key: str
    run: Run
    created_at: int
    completed_at: int | None
    kind: str
    status: str
    usable: bool
    size_bytes: int | None
    copies: tuple[Copy, ...]
    encrypted: bool
    expires_at: int | None = None
    tested_at: int | None = None
    tested_by: str | None = None
    checked_at: int | None = None
    checked_by: str | None = None
    malware: str | None = None
    hold: str | None = None
    retention: tuple[str, ...] = ()

    @property
    def immutable_until(self) -> int | None:
        return max((copy.immutable_until for copy in self.copies if copy.immutable_until is not None), default=None)

    def as_json(self, now: int) -> dict[str, object]:
        until = self.immutable_until
        return {
            "key": self.key,
            "created_at": rfc3339(self.created_at),
            "completed_at": optional_time(self.completed_at),
            "kind": self.kind,
            "status": self.status,
            "usable": self.usable,
            "size_bytes": self.size_bytes,
            "copies": [
                {
                    "location": copy.location.name,
                    "location_type": copy.location.location_type,
                    "role": copy.role,
                    "copied_at": rfc3339(copy.copied_at),
                    "immutable_until": optional_time(copy.immutable_until),
                    "encrypted": copy.encrypted,
                    "offsite": copy.offsite,
                }
                for copy in self.copies
            ],
            "restore_tested": self.tested_at is not None,
            "tested_at": optional_time(self.tested_at),
            "tested_by": self.tested_by,
            "integrity_checked": self.checked_at is not None,
            "checked_at": optional_time(self.checked_at),
            "checked_by": self.checked_by,
            "encrypted": self.encrypted,
            "immutable": until is not None and until > now,
            "immutable_until": optional_time(until),
            "expires_at": optional_time(self.expires_at),
            "malware": self.malware,
            "hold": self.hold,
            "retention": list(self.retention),
            "job": self.run.policy.name,
            "run": self.run.key,
        }


@dataclass
class Workload:
    """`source_bytes` is the size of the workload itself; `listed_in` names the products that list it (None: all).

    `tenant` is its owner if a provider hosts it; `replica` is the state of its replica: ready, failover or cdp.
    """

    key: str
    name: str
    workload_type: str
    platform_hint: str
    site: Site
    policy: Policy | None
    in_inventory: bool
    protected: bool
    scenario: str
    why: str
    source_bytes: int
    points: list[Point] = field(default_factory=list)
    listed_in: tuple[str, ...] | None = None
    tenant: str | None = None
    replica: str | None = None

    def as_json(self, now: int) -> dict[str, object]:
        return {
            "key": self.key,
            "name": self.name,
            "workload_type": self.workload_type,
            "platform_hint": self.platform_hint,
            "site": self.site.key,
            "origin": self.site.origin,
            "in_inventory": self.in_inventory,
            "protected": self.protected,
            "schedule": self.policy.schedule if self.policy is not None and self.protected else None,
            "story": f"{self.scenario}: {self.why}",
            "source_bytes": self.source_bytes,
            "listed_in": None if self.listed_in is None else list(self.listed_in),
            "tenant": self.tenant,
            "replica": self.replica,
            "points": [point.as_json(now) for point in self.points],
        }


@dataclass
class Estate:
    seed: int
    now: int
    sites: tuple[Site, ...]
    locations: tuple[Location, ...]
    policies: tuple[Policy, ...]
    workloads: list[Workload]
    # Values that a published document prescribes: product -> key -> id ("host": the server's own name).
    fixed: dict[str, dict[str, str]] = field(default_factory=dict)

    def for_product(self, product: str) -> list[Workload]:
        return [work for work in self.workloads if work.listed_in is None or product in work.listed_in]

    def head_json(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "now": rfc3339(self.now),
            "sites": [vars(site) for site in self.sites],
        }

    def runs(self, product: str) -> Iterator[tuple[Run, list[tuple[Workload, Point]]]]:
        """Every run with the points that it created, oldest first."""
        made: dict[str, tuple[Run, list[tuple[Workload, Point]]]] = {}
        for work in self.for_product(product):
            for point in work.points:
                made.setdefault(point.run.key, (point.run, []))[1].append((work, point))
        yield from sorted(made.values(), key=lambda item: (item[0].started, item[0].policy.ordinal))
