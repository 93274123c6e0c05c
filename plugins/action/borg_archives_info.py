# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module of this name, and shows with -v how far it is."""

from __future__ import annotations

from ansible_collections.backup.audit.plugins.plugin_utils._info_action import InfoAction


class ActionModule(InfoAction):
    """See there."""
