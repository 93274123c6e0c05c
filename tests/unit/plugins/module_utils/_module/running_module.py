# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module with a test adapter, run as Ansible runs it, and the server that it reads."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ansible.module_utils import basic

from ansible_collections.backup.audit.plugins.module_utils._module import rest_module

TREE = str(Path(rest_module.__file__).parents[6])
PASSWORD = "c0rrect-h&rse"
TOKEN = "t0ken-of-this-session"
# An adapter whose behavior is controlled by the server's response.
MODULE = """
import sys
import time
from ansible.module_utils import basic

basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
if hasattr(basic, "_ANSIBLE_PROFILE"):
    basic._ANSIBLE_PROFILE = "legacy"
if "without-requests" in sys.argv:
    sys.modules["requests"] = None

from ansible_collections.backup.audit.plugins.module_utils._transport.auth import BasicForSession
from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._module.rest_module import run_module
from ansible_collections.backup.audit.plugins.module_utils._core.model import RecoveryPoint, Workload
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND
from ansible_collections.backup.audit.plugins.module_utils._transport.allowlist import AllowedRequest


class Product(RestAdapter):
    product = "product"
    title = "Product"
    environment = ("PRODUCT",)
    workload_types = ("vm",)
    allowlist = (
        *(AllowedRequest(method, "/session") for method in ("POST", "DELETE")),
        *(AllowedRequest("GET", path) for path in ("/list", "/page")),
    )
    not_reported = {}

    @classmethod
    def own_spec(cls):
        return {"copies": {"type": "bool", "default": False}}

    def open(self, collector):
        user, password = self.settings.username, self.settings.password
        self.log_in(BasicForSession(user, password, path="/session", member="id", header="X-Session"))

    def version(self):
        return "1.2"

    def read(self, collector):
        data = self.client.get("/list").json_object()
        for name, days in data.get("points", []):
            collector.add_point(
                RecoveryPoint(
                    id=f"{name}-{days}",
                    workload=Workload(id=name, name=name, type="vm"),
                    created=collector.now - round(days * DAY) * SECOND,
                    kind="full",
                    status="success",
                    usable=True,
                )
            )
        for number in data.get("problems", []):
            collector.add_problem(AuditError(f"problem {number}", code="incomplete", hint="Look there"))
        collector.warnings.extend(data.get("warnings", []))
        if "swallow" in data:
            try:
                self.client.get("/page")
            except AuditError as error:
                collector.add_problem(error)
        if "late" in data:
            self.thread_pool.submit(self.client.get, "/page")
            time.sleep(0.3)
        if "bug" in data:
            raise ZeroDivisionError(data["bug"])
        for _page in self.thread_pool.map(lambda _number: self.client.get("/page"), range(data.get("pages", 0))):
            pass


class Other(Product):
    product = "other"
    choice = "other"


Product.choice = "" if "one" in sys.argv else "first"
run_module(*([Product] if "one" in sys.argv else [Product, Other]))
"""


# ansible-core before 2.21 adds all options to every result, and has no setting for it.
_ON_REQUEST = "inject_invocation" in getattr(basic, "PASS_VARS", ())
ALL_OPTIONS: dict[str, Any] = {"_ansible_inject_invocation": True} if _ON_REQUEST else {}


@dataclasses.dataclass
class Appliance:
    """Check the password, and respond to /list with ``content``."""

    content: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"points": [["db01", 1], ["db01", 2], ["app", 3]]}
    )
    page: tuple[int, dict[str, str], Any] = (200, {}, {})
    reached: threading.Event = dataclasses.field(default_factory=threading.Event)
    # The first request that matches ``held_request`` waits for this event.
    hold: threading.Event | None = None
    held_request: str = "GET /list"

    def __call__(self, request: Any) -> tuple[int, dict[str, str], Any]:
        if (
            self.hold is not None
            and f"{request.method} {request.path}" == self.held_request
            and not self.reached.is_set()
        ):
            self.reached.set()
            self.hold.wait(20)
        if request.method == "POST":
            right = request.headers["Authorization"].startswith("Basic YXVkaXRvcjpjMHJyZWN0LWgmcnNl")
            return (200, {}, {"id": TOKEN}) if right else (401, {}, {"message": "wrong password"})
        if request.method == "DELETE":
            return 204, {}, b""
        if request.path == "/list":
            return 200, {}, self.content
        if self.hold is None:
            self.reached.set()
        return self.page


@dataclasses.dataclass
class ModuleResult:
    """The result and the complete output of a module."""

    result: dict[str, Any]
    output: str


def start(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": TREE, **(environment or {})}
    return subprocess.Popen(
        [sys.executable, "-c", MODULE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
    )


def build_arguments(server: Any, **more: Any) -> bytes:
    options = {"url": server.url, "username": "auditor", "password": PASSWORD, "ca_path": server.ca_path, **more}
    wanted = {name: value for name, value in options.items() if value is not None}
    return json.dumps({"ANSIBLE_MODULE_ARGS": wanted}).encode()


def wait_for_result(process: subprocess.Popen[bytes], arguments: bytes | None = None) -> ModuleResult:
    output = process.communicate(arguments, timeout=60)[0].decode()
    line = next((line for line in output.splitlines() if line.startswith("{")), "")
    assert line, output
    return ModuleResult(json.loads(line), output)


def run(server: Any, *, environment: dict[str, str] | None = None, **more: Any) -> ModuleResult:
    return wait_for_result(start("one", environment=environment), build_arguments(server, **more))


def all_sessions_closed(server: Any) -> bool:
    """Return whether all opened sessions were closed."""
    calls: list[str] = server.calls()
    return 0 < calls.count("POST /session") == calls.count("DELETE /session")


def warnings(result: dict[str, Any]) -> list[str]:
    return [warning if isinstance(warning, str) else warning["event"]["msg"] for warning in result.get("warnings", [])]
