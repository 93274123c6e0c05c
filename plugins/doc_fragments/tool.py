# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that all info modules which run a backup tool share."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.tool)."""

    DOCUMENTATION = r"""
options:
  executable:
    description:
      - Name or path of the tool. A name is looked up in C(PATH).
      - The default is the name of the tool.
    type: str
  environment:
    description:
      - Additional environment variables for the tool, such as V(AWS_ACCESS_KEY_ID) for a repository in an object store.
        The documentation page of the tool lists the variables that are accepted.
      - The tool gets these variables, those of the other options, C(PATH), C(HOME), C(TZ=UTC) and C(LC_ALL=C). It does
        not inherit any other variables.
    type: dict
    default: {}
  secret_environment:
    description: Additional environment variables with secret values, such as V(AWS_SECRET_ACCESS_KEY). The values are
      masked in all results.
    type: dict
    default: {}
  timeout:
    description: Maximum run time in seconds of a list command.
    type: int
    default: 300
  verify_timeout:
    description: Maximum run time in seconds of a command of O(verify). If a check does not finish, C(integrity_checked)
      remains unknown.
    type: int
    default: 21600
notes:
  - Runs on the host that has the tool and can access the repository, so do not use C(delegate_to). Use C(become) to run
    as a user who can read the repository. The host needs Python 3.10 or later, and no additional Python packages.
  - Runs only commands that read. The repository is not changed and not locked.
"""
