# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to run a backup tool on its host: options that info modules share which read by running a tool."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.tool)."""

    DOCUMENTATION = r"""
options:
  executable:
    description:
      - Name or path of the tool. A name is looked for in C(PATH).
      - The default is the name of the tool.
    type: str
  environment:
    description:
      - More variables for the tool, such as V(AWS_ACCESS_KEY_ID) for a repository in an object store. The page of the
        tool says which are taken.
      - The tool gets these, what other options say, C(PATH), C(HOME), C(TZ=UTC) and C(LC_ALL=C), and nothing else of
        the environment of this module.
    type: dict
    default: {}
  secret_environment:
    description: The same for variables that are secret, such as V(AWS_SECRET_ACCESS_KEY). They are masked in every
      result.
    type: dict
    default: {}
  timeout:
    description: Seconds after which a command that lists is ended.
    type: int
    default: 300
  verify_timeout:
    description: Seconds after which a command of O(verify) is ended. What was not checked to its end proves nothing.
    type: int
    default: 21600
notes:
  - Runs on the host that has the tool and can reach the repository, so without C(delegate_to), as the user who may read
    the repository (C(become)). That host needs Python 3.10 or newer, and no Python package.
  - Only commands that read are run. Nothing in the repository is changed, and no lock is taken.
"""
