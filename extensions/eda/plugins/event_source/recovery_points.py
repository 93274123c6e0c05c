# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event source for ansible-rulebook: changes in the recovery points of workloads.

Reads backup servers at an interval, evaluates the results against a policy, and emits an event for each change.

Arguments:
    servers:    list of backup servers: product, url, username, password, and other options of the product's info
                module. Required.
    policy:     rules, or the name of a built-in policy. Default: at least one recovery point.
    interval:   time between two reads, as a duration such as 15m or as a number of seconds. Default: 15m.
    state_file: file with the last state, so that a restart does not report a change twice. Without it, each start
                reports all noncompliant workloads again. Its directory must exist.
    once:       whether to read only once. Default: false.

Each event has the key `recovery_points`, with
    headline:   overall result of this poll in one line, with the servers that could not be read; null if the policy is
                not valid
    change:     not_compliant (the workload became noncompliant, is noncompliant when it is first seen, or now fails
                and was unknown before),
                compliant (the workload is compliant again),
                both also with workload null, for a check of a server (for example, it lists no workloads),
                recovery_point (the workload has a new recovery point),
                verification_failed (a restore test requirement of the workload now fails),
                disappeared (the server was read completely and no longer lists the workload),
                unreadable (the server can no longer be read), readable (the server can be read again),
                not_evaluated (the read results cannot be evaluated), evaluated (they can be evaluated again)
    id:         the same id if an event is sent again, and a different id for each other change
    server:     URL or product of the server, or the source of the workload; null for the evaluation
    workload:   name, id, type, product and platform; null for events about servers
    control:    name of the check of the server, such as data.verify; null for other events
    verdict:    result of the workload or check
    previous:   result of the workload or check in the previous round
    newest:     time of the newest recovery point of the workload
    findings:   messages of the findings that are not compliant
    message:    description of the change

If a server cannot be read, its workloads are not evaluated in that round, and there are no events for them.

Example:
    - name: Recovery points
      hosts: all
      sources:
        - backup.audit.recovery_points:
            interval: 15m
            state_file: /var/lib/backup-audit/events.json
            policy: daily_26h
            servers:
              - product: spp
                url: https://spp.example.com
                username: auditor
                password: "{{ spp_password }}"
      rules:
        - name: A workload is not compliant
          condition: event.recovery_points.change == "not_compliant"
          action:
            run_playbook:
              name: notify.yml
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import os
import pathlib
import sys
import typing as t
from collections.abc import Iterator, Mapping, Sequence

# ansible-rulebook runs this file by its path; the collection is in a directory above it.
sys.path.extend(
    str(path.parent) for path in pathlib.Path(__file__).absolute().parents if path.name == "ansible_collections"
)

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_duration
from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import open_servers, read_servers
from ansible_collections.backup.audit.plugins.plugin_utils._evaluate import (
    check_findings,
    check_policy,
    evaluate_now,
    identity,
    opened_results,
    reasons,
)

_LOG = logging.getLogger(__name__)
_SCHEMA = "backup.audit/events/2"
_ARGUMENTS = ("servers", "policy", "interval", "state_file", "once")
_INTERVAL = 900.0
_POLICY = {"recovery_points": {"min_count": 1}}
_STATE_HINT = (
    "Set state_file to a path that only this event source uses, or remove the file to report all noncompliant "
    "workloads again"
)
# Names of the changes of a server or of the evaluation: (failed, works again).
_UNREADABLE = ("unreadable", "readable")
_NOT_EVALUATED = ("not_evaluated", "evaluated")

Event = dict[str, t.Any]
State = dict[str, dict[str, t.Any]]


async def main(queue: t.Any, args: dict[str, t.Any]) -> None:
    """Entry point of ansible-rulebook: put events into the queue until cancelled."""
    watcher = ServerWatcher(args)
    await deliver(queue, watcher, watcher.undelivered)
    while True:
        # A read may take minutes and must not block other event sources.
        events = await asyncio.to_thread(watcher.poll)
        # Before any action runs: if the state cannot be saved, a supervisor would repeat the actions at each restart.
        watcher.save_state(events)
        await deliver(queue, watcher, events)
        if args.get("once"):
            return
        await asyncio.sleep(watcher.interval)


async def deliver(queue: t.Any, watcher: ServerWatcher, events: Sequence[Event]) -> None:
    """Put events into the queue, and note that they are delivered."""
    for event in events:
        await queue.put({"recovery_points": event})
    if events:
        watcher.save_state([])


class ServerWatcher:
    """Polls servers and compares each result with the previous one."""

    def __init__(self, args: Mapping[str, t.Any]) -> None:
        """Validate the arguments, load the state and check that it can be saved.

        Raise OptionError if anything is invalid.
        """
        unknown = set(args) - set(_ARGUMENTS)
        if unknown:
            parts = " ".join(f"{name}. {suggest(name, _ARGUMENTS)}".rstrip() for name in sorted(unknown))
            raise OptionError(
                f"recovery_points: unsupported arguments: {parts} Supported arguments: {', '.join(_ARGUMENTS)}"
            )
        if not args.get("servers"):
            raise OptionError("recovery_points: servers is required", hint="Set it to a list of backup servers")
        self._servers: Sequence[Mapping[str, t.Any]] = args["servers"]
        open_servers(self._servers)
        self._policy = args.get("policy") or _POLICY
        check_policy(self._policy)
        self.interval = _parse_interval(args.get("interval"))
        self.undelivered: list[Event] = []
        self._state: State = {}
        state_file = args.get("state_file")
        self._state_file = pathlib.Path(state_file) if state_file else None
        if self._state_file is not None:
            self._load_state(self._state_file)
            self.save_state(self.undelivered)

    def _load_state(self, path: pathlib.Path) -> None:
        if not path.parent.is_dir():
            raise OptionError(f"state_file: the directory {path.parent} does not exist", hint="Create it")
        if not path.exists():
            return
        try:
            document = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise OptionError(f"state_file: cannot read {path}: {error.strerror}", hint=_STATE_HINT) from error
        except ValueError as error:
            raise OptionError(f"state_file: {path} is not valid JSON ({error})", hint=_STATE_HINT) from error
        if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
            raise OptionError(f"state_file: {path} is not a state file of this event source", hint=_STATE_HINT)
        self._state = dict(document["workloads"])
        self.undelivered = list(document["undelivered"])

    def save_state(self, undelivered: Sequence[Event]) -> None:
        """Save the state atomically, with events that have not been delivered.

        Raise OptionError if it is not possible.
        """
        if self._state_file is None:
            return
        document = {"schema": _SCHEMA, "workloads": self._state, "undelivered": undelivered}
        new = self._state_file.with_suffix(f".{os.getpid()}.new")
        try:
            new.touch(0o600)
            new.write_text(json.dumps(document, sort_keys=True), "utf-8")
            new.replace(self._state_file)
        except OSError as error:
            raise OptionError(
                f"state_file: cannot write {self._state_file}: {error.strerror}",
                hint="Make the directory writable for the user that runs ansible-rulebook, and check its free space",
            ) from error

    def poll(self) -> list[Event]:
        """Read all servers once and return the events: servers and their checks first, then workloads by name."""
        events: list[Event] = []
        read_results, unread = read_servers(self._servers), []
        for number, result in enumerate(read_results):
            server = str(self._servers[number].get("url") or self._servers[number].get("product"))
            failed = bool(result.get("failed"))
            message = str(result["msg"]) if failed else f"{server} can be read again"
            events.extend(self._availability_events(_UNREADABLE, server, failed, message))
            if failed:
                unread.append(str(result["failure"].get("server", server)))
        headline = None
        try:
            opened = list(opened_results(read_results, failures_are_findings=True))
            assessment = evaluate_now(opened, self._policy).plain()
            headline = assessment["headline"]
        except AuditError as error:
            _LOG.error("recovery_points: the read results cannot be evaluated: %s", error)
            events.extend(self._availability_events(_NOT_EVALUATED, None, True, str(error)))
        else:
            if len(unread) < len(read_results):
                message = "the read results can be evaluated again"
                events.extend(self._availability_events(_NOT_EVALUATED, None, False, message))
            events.extend(self._check_events(assessment, unread))
            events.extend(self._workload_events(assessment))
            events.extend(self._disappeared_events(assessment, unread))
        return [{"headline": headline, **event} for event in events]

    def _availability_events(
        self, changes: tuple[str, str], server: str | None, failed: bool, message: str
    ) -> Iterator[Event]:
        key = "evaluation" if server is None else f"server {server}"
        before = self._state.get(key, {})
        changed = failed != bool(before.get("failed"))
        number = int(before.get("changes", 0)) + changed
        self._state[key] = {"failed": failed, "changes": number}
        if changed:
            yield _build_event(changes[not failed], server, None, {}, None, [], message, number)

    def _check_events(self, assessment: Mapping[str, t.Any], unread: Sequence[str]) -> Iterator[Event]:
        """Report findings without a workload, by source and control: no workloads listed, a partial read, damage."""
        groups = check_findings(assessment)
        for state in self._state.values():
            # The evaluation as a whole has a finding only while it fails.
            if state.get("control") and state["source"] is None:
                groups.setdefault((None, state["control"]), [])
        has_reason = any(finding["blocking"] and identity(finding) != (None,) * 4 for finding in assessment["findings"])
        for (source, control), group in sorted(groups.items(), key=lambda item: (item[0][0] or "", item[0][1])):
            key = f"check {json.dumps([source, control])}"
            before = self._state.get(key)
            has_failed = before is not None and not before["compliant"]
            blocking = [finding for finding in group if finding["blocking"]]
            # Other findings explain why nothing is proved.
            if not has_failed and (not blocking or (source is None and has_reason)):
                continue
            # Another server on the same host, which could not be read, may be the one that still fails.
            if not blocking and source is not None and any(source in server for server in unread):
                continue
            results = {finding["result"] for finding in group}
            now = {
                "workload": None,
                "control": control,
                "source": source,
                "verdict": next((result for result in ("fail", "unknown", "warn") if result in results), "pass"),
                "compliant": not blocking,
                "newest": None,
                "broken": False,
            }
            yield from self._apply(key, now, [text for texts in reasons(blocking).values() for text in texts])

    def _apply(self, key: str, now: dict[str, t.Any], findings: list[str]) -> Iterator[Event]:
        """Store the state of a workload or check, and return the events for its changes."""
        before = self._state.get(key)
        now["changes"] = (before["changes"] if before else 0) + _has_turned(before, now)
        self._state[key] = now
        return _changes(before, now, findings)

    def _workload_events(self, assessment: Mapping[str, t.Any]) -> Iterator[Event]:
        blocking = [finding for finding in assessment["findings"] if finding["blocking"]]
        messages = reasons(blocking)
        not_compliant = {_key(finding) for finding in blocking}
        broken = {
            _key(finding)
            for finding in blocking
            if finding["control"].startswith("restore_tested.") and finding["result"] == "fail"
        }
        for workload in sorted(assessment["workloads"], key=lambda row: (row["workload_name"] or "", _key(row))):
            key = _key(workload)
            now = {
                "workload": {
                    **{name: workload[f"workload_{name}"] for name in ("name", "id", "type")},
                    **{name: workload[name] for name in ("product", "platform")},
                },
                "source": workload["source"],
                "verdict": workload["verdict"],
                "compliant": key not in not_compliant,
                "newest": workload["newest"],
                "broken": key in broken,
            }
            yield from self._apply(key, now, messages.get(identity(workload), []))

    def _disappeared_events(self, assessment: Mapping[str, t.Any], unread: Sequence[str]) -> Iterator[Event]:
        """Report and forget workloads that a completely read server no longer lists."""
        listed = {_key(workload) for workload in assessment["workloads"]}
        complete = {source["server"]["host"] for source in assessment["data_sources"] if source["complete"] is True}
        # Another server on the same host, which could not be read, may be the one that lists them.
        complete = {host for host in complete if not any(host in server for server in unread)}
        disappeared = [
            key
            for key, value in self._state.items()
            if value.get("workload") and value["source"] in complete and key not in listed
        ]
        for key in sorted(disappeared, key=lambda key: (_name(self._state[key]), key)):
            before = self._state.pop(key)
            source, workload, previous = before["source"], before["workload"], before["verdict"]
            message = f"{source} no longer lists {_name(before)}"
            moment = [before["newest"], before["changes"]]
            now = {"newest": before["newest"]}
            yield _build_event("disappeared", source, workload, now, previous, [], message, moment)


def _parse_interval(value: t.Any) -> float:
    """Return the interval in seconds. ``value`` is a duration such as 15m, or a number of seconds."""
    if value is None:
        return _INTERVAL
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    seconds = float(value) if is_number else float(parse_duration(value, what="interval"))
    if not 0 < seconds < math.inf:
        raise OptionError(
            f"interval: {value!r} is not more than 0 seconds",
            hint="Use a duration such as 15m, or a number of seconds such as 900",
        )
    return seconds


def _has_turned(before: Mapping[str, t.Any] | None, now: Mapping[str, t.Any]) -> bool:
    """Return whether it became compliant or not compliant, or got worse from unknown to fail."""
    if before is None or before["compliant"] or now["compliant"]:
        return bool(now["compliant"] != (before is None or before["compliant"]))
    return bool(before["verdict"] == "unknown" and now["verdict"] == "fail")


def _changes(before: Mapping[str, t.Any] | None, now: Mapping[str, t.Any], findings: list[str]) -> Iterator[Event]:
    """Build the events for the changes of one workload or check, in order of importance."""
    previous = before["verdict"] if before else None
    newest, name = now["newest"], _name(now)

    def build(change: str, message: str, moment: t.Any, findings: list[str] = findings) -> Event:
        return _build_event(change, now["source"], now["workload"], now, previous, findings, message, moment)

    if before is not None and newest is not None and newest > (before["newest"] or ""):
        yield build("recovery_point", f"{name} has a new recovery point, created at {newest}", newest)
    moment = [newest, now["changes"], *filter(None, [now.get("control")])]
    if now["broken"] and not (before and before["broken"]):
        yield build("verification_failed", f"{name} fails a restore test requirement", moment)
    if _has_turned(before, now):
        if now["compliant"]:
            yield build("compliant", f"{name} is compliant again", moment, [])
        else:
            yield build("not_compliant", "; ".join(findings) or f"{name} is not compliant", moment)


def _build_event(
    change: str,
    server: str | None,
    workload: Mapping[str, t.Any] | None,
    now: Mapping[str, t.Any],
    previous: str | None,
    findings: list[str],
    message: str,
    moment: t.Any,
) -> Event:
    """Build an event. Its id depends on the change and on ``moment``, which differs from that of earlier changes."""
    verdict = now.get("verdict")
    content = json.dumps([change, server, workload, verdict, previous, moment], sort_keys=True)
    return {
        "change": change,
        "id": hashlib.sha256(content.encode()).hexdigest(),
        "server": server,
        "workload": workload,
        "control": now.get("control"),
        "verdict": verdict,
        "previous": previous,
        "newest": now.get("newest"),
        "findings": findings,
        "message": message,
    }


def _name(state: Mapping[str, t.Any]) -> str:
    if state["workload"] is None:
        return " of ".join(filter(None, [state["control"], state["source"]]))
    return str(state["workload"]["name"] or state["workload"]["id"])


def _key(record: Mapping[str, t.Any]) -> str:
    return json.dumps(identity(record))
