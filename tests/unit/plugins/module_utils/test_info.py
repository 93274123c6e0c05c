# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An info module, run as Ansible runs it, in a process of its own, against a real server over TLS."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic

from ansible_collections.backup.audit.plugins.module_utils import _info
from ansible_collections.backup.audit.plugins.module_utils._errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._read import unpack

TREE = str(Path(_info.__file__).parents[5])
PASSWORD = "c0rrect-h&rse"
TOKEN = "t0ken-of-this-session"
# An adapter that does what the server's answer tells it to.
MODULE = """
import sys
import time
from ansible.module_utils import basic

basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
if hasattr(basic, "_ANSIBLE_PROFILE"):
    basic._ANSIBLE_PROFILE = "legacy"
if "without-requests" in sys.argv:
    sys.modules["requests"] = None

from ansible_collections.backup.audit.plugins.module_utils._auth import BasicForSession
from ansible_collections.backup.audit.plugins.module_utils._errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._info import run_module
from ansible_collections.backup.audit.plugins.module_utils._model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._source import Source
from ansible_collections.backup.audit.plugins.module_utils._times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._wall import Permit


class Product(Source):
    product = "product"
    title = "Product"
    environment = ("PRODUCT",)
    workload_types = ("vm",)
    permits = (Permit("POST", "/session"), Permit("DELETE", "/session"), Permit("GET", "/list"), Permit("GET", "/page"))
    cannot_tell = {}

    @classmethod
    def own_spec(cls):
        return {"copies": {"type": "bool", "default": False}}

    def open(self, reading):
        user, password = self.settings.username, self.settings.password
        self._login = BasicForSession(user, password, path="/session", member="id", header="X-Session")
        self._login.open(self.client)
        reading.version = "1.2"

    def read(self, reading):
        told = self.client.get("/list").json_object()
        for name, days in told.get("points", []):
            reading.point(
                RecoveryPoint(
                    id=f"{name}-{days}",
                    workload=Workload(id=name, name=name, type="vm"),
                    created=reading.now - round(days * DAY) * SECOND,
                    kind="full",
                    status="success",
                    usable=True,
                )
            )
        for number in told.get("problems", []):
            reading.problem(AuditError(f"problem {number}", code="incomplete", advice="Look there"))
        reading.warnings.extend(told.get("warnings", []))
        if "swallow" in told:
            try:
                self.client.get("/page")
            except AuditError as error:
                reading.problem(error)
        if "late" in told:
            self.workers.submit(self.client.get, "/page")
            time.sleep(0.3)
        if "bug" in told:
            raise ZeroDivisionError(told["bug"])
        for _page in self.workers.map(lambda _number: self.client.get("/page"), range(told.get("pages", 0))):
            pass

    def close(self):
        if hasattr(self, "_login"):
            self._login.close(self.client)


class Other(Product):
    product = "other"
    choice = "other"


Product.choice = "" if "one" in sys.argv else "first"
run_module(*([Product] if "one" in sys.argv else [Product, Other]))
"""


# Before 2.21 ansible-core puts all options into every result, and has no word for it.
_ON_REQUEST = "inject_invocation" in getattr(basic, "PASS_VARS", ())
ALL_OPTIONS: dict[str, Any] = {"_ansible_inject_invocation": True} if _ON_REQUEST else {}


@dataclasses.dataclass
class Appliance:
    """Checks the password, and answers to /list what it is told."""

    told: dict[str, Any] = dataclasses.field(default_factory=lambda: {"points": [["db01", 1], ["db01", 2], ["app", 3]]})
    page: tuple[int, dict[str, str], Any] = (200, {}, {})
    reached: threading.Event = dataclasses.field(default_factory=threading.Event)
    # The first request whose call this is waits until it is let go.
    hold: threading.Event | None = None
    held: str = "GET /list"

    def __call__(self, asked: Any) -> tuple[int, dict[str, str], Any]:
        if self.hold is not None and f"{asked.method} {asked.path}" == self.held and not self.reached.is_set():
            self.reached.set()
            self.hold.wait(20)
        if asked.method == "POST":
            right = asked.headers["Authorization"].startswith("Basic YXVkaXRvcjpjMHJyZWN0LWgmcnNl")
            return (200, {}, {"id": TOKEN}) if right else (401, {}, {"message": "wrong password"})
        if asked.method == "DELETE":
            return 204, {}, b""
        if asked.path == "/list":
            return 200, {}, self.told
        if self.hold is None:
            self.reached.set()
        return self.page


@dataclasses.dataclass
class Ended:
    """How a module ended."""

    result: dict[str, Any]
    output: str


@pytest.fixture
def appliance() -> Appliance:
    return Appliance()


@pytest.fixture
def server(serve: Any, appliance: Appliance) -> Any:
    return serve(appliance)


def start(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": TREE, **(environment or {})}
    return subprocess.Popen(
        [sys.executable, "-c", MODULE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
    )


def given(server: Any, **more: Any) -> bytes:
    options = {"url": server.url, "username": "auditor", "password": PASSWORD, "ca_path": server.ca_path, **more}
    wanted = {name: value for name, value in options.items() if value is not None}
    return json.dumps({"ANSIBLE_MODULE_ARGS": wanted}).encode()


def ended(process: subprocess.Popen[bytes], arguments: bytes | None = None) -> Ended:
    output = process.communicate(arguments, timeout=60)[0].decode()
    line = next((line for line in output.splitlines() if line.startswith("{")), "")
    assert line, output
    return Ended(json.loads(line), output)


def run(server: Any, *, environment: dict[str, str] | None = None, **more: Any) -> Ended:
    return ended(start("one", environment=environment), given(server, **more))


def closed(server: Any) -> bool:
    """Whether as many sessions were given back as were opened."""
    calls: list[str] = server.calls()
    return 0 < calls.count("POST /session") == calls.count("DELETE /session")


def warnings(result: dict[str, Any]) -> list[str]:
    return [warning if isinstance(warning, str) else warning["event"]["msg"] for warning in result.get("warnings", [])]


# A read


@pytest.mark.parametrize("pack", [False, True])
def test_a_module_returns_a_sealed_read_and_gives_its_session_back(server: Any, pack: bool) -> None:
    end = run(server, pack=pack)
    assert end.result["changed"] is False
    assert ("workloads" in end.result) is not pack
    read = unpack(end.result)
    assert [(row["workload_name"], row["recovery_points"]) for row in read["workloads"]] == [("app", 1), ("db01", 2)]
    assert read["server"]["host"] == f"localhost:{server.port}"
    assert (read["server"]["product"], read["server"]["version"], read["complete"]) == ("product", "1.2", True)
    # Log-in and log-out are requests, too.
    assert end.result["requests"]["count"] == 3
    assert server.calls() == ["POST /session", "GET /list", "DELETE /session"]
    assert warnings(end.result) == []
    for secret in (PASSWORD, TOKEN, "YXVkaXRvcjpjMHJyZWN0LWgmcnNl"):
        assert secret not in end.output


def test_both_spellings_have_the_same_digest_of_the_same_content(server: Any) -> None:
    plain, packed = run(server, since="2026-01-01").result, run(server, since="2026-01-01", pack=True).result
    same = ("schema", "window", "complete", "errors", "totals")
    assert {name: plain[name] for name in same} == {name: packed[name] for name in same}
    assert unpack(plain)["sha256"] == plain["sha256"]
    assert unpack(packed)["sha256"] == packed["sha256"]


def test_check_mode_reads_as_well(server: Any) -> None:
    assert unpack(run(server, _ansible_check_mode=True).result)["totals"]["recovery_points"] == 3


def test_the_environment_stands_in_for_options(server: Any) -> None:
    environment = {
        "PRODUCT_URL": server.url,
        "PRODUCT_USERNAME": "auditor",
        "PRODUCT_PASSWORD": PASSWORD,
        "PRODUCT_CA_PATH": server.ca_path,
    }
    end = run(server, environment=environment, url=None, username=None, password=None, ca_path=None)
    assert end.result["totals"]["recovery_points"] == 3
    assert PASSWORD not in end.output


def test_one_module_may_read_several_products(server: Any) -> None:
    end = ended(start(), given(server, product="other"))
    assert end.result["server"]["product"] == "other"
    missing = ended(start(), given(server)).result
    assert missing["failed"] is True
    assert "product" in missing["msg"]


def test_points_are_returned_where_they_are_asked_for(server: Any) -> None:
    listed = run(server, detail="recovery_points").result["recovery_points"]
    assert [point["id"] for point in listed] == ["app-3", "db01-2", "db01-1"]


# Warnings


def test_what_weakens_a_read_is_warned_of(server: Any, appliance: Appliance) -> None:
    appliance.told = {"points": [["db01", -1], ["db01", 1]], "warnings": ["no inventory"]}
    found = warnings(run(server, validate_certs=False).result)
    host = f"localhost:{server.port}"
    assert [warning for warning in found if warning.startswith(f"{host}: 1 points are dated in the future")]
    assert [warning for warning in found if "certificate was not checked" in warning]
    assert f"{host}: no inventory" in found


def test_a_result_that_awx_would_drop_is_warned_of_unless_packed(server: Any, appliance: Appliance) -> None:
    appliance.told = {"points": [[f"{number:04}" + "x" * 1000, 1] for number in range(600)]}
    assert any("use pack: true" in warning for warning in warnings(run(server).result))
    assert warnings(run(server, pack=True).result) == []


# Failures


def test_a_rejected_log_in_is_a_failure_in_parts(server: Any) -> None:
    end = run(server, password="wr0ng-one")
    assert end.result["failed"] is True
    assert end.result["failure"]["code"] == "login_rejected"
    assert end.result["failure"]["words"] == "wrong password"
    assert end.result["failure"]["message"] in end.result["msg"]
    assert "wr0ng-one" not in end.output
    assert server.calls() == ["POST /session"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": None}, "missing required arguments: url"),
        ({"url": "https://[::1"}, "url: 'https://[::1' is no URL"),
        ({"since": "30 days"}, "since: '30 days' is no duration"),
        ({"day_start": "noon"}, "day_start"),
        ({"calendar_timezone": "Mars/Olympus"}, "calendar_timezone"),
        ({"location_facts": [{"match": "x"}]}, "location_facts"),
        ({"page_size": 0}, "page_size: 0 is less than 1"),
        ({"ca_path": "/nowhere.pem"}, "ca_path: '/nowhere.pem' cannot be read"),
    ],
)
def test_a_bad_option_is_refused_before_anything_is_sent(server: Any, options: dict[str, Any], message: str) -> None:
    end = run(server, **options)
    assert end.result["failed"] is True
    assert end.result["failure"]["code"] == "bad_option"
    assert message in end.result["msg"]
    assert server.asked == []


def test_an_incomplete_read_fails_unless_it_is_allowed(server: Any, appliance: Appliance) -> None:
    appliance.told = {"points": [["db01", 1]], "problems": [1, 2, 3]}
    refused = run(server)
    assert refused.result["failed"] is True
    assert "not everything could be read: problem 1 (and 2 more problems)" in refused.result["msg"]
    assert "Look there. Mend this, or set allow_partial: true" in refused.result["msg"]
    assert "workloads" not in refused.result
    allowed = unpack(run(server, allow_partial=True).result)
    assert allowed["complete"] is False
    assert [error["message"] for error in allowed["errors"]] == ["problem 1", "problem 2", "problem 3"]
    assert closed(server)


def test_a_bug_is_a_failure_too_and_gives_the_session_back(server: Any, appliance: Appliance) -> None:
    appliance.told = {"bug": f"division by {TOKEN}"}
    # From 2.19 on ansible-core tells modules whether tracebacks are wanted.
    wanted: dict[str, Any] = {"_ansible_tracebacks_for": ["error"]} if hasattr(basic, "_ANSIBLE_PROFILE") else {}
    end = run(server, **wanted)
    assert end.result["failed"] is True
    assert "Product: unexpected ZeroDivisionError" in end.result["msg"]
    assert "Please report this" in end.result["msg"]
    assert "in read" in json.dumps(end.result)
    assert TOKEN not in end.output
    assert closed(server)


def test_an_error_of_a_page_gives_the_session_back(server: Any, appliance: Appliance) -> None:
    appliance.told, appliance.page = {"pages": 20}, (403, {}, {"message": "not yours"})
    end = run(server)
    assert end.result["failure"]["code"] == "forbidden"
    assert closed(server)


def test_without_requests_it_says_what_to_install(server: Any) -> None:
    end = ended(start("one", "without-requests"), given(server))
    assert end.result["failed"] is True
    assert "requests" in end.result["msg"]


@pytest.mark.parametrize("options", [{"retries": 0}, {"since": "noon"}, {"url": None}, {"username": None}])
@pytest.mark.parametrize("proxy", ["http://user:pr0xy%2Dpass@127.0.0.1:9", "user:pr0xy%2Dpass@127.0.0.1:9"])
def test_the_password_of_a_proxy_is_not_shown(server: Any, proxy: str, options: dict[str, Any]) -> None:
    """Also where nothing is sent: a result holds all options."""
    end = run(server, proxy=proxy, **ALL_OPTIONS, **options)
    assert end.result["failed"] is True
    assert "proxy" in end.result["invocation"]["module_args"]
    assert "pr0xy%2Dpass" not in end.output
    assert "pr0xy-pass" not in end.output


@pytest.mark.parametrize("url", ["https://auditor:in-the-url@[::1", "auditor:in-the-url@localhost"])
def test_a_password_in_the_url_is_not_shown(server: Any, url: str) -> None:
    end = run(server, url=url, **ALL_OPTIONS)
    assert "url: it holds a user name or password" in end.result["msg"]
    assert "url" in end.result["invocation"]["module_args"]
    assert "in-the-url" not in end.output


# Secrets in names


def test_a_password_that_is_part_of_a_name_ruins_only_the_unpacked_read(server: Any, appliance: Appliance) -> None:
    """Ansible masks it wherever it stands; what was masked proves nothing."""
    appliance.told = {"points": [[f"x-{PASSWORD}", 1]]}
    with pytest.raises(DataError, match="masked"):
        unpack(run(server).result)
    assert unpack(run(server, pack=True).result)["workloads"][0]["workload_name"] == f"x-{PASSWORD}"


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_gives_the_session_back(server: Any, appliance: Appliance, number: signal.Signals) -> None:
    appliance.hold = threading.Event()
    process = start("one")
    writer = threading.Thread(target=lambda: results.append(ended(process, given(server))))
    results: list[Ended] = []
    writer.start()
    assert appliance.reached.wait(30)
    process.send_signal(number)
    # Ctrl-C is often pressed twice; the second one must not keep the first from logging out.
    process.send_signal(number)
    writer.join(30)
    appliance.hold.set()
    assert results[0].result["failure"] == {
        "code": "stopped",
        "message": f"stopped by {number.name}",
        "server": "localhost",
    }
    assert closed(server)


@pytest.mark.parametrize("held", ["POST /session", "DELETE /session"])
def test_a_signal_in_the_middle_of_a_log_in_or_log_out_waits_for_its_end(
    server: Any, appliance: Appliance, held: str
) -> None:
    """The token of a session that the server has opened must be known to give it back."""
    appliance.hold, appliance.held = threading.Event(), held
    end = stopped_while_held(server, appliance)
    assert end.result["failure"]["code"] == "stopped"
    assert "workloads" not in end.result
    assert closed(server)
    assert ("GET /list" in server.calls()) is (held == "DELETE /session")


def test_a_signal_after_an_error_gives_the_session_back(server: Any, appliance: Appliance) -> None:
    """The error waits for a thread whose page does not come; what comes in that time must not end the log-out."""
    appliance.told = {"late": True, "bug": "division by zero"}
    appliance.hold, appliance.held = threading.Event(), "GET /page"
    end = stopped_while_held(server, appliance, seconds=1.0)
    assert "unexpected ZeroDivisionError" in end.result["msg"]
    assert closed(server)


def test_a_signal_is_no_gap_that_may_be_read_over(server: Any, appliance: Appliance) -> None:
    appliance.told = {"swallow": True}
    appliance.hold, appliance.held = threading.Event(), "GET /page"
    end = stopped_while_held(server, appliance, allow_partial=True)
    assert end.result["failure"]["code"] == "stopped"
    assert closed(server)


def stopped_while_held(server: Any, appliance: Appliance, *, seconds: float = 0.3, **more: Any) -> Ended:
    """How a module ends that gets a signal while the server keeps it waiting, and its answer only after that."""
    process = start("one")
    results: list[Ended] = []
    writer = threading.Thread(target=lambda: results.append(ended(process, given(server, **more))))
    writer.start()
    assert appliance.hold is not None
    assert appliance.reached.wait(30)
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    appliance.hold.set()
    writer.join(30)
    return results[0]


def test_a_module_whose_result_nobody_waits_for_gives_the_session_back(server: Any, appliance: Appliance) -> None:
    """So it ends where the time of a task is up, or Ansible was killed: no signal comes then."""
    appliance.hold = threading.Event()
    with start("one") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given(server))
        process.stdin.close()
        assert appliance.reached.wait(30)
        process.stdout.close()
        process.wait(15)
    appliance.hold.set()
    assert closed(server)


def test_a_result_may_be_written_to_a_file(server: Any, tmp_path: Path) -> None:
    """Nobody reads while it is written."""
    with (tmp_path / "result.json").open("w+b") as file:
        environ = {**os.environ, "PYTHONPATH": TREE}
        command = [sys.executable, "-c", MODULE, "one"]
        subprocess.run(command, input=given(server), stdout=file, env=environ, check=True, timeout=60)
        file.seek(0)
        assert json.loads(file.read())["totals"]["recovery_points"] == 3


def test_a_signal_is_not_kept_waiting_by_threads_that_pause(server: Any, appliance: Appliance) -> None:
    appliance.told, appliance.page = {"pages": 4}, (503, {"Retry-After": "100"}, b"")
    process = start("one")
    results: list[Ended] = []
    writer = threading.Thread(target=lambda: results.append(ended(process, given(server))))
    writer.start()
    assert appliance.reached.wait(30)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    writer.join(30)
    assert results[0].result["failure"]["code"] == "stopped"
    assert time.monotonic() - started < 15
    assert closed(server)
