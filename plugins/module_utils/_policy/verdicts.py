# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Convert records to findings: apply on_unknown, waivers and expected names, and combine rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY
from ansible_collections.backup.audit.plugins.module_utils._policy.combine import evaluate_together
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.expected import Existence, Expected
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Waiver
from ansible_collections.backup.audit.plugins.module_utils._policy.language.scope import (
    COMBINE,
    EXCLUDED,
    EXISTS,
    EXPECTED,
    EXPIRED,
    IN_FUTURE,
    SUPERSEDED,
    TIER,
    UNEXPECTED,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record, evaluate_alone
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.local_days import Calendar
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Points
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    REPORTED,
    UNKNOWN,
    UNPROVED,
    WAIVED,
    WARN,
    Outcome,
    counted,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.servers import (
    find_groups,
    find_repeated,
    find_superseded,
)

_LONGEST_WAIVER = 366 * DAY


class FindingsWriter:
    """Writes the findings of all records. ``as_of`` is in seconds."""

    def __init__(self, document: Document, as_of: int, findings: Findings, unread_servers: Sequence[str] = ()) -> None:
        self._document = document
        self._unread_servers = unread_servers
        self._as_of = as_of
        self._findings = findings
        for tier in document.tiers:
            for control in tier.controls:
                control.number = findings.control_number(
                    control.name,
                    control.limit,
                    control.unit,
                    tier.name,
                    control.limit_text,
                    blocks_unknown=control.blocks_unknown,
                )
        # Controls of the policy. The existence of an expected workload proves nothing about its backups.
        self.controls = frozenset(control.number for tier in document.tiers for control in tier.controls)
        # Workloads whose rules were evaluated, and which need a proof.
        self.evaluated: list[int] = []
        for number, waiver in enumerate(document.waivers):
            if waiver.end(document.dates) > as_of + _LONGEST_WAIVER:
                raise OptionError(
                    f"waivers[{number}].until: {waiver.definition['until']} is more than 366 days after as_of",
                    hint="Use an earlier date, and review the waiver then",
                )

    def write(self, records: Sequence[Record], results: Sequence[ReadFacts], servers: Sequence[int]) -> None:
        """Write the findings about expected names, then the findings of all records in order."""
        records = self._drop_superseded(records, results, servers)
        subjects = [self._findings.add_subject(record.subject, facts=record.facts()) for record in records]
        expected = Expected(self._document, records, self._unread_servers, self._is_recent)
        groups, ambiguous = self._group_rows(records, servers)
        for first, numbers in groups.items():
            tiers = [tier for tier in (records[number].tier for number in numbers) if tier is not None]
            for number in numbers:
                # Combined rows are one workload with one policy.
                subjects[number] = subjects[first]
                records[number].tier = min(tiers, default=None)
        for existence in expected.evaluate():
            self._add_existence(existence, records, subjects)
        for name, earlier in expected.repeated_names().items():
            subject = self._findings.add_subject((None, None, None, name), is_workload=False)
            same = "is in expected more than once" if name == earlier else f"is the same expected name as {earlier}"
            text = f"{name} {same}; list it only once"
            self._findings.add(subject, self._findings.control_number(EXPECTED), WARN, text, UNPROVED)
        names = expected.find_names() if self._document.unexpected is not None else set()
        for number, record in enumerate(records):
            group = [records[member] for member in groups.get(number, (number,))]
            self._add_row_findings(subjects[number], record, group, ambiguous=number in ambiguous)
            if group and record.excluded is None:
                self._add_unexpected(subjects[number], group, names)
                self._add_outcomes(subjects[number], group, servers)

    def _drop_superseded(
        self, records: Sequence[Record], results: Sequence[ReadFacts], servers: Sequence[int]
    ) -> Sequence[Record]:
        """Drop records that a newer read result of the same server replaces, and add a finding for each."""
        old, pairs = find_superseded(records, results, servers)
        control = self._findings.control_number(SUPERSEDED)
        for record in records:
            reason = old.get(id(record))
            if reason is not None:
                subject = self._findings.add_subject(record.subject, is_workload=False)
                text = f"not evaluated: a newer read result of {reason.newer.host} contains this workload"
                if not reason.is_listed:
                    # The older result does not prove that the workload, which may be expected elsewhere, still exists.
                    text = f"not evaluated: a newer read result of {reason.newer.host} no longer lists this workload"
                    self._findings.add(subject, control, WARN, text, UNPROVED)
                self._findings.add(subject, control, NOT_APPLICABLE, text, UNPROVED)
        for record, newer in pairs:
            subject = self._findings.add_subject(record.subject, is_workload=False)
            text = (
                f"two read results of one server list this workload, {record.display_name()} and "
                f"{newer.display_name()}; both are evaluated, because the newer one does not cover the older one"
            )
            self._findings.add(subject, control, WARN, text, UNPROVED)
        return [record for record in records if id(record) not in old] if old else records

    def _is_recent(self, record: Record) -> bool:
        """Return whether recovery_points.max_age of the policy of the record passes."""
        if record.tier is None or record.excluded is not None:
            return False
        controls = self._document.tiers[record.tier].controls
        outcomes = self._get_outcomes(record)
        named = {control.name: outcome[0] for control, outcome in zip(controls, outcomes, strict=True)}
        return named.get("recovery_points.max_age") in (PASS, WARN)

    def _get_outcomes(self, record: Record) -> list[Outcome]:
        if record.row is not None and not record.outcomes and record.tier is not None:
            record.outcomes = evaluate_alone(Points(record.row), self._document.tiers[record.tier])
        return record.outcomes

    def _group_rows(self, records: Sequence[Record], servers: Sequence[int]) -> tuple[dict[int, list[int]], set[int]]:
        """Return the rows of each combined workload by its first row, and the rows that cannot be combined."""
        groups: dict[int, list[int]] = {}
        ambiguous: set[int] = set()
        found: dict[str, list[int]] = defaultdict(list)
        for number, record in enumerate(records):
            name = combined_name(self._document, record)
            if name is not None:
                found[name].append(number)
        for numbers in found.values():
            # Two rows with one name on one server are two workloads. A pass of one must not hide the other.
            by_server: dict[tuple[int, str | None], list[int]] = defaultdict(list)
            for number in numbers:
                by_server[servers[records[number].read.number], records[number].identity["origin"]].append(number)
            alone = {
                number
                for group in by_server.values()
                if len({records[number].key for number in group}) > 1
                for number in group
            }
            ambiguous |= alone
            together = sorted(
                (number for number in numbers if number not in alone),
                key=lambda number: [text or "" for text in records[number].subject],
            )
            for number in together:
                groups[number] = []
            if together:
                # The first row gets the findings, independent of the order of the read results.
                groups[together[0]] = together
        return groups, ambiguous

    def _add_outcomes(self, subject: int, group: list[Record], servers: Sequence[int]) -> None:
        number = group[0].tier
        if number is None:
            return
        tier = self._document.tiers[number]
        self.evaluated.append(subject)
        waivers = [waiver for waiver in self._document.waivers if all(waiver.workload.match(one.name) for one in group)]
        if len(group) == 1:
            outcomes = self._get_outcomes(group[0])
        else:
            independent = self._document.independent
            outcomes = evaluate_together(tier, group, find_groups(group, servers), self._as_of, independent=independent)
        controls = [control.number for control in tier.controls]
        if not waivers:
            self._findings.add_all(subject, controls, outcomes)
            return
        for control, (state, certainty, actual, text) in zip(tier.controls, outcomes, strict=True):
            self._add_waivable(
                subject, control.number, control.name, (state, certainty, actual, text), waivers, tier.dates
            )

    def _add_waivable(
        self,
        subject: int,
        number: int,
        control: str,
        outcome: Outcome,
        waivers: Sequence[Waiver],
        dates: Calendar,
    ) -> None:
        """Add a finding that a waiver may cover. An ended waiver has no effect, and the finding mentions it."""
        state, certainty, actual, text = outcome
        covering = [waiver for waiver in waivers if state in (UNKNOWN, FAIL) and waiver.control.match(control)]
        active = [waiver for waiver in covering if waiver.end(dates) > self._as_of]
        if active:
            self._findings.add(subject, number, WAIVED, text, certainty, actual, active[0].definition)
        elif covering:
            ended = max(covering, key=lambda waiver: waiver.end(dates))
            text = f"{text} (waiver ended: {ended.definition['until']})"
            self._findings.add(subject, number, state, text, certainty, actual, {**ended.definition, "expired": True})
        else:
            self._findings.add(subject, number, state, text, certainty, actual)

    def _add_row_findings(self, subject: int, record: Record, group: Sequence[Record], *, ambiguous: bool) -> None:
        """Add the findings of a row that are independent of its controls."""
        findings = self._findings
        if record.excluded is not None:
            text = f"excluded by the policy: {record.excluded}"
            findings.add(subject, findings.control_number(EXCLUDED), NOT_APPLICABLE, text)
            return
        if group and record.tier is None:
            findings.add(
                subject, findings.control_number(TIER), FAIL, "no tier of the policy matches this workload", UNPROVED
            )
        if ambiguous:
            text = "rows are not combined, because one server has several workloads with this name"
            findings.add(subject, findings.control_number(COMBINE), WARN, text)
        if record.in_future:
            number = findings.control_number(IN_FUTURE, 0, "count", limit_text="0")
            text = f"{counted('recovery point is', 'recovery points are')} dated in the future and not counted"
            findings.add(subject, number, WARN, text, REPORTED, record.in_future)
        if record.expired:
            number = findings.control_number(EXPIRED, 0, "count", limit_text="0")
            text = f"{counted('recovery point', 'recovery points')} had expired before the read and still existed"
            findings.add(subject, number, WARN, text, REPORTED, record.expired)

    def _add_unexpected(self, subject: int, group: Sequence[Record], names: Collection[str]) -> None:
        """Report rows with recovery points if none of them has an expected name."""
        state, record = self._document.unexpected, group[0]
        is_expected = any(one.name is not None and one.name.casefold() in names for one in group)
        if state is None or is_expected or not any(one.recovery_points for one in group):
            return
        outcome = (state, REPORTED, None, "has recovery points, but no workload with this name is expected")
        number = self._findings.control_number(UNEXPECTED)
        self._add_waivable(subject, number, UNEXPECTED, outcome, self._waivers_for(record.name), self._dates(record))

    def _waivers_for(self, name: str | None) -> list[Waiver]:
        return [waiver for waiver in self._document.waivers if waiver.workload.match(name)]

    def _dates(self, record: Record | None) -> Calendar:
        if record is None or record.tier is None:
            return self._document.dates
        return self._document.tiers[record.tier].dates

    def _add_existence(self, existence: Existence, records: Sequence[Record], subjects: Sequence[int]) -> None:
        member, expected, state, text = existence
        record = None if member is None else records[member]
        subject = self._findings.add_subject((None, None, None, expected)) if member is None else subjects[member]
        if record is not None and record.excluded is not None and state == PASS:
            # Otherwise the workload would count as compliant, although no rule is evaluated for it.
            state, text = NOT_APPLICABLE, f"{text}; excluded by the policy"
        outcome = (state, UNPROVED if state == UNKNOWN else REPORTED, None, text)
        number = self._findings.control_number(EXISTS)
        # A missing workload is waived by its name in the backup products.
        name = self._document.expected_names.get(expected.casefold(), expected) if record is None else record.name
        self._add_waivable(subject, number, EXISTS, outcome, self._waivers_for(name), self._dates(record))


def combined_name(document: Document, record: Record) -> str | None:
    """Return the name by which a record is combined with others, or None if it is not."""
    if document.combine is None or record.excluded is not None:
        return None
    name: str | None = record.identity[document.combine]
    return None if name is None else name.casefold()


def find_kept(document: Document, records: Sequence[Record], servers: Sequence[int]) -> set[int]:
    """Return id() of the records whose points must be combined with those of others."""
    kept = {id(record) for group in find_repeated(records, servers) for record in group}
    found: Mapping[str, list[Record]] = defaultdict(list)
    for record in records:
        name = combined_name(document, record)
        if name is not None:
            found[name].append(record)
    return kept | {id(record) for group in found.values() if len(group) > 1 for record in group}
