# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugin recovery_points_assert: evaluates read results against a policy on the control node."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import yaml
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.times import SECOND, parse_duration
from ansible_collections.backup.audit.plugins.module_utils._policy.assessment import Assessment
from ansible_collections.backup.audit.plugins.module_utils._policy.evaluate import assess
from ansible_collections.backup.audit.plugins.module_utils._policy.inputs import gather, newest_read, restore_tests
from ansible_collections.backup.audit.plugins.module_utils._policy.language import arguments
from ansible_collections.backup.audit.plugins.module_utils._policy.language.document import OPTION_KEYS
from ansible_collections.backup.audit.plugins.plugin_utils._garbage_collection import paused_garbage_collection
from ansible_collections.backup.audit.plugins.plugin_utils._parameters import unsupported_parameters
from ansible_collections.backup.audit.plugins.plugin_utils._sanitize import clean_text

# Without ``results``: the validator would copy all rows, and _policy/inputs.py checks each of them anyway.
ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    # A mapping, or the name of a built-in policy.
    "policy": {"type": "raw"},
    "policies": {"type": "list", "elements": "dict"},
    "expected": {"type": "list", "elements": "str"},
    "expected_names": {"type": "dict"},
    "unexpected": {"type": "str", "choices": ["ignore", "warn", "fail"]},
    "expected_match": {"type": "str", "choices": ["short", "exact"]},
    "exclude": {"type": "list", "elements": "dict"},
    "waivers": {"type": "list", "elements": "dict"},
    "combine": {"type": "dict"},
    "max_data_age": {"type": "str"},
    "timezone": {"type": "str"},
    "day_start": {"type": "str"},
    "weekdays": {"type": "list", "elements": "str"},
    "notes": {"type": "list", "elements": "str", "default": []},
    "timelines": {"type": "bool", "default": False},
    "on_empty": {"type": "str", "choices": ["fail", "warn"]},
    "on_read_error": {"type": "str", "choices": ["error", "finding"], "default": "error"},
    "as_of": {"type": "raw"},
    "fail": {"type": "bool", "default": True},
    "max_findings": {"type": "int", "default": 50},
    "fail_msg": {"type": "str"},
    "success_msg": {"type": "str"},
    "quiet": {"type": "bool", "default": False},
}
_NAMED_IN_MESSAGE = 20
_MAX_DATA_AGE = "24h"


class ActionModule(ActionBase):
    """Evaluates the policy. It changes nothing, so check mode makes no difference."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Evaluate the policy and return the result."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        options = _validate(self._task.args)
        try:
            with paused_garbage_collection():
                assessment = self._assess(self._task.args["results"], options)
        except AuditError as error:
            failure = {"msg": str(error), "failure": error.as_dict()}
            return {**result, **failure, "changed": False, "failed": True, "compliant": False}
        failed = options["fail"] and not assessment.compliant
        findings = assessment.findings.worst_first(max(options["max_findings"], _NAMED_IN_MESSAGE))
        evaluated = {
            **result,
            "changed": False,
            "failed": failed,
            "msg": _message(assessment, findings, options),
            "compliant": assessment.compliant,
            "headline": assessment.frame["headline"],
            "totals": assessment.frame["totals"],
        }
        if failed:
            # Ansible prints the complete result of a failed task, so only the message contains findings.
            return evaluated
        evaluated["findings"] = findings[: options["max_findings"]]
        if self._task.register:
            evaluated["assessment"] = assessment.compress()
        return evaluated

    def _assess(self, read_results: t.Any, options: dict[str, t.Any]) -> Assessment:
        return assess(
            gather(read_results, self._load, failures_are_findings=options["on_read_error"] == "finding"),
            {"policies": options["policies"]} if options["policy"] is None else options["policy"],
            as_of=self._as_of(read_results, options),
            collection_version=_collection_version(),
            options={key: options[key] for key in OPTION_KEYS},
            restore_tests=restore_tests(read_results, self._load),
            notes=options["notes"],
            timelines=options["timelines"],
        )

    def _as_of(self, read_results: t.Any, options: dict[str, t.Any]) -> int:
        value, now = options["as_of"], time.time_ns() // 1000
        if value is None:
            return now
        if value != "newest_read":
            return arguments.moment(arguments.to_plain(value, "as_of"), "as_of")
        newest = newest_read(read_results, self._load)
        limit = parse_duration(options["max_data_age"] or _MAX_DATA_AGE, what="max_data_age") * SECOND
        # Without this limit, a policy would pass on old read results if there are no newer ones.
        return now if newest is None or not 0 <= now - newest <= limit else newest

    def _load(self, path: str) -> bytes:
        """Read a file on the control node. Relative paths start at the directory of the playbook."""
        return pathlib.Path(self._loader.path_dwim(path)).read_bytes()


def _validate(given: dict[str, t.Any]) -> dict[str, t.Any]:
    supported = ("results", *ARGUMENT_SPEC)
    if unsupported := unsupported_parameters("recovery_points_assert", given, supported):
        raise AnsibleActionFail(unsupported)
    if given.get("results") is None:
        raise AnsibleActionFail(
            "recovery_points_assert: missing required arguments: results. Set it to the registered result of an info "
            "module, or to a list of them"
        )
    if "expected" in given and given["expected"] is None:
        raise AnsibleActionFail("expected: the value is null. List the expected workloads, or remove the option")
    validator = ArgumentSpecValidator(
        ARGUMENT_SPEC, mutually_exclusive=[("policy", "policies")], required_one_of=[("policy", "policies")]
    )
    validated = validator.validate({key: value for key, value in given.items() if key != "results"})
    if validated.error_messages:
        raise AnsibleActionFail(f"recovery_points_assert: {'; '.join(validated.error_messages)}")
    options: dict[str, t.Any] = validated.validated_parameters
    if options["policy"] is None and options["policies"] is None:
        raise AnsibleActionFail("policy: the policy is empty. Set rules, the name of a built-in policy, or policies")
    if options["max_findings"] < 0:
        raise AnsibleActionFail(f"max_findings: {options['max_findings']} is less than 0")
    return options


def _collection_version() -> str:
    """Return the version of this collection for the evidence, from its manifest or its sources."""
    root = pathlib.Path(__file__).parents[2]
    manifest = root / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_bytes())["collection_info"]["version"])
    return str(yaml.safe_load((root / "galaxy.yml").read_bytes())["version"])


def _message(assessment: Assessment, findings: list[dict[str, t.Any]], options: dict[str, t.Any]) -> str:
    frame = assessment.frame
    own = options["success_msg"] if assessment.compliant else options["fail_msg"]
    # The user's text is added to the result and never replaces it.
    lines = [frame["headline"], own] if own else [frame["headline"]]
    if options["quiet"]:
        return "\n".join(lines)
    blocking = [finding for finding in findings if finding["blocking"]][:_NAMED_IN_MESSAGE]
    more = frame["totals"]["blocking"] - len(blocking)
    return "\n".join([*lines, *map(_line, blocking), *([f"... and {more} more"] if more else [])])


def _line(finding: dict[str, t.Any]) -> str:
    """Format one finding. Findings about a server have no workload; their messages may start with the server."""
    source, message = finding["source"], finding["message"]
    name = finding["workload_name"] or finding["workload_id"]
    if name:
        subject = f"{name} ({source}): " if source else f"{name}: "
    else:
        subject = f"{source}: " if source and not message.startswith(source) else ""
    # A workload name may contain line breaks or terminal control characters.
    return clean_text(f"- {subject}{message} [{finding['control']}]")
