# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules by which AWX rejects, normalizes and merges values. Each rule was verified with AWX 24.6.

Rules with their location in the source of AWX 24.6.1:

- `check`, `_credential_type`, `_field`: fields and injectors of credential types (awx/main/fields.py,
  `CredentialTypeInputField` and `CredentialTypeInjectorField`); a template of a project that has not synchronized, and
  the slice count (awx/api/serializers.py, `JobTemplateSerializer`); recurrence rules (awx/api/serializers.py,
  `SchedulePreviewSerializer.validate_rrule`)
- `check_survey`: surveys (awx/api/views/__init__.py, `JobTemplateSurveySpec`)
- `normalize`: text without blanks and line breaks around it (`CharField` of Django REST framework), the type of the
  fields of a credential type (awx/main/fields.py, `CredentialTypeInputField.schema`)
- `check_in_use`: status 403 for credential types in use (awx/api/serializers.py, `CredentialTypeSerializer.validate`)
- `launch_variables`: the order of variables, and answers that are refused (awx/main/models/mixins.py,
  `SurveyJobTemplateMixin._update_unified_job_kwargs` and `_survey_element_validation`)
- `imported_host`: host names of inventory sources (awx/main/utils/mem_inventory.py, `MemInventory.get_host`)
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Mapping
from typing import Any

import jinja2
import yaml

_FIELD_KEYS = {"id", "label", "type", "format", "choices", "help_text", "multiline", "secret", "default"}
_REFUSED_ENV = re.compile(
    r"ANSIBLE_.*|REST_API_.*|CALLBACK_.*|PATH|PYTHONPATH|VIRTUAL_ENV|JOB_ID|INVENTORY_ID|AWX_HOST|MAX_EVENT_RES|CACHE"
    r"|PROJECT_REVISION|INVENTORY_HOSTVARS|HTTP_PROXY|HTTPS_PROXY|NO_PROXY"
)
_QUESTION_KEYS = {
    *("type", "question_name", "question_description", "variable", "required", "choices", "default", "min", "max"),
    "new_question",
}
_QUESTION_TYPES = {"text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect"}


class Refused(Exception):
    """Status 400, with the wrong field; or status 403."""

    def __init__(self, field: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status
        self.body: Any = {"detail": reason} if status == 403 else {field: [reason]}


def check(resource: str, values: Mapping[str, Any], referred: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise Refused if AWX would reject the values; `referred` holds the objects that fields refer to."""
    if resource == "credential_types":
        _credential_type(values)
    elif resource == "job_templates":
        project = referred.get("project", {})
        if not project.get("allow_override"):
            raise Refused("playbook", "Playbook not found for project.")
        if values.get("job_slice_count", 1) < 1:
            raise Refused("job_slice_count", "Ensure this value is greater than or equal to 1.")
    elif resource == "schedules":
        _rrule(str(values.get("rrule", "")))
    elif resource == "workflow_job_template_nodes" and not values.get("identifier"):
        raise Refused("identifier", "This field may not be blank.")


def normalize(resource: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as AWX stores them."""
    stored: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else copy.deepcopy(value) for name, value in values.items()
    }
    if resource == "credential_types":
        for entry in stored.get("inputs", {}).get("fields", []):
            entry.setdefault("type", "string")
    return stored


def check_in_use(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise Refused if AWX would reject this change of a credential type, because credentials use it."""
    if before.get("inputs") != after.get("inputs"):
        reason = "Modifications to inputs are not allowed for credential types that are in use"
        raise Refused("inputs", reason, 403)


def launch_variables(template: str, survey: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of a job: those of the template, then defaults of the survey, then answers."""
    defaults = {}
    for question in survey.get("spec", []):
        _check_answer(question, answers)
        if question.get("default") is not None:
            default = {question["variable"]: question["default"]}
            # A default that is not a valid answer is dropped.
            with contextlib.suppress(Refused):
                _check_answer(question, default)
                defaults.update(default)
    return {**(yaml.safe_load(template) or {}), **defaults, **answers}


def _check_answer(question: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
    name = question["variable"]
    if name not in answers:
        if question["required"]:
            raise Refused("variables_needed_to_start", f"'{name}' value missing")
        return
    value = answers[name]
    if question["type"] == "multiplechoice" and value not in question["choices"]:
        choices = question["choices"]
        raise Refused("variables_needed_to_start", f"Value {value} for '{name}' expected to be one of {choices}.")
    if question["type"] == "text" and not question.get("min", 0) <= len(value) <= question.get("max", len(value)):
        raise Refused("variables_needed_to_start", f"'{name}' value {value} is too small or too large")


def imported_host(name: str) -> tuple[str, int | None]:
    """Return the name and port under which AWX imports a host of an inventory source."""
    if match := re.fullmatch(r"\[([A-Fa-f0-9:]{3,})\]:(\d+)", name):
        return match[1], int(match[2])
    host, colon, port = name.partition(":")
    if colon and name.count(":") == 1:
        return host, int(port) if port.isdecimal() else None
    return name, None


def _credential_type(values: Mapping[str, Any]) -> None:
    if values["kind"] not in ("cloud", "net"):
        raise Refused("kind", f'"{values["kind"]}" is not a valid choice.')
    inputs, injectors = values.get("inputs", {}), values.get("injectors", {})
    names: dict[str, Any] = {}
    for entry in inputs.get("fields", []):
        _field(entry)
        names[entry["id"]] = False if entry.get("type") == "boolean" else "text"
    if set(inputs) - {"fields", "required"} or set(injectors) - {"env", "extra_vars", "file"}:
        raise Refused("injectors", "Additional properties are not allowed")
    files = injectors.get("file", {})
    for name in files:
        if name != "template" and not re.fullmatch(r"template\.[A-Za-z_]\w*", name):
            raise Refused("injectors", f"{name} does not match any of the regexes")
    if "template" in files and len(files) > 1:
        raise Refused("injectors", "Must define unnamed file injector in order to reference `tower.filename`.")
    known = {name.partition(".")[2]: "/tmp/file" for name in files if "." in name}
    tower = {"filename": "/tmp/file"} if "template" in files else {"filename": known}
    for name, text in [*injectors.get("env", {}).items(), *injectors.get("extra_vars", {}).items(), *files.items()]:
        if name in injectors.get("env", {}) and (_REFUSED_ENV.fullmatch(name) or not name.isascii()):
            raise Refused("injectors", f"Environment variable {name} is not allowed to be used in credentials.")
        if not isinstance(text, str):
            raise Refused("injectors", f"{text!r} is not of type 'string'")
        try:
            jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string(text).render(  # noqa: S701
                tower=tower, **names
            )
        except jinja2.TemplateError as error:
            raise Refused("injectors", f"{name} uses an undefined field ({error})") from error


def _field(entry: Mapping[str, Any]) -> None:
    kind = entry.get("type", "string")
    if set(entry) - _FIELD_KEYS or not {"id", "label"} <= set(entry):
        raise Refused("inputs", f"Additional or missing properties in {sorted(entry)}")
    if entry["id"] == "tower" or not re.fullmatch(r"[A-Za-z_]\w*", entry["id"]):
        raise Refused("inputs", f"{entry['id']} is an invalid variable name.")
    if kind not in ("string", "boolean"):
        raise Refused("inputs", f"'{kind}' is not one of ['string', 'boolean']")
    if kind == "boolean" and (entry.get("secret") or entry.get("multiline")):
        raise Refused("inputs", "boolean fields cannot be secret or multiline")
    if "default" in entry and not isinstance(entry["default"], bool if kind == "boolean" else str):
        raise Refused("inputs", "the default is not of the field's type")


def _rrule(text: str) -> None:
    if not re.match(r"DTSTART(;TZID=[\w/]+)?:\d{8}T\d{6}Z? RRULE:", text) or (";TZID" not in text and "Z " not in text):
        raise Refused("rrule", "Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ")
    if "INTERVAL=" not in text:
        raise Refused("rrule", "INTERVAL required in rrule.")
    if "SECONDLY" in text or ("COUNT=" in text and "UNTIL=" in text) or re.search(r"BYDAY=[+-]?\d", text):
        raise Refused("rrule", "This rule is not supported.")


def check_survey(spec: Any) -> None:
    """Raise Refused if AWX would reject the survey."""
    if not isinstance(spec, dict) or not {"name", "description", "spec"} <= set(spec) or not spec["spec"]:
        raise Refused("error", "'name', 'description' and 'spec' are needed, and spec may not be empty.")
    seen = set()
    for question in spec["spec"]:
        if question.get("type") not in _QUESTION_TYPES or set(question) - _QUESTION_KEYS:
            raise Refused("error", f"'{question.get('type')}' or a key of the question is not valid")
        if not {"question_name", "variable"} <= set(question) or not isinstance(question.get("required"), bool):
            raise Refused("error", "question_name, variable and a boolean required are needed")
        if question["type"] == "multiselect" and not isinstance(question.get("default", ""), str):
            raise Refused("error", "the default of a multiselect is a string")
        if question["variable"] in seen:
            raise Refused("error", f"'variable' {question['variable']} duplicated in survey")
        seen.add(question["variable"])
