# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a renderer for Ansible: convert errors to Ansible errors, and protect text from templating."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import Json, load
from ansible_collections.backup.audit.plugins.plugin_utils._garbage_collection import paused_garbage_collection
from ansible_collections.backup.audit.plugins.plugin_utils._templates import protect

try:
    # ansible-core 2.18 and earlier would convert text that looks like JSON to data.
    from ansible.utils.native_jinja import NativeJinjaText
except ImportError:
    NativeJinjaText = str


def render(
    name: str, assessment: t.Any, renderer: Callable[[Json], str], *, read: Callable[[t.Any], Json] = load
) -> str:
    """Render an assessment (compressed or plain) as text."""
    text: str = plain_data(name, lambda: NativeJinjaText(renderer(read(assessment))))
    return text


def plain_data(name: str, make: Callable[[], t.Any]) -> t.Any:
    """Return the result of ``make``, marked so that Ansible does not template names that look like templates."""
    try:
        with paused_garbage_collection():
            return protect(make())
    except AuditError as error:
        raise AnsibleFilterError(f"backup.audit.{name}: {error}") from error
