# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is between Ansible and a renderer: errors in Ansible's words, and text that Ansible leaves alone."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import Json, load

try:
    # Up to ansible-core 2.18, which would make data of a text that looks like JSON.
    from ansible.utils.native_jinja import NativeJinjaText
except ImportError:
    NativeJinjaText = str


def render(name: str, assessment: t.Any, renderer: Callable[[Json], str]) -> str:
    """The document of an ASSESSMENT (packed or plain) as text."""
    text: str = plain_data(name, lambda: NativeJinjaText(renderer(load(assessment))))
    return text


def plain_data(name: str, make: Callable[[], t.Any]) -> t.Any:
    """What ``make`` gives, in which nothing is ever taken for a template: a workload may be named like one."""
    try:
        return wrap_var(make())
    except AuditError as error:
        raise AnsibleFilterError(f"backup.audit.{name}: {error}") from error
