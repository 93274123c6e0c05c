# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records -> findings: applies on_unknown, waivers, expected names and the merging of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._policy.combine import Rows, merge
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import ReadFacts
from ansible_collections.backup.audit.plugins.module_utils._policy.expected import Existence, Expected
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import (
    COMBINE,
    EXCLUDED,
    EXISTS,
    IN_FUTURE,
    SUPERSEDED,
    TIER,
    UNEXPECTED,
    Document,
    Tier,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.language.match import Waiver
from ansible_collections.backup.audit.plugins.module_utils._policy.rows import Record
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
from ansible_collections.backup.audit.plugins.module_utils._policy.servers import find_superseded, resolve_origins


class FindingsWriter:
    """Writes the findings of all records."""

    def __init__(self, document: Document, as_of: int, findings: Findings, blind: Sequence[str] = ()) -> None:
        self._document = document
        self._blind = blind
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
        # Controls of the policy itself; the existence of an expected workload proves nothing about its backups.
        self.controls = frozenset(control.number for tier in document.tiers for control in tier.controls)
        # Rows that were to be merged with others, but could not be.
        self._ambiguous: set[int] = set()
        self._numbers = {id(tier): [control.number for control in tier.controls] for tier in document.tiers}
        # Workloads whose rules were evaluated; each of them needs a proof.
        self.evaluated: list[int] = []

    def write(self, records: Sequence[Record], results: Sequence[ReadFacts]) -> None:
        """Write the findings about expected names, then the findings of all records in order."""
        records = self._drop_superseded(records, results)
        subjects = [self._findings.add_subject(record.subject, facts=record.facts) for record in records]
        expected = Expected(self._document, records, self._blind)
        existences, dropped = expected.evaluate()
        groups = self._group_rows(records, dropped)
        for existence in existences:
            self._add_existence(existence, records, subjects)
        for number in expected.unexpected():
            self._add_unexpected(subjects[number], records[number])
        for number, record in enumerate(records):
            if number in dropped:
                continue
            self._add_row_findings(subjects[number], record, ambiguous=number in self._ambiguous)
            if record.tier is not None:
                group = groups.get(number, ()) if groups is not None else (number,)
                if group:
                    self._add_outcomes(subjects[number], record.tier, [records[member] for member in group])

    def _drop_superseded(self, records: Sequence[Record], results: Sequence[ReadFacts]) -> Sequence[Record]:
        """Drop records that a newer read result of the same server replaces; each gets a finding."""
        old = find_superseded(records, results)
        for number, is_listed in sorted(old.items()):
            record = records[number]
            subject = self._findings.add_subject(record.subject, is_workload=False)
            state, text = NOT_APPLICABLE, f"a newer read result of {record.read.host} contains this workload"
            if not is_listed:
                # Its name may be expected elsewhere; the older result does not prove that it still exists.
                state, text = WARN, f"a newer read result of {record.read.host} no longer lists this workload"
            self._findings.add(subject, self._findings.control_number(SUPERSEDED), state, f"not evaluated: {text}")
        return [record for number, record in enumerate(records) if number not in old] if old else records

    def _group_rows(self, records: Sequence[Record], dropped: set[int]) -> dict[int, list[int]] | None:
        """First row -> all rows that are merged with it; None if nothing is to be merged."""
        key = {"workload_name": 3, "workload_id": 2}.get(self._document.combine or "")
        if key is None:
            return None
        found: dict[tuple[int, str], list[int]] = defaultdict(list)
        groups: dict[int, list[int]] = {}
        seen: set[tuple[int, str, str | None, str | None]] = set()
        repeated: set[tuple[int, str]] = set()
        for number, record in enumerate(records):
            if record.tier is None or number in dropped:
                continue
            name = record.subject[key]
            if name is None:
                groups[number] = [number]
            else:
                identity = (id(record.tier), name.casefold())
                found[identity].append(number)
                # Two rows of one name in one place are two workloads; a pass of one must not hide the other.
                if (*identity, *record.subject[:2]) in seen:
                    repeated.add(identity)
                seen.add((*identity, *record.subject[:2]))
        for identity, group in found.items():
            groups.update([(group[0], group)] if identity not in repeated else [(number, [number]) for number in group])
        self._ambiguous = {number for identity in repeated for number in found[identity]}
        return groups

    def _add_outcomes(self, subject: int, tier: Tier, group: list[Record]) -> None:
        self.evaluated.append(subject)
        waivers = self._waivers_for(group[0].name)
        outcomes = group[0].outcomes if len(group) == 1 else self._merge_outcomes(tier, group)
        if not waivers:
            self._findings.add_all(subject, self._numbers[id(tier)], outcomes)
            return
        for control, (state, certainty, actual, text, _possible) in zip(tier.controls, outcomes, strict=True):
            if state == PASS:
                self._findings.add(subject, control.number, state, text, certainty, actual)
            else:
                self._add_waivable(subject, control.number, control.name, state, certainty, actual, text, waivers)

    def _merge_outcomes(self, tier: Tier, group: list[Record]) -> list[Outcome]:
        rows = Rows(
            resolve_origins(group),
            tuple(record.oldest for record in group),
            tuple(record.read.doubt is None for record in group),
            tuple(record.in_inventory is True for record in group),
        )
        names = "; ".join(record.display_name() for record in group)
        if len(set(rows.origins)) < len({record.subject[1] or record.read.host for record in group}):
            names = f"{names}; points with the same times belong to one server and count once"
        merged = []
        for number, control in enumerate(tier.controls):
            outcomes = [record.outcomes[number] for record in group]
            selected, outcome = merge(control, outcomes, rows, add=self._document.independent)
            state, certainty, actual, text, possible = outcome
            whose = "counts added" if selected is None else f"result from {group[selected].display_name()}"
            text = f"{text} ({len(group)} rows combined: {names}; {whose})"
            merged.append((state, certainty, actual, text, possible))
        return merged

    def _waivers_for(self, name: str | None) -> list[Waiver]:
        return [waiver for waiver in self._document.waivers if waiver.workload.match(name)]

    def _add_waivable(
        self,
        subject: int,
        number: int,
        control: str,
        state: int,
        certainty: int,
        actual: int | None,
        text: str,
        waivers: list[Waiver],
    ) -> None:
        """Add a finding that a waiver may cover; an ended waiver is void and mentioned in the finding."""
        covering = [waiver for waiver in waivers if waiver.control.match(control)]
        active = [waiver for waiver in covering if waiver.end > self._as_of]
        if active:
            waiver = active[0]
            self._findings.add(subject, number, WAIVED, text, certainty, actual, waiver.definition)
        elif covering:
            ended = max(covering, key=lambda waiver: waiver.end)
            text = f"{text} (waiver ended: {ended.definition['until']})"
            self._findings.add(subject, number, state, text, certainty, actual, {**ended.definition, "expired": True})
        else:
            self._findings.add(subject, number, state, text, certainty, actual)

    def _add_row_findings(self, subject: int, record: Record, *, ambiguous: bool) -> None:
        """Add the findings of a row that do not come from its controls."""
        findings = self._findings
        if record.excluded is not None:
            text = f"excluded by the policy: {record.excluded}"
            findings.add(subject, findings.control_number(EXCLUDED), NOT_APPLICABLE, text)
            return
        waivers = self._waivers_for(record.name)
        if record.tier is None:
            text = "no tier of the policy matches this workload"
            self._add_waivable(subject, findings.control_number(TIER), TIER, FAIL, UNPROVED, None, text, waivers)
        if ambiguous:
            text = "rows are not combined, because one server has several workloads with this name"
            self._add_waivable(subject, findings.control_number(COMBINE), COMBINE, WARN, REPORTED, None, text, waivers)
        if record.in_future:
            number = findings.control_number(IN_FUTURE, 0, "count")
            text = f"{counted('recovery point is', 'recovery points are')} dated in the future and not counted"
            self._add_waivable(subject, number, IN_FUTURE, WARN, REPORTED, record.in_future, text, waivers)

    def _add_unexpected(self, subject: int, record: Record) -> None:
        state = self._document.unexpected
        if state is None or record.excluded is not None:
            return
        text = "has recovery points, but no workload with this name is expected"
        number = self._findings.control_number(UNEXPECTED)
        self._add_waivable(subject, number, UNEXPECTED, state, REPORTED, None, text, self._waivers_for(record.name))

    def _add_existence(self, existence: Existence, records: Sequence[Record], subjects: Sequence[int]) -> None:
        member, expected, state, text = existence
        blocks_unknown = True
        if member is None:
            subject = self._findings.add_subject((None, None, None, expected))
        else:
            subject = subjects[member]
            tier = records[member].tier
            blocks_unknown = tier is None or tier.blocks_unknown
        certainty = UNPROVED if state == UNKNOWN else REPORTED
        number = self._findings.control_number(EXISTS, blocks_unknown=blocks_unknown)
        if state in (PASS, NOT_APPLICABLE):
            self._findings.add(subject, number, state, text, certainty)
        else:
            self._add_waivable(subject, number, EXISTS, state, certainty, None, text, self._waivers_for(expected))
