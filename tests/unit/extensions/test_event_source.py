# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source without servers: arguments, identical events after a restart, and a state that cannot be saved."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError, DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from tests.tools.project import ROOT
from tests.unit.plugins.module_utils._policy.policy_points import NOW, Row, nightly, read, row

SERVERS = [{"product": "spp", "url": "https://spp.example.com", "username": "auditor", "password": "s3cret"}]
FAILED = {"failed": True, "msg": "connection refused", "failure": {"server": "spp.example.com"}}
GOOD, BAD = row(nightly(9), name="web01", id="1"), row(nightly(2), name="db01", id="2")
POLICY = {"recovery_points": {"min_count": 7}}


@pytest.fixture
def source() -> types.ModuleType:
    """Load the file as ansible-rulebook does, but with the time of the read results."""
    path = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "recovery_points.py"
    spec = importlib.util.spec_from_file_location("event_source_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__["evaluate_now"] = lambda results, policy: assess(results, policy, as_of=NOW, collection_version="")
    return module


Poll = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def poll(source: types.ModuleType, tmp_path: Path) -> Poll:
    """Return a function that starts the source, reads once and returns the events."""

    def run(*rows: Row, state: Path | None = tmp_path / "state.json", failed: bool = False, **more: Any) -> Any:
        result = FAILED if failed else read(*rows, **more)
        source.__dict__["read_servers"] = lambda servers: [result]
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        arguments = {"servers": SERVERS, "policy": POLICY, "once": True, "state_file": str(state) if state else None}
        asyncio.run(source.main(queue, arguments))
        return [queue.get_nowait()["recovery_points"] for _number in range(queue.qsize())]

    return run


def changes(events: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(event["change"], event["workload"] and event["workload"]["name"]) for event in events]


def test_a_disappeared_workload_is_reported(poll: Poll) -> None:
    assert changes(poll(GOOD, BAD)) == [("not_compliant", "db01")]
    (event,) = poll(GOOD)
    assert changes([event]) == [("disappeared", "db01")]
    assert (event["previous"], event["verdict"], event["message"]) == ("fail", None, "vbr1 no longer lists db01")
    assert event["workload"]["id"] == "2"
    assert poll(GOOD) == []
    # A workload that is listed again counts as new.
    assert changes(poll(GOOD, BAD)) == [("not_compliant", "db01")]


def test_workloads_of_a_partially_read_server_do_not_disappear(poll: Poll) -> None:
    poll(GOOD, BAD)
    assert changes(poll(failed=True)) == [("unreadable", None)]
    assert changes(poll(GOOD, BAD)) == [("readable", None)]
    assert "disappeared" not in [change for change, _name in changes(poll(GOOD, complete=False))]
    assert ("disappeared", "db01") in changes(poll(GOOD))


def checks(events: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None]]:
    return [(event["change"], event["server"], event["control"]) for event in events if event["workload"] is None]


DAMAGED = {"verify": {"level": "data", "result": "damaged", "server_message": "chunk 7"}}
SOUND = {"verify": {"level": "data", "result": "sound"}}


@pytest.mark.parametrize(
    ("rows", "bad", "good", "control", "message"),
    [
        ((), {}, None, "data.workloads", "vbr1 returned no workloads. The account may lack permission to list them."),
        (
            (GOOD,),
            {"complete": False, "errors": [{"message": "no page 2"}]},
            {},
            "data.complete",
            "vbr1 was only partially read: no page 2",
        ),
        ((GOOD,), {"server": DAMAGED}, {"server": SOUND}, "data.verify", "data check of vbr1 found damage: chunk 7"),
    ],
)
def test_a_failed_check_without_a_workload_is_reported(
    poll: Poll, rows: tuple[Row, ...], bad: dict[str, Any], good: dict[str, Any] | None, control: str, message: str
) -> None:
    """Once, until it passes; an unreadable server is not compliant again. Each further failure has another id."""
    ids = set()
    for _turn in range(2):
        events = poll(*rows, **bad)
        (event,) = (event for event in events if event["control"])
        assert (event["change"], event["server"], event["workload"]) == ("not_compliant", "vbr1", None)
        assert (event["verdict"], event["control"]) == ("fail", control)
        assert event["message"] == f"{message} [{control}]"
        assert event["findings"] == [event["message"]]
        assert poll(*rows, **bad) == []
        assert changes(poll(failed=True)) == [("unreadable", None)]
        assert changes(poll(*rows, **bad)) == [("readable", None)]
        (again,) = (event for event in poll(GOOD, **(good or {})) if event["control"])
        assert (again["change"], again["server"], again["control"]) == ("compliant", "vbr1", control)
        assert (again["previous"], again["verdict"], again["findings"]) == ("fail", "pass", [])
        assert again["message"] == f"{control} of vbr1 is compliant again"
        ids |= {event["id"], again["id"]}
    assert len(ids) == 4


def test_checks_of_one_server_have_their_own_events(poll: Poll) -> None:
    """A check that is no longer reported is not compliant again, and the server's workloads do not disappear twice."""
    events = poll(server=DAMAGED)
    assert checks(events) == [
        ("not_compliant", "vbr1", "data.verify"),
        ("not_compliant", "vbr1", "data.workloads"),
    ]
    assert len({event["id"] for event in events}) == 2
    assert checks(poll(GOOD)) == [("compliant", "vbr1", "data.workloads")]
    assert checks(poll(GOOD, server=SOUND)) == [("compliant", "vbr1", "data.verify")]


def test_an_environment_without_proof_is_reported(poll: Poll, source: types.ModuleType) -> None:
    """If all workloads are excluded, nothing fails and nothing is proved."""

    def evaluate(options: dict[str, Any]) -> None:
        source.__dict__["evaluate_now"] = lambda results, policy: assess(
            results, policy, as_of=NOW, collection_version="", options=options
        )

    everything = {"exclude": [{"match": {"source": "*"}, "reason": "Tests"}]}
    evaluate(everything)
    (event,) = poll(BAD)
    assert (event["change"], event["server"], event["control"]) == ("not_compliant", None, "data.proof")
    assert event["message"] == "no workload is proved compliant [data.proof]"
    assert poll(BAD) == []
    evaluate({})
    # The event of the workload is sufficient, but the check is not compliant either.
    assert changes(poll(BAD)) == [("not_compliant", "db01")]
    (again,) = (event for event in poll(GOOD) if event["control"])
    assert (again["change"], again["message"]) == ("compliant", "data.proof is compliant again")


def test_a_workload_that_gets_worse_is_reported(poll: Poll) -> None:
    """From unknown to fail, each time. From fail to unknown is not better."""
    unknown = row(nightly(9, usable=None), name="web01", id="1")
    failed = row(nightly(2), name="web01", id="1")
    other = row(nightly(9), name="db01", id="2")
    seen = [poll(one, other) for one in (unknown, failed, failed, unknown, failed)]
    events = [[event for event in events if event["change"] != "recovery_point"] for events in seen]
    assert [changes(some) for some in events] == [[("not_compliant", "web01")] * count for count in (1, 1, 0, 0, 1)]
    verdicts = [(event["previous"], event["verdict"]) for some in events for event in some]
    assert verdicts == [(None, "unknown"), ("unknown", "fail"), ("unknown", "fail")]
    assert len({event["id"] for some in events for event in some}) == 3


def test_event_ids_identify_the_change(poll: Poll, tmp_path: Path) -> None:
    """Also if the state of the poll was lost, because the process ended before it was saved."""
    state = tmp_path / "state.json"
    seen = []
    for failed in (False, True, False, True, False):
        saved = state.read_bytes() if state.exists() else None
        first = poll(GOOD, failed=failed)
        if saved:
            state.write_bytes(saved)
            assert poll(GOOD, failed=failed) == first
        seen += first
    assert [change for change, _name in changes(seen)] == ["unreadable", "readable"] * 2
    assert len({event["id"] for event in seen}) == 4
    flips = [event for points in (9, 2, 9, 2) for event in poll(row([*nightly(9)[:points]], name="web01", id="1"))]
    turned = [event for event in flips if event["change"] in ("not_compliant", "compliant")]
    assert [event["change"] for event in turned] == ["not_compliant", "compliant", "not_compliant"]
    assert len({event["id"] for event in turned}) == 3


def test_failed_evaluation_is_reported(poll: Poll, source: types.ModuleType) -> None:
    evaluate = source.__dict__["evaluate_now"]

    def refuse(results: Any, policy: Any) -> Any:
        raise DataError("spp: the read result was altered", hint="Read the server again")

    poll(BAD)
    source.__dict__["evaluate_now"] = refuse
    (event,) = poll(BAD)
    assert (event["change"], event["server"], event["workload"]) == ("not_evaluated", None, None)
    assert event["message"] == "spp: the read result was altered. Read the server again."
    assert poll(BAD) == []
    source.__dict__["evaluate_now"] = evaluate
    assert changes(poll(BAD)) == [("evaluated", None)]


def test_undelivered_events_are_sent_after_a_restart(poll: Poll, source: types.ModuleType, tmp_path: Path) -> None:
    """The process ends between the poll and the delivery."""
    state = tmp_path / "state.json"
    source.__dict__["read_servers"] = lambda servers: [read(BAD)]
    watcher = source.ServerWatcher({"servers": SERVERS, "policy": POLICY, "state_file": str(state)})
    events = watcher.poll()
    watcher.save_state(events)
    assert poll(BAD) == events
    assert poll(BAD) == []


def test_no_action_runs_if_the_state_cannot_be_saved(
    source: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a supervisor would repeat the actions at each restart."""
    source.__dict__["read_servers"] = lambda servers: [read(BAD)]
    queue: asyncio.Queue[Any] = asyncio.Queue()
    arguments = {"servers": SERVERS, "policy": POLICY, "state_file": str(tmp_path / "state.json")}
    write = Path.write_text

    def fill_the_disk(path: Path, text: str, encoding: str) -> int:
        if "not_compliant" in text:
            raise OSError(28, "No space left on device")
        return write(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", fill_the_disk)
    with pytest.raises(OptionError, match=r"state_file: cannot write .*state\.json: No space left on device"):
        asyncio.run(source.main(queue, arguments))
    assert queue.empty()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": "dayly_26h"}, "policy: unknown built-in policy 'dayly_26h'. Did you mean 'daily_26h'"),
        ({"policy": {"recovery_points": {"min_cuont": 7}}}, "min_cuont.*Did you mean 'min_count'"),
        ({"servers": "spp"}, r"servers: expected a list, found 'spp'. Use for example \[\{product: spp"),
        ({"servers": ["spp"]}, r"servers\[0\]: expected a mapping of options, found 'spp'. Use for example"),
        ({"servers": [{"product": "spp", "urll": "x"}]}, "urll. Did you mean 'url'"),
        ({"interval": "15"}, "interval: '15' is not a valid duration: the unit is missing"),
        ({"interval": "soon"}, "interval: 'soon' is not a valid duration. Use a whole number with s, m"),
        ({"interval": 0}, "interval: 0 is not more than 0 seconds. Use a duration such as 15m"),
        ({"interval": -5}, "interval: -5 is not more than 0 seconds"),
        ({"interval": "0s"}, "interval: '0s' is not more than 0 seconds"),
        ({"interval": True}, "interval: True is not a valid duration"),
        ({"interval": float("nan")}, "interval: nan is not more than 0 seconds"),
        ({"state_file": "/no/such/folder/state.json"}, "state_file: the directory /no/such/folder does not exist"),
        ({"state_file": "/proc/state.json"}, "state_file: cannot write /proc/state.json: .*Make the directory"),
        ({"state_file": "/tmp"}, "state_file: cannot read /tmp: Is a directory. Set state_file"),
    ],
)
def test_invalid_arguments_are_rejected_at_startup(
    source: types.ModuleType, arguments: dict[str, Any], message: str
) -> None:
    def read_nothing(servers: Any) -> Any:
        raise AssertionError("a server was read")

    source.__dict__["read_servers"] = read_nothing
    with pytest.raises(AuditError, match=message) as raised:
        asyncio.run(source.main(asyncio.Queue(), {"servers": SERVERS, "once": True, **arguments}))
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "seconds"), [(None, 900), ("15m", 900), (60, 60), (0.5, 0.5), ("2h", 7200), ("1d", 86400)]
)
def test_intervals(source: types.ModuleType, given: Any, seconds: float) -> None:
    assert source.ServerWatcher({"servers": SERVERS, "interval": given}).interval == seconds


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"schema": "backup.audit/events/1", "workloads": {}})])
def test_state_does_not_overwrite_other_files(source: types.ModuleType, tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(OptionError, match=r"state_file: .*is not .*remove the file"):
        source.ServerWatcher({"servers": SERVERS, "state_file": str(path)})
    assert path.read_text() == content
