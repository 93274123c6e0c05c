# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documentation run unchanged, except for the addresses of servers and files.

Results may be noncompliant because servers are simulated. An example must not fail for any other reason. Modules that
read with a tool run with the real tools (tests/real); roles and other plugins in test_examples_of_plays.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from tests.false_compliance.collecting import moved
from tests.integration.conftest import Simulators
from tests.integration.products import ADAPTERS
from tests.integration.products import MODULES as PRODUCT_MODULES
from tests.integration.running_modules import get_login, read
from tests.integration.running_plays import on_localhost, play
from tests.tools.project import ROOT

# Host of an example -> simulated product.
HOSTS = {
    "spp": "spp",
    "vbazure": "veeam_azure",
    "vbaws": "veeam_aws",
    "vbr": "veeam_backup_replication",
    "em": "veeam_enterprise_manager",
    "unitrends": "unitrends",
    "vprotect": "vprotect",
    "pbs": "pbs",
    "aws_backup": "aws_backup",
    "azure_backup": "azure_backup",
}
MODULES = [
    "aws_backup_recovery_points_info",
    "azure_backup_recovery_points_info",
    "pbs_snapshots_info",
    "recovery_points_assert",
    "spp_recovery_points_info",
    "unitrends_backups_info",
    "veeam_restore_points_info",
    "vprotect_backups_info",
]
SIDECARS = sorted(path for folder in ("filter", "test") for path in (ROOT / "plugins" / folder).glob("*.yml"))
TESTED = {
    "source": "host:/repository",
    "workload_type": "host",
    "workload_id": "web01",
    "workload_name": "web01",
    "point_id": "1",
    "point_created_at": "2026-11-20T22:00:00Z",
    "tested_at": "2026-11-21T06:00:00Z",
    "seconds": 12,
    "result": "passed",
    "message": "",
}


def examples(path: Path) -> list[dict[str, Any]]:
    """List the tasks of one page of documentation."""
    text = path.read_text("utf-8")
    if path.suffix == ".yml":
        text = yaml.safe_load(text)["EXAMPLES"]
    else:
        found = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', text, re.DOTALL | re.MULTILINE)
        assert found, path
        text = found[1]
    tasks = yaml.safe_load(text)
    assert tasks, path
    return list(tasks)


def get_product(module: str, options: dict[str, Any]) -> str:
    """Return the product that is simulated for the server of an example."""
    host = urlsplit(options.get("url", "")).hostname
    if host is not None:
        return HOSTS[host.split(".")[0]]
    name = module.rsplit(".", maxsplit=1)[-1]
    own = {key: options[key] for key in ("product",) if key in options}
    return next(product for product, found in PRODUCT_MODULES.items() if found == (name, own))


def use_shared_names(product: str, options: dict[str, Any]) -> None:
    """Rename the options of an account to the names that all products share."""
    adapter = ADAPTERS[product]
    if issubclass(adapter, RestAdapter):
        for shared, own in adapter.option_names.items():
            if own in options:
                options[shared] = options.pop(own)


def runnable(task: dict[str, Any], simulators: Simulators, folder: Path) -> list[dict[str, Any]]:
    """Return the task with simulated servers, and another task that checks the outcome of an assertion."""
    task = copy.deepcopy(task)
    for name, options in task.items():
        if name.startswith("backup.audit.") and name.endswith("_info"):
            product = get_product(name, options)
            use_shared_names(product, options)
            # A password in the example is kept as a variable of the play. Otherwise the environment provides it.
            kept = {"password": options["password"]} if "password" in options else {}
            options.update({**get_login(simulators.ready, product), **kept})
            # The simulated servers have their own CA.
            options.pop("fingerprint", None)
        if name == "ansible.builtin.copy":
            options["dest"] = str(folder / Path(options["dest"]).name)
    if "backup.audit.recovery_points_assert" in task:
        name = task.get("register", "evaluated")
        # A failing assertion does not return its findings.
        task |= {"register": name, "ignore_errors": True}
        condition = f"{name}.totals is defined"
        return [task, {"name": "It was evaluated", "ansible.builtin.assert": {"that": condition}}]
    if "ansible.builtin.assert" in task:
        task |= {"register": "asked", "ignore_errors": True}
        condition = "asked.evaluated_to is defined or asked is success"
        return [task, {"name": "It was asked", "ansible.builtin.assert": {"that": condition}}]
    return [task]


@pytest.mark.parametrize(
    "path",
    [*(ROOT / "plugins" / "modules" / f"{name}.py" for name in MODULES), *SIDECARS],
    ids=lambda path: path.stem,
)
def test_examples_run(simulators: Simulators, tmp_path: Path, path: Path) -> None:
    spp = read(simulators.ready, "spp").result
    points = read(simulators.ready, "spp", detail="recovery_points").result
    azure = read(simulators.ready, "veeam_azure").result
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "veeam.json").write_text(json.dumps(azure))
    # An example evaluates the state at the end of a year.
    old = moved(azure, "2025-12-31T22:55:00Z")
    (tmp_path / "evidence" / "2025-12-31.json").write_text(json.dumps(old))
    (tmp_path / "policy.yml").write_text("recovery_points: {min_count: 1}\n")
    prelude: list[dict[str, Any]] = [
        {
            "name": "Judge",
            "backup.audit.recovery_points_assert": {
                "results": ["{{ spp }}"],
                "policy": {"recovery_points": {"min_count": 1}},
                "fail": False,
            },
            "register": "audit",
        },
        {
            "name": "Keep it as that of yesterday",
            "ansible.builtin.copy": {
                "content": "{{ audit | backup.audit.to_assessment | to_json }}",
                "dest": str(tmp_path / "yesterday.json"),
                "mode": "0600",
            },
        },
    ]
    passwords = {
        f"{name}_password": get_login(simulators.ready, product)["password"] for name, product in HOSTS.items()
    }
    tasks = [one for task in examples(path) for one in runnable(task, simulators, tmp_path)]
    variables = {**passwords, "spp": spp, "azure": azure, "restic": points, "tests": [TESTED]}
    file = tmp_path / "variables.json"
    file.write_text(json.dumps(variables))
    ended = play(
        on_localhost(*prelude, *tasks),
        tmp_path,
        inventory={"production": {"hosts": {"web-01": None}}},
        arguments=("-e", f"@{file}"),
    )
    assert ended.status == 0, ended.output[-4000:]
