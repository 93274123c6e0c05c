# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event source for ansible-rulebook: changes of the recovery points of workloads.

Reads backup servers at an interval, evaluates the results against a policy, and reports what has changed.

Arguments:
    servers:    list of backup servers: product, url, username, password, and other options of the product's info
                module. Required.
    policy:     rules, or the name of a ready policy. Default: at least one recovery point.
    interval:   seconds between two reads. Default: 900.
    state_file: file for the last state, so that a restart does not report a change twice. Without it, each start
                reports again what is not compliant.
    once:       read only once. Default: false.

Each event has `recovery_points`, with
    change:     not_compliant (also when a workload is first seen), compliant (it was not before),
                recovery_point (a newer one appeared), verification_failed (a restore test of it now fails),
                unreadable (a server cannot be read), readable (it can again)
    id:         the same for the same change, whatever happened in between
    server, workload (name, id, type, product, platform; null for those about servers), verdict, previous, newest,
    findings (why it is not compliant), message

Workloads of a server that cannot be read are not evaluated in that round, so they have no events.

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
        - name: A workload can no longer be recovered as it should
          condition: event.recovery_points.change == "not_compliant"
          action:
            run_playbook:
              name: tell_somebody.yml
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
from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import read_servers  # noqa: E402
from ansible_collections.backup.audit.plugins.plugin_utils._evaluate import (  # noqa: E402
    evaluate_now,
    identity,
    plain_results,
    reasons,
)

_LOG = logging.getLogger(__name__)
_SCHEMA = "backup.audit/events/1"
_INTERVAL = 900
_POLICY = {"recovery_points": {"min_count": 1}}
# Results that count as compliant.
_GOOD = frozenset({"pass", "not_applicable", "waived", "warn"})

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
        unknown = set(args) - {"servers", "policy", "interval", "state_file", "once"}
        if unknown:
            raise OptionError(f"recovery_points: unknown arguments {', '.join(sorted(unknown))}")
        if not args.get("servers"):
            raise OptionError("recovery_points: servers is needed")
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
            raise OptionError(f"state_file: {self._state_file} is no state of this source ({error})") from error
        if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
            raise OptionError(f"state_file: {self._state_file} is no state of this source")
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
        read_results = []
        for number, result in enumerate(read_servers(self._servers)):
            server = str(self._servers[number].get("url") or self._servers[number].get("product"))
            failed = bool(result.get("failed"))
            events.extend(self._server_events(f"server {server}", server, failed, str(result.get("msg", ""))))
            if not failed:
                read_results.append(result)
        if read_results:
            try:
                events.extend(self._workload_events(list(plain_results(read_results))))
            except AuditError as error:
                _LOG.error("recovery_points: what was read cannot be judged: %s", error)
        return events

    def _server_events(self, key: str, server: str, failed: bool, message: str) -> Iterator[dict[str, t.Any]]:
        before = bool(self._state.get(key, {}).get("failed"))
        self._state[key] = {"failed": failed}
        if failed != before:
            change = "unreadable" if failed else "readable"
            yield _event(change, server, None, None, None, [], message or f"{server} can be read again", time.time_ns())

    def _workload_events(self, read_results: Sequence[dict[str, t.Any]]) -> Iterator[dict[str, t.Any]]:
        assessment = evaluate_now(read_results, self._policy).plain()
        findings = reasons(assessment, _GOOD)
        broken = {
            _key(finding)
            for finding in assessment["findings"]
            if finding["control"].startswith("restore_tested.") and finding["result"] == "fail"
        }
        for workload in sorted(assessment["workloads"], key=lambda row: (row["workload_name"] or "", _key(row))):
            key = _key(workload)
            before = self._state.get(key)
            now = {"verdict": workload["verdict"], "newest": workload["newest"], "broken": key in broken}
            self._state[key] = now
            yield from _changes(workload, before, now, findings.get(identity(workload), []))


def _changes(
    workload: Mapping[str, t.Any], before: Mapping[str, t.Any] | None, now: Mapping[str, t.Any], findings: list[str]
) -> Iterator[dict[str, t.Any]]:
    """Build the events for the changes of one workload, in order of importance."""
    previous = before["verdict"] if before else None
    newest, name = now["newest"], workload["workload_name"] or workload["workload_id"]
    source, verdict = workload["source"], now["verdict"]
    good, was_good = verdict in _GOOD, previous is None or previous in _GOOD
    if before is not None and newest is not None and newest > (before["newest"] or ""):
        message = f"{name} has a new recovery point of {newest}"
        yield _event("recovery_point", source, workload, verdict, previous, findings, message, newest)
    if now["broken"] and not (before and before["broken"]):
        message = f"{name} fails what is asked of restore tests"
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
