# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data quality checks of a read result before its rows are evaluated: completeness, age, and clock."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.result import ReadResult
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    CLOCK_TOLERANCE,
    SECOND,
    format_duration,
    format_time,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.points import Context
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    HOLE,
    PASS,
    REPORTED,
    UNPROVED,
    WARN,
    counted,
)

_SHOWN_ERRORS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class ReadFacts:
    """The facts of a read result that are needed to evaluate its rows."""

    number: int
    host: str
    product: str | None
    # The product's own id of the installation, if it reports one.
    identity: str | None
    # What was asked for.
    selection: Mapping[str, t.Any]
    # Parts of the server, and whether the account can see them; or the name of the part that was read.
    scope: Mapping[str, t.Any]
    # Sort key for read results of one server, independent of their order in the input.
    order: tuple[int, str]
    context: Context
    # Reasons why a pass that is based on this read result does not count.
    incomplete: str | None
    too_old: str | None
    # The types of workloads whose inventory the product can report; None: not reported.
    inventory_types: Sequence[str] | None

    @property
    def doubt(self) -> str | None:
        """Reason why no pass of a row alone counts."""
        return " and ".join(filter(None, (self.incomplete, self.too_old))) or None


def check_result(
    read: ReadResult, number: int, as_of: int, document: Document, findings: Findings
) -> tuple[ReadFacts, dict[str, t.Any]]:
    """Check a read result, with a finding per check; return its facts and its entry in the assessment.

    ``as_of`` is in seconds.
    """
    frame = read.frame
    server, host = frame["server"], read.host
    selection = frame.get("selection") or {}
    read_at = parse_time(frame["read_at"]) // SECOND
    since, until = (
        None if time is None else parse_time(time) // SECOND
        for time in (selection.get("since"), selection.get("until"))
    )
    skew = server.get("clock_skew_seconds") or 0
    # Convert as_of to the server's clock, which is not used if the difference is too large.
    off = abs(skew) > CLOCK_TOLERANCE
    shift = 0 if off else skew
    scope = server.get("scope") or {}
    context = Context(
        now=max(as_of, read_at) + shift,
        read_at=read_at + shift,
        listed_at=read_at + skew,
        since=since,
        until=until if until is not None and until < read_at + shift else None,
        clock_off=f"clock of {host} is off by {format_duration(abs(skew))}" if off else None,
        lists_failed_runs=scope.get("failed_runs") is True,
        shift=shift,
    )
    _check_scope(server, host, findings)
    _check_verification(server, host, findings)
    facts = ReadFacts(
        number=number,
        host=host,
        product=server.get("product"),
        identity=server.get("identity"),
        selection=selection,
        scope=scope,
        order=(read_at, str(frame.get("sha256"))),
        context=context,
        incomplete=_check_complete(frame, host, findings),
        too_old=_check_age(read_at, as_of, document, host, findings),
        inventory_types=server.get("inventory_types"),
    )
    named = {key: frame[key] for key in ("server", "read_at", "selection", "complete", "sha256")}
    return facts, named if read.inventory_name is None else {**named, "inventory_name": read.inventory_name}


def check_time(read: ReadResult, as_of: int) -> int:
    """Return the time of the read. Raise OptionError if ``as_of`` is before it. Both are in seconds."""
    read_at = parse_time(read.frame["read_at"]) // SECOND
    if as_of < read_at - CLOCK_TOLERANCE:
        raise OptionError(
            f"as_of: {format_time(as_of * SECOND)} is before {read.host} was read ({format_time(read_at * SECOND)})",
            hint="Use the time of the read or later: what was removed before the read is unknown",
        )
    return read_at


class Failure(t.NamedTuple):
    """A server that could not be read, and the message of the module."""

    host: str
    message: str
    inventory_name: str | None = None


def report_failure(failure: Failure, findings: Findings) -> dict[str, t.Any]:
    """Add the finding for a server that could not be read; return its entry in the assessment."""
    host, message, inventory_name = failure
    text = f"{host} could not be read: {message.removeprefix(f'Host {host}: ')}"
    findings.add(_add_subject(host, findings), findings.control_number("data.complete"), FAIL, text, UNPROVED)
    named = {"server": {"host": host}, "complete": False, "failure": message}
    return named if inventory_name is None else {**named, "inventory_name": inventory_name}


def _add_subject(host: t.Any, findings: Findings) -> int:
    return findings.add_subject((host, None, None, None), is_workload=False)


def _check_complete(read: Mapping[str, t.Any], host: t.Any, findings: Findings) -> str | None:
    control = findings.control_number("data.complete")
    if read.get("complete") is True:
        findings.add(_add_subject(host, findings), control, PASS, f"{host} was read completely")
        return None
    errors = [str(error.get("message", error)) for error in read.get("errors") or () if isinstance(error, Mapping)]
    reasons = "; ".join(errors[:_SHOWN_ERRORS]) or "no reason given"
    more = f"; and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
    findings.add(
        _add_subject(host, findings), control, FAIL, f"{host} was only partially read: {reasons}{more}", UNPROVED
    )
    return f"{host} was only partially read"


def _check_age(read_at: int, as_of: int, document: Document, host: t.Any, findings: Findings) -> str | None:
    limit = document.max_data_age_text
    control = findings.control_number("data.age", document.max_data_age, "seconds", limit_text=limit)
    age = max(0, as_of - read_at)
    text = f"data of {host} is {HOLE} old (maximum {limit})"
    if age > document.max_data_age:
        findings.add(_add_subject(host, findings), control, FAIL, text, UNPROVED, age)
        return f"data of {host} is older than {limit}"
    findings.add(_add_subject(host, findings), control, PASS, text, actual=age)
    return None


def check_listing(host: str, workloads: int, empty: int, findings: Findings) -> None:
    """Check the number of workloads; an empty listing does not prove that there are none and gets result ``empty``."""
    control = findings.control_number("data.workloads", None, "count")
    if workloads:
        text = f"{host} returned {counted('workload', 'workloads')}"
        findings.add(_add_subject(host, findings), control, PASS, text, REPORTED, workloads)
        return
    text = f"{host} returned no workloads. The account may lack permission to list them."
    findings.add(_add_subject(host, findings), control, empty, text, UNPROVED, 0)


def _check_scope(server: Mapping[str, t.Any], host: t.Any, findings: Findings) -> None:
    hidden = sorted(name for name, seen in (server.get("scope") or {}).items() if seen is False)
    if "inventory" in hidden:
        text = f"{host} does not list unprotected workloads: only expected detects them"
        findings.add(_add_subject(host, findings), findings.control_number("data.inventory"), WARN, text, UNPROVED)
        hidden.remove("inventory")
    if hidden:
        text = f"the account has no access to parts of {host}: {', '.join(hidden)}"
        findings.add(_add_subject(host, findings), findings.control_number("data.scope"), WARN, text, UNPROVED)


def _check_verification(server: Mapping[str, t.Any], host: t.Any, findings: Findings) -> None:
    """Report the product's own check. Damage fails regardless of the policy, because it may affect any point."""
    verify = server.get("verify")
    if not isinstance(verify, Mapping):
        return
    result, check = verify.get("result"), f"{verify.get('level')} check"
    if verify.get("part"):
        # Each run checks one part of the data.
        check = f"{check} (part {verify['part']})"
    control = findings.control_number("data.verify")
    subject = _add_subject(host, findings)
    if result == "damaged":
        text = f"{check} of {host} found damage: {verify.get('server_message') or 'no details given'}"
        findings.add(subject, control, FAIL, text)
    elif result == "sound":
        findings.add(subject, control, PASS, f"{check} of {host} found no damage")
    else:
        text = f"{check} of {host} was {result}: damage cannot be ruled out"
        findings.add(subject, control, WARN, text, UNPROVED)
