#!/bin/sh
# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs the programs that tests run: backup tools, PostgreSQL, a browser, and a Java 17 for ansible-rulebook.
# Uses apt-get, with sudo if needed. Fails if a program is missing at the end.
set -eu

has_file() {
    for file in "$@"; do
        [ -x "$file" ] && return 0
    done
    return 1
}

has_command() {
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

# Prints the packages of the programs that are missing.
missing() {
    has_command restic || echo restic
    has_command rclone || echo rclone
    has_command borg || echo borgbackup
    has_command pgbackrest || echo pgbackrest
    has_command barman || echo barman
    has_file /usr/lib/postgresql/*/bin/initdb || echo postgresql
    has_command chromium chromium-browser google-chrome google-chrome-stable || echo chromium
    has_file /usr/lib/jvm/*17*/bin/java || echo openjdk-17-jre-headless
}

packages=$(missing)
if [ -z "$packages" ]; then
    echo "All programs are installed."
    exit 0
fi
# One package per line in $packages, none of them with spaces.
if has_command apt-get; then
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $packages
fi
packages=$(missing)
if [ -n "$packages" ]; then
    echo "Programs for tests are missing. Install these packages: $(echo "$packages" | tr '\n' ' ')" >&2
    exit 1
fi
