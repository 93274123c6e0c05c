# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protect names and messages of backup servers, which may look like templates, from Ansible's templating."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.utils.unsafe_proxy import wrap_var


def may_be_template(text: str) -> bool:
    """Return whether a text, alone or joined with others, can be a template.

    Every delimiter of Ansible starts with a brace, and a first line ``#jinja2:`` defines others. One brace is enough,
    because two texts that are joined may form a delimiter.
    """
    return "{" in text or text.startswith("#")


def protect(value: t.Any) -> t.Any:
    """Return a copy in which texts that may be templates are marked as unsafe, and all others are unchanged.

    To mark all texts of a large assessment would take much longer.
    """
    if isinstance(value, str):
        return wrap_var(value) if may_be_template(value) else value
    if isinstance(value, Mapping):
        return {protect(key): protect(item) for key, item in value.items()}
    return [protect(item) for item in value] if isinstance(value, (list, tuple)) else value
