# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Server and account options of info modules for APIs, except modules whose product has other names for them."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.account)."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - URL of the server, such as V(https://backup.example.com). The default scheme is V(https). The default port
        depends on the product.
      - Required, either as this option or as an environment variable (see the notes).
    type: str
  username:
    description:
      - Name of the account. A read-only account is sufficient. The documentation page of the product lists the required
        permissions.
      - Required, either as this option or as an environment variable (see the notes).
    type: str
  password:
    description:
      - Password of the account.
      - Required, either as this option or as an environment variable (see the notes).
    type: str
"""
