# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command in a clean copy of the project: python -m tests.tools.in_copy COMMAND ARGUMENT...

For tools that would otherwise treat build output and virtual environments as part of the collection.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.tools.project import copy_project, get_collections_path


def main(command: list[str]) -> int:
    with copy_project() as copy:
        environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(get_collections_path(copy))}
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
