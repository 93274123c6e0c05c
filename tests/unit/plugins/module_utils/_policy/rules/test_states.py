# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a point for each attribute (T, U, F, weak F or absent), observed through rules."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS, RecoveryPoint
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, HOUR, SECOND
from tests.unit.plugins.module_utils._policy.policy_points import (
    NOW,
    findings,
    messages,
    moment,
    point,
    read,
    row,
)
from tests.unit.plugins.module_utils._policy.rules.cases import FACTS, counted, fact, find, get_result, undated

DEFAULT_KINDS = ("full", "incremental", "differential", "synthetic_full", "archive", "replica", "backup")
NAMES = [*FACTS, "malware"]
FOUR = ("full", "incremental", "differential", "synthetic_full")
# Both ends of continuous protection are known.
ENDS = {"restorable_from": moment(days=2), "restorable_until": moment(hours=1)}
# (kind, usable) -> whether the point is certainly, possibly, or not a recovery point.
SURE: list[tuple[str, bool | None]] = [(kind, True) for kind in DEFAULT_KINDS]
POSSIBLE = [("unknown", True), ("unknown", None), *((kind, None) for kind in DEFAULT_KINDS)]
ABSENT = [
    *((kind, usable) for kind in ("snapshot", "log", "config", "continuous") for usable in (True, None)),
    *((kind, False) for kind in KINDS),
]


def state(one: RecoveryPoint, attribute: str, *options: str, accept: tuple[str, ...] = (), **given: Any) -> str:
    """Return the state of the only point of a workload; ``options``: kinds that recovery_points names."""
    settings: dict[str, Any] = {"accept": ["reported", *accept]}
    if options:
        settings["backup_types"] = list(options)

    def get(rule: str, limit: Any) -> str:
        rules = {attribute: {rule: limit, **settings}}
        if attribute.startswith("backup_types."):
            rules = {"backup_types": {attribute.partition(".")[2]: {rule: limit, **settings}}}
        return get_result([one], rules, **given)

    if attribute == "malware":
        return {"fail": "T", "unknown": "U or weak F", "pass": "F"}[get("none", True)]
    count = get("min_count", 1)
    if count != "fail" or attribute not in FACTS:
        return {"pass": "T", "unknown": "U", "fail": "absent"}[count]
    return {"pass": "F", "unknown": "weak F", "fail": "absent"}[get("none", True)]


class TestKinds:
    @pytest.mark.parametrize("kind", KINDS)
    def test_recovery_points(self, kind: str) -> None:
        known = "T" if kind in DEFAULT_KINDS else "U" if kind == "unknown" else "absent"
        assert state(point(kind=kind, **ENDS), "recovery_points") == known

    @pytest.mark.parametrize("kind", KINDS)
    def test_full(self, kind: str) -> None:
        expected = {"full": "T", "synthetic_full": "T", "backup": "U", "unknown": "U"}
        assert state(point(kind=kind, **ENDS), "full") == expected.get(kind, "absent")

    @pytest.mark.parametrize("named", KINDS)
    def test_backup_types(self, named: str) -> None:
        for kind in KINDS:
            expected = "T" if kind == named else "absent"
            if kind != named and (kind == "unknown" or (kind == "backup" and named in FOUR)):
                expected = "U"
            assert state(point(kind=kind, **ENDS), f"backup_types.{named}") == expected, kind

    @pytest.mark.parametrize(
        ("named", "sure", "possible"),
        [
            (("full", "snapshot"), {"full", "snapshot"}, {"backup", "unknown"}),
            (("snapshot", "log"), {"snapshot", "log"}, {"unknown"}),
            (("archive", "replica"), {"archive", "replica"}, {"unknown"}),
            (("backup",), {"backup"}, {"unknown"}),
            (("unknown",), {"unknown"}, set()),
            (("differential", "backup", "unknown"), {"differential", "backup", "unknown"}, set()),
            (("incremental", "continuous"), {"incremental", "continuous"}, {"backup", "unknown"}),
        ],
    )
    def test_kinds_that_recovery_points_names(self, named: tuple[str, ...], sure: set[str], possible: set[str]) -> None:
        for kind in KINDS:
            expected = "T" if kind in sure else "U" if kind in possible else "absent"
            assert state(point(kind=kind, **ENDS), "recovery_points", *named) == expected, kind

    @pytest.mark.parametrize("attribute", ["recovery_points", "full", "backup_types.full"])
    @pytest.mark.parametrize(("usable", "expected"), [(True, "T"), (None, "U"), (False, "absent")])
    def test_usable(self, attribute: str, usable: bool | None, expected: str) -> None:
        assert state(point(kind="full", usable=usable), attribute) == expected

    @pytest.mark.parametrize("attribute", ["recovery_points", "full", "backup_types.log"])
    @pytest.mark.parametrize(("usable", "expected"), [(True, "U"), (None, "U"), (False, "absent")])
    def test_usable_of_an_unknown_kind(self, attribute: str, usable: bool | None, expected: str) -> None:
        assert state(point(kind="unknown", usable=usable), attribute) == expected

    @pytest.mark.parametrize("status", ["success", "warning", "failed", "running", "unknown"])
    def test_the_status_does_not_matter(self, status: str) -> None:
        assert state(point(status=status), "recovery_points") == "T"


@pytest.mark.parametrize("name", FACTS)
class TestFacts:
    @pytest.mark.parametrize(("value", "expected"), [(True, "T"), (False, "F"), (None, "U")])
    def test_recovery_points(self, name: str, value: bool | None, expected: str) -> None:
        for kind, usable in SURE:
            assert state(point(kind=kind, usable=usable, **fact(name, value)), name) == expected

    @pytest.mark.parametrize(("value", "expected"), [(True, "U"), (False, "weak F"), (None, "U")])
    def test_possible_recovery_points(self, name: str, value: bool | None, expected: str) -> None:
        for kind, usable in POSSIBLE:
            assert state(point(kind=kind, usable=usable, **fact(name, value)), name) == expected, (kind, usable)

    def test_others_are_absent(self, name: str) -> None:
        for kind, usable in ABSENT:
            for value in (True, False, None):
                one = point(kind=kind, usable=usable, **fact(name, value), **ENDS)
                assert state(one, name) == "absent", (kind, usable)

    def test_the_kinds_that_recovery_points_names_do_not_matter(self, name: str) -> None:
        named = {"backup_types": ["snapshot"], "min_count": 1}
        points = [point(kind="snapshot", **fact(name, True)), point(kind="full", **fact(name, False))]
        found = findings(row(points), {"recovery_points": named, name: {"all": True}})
        assert [one["result"] for one in found] == ["pass", "fail"]

    @pytest.mark.parametrize("value", [True, False])
    @pytest.mark.parametrize(
        ("certainty", "accept", "known"),
        [
            ("inferred", (), False),
            ("declared", (), False),
            ("inferred", ("declared",), False),
            ("declared", ("inferred",), False),
            ("inferred", ("inferred",), True),
            ("declared", ("declared",), True),
            ("declared", ("inferred", "declared"), True),
        ],
    )
    def test_certainty(self, name: str, value: bool, certainty: str, accept: tuple[str, ...], known: bool) -> None:
        one = point(**fact(name, value))
        setattr(one, certainty, (name,))
        assert state(one, name, accept=accept) == ("U" if not known else "T" if value else "F")
        other = next(one for one in FACTS if one != name)
        setattr(one, certainty, (other,))
        assert state(one, name) == ("T" if value else "F")

    def test_an_accepted_value_of_a_possible_recovery_point(self, name: str) -> None:
        for value, expected in ((True, "U"), (False, "weak F")):
            one = point(usable=None, **fact(name, value), inferred=(name,))
            assert state(one, name, accept=("inferred",)) == expected


class TestMalware:
    @pytest.mark.parametrize(
        ("value", "expected"), [("infected", "T"), ("suspicious", "T"), ("clean", "F"), (None, "U or weak F")]
    )
    def test_values(self, value: str | None, expected: str) -> None:
        for kind, usable in SURE:
            assert state(point(kind=kind, usable=usable, malware=value), "malware") == expected
        for kind, usable in POSSIBLE:
            assert state(point(kind=kind, usable=usable, malware=value), "malware") == "U or weak F"

    def test_a_suspicious_point_that_may_not_be_usable_is_unknown(self) -> None:
        points = [point(malware="clean"), point(malware="infected", usable=None)]
        assert get_result(points, {"malware": {"none": True}}) == "unknown"
        points[1].malware = "clean"
        assert get_result(points, {"malware": {"none": True}}) == "pass"

    @pytest.mark.parametrize("kind", ["snapshot", "log", "config", "continuous"])
    def test_others_are_absent(self, kind: str) -> None:
        points = [point(malware="clean"), point(kind=kind, malware="infected", **ENDS)]
        assert get_result(points, {"malware": {"none": True}}) == "pass"
        assert get_result(points[1:], {"malware": {"none": True}}) == "fail"

    def test_certainty(self) -> None:
        one = point(malware="clean", inferred=("malware",))
        assert state(one, "malware") == "U or weak F"
        assert state(one, "malware", accept=("inferred",)) == "F"


class TestCertaintyOfFindings:
    """A finding has the certainty of the strongest values that give its result."""

    POINTS: ClassVar = [
        *(point(days=night, offsite=True) for night in range(3)),
        point(days=4, offsite=True, declared=("offsite",)),
        point(days=5, offsite=True, inferred=("offsite",)),
    ]

    @pytest.mark.parametrize(
        ("number", "accept", "result", "certainty"),
        [
            (3, ["reported", "declared", "inferred"], "pass", "reported"),
            (4, ["reported", "declared", "inferred"], "pass", "declared"),
            (5, ["reported", "declared", "inferred"], "pass", "inferred"),
            (4, ["reported", "inferred"], "pass", "inferred"),
            (4, ["reported", "declared"], "pass", "declared"),
            (5, ["reported", "declared"], "unknown", "unknown"),
            (4, ["reported"], "unknown", "unknown"),
            (6, ["reported", "declared", "inferred"], "fail", "reported"),
        ],
    )
    def test_min_count(self, number: int, accept: list[str], result: str, certainty: str) -> None:
        found = find(self.POINTS, {"offsite": {"min_count": number, "accept": accept}})
        assert (found["result"], found["certainty"]) == (result, certainty)

    def test_an_accepted_value_can_make_a_rule_fail(self) -> None:
        points = [point(offsite=False), point(days=1, offsite=True, inferred=("offsite",))]
        found = find(points, {"offsite": {"none": True, "accept": ["inferred"]}})
        assert (found["result"], found["certainty"]) == ("fail", "inferred")

    def test_a_value_that_is_not_accepted_is_the_reason(self) -> None:
        found = find(self.POINTS, {"offsite": {"min_count": 5, "accept": ["declared"]}})
        assert "only inferred or declared for 1 recovery point, which the policy does not accept" in found["message"]


class TestLocks:
    """``immutable`` with an end: on the clock of the server, at as_of."""

    @pytest.mark.parametrize(("later", "expected"), [(0, "T"), (2 * HOUR - 1, "T"), (2 * HOUR, "F"), (20 * HOUR, "F")])
    def test_a_lock_that_ends_two_hours_after_the_read(self, later: int, expected: str) -> None:
        one = point(immutable=True, immutable_until=moment(hours=-2))
        assert state(one, "immutable", later=later) == expected

    def test_other_rules_of_an_ended_lock(self) -> None:
        points = [point(immutable=True, immutable_until=moment(hours=-2))]
        assert get_result(points, {"immutable": {"all": True}}, later=2 * HOUR - 1) == "pass"
        assert get_result(points, {"immutable": {"all": True}}, later=20 * HOUR) == "fail"
        assert get_result(points, {"immutable": {"max_age": "7d"}}, later=20 * HOUR) == "fail"
        assert get_result(points, {"immutable": {"none": True}}, later=20 * HOUR) == "pass"

    def test_without_an_end(self) -> None:
        assert state(point(immutable=True), "immutable", later=900 * DAY) == "T"

    def test_not_immutable(self) -> None:
        assert state(point(immutable=False, immutable_until=moment(days=-9)), "immutable") == "F"

    @pytest.mark.parametrize(("usable", "kind"), [(None, "full"), (True, "unknown")])
    def test_a_possible_recovery_point(self, usable: bool | None, kind: str) -> None:
        one = point(usable=usable, kind=kind, immutable=True, immutable_until=moment(hours=-2))
        assert state(one, "immutable", later=2 * HOUR - 1) == "U"
        assert state(one, "immutable", later=2 * HOUR) == "weak F"

    def test_certainty(self) -> None:
        one = point(immutable=True, immutable_until=moment(hours=-2), inferred=("immutable",))
        assert state(one, "immutable") == state(one, "immutable", later=2 * HOUR) == "U"
        assert state(one, "immutable", accept=("inferred",)) == "T"
        assert state(one, "immutable", accept=("inferred",), later=2 * HOUR) == "F"

    @pytest.mark.parametrize(
        ("skew", "seconds", "expected"),
        [
            # The server's clock shows 07:05:00.
            (300, 300, "F"),
            (300, 301, "T"),
            # It shows 06:55:00.
            (-300, -300, "F"),
            (-300, -299, "T"),
            (None, 0, "F"),
            (None, 1, "T"),
            (301, 900, "U"),
            (-301, 900, "U"),
            (301, -9000, "U"),
        ],
    )
    def test_clock(self, skew: int | None, seconds: int, expected: str) -> None:
        one = point(hours=9, immutable=True, immutable_until=moment(seconds=-seconds))
        assert state(one, "immutable", skew=skew) == expected

    def test_a_wrong_clock_does_not_affect_locks_without_an_end(self) -> None:
        assert state(point(hours=9, immutable=True), "immutable", skew=301) == "T"


class TestExpiry:
    @pytest.mark.parametrize(
        # Seconds from the read to the expiry, and to the evaluation.
        ("expiry", "later", "expected"),
        [(1, 0, "T"), (1, 1, "U"), (1, 2, "U"), (2, 1, "T"), (0, 0, "T"), (0, 99, "T"), (-5, 99, "T")],
    )
    def test_between_the_read_and_as_of(self, expiry: int, later: int, expected: str) -> None:
        one = point(hours=9, expires_at=moment(seconds=-expiry), encrypted=True)
        assert state(one, "recovery_points", later=later) == expected
        assert state(one, "encrypted", later=later) == expected
        one.encrypted = False
        assert state(one, "encrypted", later=later) == expected.replace("T", "F")

    def test_a_possible_recovery_point(self) -> None:
        one = point(usable=None, offsite=False, expires_at=moment(seconds=-1))
        assert (state(one, "offsite"), state(one, "offsite", later=1)) == ("weak F", "U")

    def test_a_lock_that_ended_after_the_read(self) -> None:
        one = point(immutable=True, immutable_until=moment(hours=-9), expires_at=moment(hours=-1))
        assert (state(one, "immutable"), state(one, "immutable", later=HOUR)) == ("T", "U")

    def test_absent_points_stay_absent(self) -> None:
        expired = {"expires_at": moment(seconds=-1), "offsite": True}
        for one in (point(usable=False, **expired), point(kind="log", **expired)):
            assert state(one, "recovery_points", later=9) == state(one, "offsite", later=9) == "absent"

    def test_the_certainty_of_the_expiry_does_not_matter(self) -> None:
        one = point(expires_at=moment(seconds=-1), inferred=("expires_at",))
        assert state(one, "recovery_points", later=1) == "U"

    @pytest.mark.parametrize(("skew", "later", "expected"), [(200, 0, "T"), (200, 99, "T"), (200, 100, "U")])
    def test_clock(self, skew: int, later: int, expected: str) -> None:
        """The read was at 07:03:20 on the server's clock, and the point expires 100 seconds later."""
        one = point(hours=9, expires_at=NOW + 300 * SECOND)
        assert state(one, "recovery_points", skew=skew, later=later) == expected

    @pytest.mark.parametrize("skew", [301, 9000, -301, -9000])
    @pytest.mark.parametrize("kind", ["full", "continuous"])
    def test_a_wrong_clock(self, skew: int, kind: str) -> None:
        """The time until a point expires is unknown."""
        names = {"full": "recovery_points", "continuous": "backup_types.continuous"}
        expiring = point(hours=9, kind=kind, restorable_until=NOW, expires_at=moment(days=-30))
        lasting = point(hours=9, kind=kind, restorable_until=NOW)
        assert state(expiring, names[kind], skew=skew) == "U"
        assert state(expiring, names[kind], skew=300) == "T"
        assert state(lasting, names[kind], skew=skew) == "T"

    @pytest.mark.parametrize("skew", [301, 9000, -301])
    def test_a_point_that_expired_before_the_read_with_a_wrong_clock(self, skew: int) -> None:
        """The server's time at the read decides."""
        assert state(point(hours=9, expires_at=moment(seconds=-skew)), "recovery_points", skew=skew, later=HOUR) == "T"
        assert state(point(hours=9, expires_at=moment(seconds=-skew - 1)), "recovery_points", skew=skew) == "U"

    def test_points_that_expired_before_the_read_give_a_warning(self) -> None:
        old = {"expires_at": moment(hours=1)}
        points = [point(**old), point(kind="log", expires_at=NOW), point(usable=False, **old), point()]
        found = findings(row(points), {"recovery_points": {"min_count": 2}})
        ((result, message),) = messages(found, "recovery_points.expired")
        assert (result, "2 recovery points" in message) == ("warn", True), message
        assert messages(found, "recovery_points.min_count")[0][0] == "pass"

    def test_points_that_expired_after_the_read_give_no_warning(self) -> None:
        one = read(row([point(), point(expires_at=moment(hours=-1))]))
        found = findings(one, {"recovery_points": {"min_count": 1}}, as_of=NOW + 2 * HOUR * SECOND)
        assert messages(found, "recovery_points.expired") == []


class TestUndated:
    @pytest.mark.parametrize("attribute", ["recovery_points", "full", *FACTS])
    def test_without_a_time(self, attribute: str) -> None:
        (one,) = undated(kind="full", **fact(attribute, True) if attribute in FACTS else {})
        assert state(one, attribute) == "U"

    @pytest.mark.parametrize("attribute", ["recovery_points", "full", *FACTS])
    def test_only_counted(self, attribute: str) -> None:
        (one,) = counted(kind="full", **fact(attribute, True) if attribute in FACTS else {})
        assert state(one, attribute) == "T"

    @pytest.mark.parametrize("name", FACTS)
    def test_a_false_attribute(self, name: str) -> None:
        assert state(counted(**fact(name, False))[0], name) == "F"
        assert state(undated(**fact(name, False))[0], name) == "weak F"

    def test_other_kinds(self) -> None:
        assert state(counted(kind="log")[0], "recovery_points") == "absent"
        assert state(counted(kind="unknown")[0], "recovery_points") == "U"
        assert state(undated(kind="backup")[0], "full") == "U"

    def test_a_time_before_1980_is_not_a_time(self) -> None:
        one = point(created=315_532_799 * SECOND, usable=None)
        assert state(one, "recovery_points") == "U"
        assert state(point(created=315_532_800 * SECOND), "recovery_points") == "T"


def test_points_in_the_future_are_not_part_of_the_read_result() -> None:
    points = [point(seconds=-300), point(seconds=-301)]
    found = findings(row(points), {"recovery_points": {"min_count": 2}})
    assert [result for result, _text in messages(found, "recovery_points.min_count")] == ["fail"]
    assert [result for result, _text in messages(found, "recovery_points.in_future")] == ["warn"]
    assert find(points, {"recovery_points": {"min_count": 1}})["actual"] == 1


def test_as_of_shortly_before_the_read_counts_as_the_read() -> None:
    one = point(immutable=True, immutable_until=NOW, expires_at=NOW)
    assert state(one, "immutable", later=-300) == "F"
    assert find([point(hours=1)], {"recovery_points": {"max_age": "1h"}}, later=-300)["actual"] == HOUR
