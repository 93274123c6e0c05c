# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event source for ansible-rulebook: changes in the recovery points of workloads.

Reads backup servers at an interval, evaluates the results against a policy, and emits an event for each change.

Arguments:
    servers:    list of backup servers: product, url, username, password, and other options of the product's info
                module. Required.
    policy:     rules, or the name of a built-in policy. Default: at least one recovery point.
    interval:   seconds between two reads. Default: 900.
    state_file: file with the last state, so that a restart does not report a change twice. Without it, each start
                reports all noncompliant workloads again.
    once:       whether to read only once. Default: false.

Each event has the key `recovery_points`, with
    headline:   overall result of this poll in one line, with the servers that could not be read; null if the policy is
                not valid
    change:     not_compliant (the workload became noncompliant, or is noncompliant when it is first seen),
                compliant (the workload is compliant again),
                recovery_point (the workload has a new recovery point),
                verification_failed (a restore test requirement of the workload now fails),
                unreadable (the server can no longer be read), readable (the server can be read again)
    id:         the same id for the same change, also after other changes
    server:     URL or product of the server, or the source of the workload
    workload:   name, id, type, product and platform; null for events about servers
    verdict:    result of the workload
    previous:   result of the workload in the previous round
    newest:     time of the newest recovery point of the workload
    findings:   messages of the findings that are not compliant
    message:    description of the change

If a server cannot be read, its workloads are not evaluated in that round, and there are no events for them.

Example:
    - name: Recovery points
      hosts: all
      sources:
        - backup.audit.recovery_points:
            interval: 900
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
import os
import pathlib
import sys
import time
import typing as t
from collections.abc import Iterator, Mapping, Sequence

# ansible-rulebook runs this file by its path; the collection is in a directory above it.
_ROOT = str(pathlib.Path(__file__).resolve().parents[7])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, OptionError  # noqa: E402
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest  # noqa: E402
from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import read_servers  # noqa: E402
from ansible_collections.backup.audit.plugins.plugin_utils._evaluate import (  # noqa: E402
    evaluate_now,
    identity,
    opened_results,
    reasons,
)

_LOG = logging.getLogger(__name__)
_SCHEMA = "backup.audit/events/1"
_ARGUMENTS = ("servers", "policy", "interval", "state_file", "once")
_INTERVAL = 900
_POLICY = {"recovery_points": {"min_count": 1}}
_STATE_HINT = "Set state_file to a path that only this event source uses"

State = dict[str, dict[str, t.Any]]


async def main(queue: t.Any, args: dict[str, t.Any]) -> None:
    """Entry point of ansible-rulebook: put events into the queue until cancelled."""
    watcher = ServerWatcher(args)
    while True:
        # Reading may take minutes and must not block other sources.
        for event in await asyncio.to_thread(watcher.poll):
            await queue.put({"recovery_points": event})
        # Only now, so that events that were not delivered are sent after a restart.
        watcher.save_state()
        if args.get("once"):
            return
        await asyncio.sleep(watcher.interval)


class ServerWatcher:
    """Polls servers and compares each result with the previous one."""

    def __init__(self, args: Mapping[str, t.Any]) -> None:
        """Validate the arguments and load the state; OptionError for invalid arguments or an invalid state file."""
        unknown = set(args) - set(_ARGUMENTS)
        if unknown:
            parts = " ".join(f"{name}. {suggest(name, _ARGUMENTS)}".rstrip() for name in sorted(unknown))
            raise OptionError(
                f"recovery_points: unsupported arguments: {parts} Supported arguments: {', '.join(_ARGUMENTS)}"
            )
        if not args.get("servers"):
            raise OptionError("recovery_points: servers is required", hint="Set it to a list of backup servers")
        self._servers: Sequence[Mapping[str, t.Any]] = args["servers"]
        self._policy = args.get("policy") or _POLICY
        self.interval = float(args.get("interval") or _INTERVAL)
        state_file = args.get("state_file")
        self._state_file = pathlib.Path(state_file) if state_file else None
        self._state = self._load_state()

    def _load_state(self) -> State:
        if self._state_file is None or not self._state_file.exists():
            return {}
        try:
            document = json.loads(self._state_file.read_text("utf-8"))
        except ValueError as error:
            raise OptionError(
                f"state_file: {self._state_file} is not valid JSON ({error})", hint=_STATE_HINT
            ) from error
        if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
            raise OptionError(
                f"state_file: {self._state_file} is not a state file of this event source", hint=_STATE_HINT
            )
        return dict(document["workloads"])

    def save_state(self) -> None:
        """Save the reported state atomically."""
        if self._state_file is not None:
            new = self._state_file.with_suffix(f".{os.getpid()}.new")
            new.write_text(json.dumps({"schema": _SCHEMA, "workloads": self._state}, sort_keys=True), "utf-8")
            new.chmod(0o600)
            new.replace(self._state_file)

    def poll(self) -> list[dict[str, t.Any]]:
        """Read all servers once and return the events: those about servers first, then by workload name."""
        events: list[dict[str, t.Any]] = []
        read_results = read_servers(self._servers)
        for number, result in enumerate(read_results):
            server = str(self._servers[number].get("url") or self._servers[number].get("product"))
            failed = bool(result.get("failed"))
            events.extend(self._server_events(f"server {server}", server, failed, str(result.get("msg", ""))))
        headline = None
        try:
            opened = opened_results(read_results, failures_are_findings=True)
            assessment = evaluate_now(opened, self._policy).plain()
            headline = assessment["headline"]
            events.extend(self._workload_events(assessment))
        except AuditError as error:
            _LOG.error("recovery_points: the read results cannot be evaluated: %s", error)
        return [{"headline": headline, **event} for event in events]

    def _server_events(self, key: str, server: str, failed: bool, message: str) -> Iterator[dict[str, t.Any]]:
        before = bool(self._state.get(key, {}).get("failed"))
        self._state[key] = {"failed": failed}
        if failed != before:
            change = "unreadable" if failed else "readable"
            yield _event(change, server, None, None, None, [], message or f"{server} can be read again", time.time_ns())

    def _workload_events(self, assessment: Mapping[str, t.Any]) -> Iterator[dict[str, t.Any]]:
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
            before = self._state.get(key)
            now = {
                "verdict": workload["verdict"],
                "compliant": key not in not_compliant,
                "newest": workload["newest"],
                "broken": key in broken,
            }
            self._state[key] = now
            yield from _changes(workload, before, now, messages.get(identity(workload), []))


def _changes(
    workload: Mapping[str, t.Any], before: Mapping[str, t.Any] | None, now: Mapping[str, t.Any], findings: list[str]
) -> Iterator[dict[str, t.Any]]:
    """Build the events for the changes of one workload, in order of importance."""
    previous = before["verdict"] if before else None
    newest, name = now["newest"], workload["workload_name"] or workload["workload_id"]
    source, verdict = workload["source"], now["verdict"]
    good, was_good = now["compliant"], before is None or before["compliant"]
    if before is not None and newest is not None and newest > (before["newest"] or ""):
        message = f"{name} has a new recovery point, created at {newest}"
        yield _event("recovery_point", source, workload, verdict, previous, findings, message, newest)
    if now["broken"] and not (before and before["broken"]):
        message = f"{name} fails a restore test requirement"
        yield _event("verification_failed", source, workload, verdict, previous, findings, message, newest)
    if not good and was_good:
        message = "; ".join(findings) or f"{name} is not compliant"
        yield _event("not_compliant", source, workload, verdict, previous, findings, message, newest)
    elif good and not was_good:
        yield _event("compliant", source, workload, verdict, previous, [], f"{name} is compliant again", newest)


def _event(
    change: str,
    server: str,
    workload: Mapping[str, t.Any] | None,
    verdict: str | None,
    previous: str | None,
    findings: list[str],
    message: str,
    moment: t.Any,
) -> dict[str, t.Any]:
    workload_ids = None
    if workload is not None:
        workload_ids = {name: workload[f"workload_{name}"] for name in ("name", "id", "type")}
        workload_ids |= {name: workload[name] for name in ("product", "platform")}
    identity = json.dumps([change, server, workload_ids, verdict, previous, moment], sort_keys=True)
    return {
        "change": change,
        "id": hashlib.sha256(identity.encode()).hexdigest(),
        "server": server,
        "workload": workload_ids,
        "verdict": verdict,
        "previous": previous,
        "newest": None if workload is None else workload["newest"],
        "findings": findings,
        "message": message,
    }


def _key(record: Mapping[str, t.Any]) -> str:
    return json.dumps(identity(record))
