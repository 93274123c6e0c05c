# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data quality checks of a read result before its rows are evaluated: completeness, age, and clock."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    SECOND,
    format_duration,
    format_time,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._policy.findings import Findings
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import Document
from ansible_collections.backup.audit.plugins.module_utils._policy.rules.terms import (
    FAIL,
    HOLE,
    PASS,
    REPORTED,
    UNPROVED,
    WARN,
    Context,
    ceil_seconds,
    counted,
)

# Seconds. If a clock is further off, ages are unknown; a read result at most this much later than as_of counts as of
# that time.
TOLERANCE = 300

_SHOWN_ERRORS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class ReadFacts:
    """The facts of a read result that are needed to evaluate its rows."""

    host: str
    # The product's own id of the installation, if it reports one.
    identity: str | None
    # What was asked for; None in a read result that does not contain it.
    selection: Mapping[str, t.Any] | None
    # Parts of the server that the account cannot see.
    hidden: frozenset[str]
    # Orders read results of one server, independent of their order in the input.
    order: tuple[int, str]
    context: Context
    # Reason why no pass based on this read result counts.
    doubt: str | None
    inventory: bool | None


def check_result(
    read: Mapping[str, t.Any], as_of: int, document: Document, findings: Findings
) -> tuple[ReadFacts, dict[str, t.Any]]:
    """Check a read result, with a finding per check; return its facts and its entry in the assessment."""
    server = read.get("server") or {}
    host = server.get("host")
    try:
        read_at = parse_time(read.get("read_at"))
        window = read.get("window") or {}
        since, until = (None if window.get(end) is None else parse_time(window[end]) for end in ("since", "until"))
    except DataError as error:
        raise DataError(
            f"read result of {host}: {error.message}", hint="The read result is damaged: read again"
        ) from error
    skew = server.get("clock_skew_seconds") or 0
    # as_of on the server's clock; a clock that is too far off is not used at all.
    off = abs(skew) > TOLERANCE
    shift = 0 if off else int(skew * SECOND)
    context = Context(
        now=as_of + shift,
        read_at=read_at + shift,
        since=since,
        until=until if until is not None and until < read_at + shift else None,
        clock_off=f"clock of {host} is off by {format_duration(abs(int(skew)))}" if off else None,
    )
    _check_scope(server, host, findings)
    _check_verification(server, host, findings)
    doubts = [
        doubt
        for doubt in (
            _check_complete(read, host, findings),
            _check_age(read_at, as_of, document, host, findings),
        )
        if doubt
    ]
    scope = server.get("scope") or {}
    facts = ReadFacts(
        host=str(host),
        identity=server.get("identity"),
        selection=read.get("selection"),
        hidden=frozenset(name for name, seen in scope.items() if seen is False),
        order=(read_at, str(read.get("sha256"))),
        context=context,
        doubt=" and ".join(doubts) or None,
        inventory=scope.get("inventory"),
    )
    named = {key: read[key] for key in ("server", "read_at", "window", "complete", "sha256") if key in read}
    return facts, named


def report_failure(read: Mapping[str, t.Any], findings: Findings) -> dict[str, t.Any]:
    """Add the finding for a server that could not be read; return its entry in the assessment."""
    host = read["server"]["host"]
    reason = str(read["failure"]).removeprefix(f"Host {host}: ")
    text = f"{host} could not be read: {reason}"
    findings.add(_add_subject(host, findings), findings.control_number("data.complete"), FAIL, text, UNPROVED)
    return {"server": dict(read["server"]), "complete": False, "failure": read["failure"]}


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
    age = as_of - read_at
    if age < -TOLERANCE * SECOND:
        raise OptionError(
            f"as_of: {format_time(as_of)} is before {host} was read ({format_time(read_at)})",
            hint="Use the time of the read or later: what was removed before the read is unknown",
        )
    text = f"data of {host} is {HOLE} old (maximum {limit})"
    if age > document.max_data_age * SECOND:
        findings.add(_add_subject(host, findings), control, FAIL, text, UNPROVED, ceil_seconds(age))
        return f"data of {host} is older than {limit}"
    findings.add(_add_subject(host, findings), control, PASS, text, actual=ceil_seconds(age))
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
        text = f"inventory of {host} is not available to this account: unprotected workloads cannot be detected"
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
    level, result = verify.get("level"), verify.get("result")
    control = findings.control_number("data.verify")
    subject = _add_subject(host, findings)
    if result == "damaged":
        text = f"{level} check of {host} found damage: {verify.get('server_message') or 'no details given'}"
        findings.add(subject, control, FAIL, text)
    elif result == "sound":
        findings.add(subject, control, PASS, f"{level} check of {host} found no damage")
    else:
        text = f"{level} check of {host} was {result}: damage cannot be ruled out"
        findings.add(subject, control, WARN, text, UNPROVED)
