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
    # The base: a virtual environment (the very one that is to be made anew, for one) must not be made from another.
    "$1" -c 'import ensurepip, sys, venv
sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1] or print(sys._base_executable))' "$2" 2>/dev/null
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
