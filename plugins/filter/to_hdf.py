# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter to_hdf."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible_collections.backup.audit.plugins.plugin_utils._evidence import hdf
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.render import render


def to_hdf(assessment: t.Any) -> str:
    """Render an assessment (compressed or plain) as HDF (Heimdall's exec-json)."""
    return render("to_hdf", assessment, hdf.to_hdf)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file."""
        return {"to_hdf": to_hdf}
