#!/bin/sh
# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# find_python.sh [VERSION...] : the path of the first of these Pythons (3.13, 3.12, ...; default: the newest that
# ansible-core runs on) that runs here and can make a virtual environment. In PATH a name alone proves nothing: it may be a pyenv shim without a Python behind it, or
# Debian's python3 without python3-venv. Hence each candidate is run.
set -eu

[ $# -gt 0 ] || set -- 3.14 3.13 3.12 3.11 3.10

real_path() { # path version: where that Python really lies, or nothing if it is another or does not run
    # Of a virtual environment the base counts: none must be made from another, least of all from itself.
    "$1" - "$2" <<'PYTHON' 2>/dev/null
import ensurepip, os, sys, venv
if "%d.%d" % sys.version_info[:2] != sys.argv[1]:
    sys.exit(1)
is_base = sys.prefix == sys.base_prefix
print(sys.executable if is_base else os.path.join(sys.base_prefix, "bin", "python" + sys.argv[1]))
PYTHON
}

candidates() { # version
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        printf '%s\n' "$folder/python$1" "$folder/python3"
    done
    IFS=$old_ifs
    printf '%s\n' "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1".*/bin/python
}

for version in "$@"; do
    candidates "$version" | while IFS= read -r candidate; do
        if [ -x "$candidate" ] && real_path "$candidate" "$version"; then
            exit 10 # the subshell of the loop cannot end the script itself
        fi
    done || exit 0
done

echo "No usable Python found. Needed: one of $*, with its venv module (Debian: python3-venv)." >&2
exit 1
