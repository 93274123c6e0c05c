# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX resources (extensions/awx/assets.yml), generated from what the adapters declare.

`python -m tests.tools.awx_assets` writes the file; with `--check` it only reports whether it is stale. The format is
that of `awx export`, so `awx import` accepts it; the role awx_setup reads the same file.
"""

from __future__ import annotations

import sys
from typing import Any

import yaml

from tests.tools.awx_credentials import Asset, accounts_type, credential_type
from tests.tools.project import ROOT

FILE = ROOT / "extensions" / "awx" / "assets.yml"

ORGANIZATION: Asset = {"name": "Default", "type": "organization"}
PROJECT = "Backup audit"
INVENTORY = "Backup servers"
IMAGE = "Backup audit"
WORKFLOW = "Backup audit: sliced"
WEBHOOK = "Backup audit: chat"
GROUP = "backup_servers"
# The two addresses that every user must change; a test checks that the file contains no other example address.
PROJECT_URL = "https://git.example.com/backup-audit-awx.git"
IMAGE_NAME = "registry.example.com/backup-audit-ee:latest"
WEBHOOK_URL = "https://chat.example.com/hooks/backup-audit"

HEAD = """---
# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# For AWX: awx import -f yaml < assets.yml, or the playbook backup.audit.awx_setup. See docs/awx.md.
# Change scm_url, image and the URL of the notification first; the rest can stay.
# Written by python -m tests.tools.awx_assets.
"""


def owned(kind: str, name: str) -> Asset:
    """Return the natural key of something that belongs to the organization."""
    return {"name": name, "organization": ORGANIZATION, "type": kind}


def inventory_variables(prefixes: dict[str, str]) -> str:
    """Each host's log-in variables: from its line in the accounts, else from the credential of its product."""
    env = "lookup('ansible.builtin.env', {})"
    accounts = env.format("'BACKUP_AUDIT_ACCOUNTS'")
    named = "(backup_prefix ~ '_{}')"
    certs = env.format(named.format("VALIDATE_CERTS"))
    variables = {
        "backup_prefix": f"{{{{ {prefixes!r}[backup_product | default('spp')] }}}}",
        "backup_accounts": f"{{{{ lookup('ansible.builtin.file', {accounts}) | from_yaml if {accounts} else {{}} }}}}",
        "backup_account": "{{ (backup_accounts or {}).get(inventory_hostname, {}) }}",
        "backup_username": f"{{{{ backup_account.get('username') or {env.format(named.format('USERNAME'))} }}}}",
        "backup_password": f"{{{{ backup_account.get('password') or {env.format(named.format('PASSWORD'))} }}}}",
        "backup_ca_path": f"{{{{ {env.format(named.format('CA_PATH'))} }}}}",
        "backup_validate_certs": f"{{{{ {certs} | default('true', true) | bool }}}}",
    }
    return "---\n" + yaml.safe_dump(variables, sort_keys=False, width=110)


def inventory(prefixes: dict[str, str]) -> Asset:
    """One group with one host for each backup server; the example host is disabled."""
    key = owned("inventory", INVENTORY)
    example = "spp-example"
    host_key = {"name": example, "inventory": key, "type": "host"}
    return {
        "name": INVENTORY,
        "description": "One host for each backup server, with backup_product and backup_url",
        "organization": ORGANIZATION,
        "variables": inventory_variables(prefixes),
        "natural_key": key,
        "related": {
            "hosts": [
                {
                    "name": example,
                    "description": "Copy it for each of your servers, and enable the copy",
                    "enabled": False,
                    "variables": "---\nbackup_product: spp\nbackup_url: https://spp.example.com\n",
                    "natural_key": host_key,
                }
            ],
            "groups": [
                {
                    "name": GROUP,
                    "description": "All backup servers",
                    "variables": "",
                    "natural_key": {"name": GROUP, "inventory": key, "type": "group"},
                    "related": {"hosts": [host_key]},
                }
            ],
        },
    }


def job_template(name: str, playbook: str, description: str, **more: Any) -> Asset:
    """Build a template for one playbook of the project."""
    return {
        "name": name,
        "description": description,
        "job_type": "run",
        "organization": ORGANIZATION,
        "inventory": owned("inventory", INVENTORY),
        "project": owned("project", PROJECT),
        "execution_environment": {"name": IMAGE, "type": "execution_environment"},
        "playbook": playbook,
        "ask_credential_on_launch": True,
        "ask_limit_on_launch": True,
        "ask_variables_on_launch": True,
        **more,
        "natural_key": owned("job_template", name),
    }


def survey(ready: list[str]) -> Asset:
    """Build the launch survey; its variables are the role's own."""
    return {
        "name": "Backup audit",
        "description": "What is asked of every workload",
        "spec": [
            {
                "type": "multiplechoice",
                "question_name": "Policy",
                "question_description": "A ready policy; rules of your own go into the variables of the template",
                "variable": "compliance_policy",
                "required": False,
                "choices": ready,
                "default": "daily_26h",
            },
            {
                "type": "text",
                "question_name": "Oldest READ that still proves something",
                "question_description": "A duration such as 24h",
                "variable": "compliance_max_data_age",
                "required": False,
                "min": 2,
                "max": 10,
                "default": "24h",
            },
        ],
    }


def schedule(name: str, kind: str, template: str) -> Asset:
    """Build a daily morning schedule, disabled until somebody has reviewed a first run."""
    job = owned(kind, template)
    return {
        "name": name,
        "description": "Every day at 06:00 UTC",
        "rrule": "DTSTART:20260101T060000Z RRULE:FREQ=DAILY;INTERVAL=1",
        "enabled": False,
        "unified_job_template": job,
        "natural_key": {"unified_job_template": job, "name": name, "type": "schedule"},
    }


def workflow() -> Asset:
    """Gather in slices, then report regardless of the result of gathering."""
    key = owned("workflow_job_template", WORKFLOW)

    def node(identifier: str, template: str, **related: Any) -> Asset:
        return {
            "identifier": identifier,
            "unified_job_template": owned("job_template", template),
            "workflow_job_template": key,
            "natural_key": {
                "workflow_job_template": key,
                "identifier": identifier,
                "type": "workflow_job_template_node",
            },
            **({"related": related} if related else {}),
        }

    report = node("report", "Backup audit: report")
    return {
        "name": WORKFLOW,
        "description": "Reads many backup servers in slices, and judges them together",
        "organization": ORGANIZATION,
        "inventory": None,
        "ask_variables_on_launch": True,
        "natural_key": key,
        "related": {
            "workflow_nodes": [
                report,
                node("gather", "Backup audit: gather", always_nodes=[report["natural_key"]]),
            ],
            "schedules": [schedule("Backup audit: sliced, daily", "workflow_job_template", WORKFLOW)],
        },
    }


def notification() -> Asset:
    """Build the notification that is sent if the verdict is not compliant."""
    return {
        "name": WEBHOOK,
        "description": "Told when a run ends with an error, a verdict that is not compliant among them",
        "organization": ORGANIZATION,
        "notification_type": "webhook",
        "notification_configuration": {
            "url": WEBHOOK_URL,
            "http_method": "POST",
            "headers": {},
            "disable_ssl_verification": False,
            "username": "",
            "password": "",
        },
        "natural_key": owned("notification_template", WEBHOOK),
    }


def project() -> Asset:
    """Build the project: the user's repository with the plays."""
    return {
        "name": PROJECT,
        "description": "The folder project of extensions/awx, in a repository of yours",
        "organization": ORGANIZATION,
        "scm_type": "git",
        "scm_url": PROJECT_URL,
        "scm_branch": "",
        "scm_update_on_launch": True,
        # Otherwise AWX rejects templates until the project has been synchronized.
        "allow_override": True,
        "natural_key": owned("project", PROJECT),
    }


def image() -> Asset:
    """Build the execution environment."""
    return {
        "name": IMAGE,
        "description": "Built from execution-environment.yml",
        "image": IMAGE_NAME,
        "pull": "missing",
        "organization": None,
        "natural_key": {"name": IMAGE, "type": "execution_environment"},
    }


def job_templates(policies: list[str]) -> list[Asset]:
    """One template for the complete audit, and its two halves for the workflow."""
    told_on_error = {"notification_templates_error": [owned("notification_template", WEBHOOK)]}
    compliance = "Backup audit: compliance"
    return [
        job_template(
            compliance,
            "compliance.yml",
            "Reads all backup servers, judges them together, fails if not compliant",
            survey_enabled=True,
            related={
                "survey_spec": survey(policies),
                "schedules": [schedule("Backup audit: daily", "job_template", compliance)],
                **told_on_error,
            },
        ),
        job_template(
            "Backup audit: gather",
            "gather.yml",
            "Reads backup servers in slices, for a report that follows",
            job_slice_count=4,
            extra_vars="---\ncompliance_publish_data: true\n",
        ),
        job_template(
            "Backup audit: report",
            "report.yml",
            "Judges what was gathered, without asking any server",
            survey_enabled=True,
            related={"survey_spec": survey(policies), **told_on_error},
        ),
    ]


def assets() -> dict[str, list[Asset]]:
    """All assets by resource, with the names that awxkit uses."""
    from ansible_collections.backup.audit.plugins.module_utils._policy.language.presets import PRESETS
    from ansible_collections.backup.audit.plugins.plugin_utils._direct_read import PRODUCTS

    sources = PRODUCTS.values()
    products = [credential_type(source.title, source.environment[0], source.default_port) for source in sources]
    return {
        "credential_types": [*products, accounts_type()],
        "notification_templates": [notification()],
        "execution_environments": [image()],
        "projects": [project()],
        "inventory": [inventory({name: source.environment[0] for name, source in PRODUCTS.items()})],
        "job_templates": job_templates(list(PRESETS)),
        "workflow_job_templates": [workflow()],
    }


class _Dumper(yaml.SafeDumper):
    """A dumper without references that indents lists."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Indent lists further than their parent, as ansible-lint requires.
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def document() -> str:
    """Return the content of the file."""
    return HEAD + yaml.dump(assets(), Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


def main(arguments: list[str]) -> int:
    """Return 0 if the file matches the code (after writing it)."""
    wanted = document()
    if FILE.exists() and FILE.read_text("utf-8") == wanted:
        return 0
    if "--check" in arguments:
        print(f"{FILE.relative_to(ROOT)} is stale; run python -m tests.tools.awx_assets")
        return 1
    FILE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / ".venv" / "tree"))
    sys.exit(main(sys.argv[1:]))
