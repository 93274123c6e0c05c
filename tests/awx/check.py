# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the plays of the AWX templates with ansible-runner and only what AWX injects: python -m tests.awx.check

The jobs run once as a complete audit, and once like the workflow: two slices that gather, then a report that gets
their artifacts. Both must return the same result, leak no secrets, and keep every event and artifact small.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from tests.simulators import running
from tests.tools import awx_assets
from tests.tools.project import ROOT

KIT = ROOT / "extensions" / "awx"
# AWX drops the data of larger events, and responds slowly for jobs with large artifacts.
EVENT_BYTES, SUMMARY_BYTES = 700_000, 2_000
POLICY = {"compliance_policy": {"recovery_points": {"min_count": 1, "max_age": "26h"}}}


class CheckError(Exception):
    """A check that failed."""


@dataclass(frozen=True)
class Job:
    """The result of a job."""

    status: int
    artifacts: dict[str, Any]
    largest_event: int
    output: str


def inject(asset: Mapping[str, Any], inputs: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the environment that a credential of this type provides for a job.

    Like AWX: a boolean that was not set is false, text that was not set is empty, and so is its file.
    """
    fields = asset["inputs"]["fields"]
    values = {entry["id"]: inputs.get(entry["id"], False if entry.get("type") == "boolean" else "") for entry in fields}
    engine = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - no HTML
    files = {}
    for name, template in asset["injectors"].get("file", {}).items():
        file = folder / f"{asset['name'].replace(' ', '_').replace(':', '')}.{name.partition('.')[2]}"
        file.write_text(engine.from_string(template).render(values), "utf-8")
        file.chmod(0o600)
        files[name.partition(".")[2]] = str(file)
    names = {**values, "tower": {"filename": files}}
    return {name: engine.from_string(text).render(names) for name, text in asset["injectors"]["env"].items()}


def run(folder: Path, playbook: str, hosts: Mapping[str, Any], environment: Mapping[str, str], extra: Any) -> Job:
    """Run one job with ansible-runner in its own folder."""
    shutil.copytree(KIT / "project", folder / "project")
    assets = awx_assets.assets()
    variables = yaml.safe_load(assets["inventory"][0]["variables"])
    inventory = {"all": {"vars": variables, "children": {awx_assets.GROUP: {"hosts": dict(hosts)}}}}
    write(folder / "inventory" / "hosts.yml", yaml.safe_dump(inventory))
    collections = str(ROOT / ".venv" / "collections")
    write(folder / "env" / "envvars", json.dumps({"ANSIBLE_COLLECTIONS_PATH": collections, **environment}))
    write(folder / "env" / "extravars", json.dumps(extra))
    # Like AWX: the input of a job is not stored with its output.
    write(folder / "env" / "settings", json.dumps({"suppress_env_files": True}))
    tools = Path(sys.executable).parent
    ended = subprocess.run(
        [str(tools / "ansible-runner"), "run", str(folder), "-p", playbook, "--ident", "job"],
        env={"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    artifacts: dict[str, Any] = {}
    largest = 0
    for path in (folder / "artifacts" / "job" / "job_events").glob("*.json"):
        event = json.loads(path.read_text("utf-8"))
        data = event.get("event_data", {})
        largest = max(largest, len(json.dumps(data.get("res", {}))))
        if event["event"] == "playbook_on_stats":
            artifacts = data.get("artifact_data", {})
    return Job(ended.returncode, artifacts, largest, ended.stdout + ended.stderr)


def write(path: Path, text: str) -> None:
    """Write a file and create the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def servers(ready: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return one host for each simulated product, and a second server of one of them."""
    hosts = {
        name.replace("_", "-"): {"backup_product": name, "backup_url": server["url"]}
        for name, server in ready["products"].items()
    }
    # The same simulator through another loopback address.
    second = ready["products"]["spp"]["url"].replace("127.0.0.1", "127.0.0.2")
    hosts["spp-second"] = {"backup_product": "spp", "backup_url": second}
    return hosts


def credentials(ready: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the injected credentials: one for each product, and the accounts for the second server."""
    types = {asset["name"]: asset for asset in awx_assets.assets()["credential_types"]}
    from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import PRODUCTS

    environment: dict[str, str] = {}
    authority = Path(ready["ca_path"]).read_text("utf-8")
    for product, server in ready["products"].items():
        login = {"username": server["username"], "password": server["password"], "ca": authority}
        environment |= inject(types[f"Backup audit: {PRODUCTS[product].title}"], login, folder)
    spp = ready["products"]["spp"]
    accounts = yaml.safe_dump({"spp-second": {"username": spp["username"], "password": spp["password"]}})
    return environment | inject(types["Backup audit: accounts"], {"accounts": accounts}, folder)


def secrets_left(folder: Path, secrets: set[str]) -> list[str]:
    """List the files left by jobs that contain a secret, as plain text or as JSON.

    Except ``command``: ansible-runner itself writes the environment of the job there. AWX deletes it with the job.
    """
    spellings = {
        text
        for one in secrets
        for text in (one, *(json.dumps(one, ensure_ascii=escaped)[1:-1] for escaped in (True, False)))
    }
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
        and "artifacts" in path.parts
        and path.name != "command"
        and any(one in path.read_text("utf-8", "replace") for one in spellings)
    ]


def get_summary(job: Job) -> dict[str, Any]:
    """Return the artifact for later nodes, without file names."""
    if "compliance" not in job.artifacts:
        raise CheckError(f"a job published no compliance summary:\n{job.output[-3000:]}")
    size = len(json.dumps(job.artifacts["compliance"]))
    if size > SUMMARY_BYTES:
        raise CheckError(f"the compliance summary has {size} bytes (maximum {SUMMARY_BYTES})")
    summary: dict[str, Any] = job.artifacts["compliance"]
    # The ten listed failing workloads depend on the order of the read results.
    return {key: summary[key] for key in ("compliant", "workloads", "verdicts")}


def check(ready: Mapping[str, Any], root: Path) -> None:
    """Print the results; raise CheckError if a check fails."""
    files = root / "credentials"
    files.mkdir()
    environment = credentials(ready, files)
    hosts = servers(ready)
    whole = run(root / "whole", "compliance.yml", hosts, environment, POLICY)
    print(f"as a single job: {get_summary(whole)}", flush=True)

    names = sorted(hosts)
    published = yaml.safe_load(awx_assets.assets()["job_templates"][1]["extra_vars"])
    artifacts: dict[str, Any] = {}
    slices = []
    for number in range(2):
        own = {name: hosts[name] for name in names[number::2]}
        slices.append(run(root / f"slice{number}", "gather.yml", own, environment, {**published, **POLICY}))
        if slices[-1].status:
            raise CheckError(f"a slice failed:\n{slices[-1].output[-3000:]}")
        artifacts.update(slices[-1].artifacts)
    # The report has all hosts and no credentials, because it contacts no server.
    report = run(root / "report", "report.yml", hosts, {}, {**POLICY, **artifacts})
    print(f"in two slices: {get_summary(report)}", flush=True)
    if get_summary(report) != get_summary(whole):
        raise CheckError("the slices return a different result than the single job")
    short = {name: value for name, value in artifacts.items() if name != sorted(artifacts)[0]}
    missing = run(root / "missing", "report.yml", hosts, {}, {**POLICY, **short})
    if get_summary(missing)["compliant"] or "no read result of the host" not in missing.output:
        raise CheckError("a missing slice was not reported")

    largest = max(job.largest_event for job in (whole, *slices, report, missing))
    print(
        f"largest event {largest:,} bytes, read results as artifacts {len(json.dumps(artifacts)):,} bytes", flush=True
    )
    if largest > EVENT_BYTES:
        raise CheckError(f"an event has {largest} bytes (maximum {EVENT_BYTES})")
    left = [
        f"{file} ({name})"
        for name, server in ready["products"].items()
        for file in secrets_left(root, {server["password"]})
    ]
    if left:
        raise CheckError(f"files contain secrets: {', '.join(left)}")
    print("no secret in any artifact", flush=True)


def main() -> int:
    """Return 0 if all checks pass."""
    with running() as ready, tempfile.TemporaryDirectory(prefix="backup-audit-awx-") as root:
        try:
            check(ready, Path(root))
        except CheckError as error:
            print(f"awx-check: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / ".venv" / "tree"))
    sys.exit(main())
