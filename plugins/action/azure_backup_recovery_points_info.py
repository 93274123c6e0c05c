# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module of this name and show its progress with -v."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.plugin_utils._info_action import InfoAction


class ActionModule(InfoAction):
    """Action plugin of the module; see InfoAction."""
