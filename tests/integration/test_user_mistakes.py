# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of new users in real plays. Each message briefly states the problem, its location, and a fix."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.integration.conftest import Simulators
from tests.integration.running_modules import get_login
from tests.integration.running_plays import PlayResult, on_localhost, play, servers

READ_MODULE = "backup.audit.spp_recovery_points_info"
VEEAM = "backup.audit.veeam_restore_points_info"
LENIENT = {"recovery_points": {"min_count": 1}}
LONGEST = 700

# Wrong options of an info module -> the required message.
READING: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "wrong password": (
        READ_MODULE,
        {"password": "wrong-one"},
        ("Login to https://", "as 'audit' failed (HTTP ", 'Server response: "', "Check username and password."),
    ),
    "no password": (READ_MODULE, {"password": ""}, ("missing", "password", "SPP_PASSWORD")),
    "no url": (READ_MODULE, {"url": None}, ("missing", "url", "SPP_URL")),
    "unknown host": (
        READ_MODULE,
        {"url": "https://backup.invalid"},
        ("Cannot resolve host name 'backup.invalid'", 'Check "url"', "DNS"),
    ),
    "wrong port": (
        READ_MODULE,
        {"url": "https://127.0.0.1:9"},
        ("Cannot connect to 127.0.0.1:9:", "connection refused", "Check the host and port"),
    ),
    "http": (READ_MODULE, {"url": "http://127.0.0.1"}, ("not encrypted", "would expose the password", "Use https://")),
    "own authority": (READ_MODULE, {"ca_path": None}, ("Certificate verification failed for", "unknown CA", "ca_path")),
    "no such CA": (
        READ_MODULE,
        {"ca_path": "/nowhere/ca.pem"},
        ("ca_path: cannot read", "/nowhere/ca.pem", "No such file"),
    ),
    "no CA": (READ_MODULE, {"ca_path": "/etc/passwd"}, ("does not contain a certificate", "ca_path")),
    "proxy down": (
        READ_MODULE,
        {"proxy": "http://127.0.0.1:9"},
        ("through proxy 127.0.0.1:9", "connection refused", 'Check "proxy"'),
    ),
    "proxy unknown": (
        READ_MODULE,
        {"proxy": "http://me:secret-word@proxy.invalid:1"},
        ("through proxy proxy.invalid:1", "cannot resolve the host name"),
    ),
    "CA of others": (
        READ_MODULE,
        {"ca_path": "{{ other_authority }}"},
        ("not issued by a CA in ca_path", "other.pem", 'Set "ca_path"'),
    ),
    "scheme of proxy": (
        READ_MODULE,
        {"proxy": "ftp://me:secret-word@x"},
        ("proxy: the scheme 'ftp'", "Use one of http"),
    ),
    "typo": (
        READ_MODULE,
        {"usernam": "x"},
        ("Unsupported parameter for backup.audit.spp_", ": usernam. Did you mean 'username'? Supported parameters: "),
    ),
    "old name": (READ_MODULE, {"names": ["x"]}, (": names. It was renamed to workload_names.",)),
    "future": (READ_MODULE, {"since": "2099-01-01T00:00:00Z"}, ("since: '2099-", "is in the future", "such as 30d")),
    "text for a number": (READ_MODULE, {"page_size": "many"}, ("page_size", "int")),
    "no duration": (READ_MODULE, {"since": "yesterday"}, ("since", "'yesterday'", "26h")),
    "unknown type": (READ_MODULE, {"workload_types": ["vms"]}, ("workload_types", "vm", "vms")),
    "no product": (VEEAM, {}, ("missing required arguments: product",)),
    "unknown product": (VEEAM, {"product": "vbr"}, ("product", "backup_replication", "got: vbr")),
}
# The same for the assertion.
JUDGING: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "empty policy": ({"policy": None}, ("policy", "empty", "built-in policy")),
    "attribute": (
        {"policy": {"recovery_point": {"min_count": 1}}},
        ("policy.recovery_point:", "Did you mean 'recovery_points'?"),
    ),
    "rule": (
        {"policy": {"recovery_points": {"mincount": 1}}},
        ("policy.recovery_points.mincount:", "Did you mean 'min_count'?"),
    ),
    "duration": (
        {"policy": {"recovery_points": {"max_age": "1 day"}}},
        ("policy.recovery_points.max_age", "'1 day'", "26h"),
    ),
    "ready": ({"policy": "daily"}, ("unknown built-in policy 'daily'", "Did you mean 'daily_26h'?")),
    "text": ({"policy": "full: {min_count: 1}"}, ("unknown built-in policy", "pass a mapping")),
    "rule without attribute": (
        {"policy": {"max_age": "26h"}},
        ("policy.max_age: max_age is a rule of an attribute", "recovery_points: {max_age: ...}"),
    ),
    "waived control": (
        {"waivers": [{"workload": "x", "control": "recovery_point.*", "until": "2027-01-01", "reason": "r"}]},
        ("waivers[0].control: unknown control 'recovery_point.*'", "Did you mean 'recovery_points.*'?"),
    ),
    "tier without name": (
        {"policy": {"policies": [{"policy": LENIENT}]}},
        ("policies[0].name: required key is missing. Required keys: name, policy.",),
    ),
    "empty file": ({"results": ["{{ empty_file }}"]}, ("empty.json is empty",)),
    "no reads": ({"results": []}, ("results", "empty")),
    "no file": ({"results": ["/nowhere/read.json"]}, ("/nowhere/read.json", "No such file")),
    "no json": ({"results": ["play.yml"]}, ("play.yml", "not valid JSON")),
    "skipped": ({"results": ["{{ skipped }}"]}, ("results[0]", "skipped")),
    "failed": ({"results": ["{{ failed }}"]}, ("results[0]", "failed", "Login to https://")),
    "rows": ({"results": "{{ good.workloads }}"}, ("results[0]", "a read result", "registered result")),
    "nobody expected": ({"expected": []}, ("expected", "empty", "Remove the key")),
}


def tasks(login: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Build a task for every mistake, whose result is stored."""
    made: list[dict[str, Any]] = [
        {"name": "good", READ_MODULE: dict(login), "register": "good"},
        {"name": "skipped", READ_MODULE: dict(login), "register": "skipped", "when": False},
    ]
    for module, options, _parts in READING.values():
        given = {name: value for name, value in {**login, "retries": 0, **options}.items() if value is not None}
        made.append({module: given})
    made += [
        {"backup.audit.recovery_points_assert": {"results": ["{{ good }}"], "policy": LENIENT, **options}}
        for options, _parts in JUDGING.values()
    ]
    for number, task in enumerate(made[2:]):
        task.update(name=f"Mistake {number}", register=f"mistake_{number}", ignore_errors=True)
        if number == 0:
            made.insert(3, {"name": "Keep", "ansible.builtin.set_fact": {"failed": "{{ mistake_0 }}"}})
    return made


@pytest.fixture(scope="module")
def messages(running_simulators: Simulators, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the message for each mistake, all from one play."""
    running_simulators.reset()
    folder = tmp_path_factory.mktemp("mistakes")
    names = [*READING, *JUDGING]
    expressions = ", ".join(f"mistake_{number}.msg" for number in range(len(names)))
    keep = {"content": f"{{{{ [{expressions}] | to_json }}}}", "dest": str(folder / "results.json"), "mode": "0600"}
    every = [*tasks(get_login(running_simulators.ready, "spp")), {"name": "Tell", "ansible.builtin.copy": keep}]
    (folder / "empty.json").write_bytes(b"")
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    ended = play(
        on_localhost(*every),
        folder,
        variables={
            "empty_file": str(folder / "empty.json"),
            "other_authority": str(folder / "other.pem"),
        },
    )
    assert ended.status == 0, ended.output[-3000:]
    assert "Traceback" not in ended.output
    assert "secret-word" not in ended.output
    return dict(zip(names, json.loads((folder / "results.json").read_text("utf-8")), strict=True))


@pytest.mark.parametrize("name", [*READING, *JUDGING])
def test_messages_are_short_and_clear(messages: dict[str, str], name: str) -> None:
    parts = READING[name][2] if name in READING else JUDGING[name][1]
    for word in parts:
        assert word in messages[name]
    assert len(messages[name]) <= LONGEST
    assert len(messages[name].splitlines()) == 1


def audit(folder: Path, inventory: Mapping[str, Any], *arguments: str, **variables: Any) -> PlayResult:
    """Run the playbook that evaluates all servers of an inventory."""
    return play("backup.audit.compliance", folder, inventory=inventory, variables=variables, arguments=arguments)


@pytest.mark.parametrize("inventory", [{"all": {"hosts": {"web": None}}}, {"backup_servers": {"hosts": {}}}, {}])
def test_an_inventory_without_backup_servers_is_rejected(tmp_path: Path, inventory: dict[str, Any]) -> None:
    """Ansible itself succeeds if a group is empty or unknown."""
    ended = audit(tmp_path, inventory)
    assert ended.status == 2, ended.output
    assert (
        "Inventory group 'backup_servers' is empty or missing. Add one host per backup server, or set compliance_hosts."
        in " ".join(ended.output.split())
    )


def test_a_limit_without_backup_servers_is_rejected(simulators: Simulators, tmp_path: Path) -> None:
    inventory = {**servers(simulators.ready), "web": {"hosts": {"web-01": None}}}
    ended = audit(tmp_path, inventory, "--limit", "web")
    assert ended.status == 2, ended.output
    assert "No host of inventory group 'backup_servers' is selected by --limit." in ended.output
    assert simulators.requests("spp") == []


def test_the_role_reports_policy_errors(simulators: Simulators, tmp_path: Path) -> None:
    one = servers(simulators.ready)["backup_servers"]["hosts"]["spp"]
    ended = audit(tmp_path, {"backup_servers": {"hosts": {"spp": one}}}, compliance_policy={"full": {"mincount": 1}})
    assert ended.status == 2, ended.output
    assert "compliance_policy.full.mincount: unknown rule or setting. Did you mean 'min_count'?" in ended.output
    assert "'failed_when' expression" not in ended.output


EVALUATION = "a variable of the host cannot be evaluated: "
# Wrong variables of a host -> the required part of its finding, with the names of the variables.
HOSTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "other-authority": (
        {"backup_ca_path": "{{ other_authority }}"},
        ("not issued by a CA in backup_ca_path '", 'Set "backup_ca_path" to', '"backup_validate_certs: false"'),
    ),
    "no-authority": ({"backup_ca_path": "/nowhere/ca.pem"}, ("backup_ca_path: cannot read '/nowhere/ca.pem'",)),
    "no-account": (
        {"backup_username": "", "backup_password": ""},
        ("missing required arguments: backup_username, backup_password. Set them", "SPP_USERNAME"),
    ),
    "dead": ({"backup_url": "https://127.0.0.9:9"}, ('Check the host and port in "backup_url"',)),
    "plain": ({"backup_url": "http://127.0.0.9"}, ("backup_url: 'http://127.0.0.9' is not encrypted",)),
    "text": ({"backup_timeout": "5m"}, ("argument 'backup_timeout' is of type", "unable to convert to int")),
    "type": ({"backup_workload_types": ["vms"]}, ("value of backup_workload_types must be", "vms")),
    "abbreviation": (
        {"backup_product": "vbr"},
        ("'vbr'. Did you mean 'veeam_backup_replication'? Valid values: ",),
    ),
    "no-vault": (
        {"backup_password": "{{ not_in_the_vault }}"},
        (f"{EVALUATION}'not_in_the_vault' is undefined",),
    ),
    "no-attribute": (
        {"backup_proxy": "{{ proxies.internal }}", "proxies": {}},
        (EVALUATION, "no attribute 'internal'"),
    ),
    # With a value in host_vars that is encrypted with an unknown password.
    "encrypted": ({}, (EVALUATION, "no vault secrets found")),
    # Optional variables: one that refers to an undefined variable is not treated as not set.
    "no-pin": ({"backup_fingerprint": "{{ not_pinned }}"}, ("'not_pinned' is undefined",)),
    "no-start": ({"backup_since": "{{ no_start }}"}, ("'no_start' is undefined",)),
    "no-types": ({"backup_workload_types": ["vm", "{{ no_type }}"]}, ("'no_type' is undefined",)),
}


def encrypt(value: str) -> str:
    """Return ``value`` encrypted with Ansible Vault, as an indented block of YAML."""
    vault = VaultLib([("default", VaultSecret(b"not known to the play"))])
    return textwrap.indent(vault.encrypt(value).decode(), "  ")


def test_findings_about_hosts_have_the_names_of_variables(simulators: Simulators, tmp_path: Path) -> None:
    """A mistake in one host does not prevent reading the others. Its finding suggests the fix."""
    good = servers(simulators.ready)["backup_servers"]["hosts"]["spp"]
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    hosts = {"good": good}
    for number, (name, (variables, _parts)) in enumerate(HOSTS.items(), 2):
        # Two hosts with one URL would be rejected. Only one of the mistakes is noticed after connecting.
        address = "localhost" if name == "other-authority" else f"127.0.0.{number}"
        url = good["backup_url"].replace("127.0.0.1", address)
        hosts[name] = {**good, "backup_url": url, "backup_retries": 0, **variables}
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "encrypted.yml").write_text(f"backup_password: !vault |\n{encrypt('hunter2')}", "utf-8")
    ended = audit(
        tmp_path,
        {"backup_servers": {"hosts": hosts}},
        compliance_policy=LENIENT,
        compliance_output=str(tmp_path / "evidence"),
        other_authority=str(tmp_path / "other.pem"),
    )
    assert ended.status == 2
    document = json.loads((tmp_path / "evidence" / "findings.json").read_text("utf-8"))
    assert f"; {len(HOSTS)} of {len(HOSTS) + 1} servers could not be read" in document["headline"]
    assert any(workload["workload_name"] == "web-01" for workload in document["workloads"])
    failures = [source["failure"] for source in document["data_sources"] if "failure" in source]
    for parts in (parts for _variables, parts in HOSTS.values()):
        assert any(all(part in failure for part in parts) for failure in failures), (parts, failures)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"compliance_policy": "daily_24h"}, "compliance_policy: unknown built-in policy 'daily_24h'. Did you mean"),
        ({"compliance_expected": []}, "compliance_expected: the list is empty"),
        ({"compliance_timezone": "Europe/Berlni"}, "compliance_timezone: unknown time zone 'Europe/Berlni'"),
        ({"compliance_exclude": [{"match": {"in_inventory": False}}]}, "compliance_exclude[0].reason: required key"),
        ({"compliance_restore_tests": ["/nowhere.json"]}, "compliance_restore_tests or stored read results: cannot"),
    ],
)
def test_errors_of_the_role_have_the_names_of_variables(
    simulators: Simulators, tmp_path: Path, variables: dict[str, Any], message: str
) -> None:
    one = servers(simulators.ready)["backup_servers"]["hosts"]["spp"]
    ended = audit(tmp_path, {"backup_servers": {"hosts": {"spp": one}}}, **variables)
    assert ended.status == 2, ended.output
    assert message in " ".join(ended.output.split())


def test_a_name_that_matches_nothing_is_a_warning(simulators: Simulators, tmp_path: Path) -> None:
    options = {**get_login(simulators.ready, "spp"), "workload_names": ["web-*", "web-99"]}
    ended = play(on_localhost({"name": "Read", READ_MODULE: options}), tmp_path)
    assert ended.status == 0, ended.output
    assert "workload_names: 'web-99' matches no workload" in ended.output
    assert "'web-*' matches" not in ended.output


def test_an_unsupported_python_is_reported(tmp_path: Path) -> None:
    """Hosts with tools often have an old Python. A script that fails like Python 3.9 simulates it."""
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\ncat >/dev/null\n"
        "echo 'Traceback (most recent call last):' >&2\n"
        "echo \"TypeError: dataclass() got an unexpected keyword argument 'slots'\" >&2\nexit 1\n"
    )
    python.chmod(0o755)
    task = {"name": "Read", "backup.audit.restic_snapshots_info": {"repository": "/r", "password": "p"}}
    plays = on_localhost(task)
    plays[0]["vars"] = {"ansible_python_interpreter": str(python)}
    ended = play(yaml.safe_load(yaml.safe_dump(plays)), tmp_path)
    assert ended.status == 2
    assert "requires Python 3.10 or later on the host where it runs" in " ".join(ended.output.split())
    assert "Set ansible_python_interpreter" in " ".join(ended.output.split())
