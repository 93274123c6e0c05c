# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX resources that the collection uses: their fields and subresources.

Fields and rules are those of AWX 24.6. A type is a term from its OPTIONS responses; a star marks required fields; a
type that is a resource means the id of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_LAUNCH = {
    f"ask_{what}_on_launch": "boolean"
    for what in (
        *("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory"),
        *("credential", "execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups"),
    )
}
_PROMPTS = {
    "extra_data": "json",
    "inventory": "inventories",
    "scm_branch": "string",
    "job_type": "string",
    "job_tags": "string",
    "skip_tags": "string",
    "limit": "string",
    "diff_mode": "boolean",
    "verbosity": "integer",
    "execution_environment": "execution_environments",
    "forks": "integer",
    "job_slice_count": "integer",
    "timeout": "integer",
}
_NAMED = {"name": "string*", "description": "string"}


@dataclass(frozen=True)
class Shape:
    """One resource: `kind` is the type in its objects, `below` maps relation -> resource."""

    kind: str
    fields: dict[str, str]
    unique: tuple[str, ...] = ("name", "organization")
    below: dict[str, str] = field(default_factory=dict)
    # Fields of objects in addition to the submitted ones.
    fixed: dict[str, object] = field(default_factory=dict)


SHAPES: dict[str, Shape] = {
    "organizations": Shape("organization", dict(_NAMED), ("name",)),
    "users": Shape("user", {"username": "string*", "password": "string"}, ("username",)),
    "teams": Shape("team", {**_NAMED, "organization": "organizations*"}),
    "applications": Shape("o_auth2_application", {**_NAMED, "organization": "organizations*"}),
    "credentials": Shape(
        "credential",
        {**_NAMED, "organization": "organizations", "credential_type": "credential_types*", "inputs": "json"},
        ("organization", "name", "credential_type"),
    ),
    "credential_types": Shape(
        "credential_type",
        {**_NAMED, "kind": "choice*", "inputs": "json", "injectors": "json"},
        ("name", "kind"),
        fixed={"managed": False},
    ),
    "notification_templates": Shape(
        "notification_template",
        {
            **_NAMED,
            "organization": "organizations*",
            "notification_type": "choice*",
            "notification_configuration": "json",
            "messages": "json",
        },
    ),
    "execution_environments": Shape(
        "execution_environment",
        {**_NAMED, "organization": "organizations", "image": "string*", "credential": "credentials", "pull": "choice"},
        ("name",),
    ),
    "projects": Shape(
        "project",
        {
            **_NAMED,
            "organization": "organizations",
            "local_path": "string",
            "scm_type": "choice",
            "scm_url": "string",
            "scm_branch": "string",
            "scm_refspec": "string",
            "scm_clean": "boolean",
            "scm_track_submodules": "boolean",
            "scm_delete_on_update": "boolean",
            "credential": "credentials",
            "timeout": "integer",
            "scm_update_on_launch": "boolean",
            "scm_update_cache_timeout": "integer",
            "allow_override": "boolean",
            "default_environment": "execution_environments",
        },
        below={"schedules": "schedules"},
        # Its first update has ended, but no commit has been fetched.
        fixed={"status": "successful"},
    ),
    "inventories": Shape(
        "inventory",
        {
            **_NAMED,
            "organization": "organizations*",
            "kind": "choice",
            "host_filter": "string",
            "variables": "json",
            "prevent_instance_group_fallback": "boolean",
        },
        below={"hosts": "hosts", "groups": "groups"},
    ),
    "inventory_sources": Shape("inventory_source", {**_NAMED, "inventory": "inventories*"}, ("name", "inventory")),
    "hosts": Shape(
        "host",
        {
            **_NAMED,
            "inventory": "inventories*",
            "enabled": "boolean",
            "instance_id": "string",
            "variables": "json",
        },
        ("name", "inventory"),
    ),
    "groups": Shape(
        "group",
        {**_NAMED, "inventory": "inventories*", "variables": "json"},
        ("name", "inventory"),
        below={"hosts": "hosts"},
    ),
    "job_templates": Shape(
        "job_template",
        {
            **_NAMED,
            **_LAUNCH,
            "job_type": "choice",
            "inventory": "inventories",
            "project": "projects*",
            "playbook": "string*",
            "organization": "organizations",
            "execution_environment": "execution_environments",
            "scm_branch": "string",
            "forks": "integer",
            "limit": "string",
            "verbosity": "choice",
            "extra_vars": "json",
            "job_tags": "string",
            "skip_tags": "string",
            "timeout": "integer",
            "use_fact_cache": "boolean",
            "survey_enabled": "boolean",
            "become_enabled": "boolean",
            "diff_mode": "boolean",
            "allow_simultaneous": "boolean",
            "job_slice_count": "integer",
        },
        below={
            "schedules": "schedules",
            "credentials": "credentials",
            "notification_templates_error": "notification_templates",
            "notification_templates_started": "notification_templates",
            "notification_templates_success": "notification_templates",
            "survey_spec": "",
        },
    ),
    "workflow_job_templates": Shape(
        "workflow_job_template",
        {
            **_NAMED,
            "organization": "organizations",
            "inventory": "inventories",
            "extra_vars": "json",
            "survey_enabled": "boolean",
            "allow_simultaneous": "boolean",
            "limit": "string",
            "scm_branch": "string",
            **{
                name: kind
                for name, kind in _LAUNCH.items()
                if name.split("_")[1] in ("variables", "inventory", "limit")
            },
        },
        below={
            "workflow_nodes": "workflow_job_template_nodes",
            "schedules": "schedules",
            "notification_templates_error": "notification_templates",
            "survey_spec": "",
        },
    ),
    "workflow_job_template_nodes": Shape(
        "workflow_job_template_node",
        {
            **_PROMPTS,
            "workflow_job_template": "workflow_job_templates*",
            "unified_job_template": "job_templates",
            "all_parents_must_converge": "boolean",
            "identifier": "string",
        },
        ("workflow_job_template", "identifier"),
        below={
            "success_nodes": "workflow_job_template_nodes",
            "failure_nodes": "workflow_job_template_nodes",
            "always_nodes": "workflow_job_template_nodes",
        },
    ),
    "schedules": Shape(
        "schedule",
        {**_NAMED, **_PROMPTS, "rrule": "string*", "unified_job_template": "job_templates*", "enabled": "boolean"},
        ("unified_job_template", "name"),
    ),
}
# Other entries of the root, which awxkit requires although they are not used here.
_UNUSED = (
    *(
        "ping",
        "instances",
        "instance_groups",
        "config",
        "settings",
        "me",
        "project_updates",
        "credential_input_sources",
    ),
    *("tokens", "metrics", "constructed_inventory", "inventory_updates", "host_metrics", "jobs", "ad_hoc_commands"),
    *("system_job_templates", "system_jobs", "roles", "notifications", "labels", "unified_job_templates"),
    *("unified_jobs", "activity_stream", "workflow_jobs", "workflow_approvals", "workflow_job_nodes"),
    *("mesh_visualizer", "bulk"),
)
ROOT = {name if name != "inventories" else "inventory": name for name in (*SHAPES, *_UNUSED)}
# The field of a child that refers to its parent.
PARENTS = {
    ("inventories", "hosts"): "inventory",
    ("inventories", "groups"): "inventory",
    ("groups", "hosts"): "",
    ("job_templates", "schedules"): "unified_job_template",
    ("projects", "schedules"): "unified_job_template",
    ("workflow_job_templates", "schedules"): "unified_job_template",
    ("workflow_job_templates", "workflow_nodes"): "workflow_job_template",
}
