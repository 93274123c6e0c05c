# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points of the role: stored read results, repeated evaluation, and the published summary."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import CliAdapter
from ansible_collections.backup.audit.plugins.module_utils._adapters.rest import RestAdapter
from ansible_collections.backup.audit.plugins.module_utils._module.cli_module import tool_spec
from ansible_collections.backup.audit.plugins.module_utils._module.connection_options import argument_spec
from tests.integration.conftest import Simulators
from tests.integration.products import ADAPTERS
from tests.integration.running_modules import MODULES
from tests.integration.running_plays import kept_results, play, servers
from tests.tools.project import ROOT

# Value of compliance_formats -> file that it writes.
EVIDENCE = {
    "json": "findings.json",
    "html": "report.html",
    "junit": "junit.xml",
    "csv": "findings.csv",
    "openmetrics": "backup_audit.prom",
    "oscal": "oscal-assessment-results.json",
    "hdf": "hdf.json",
    "markdown": "summary.md",
}
SOME = {"recovery_points": {"min_count": 1}}


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a directory."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def test_gather_then_report_twice(simulators: Simulators, tmp_path: Path) -> None:
    """There is one file per host, without secrets. A second report on the same read results changes nothing."""
    facts = kept_results(simulators.ready, tmp_path)
    assert {path.stem for path in facts.iterdir()} == {product.replace("_", "-") for product in MODULES}
    text = "".join(path.read_text("utf-8") for path in facts.iterdir())
    for server in simulators.ready["products"].values():
        assert server["password"] not in text
    assert "module_args" not in text

    output = tmp_path / "evidence"
    variables = {
        "compliance_data_dir": str(facts),
        "compliance_output": str(output),
        "compliance_formats": list(EVIDENCE),
        "compliance_policy": SOME,
        "compliance_fail_when_noncompliant": False,
    }
    first = play("backup.audit.report", tmp_path, variables=variables)
    assert first.status == 0, first.output
    before = contents(output)
    assert set(before) == set(EVIDENCE.values())
    assert all(before.values())
    # Ansible must not parse text that looks like data and rewrite it.
    assert b"{'" not in before["hdf.json"] + before["oscal-assessment-results.json"]
    assert json.loads(before["hdf.json"])["profiles"]
    assert json.loads(before["oscal-assessment-results.json"])["assessment-results"]
    assert before["report.html"].lstrip().lower().startswith(b"<!doctype html>")
    second = play("backup.audit.report", tmp_path, variables=variables)
    assert second.status == 0, second.output
    assert contents(output) == before
    assert re.search(r"changed=0 ", second.output)
    document = json.loads(before["findings.json"])
    assert {read["server"]["product"] for read in document["data_sources"]} == set(MODULES)


def test_old_results_are_not_current(simulators: Simulators, tmp_path: Path) -> None:
    """Old read results do not count as the current state."""
    facts = kept_results(simulators.ready, tmp_path)
    variables: dict[str, Any] = {
        "compliance_data_dir": str(facts),
        "compliance_policy": SOME,
        "compliance_fail_when_noncompliant": False,
        "compliance_max_data_age": "1s",
    }
    stale = play("backup.audit.report", tmp_path, variables=variables)
    assert stale.status == 0, stale.output
    assert "NOT COMPLIANT" in stale.output
    assert "old (maximum 1s)" in stale.output


def test_report_without_read_results_fails(tmp_path: Path) -> None:
    """An empty directory proves nothing."""
    (tmp_path / "facts").mkdir()
    ended = play("backup.audit.report", tmp_path, variables={"compliance_data_dir": str(tmp_path / "facts")})
    assert ended.status != 0
    assert "list is empty" in ended.output


def test_a_host_without_a_read_result_is_a_finding(simulators: Simulators, tmp_path: Path) -> None:
    """A slice that never ran leaves no file. The report lists its hosts instead of evaluating fewer servers."""
    facts = kept_results(simulators.ready, tmp_path)
    (facts / "spp.json").unlink()
    output = tmp_path / "evidence"
    ended = play(
        "backup.audit.report",
        tmp_path,
        inventory=servers(simulators.ready),
        variables={
            "compliance_data_dir": str(facts),
            "compliance_output": str(output),
            "compliance_policy": SOME,
            "compliance_fail_when_noncompliant": False,
        },
    )
    assert ended.status == 0, ended.output
    document = json.loads((output / "findings.json").read_text("utf-8"))
    assert len(document["data_sources"]) == len(MODULES)
    assert [read["server"]["host"] for read in document["data_sources"] if not read["complete"]] == ["spp"]
    assert any("no read result of the host was stored" in finding["message"] for finding in document["findings"])
    assert document["compliant"] is False


def test_read_results_are_passed_as_artifacts(simulators: Simulators, tmp_path: Path) -> None:
    """Published artifacts contain the same read results as the stored files, byte for byte."""
    facts = tmp_path / "facts"
    facts.mkdir()
    gathered = play(
        "backup.audit.gather",
        tmp_path,
        inventory=servers(simulators.ready),
        variables={"compliance_data_dir": str(facts), "compliance_publish_data": True},
        environment={"ANSIBLE_SHOW_CUSTOM_STATS": "1"},
    )
    assert gathered.status == 0, gathered.output
    stats = gathered.output[gathered.output.index("CUSTOM STATS") :]
    artifacts = dict(re.findall(r"(compliance_read_[0-9a-f]{40})['\"]?: ['\"]?([A-Za-z0-9+/=]+)", stats))
    assert len(artifacts) == len(MODULES), stats
    output = tmp_path / "evidence"
    common = {"compliance_policy": SOME, "compliance_fail_when_noncompliant": False, "compliance_output": str(output)}
    inventory = servers(simulators.ready)
    assert play("backup.audit.report", tmp_path, inventory=inventory, variables={**common, **artifacts}).output.count(
        "NOT COMPLIANT"
    )
    of_artifacts = json.loads((output / "findings.json").read_text("utf-8"))
    play("backup.audit.report", tmp_path, inventory=inventory, variables={**common, "compliance_data_dir": str(facts)})
    of_files = json.loads((output / "findings.json").read_text("utf-8"))
    sums = [sorted(read["sha256"] for read in document["data_sources"]) for document in (of_artifacts, of_files)]
    assert sums[0] == sums[1]
    assert len(sums[0]) == len(MODULES)


def test_gathering_without_a_destination_is_rejected(simulators: Simulators, tmp_path: Path) -> None:
    """Without a directory or artifacts, the read results would be lost."""
    ended = play("backup.audit.gather", tmp_path, inventory=servers(simulators.ready))
    assert ended.status == 2
    assert "Set compliance_data_dir or compliance_publish_data." in ended.output
    assert simulators.requests("spp") == []


def test_published_summary_is_small(simulators: Simulators, tmp_path: Path) -> None:
    """The data for later nodes of a workflow is smaller than 2 kB."""
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory=servers(simulators.ready),
        variables={"compliance_fail_when_noncompliant": False, "compliance_output": str(tmp_path / ("long" * 20))},
        environment={"ANSIBLE_SHOW_CUSTOM_STATS": "1"},
    )
    assert ended.status == 0, ended.output
    stats = ended.output[ended.output.index("CUSTOM STATS") :]
    assert re.search(r"headline['\"]?: ['\"]?Not compliant: \d+ of \d+ workloads failed", stats)
    assert len(stats) < 2000
    assert "failing" in stats


@pytest.mark.parametrize("mode", [("--check",), ("--check", "--diff")], ids=" ".join)
def test_check_mode(simulators: Simulators, tmp_path: Path, mode: tuple[str, ...]) -> None:
    """Check mode reads and evaluates the same and writes nothing."""
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory=servers(simulators.ready),
        variables={"compliance_fail_when_noncompliant": False, "compliance_output": str(tmp_path / "evidence")},
        arguments=mode,
    )
    assert ended.status == 0, ended.output
    assert re.search(r"NOT COMPLIANT: \d+ of \d+ workloads failed", ended.output)
    assert not (tmp_path / "evidence").exists()


def test_role_reads_every_product() -> None:
    """Each product that a module reads can be a host of the role, and vice versa."""
    names = yaml.safe_load((ROOT / "roles/compliance/vars/main.yml").read_text("utf-8"))["compliance__products"]
    assert set(names) == set(MODULES)
    for name in names.values():
        assert (ROOT / f"roles/compliance/tasks/products/{name}.yml").is_file()


def test_documentation_lists_every_product() -> None:
    """ansible-doc and the README list the valid values of backup_product."""
    variables = yaml.safe_load((ROOT / "roles/compliance/vars/main.yml").read_text("utf-8"))
    names = sorted({**variables["compliance__products"], **variables["compliance__tools"]})
    specs = yaml.safe_load((ROOT / "roles/compliance/meta/argument_specs.yml").read_text("utf-8"))["argument_specs"]
    assert specs["gather_host"]["options"]["backup_product"]["choices"] == names
    text = " ".join((ROOT / "roles/compliance/README.md").read_text("utf-8").split())
    listed = ", ".join(f"`{name}`" for name in names[:-1])
    assert f"`backup_product` (required): {listed} or `{names[-1]}`" in text


def test_every_host_variable_of_the_roles_is_known() -> None:
    """Otherwise a host variable that the role uses would be reported as misspelled or as not used."""
    files = [*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("roles/*/vars/*.yml"), *ROOT.glob("roles/*/meta/*.yml")]
    used = {name for file in files for name in re.findall(r"\bbackup_[a-z_]+", file.read_text("utf-8"))}
    known = yaml.safe_load((ROOT / "roles/compliance/vars/main.yml").read_text("utf-8"))["compliance__host_variables"]
    # The inventory group, a temporary directory, and other names, such as a field in the output of Barman.
    others = {
        "backup_servers",
        "backup_audit",
        "backup_audit_",
        "backup_",
        "backup_replication",
        "backup_id",
    }
    assert used - others == set(known)
    assert len(known) == len(set(known))


# Options of modules without a host variable: the evaluation needs complete read results in their smallest form.
WITHOUT_VARIABLE = {"allow_partial", "compress", "detail", "include_raw", "include_unprotected", "until"}
# Names of a vendor and the options that they stand for.
VENDOR_NAMES = {
    "access_key": "username",
    "client_id": "username",
    "endpoint_url": "url",
    "secret": "password",
    "secret_key": "password",
    "server": "barman_server",
}


def test_every_option_is_a_documented_host_variable() -> None:
    """A hint may suggest any option of a module, so the role has to accept it. Its README lists all variables."""
    options: set[str] = set()
    for adapter in ADAPTERS.values():
        if issubclass(adapter, RestAdapter):
            options |= set(argument_spec(adapter))
        elif issubclass(adapter, CliAdapter):
            options |= set(tool_spec(adapter))
    variables = {f"backup_{VENDOR_NAMES.get(name, name)}" for name in options - WITHOUT_VARIABLE - {"product"}}
    known = yaml.safe_load((ROOT / "roles/compliance/vars/main.yml").read_text("utf-8"))["compliance__host_variables"]
    assert variables == set(known) - {"backup_product"}
    text = (ROOT / "roles/compliance/README.md").read_text("utf-8")
    assert {name for name in known if f"`{name}`" not in text} == set()


def test_names_of_host_variables(simulators: Simulators, tmp_path: Path) -> None:
    """Old and misspelled names are findings of their host. Variables of other roles are listed with -v."""
    output = tmp_path / "evidence"
    inventory = servers(
        simulators.ready,
        spp={"backup_names": ["web-01"]},
        unitrends={"backup_wrokload_types": ["vm"]},
        vprotect={"backup_room": "7b"},
    )
    hosts = inventory["backup_servers"]["hosts"]
    inventory["backup_servers"]["hosts"] = {name: hosts[name] for name in ("spp", "unitrends", "vprotect")}
    ended = play(
        "backup.audit.compliance",
        tmp_path,
        inventory=inventory,
        variables={"compliance_output": str(output), "compliance_policy": SOME},
        arguments=("-v",),
    )
    assert ended.status != 0
    document = json.loads((output / "findings.json").read_text("utf-8"))
    messages = {read["server"]["host"]: read["failure"] for read in document["data_sources"] if not read["complete"]}
    assert messages == {
        "spp": "Host spp: unknown variable: backup_names. It was renamed to backup_workload_names.",
        "unitrends": "Host unitrends: unknown variable: backup_wrokload_types. Did you mean 'backup_workload_types'?",
    }
    unused = "backup_names, backup_room, backup_wrokload_types"
    assert f"Variables that start with backup_ and are not used: {unused}" in " ".join(ended.output.split())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("compliance_facts_dir", "It was renamed to compliance_data_dir."),
        ("compliance_polcy", "Did you mean 'compliance_policy'?"),
    ],
)
def test_names_of_role_variables(simulators: Simulators, tmp_path: Path, name: str, hint: str) -> None:
    ended = play("backup.audit.compliance", tmp_path, inventory=servers(simulators.ready), variables={name: "/tmp/x"})
    assert ended.status != 0
    text = " ".join(ended.output.split())
    assert f"Unknown variable: {name}. {hint}" in text
    assert "Valid variables: compliance_as_of, compliance_combine," in text
    assert "Validate types of host variables" not in text


@pytest.mark.parametrize("name", ["compliance_output", "compliance_data_dir", "compliance_history"])
def test_a_relative_path_is_rejected(simulators: Simulators, tmp_path: Path, name: str) -> None:
    """Ansible would create it below the playbooks of the installed collection."""
    inventory = servers(simulators.ready)
    ended = play("backup.audit.compliance", tmp_path, inventory=inventory, variables={name: "evidence"})
    assert ended.status != 0
    text = " ".join(ended.output.split())
    assert f"{name}: expected an absolute path, found 'evidence'. No server was read." in text
    assert "Validate types of host variables" not in text


@pytest.mark.parametrize("name", ["backup_product", "backup_url", "backup_username", "backup_password"])
def test_a_variable_that_cannot_be_evaluated_affects_only_its_host(
    simulators: Simulators, tmp_path: Path, name: str
) -> None:
    """The accounts of all hosts are compared before the first login."""
    output = tmp_path / "evidence"
    inventory = servers(simulators.ready, spp={name: "{{ name_from_vault }}"})
    hosts = inventory["backup_servers"]["hosts"]
    inventory["backup_servers"]["hosts"] = {name: hosts[name] for name in ("spp", "unitrends")}
    variables = {"compliance_output": str(output), "compliance_policy": SOME}
    ended = play("backup.audit.compliance", tmp_path, inventory=inventory, variables=variables)
    assert ended.status != 0
    document = json.loads((output / "findings.json").read_text("utf-8"))
    failures = {read["server"]["host"]: read.get("failure") for read in document["data_sources"]}
    assert len(failures) == 2
    assert "name_from_vault" in failures.pop("spp")
    assert set(failures.values()) == {None}
