# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a module with a clear message if its Python is too old.

Modules for managed hosts import this file first, because older Pythons cannot parse the other files. Neither this file
nor these modules may use syntax that Python 2.7 does not support, such as annotations or their import from __future__.
"""
# ruff: noqa: I002

import functools
import json
import sys

_REQUIRED = (3, 10)

if sys.version_info[:2] < _REQUIRED:
    _hint = "Install Python 3.10 or later on the host, and set ansible_python_interpreter to its path"
    _message = "backup.audit needs Python 3.10 or later on the host that runs the module, found {} ({})".format(
        ".".join(str(part) for part in sys.version_info[:3]),
        sys.executable,
    )
    _failure = {"code": "python_too_old", "message": _message, "hint": _hint}
    sys.stdout.write(json.dumps({"failed": True, "msg": _message + ". " + _hint, "failure": _failure}))
    raise SystemExit(1)

# make_main(run, adapter) is the main function of a module.
make_main = functools.partial
