# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes that all info modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.attributes)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and returns the same result, because the module only reads data.
    support: full
  diff_mode:
    description: Will return details on what has changed in diff mode.
    support: none
    details: The module does not change anything.
  action_group:
    description: Use C(group/backup.audit.info) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - backup.audit.info
"""

    ON_HOST = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and returns the same result, because the module only reads data.
    support: full
    details: In check mode, the check requested with O(verify) is skipped because it can take hours. C(server.verify)
      and a warning report this.
  diff_mode:
    description: Will return details on what has changed in diff mode.
    support: none
    details: The module does not change anything.
  action_group:
    description: Use C(group/backup.audit.tools) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - backup.audit.tools
"""
