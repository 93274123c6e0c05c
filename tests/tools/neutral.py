# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace what identifies a machine in the output of its tools: names, paths, times and ids."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone

HOST, USER = "backup01", "backup"
# The time to which the start of a recording is moved: 2026-01-15 02:00:00 UTC.
BASE = 1768442400
_TIME = re.compile(
    r"(?<!\d)(?:(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)|(?P<label>\d{8}-\d{6})(?=[FDI])|(?P<ident>\d{8}T\d{6})"
    r"|(?P<ctime>(?<![A-Za-z])[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})|(?P<epoch>\d{10}))(?!\d)"
)
# Formats of times that tools write in UTC: labels of pgBackRest, IDs of Barman, and those of C.
_FORMS = {"label": "%Y%m%d-%H%M%S", "ident": "%Y%m%dT%H%M%S", "ctime": "%a %b %e %H:%M:%S %Y"}
_LONG_ID = re.compile(r"(?<![0-9a-zA-Z])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-zA-Z])")
# Tools shorten ids to 8 digits or more.
_SHORTEST = 8
_SHORT_ID = re.compile(rf"(?<![0-9a-zA-Z])[0-9a-f]{{{_SHORTEST},63}}(?![0-9a-zA-Z])")
_OTHERS = (
    # restic: the account that made a snapshot
    (re.compile(r'("username":\s*)"[^"]*"'), rf'\1"{USER}"'),
    (re.compile(r"restic-check-cache-\d+"), "restic-check-cache-1"),
    # Borg: the machine and the process in an error report
    (re.compile(r"Platform: Linux [^\n\\]*"), f"Platform: Linux {HOST}"),
    (re.compile(r"Linux: [^\n\\]*?  LibC: [^\n\\]*"), "Linux: -  LibC: -"),
    (re.compile(r"PID: \d+"), "PID: 1"),
    # pgBackRest: the process, and the number of the database
    (re.compile(r"--exec-id=\d+-[0-9a-f]+"), "--exec-id=1-00000000"),
    (re.compile(r'("system-id":\s*)\d+'), r"\g<1>7000000000000000001"),
    # Barman: the number of the database
    (re.compile(r'("(?:system_id|\w+_systemid)":\s*)"\d+"'), r'\g<1>"7000000000000000001"'),
)
# restic keeps a pack in the folder of its first two digits.
_PACK_FILE = re.compile(r"/data/[0-9a-f]{2}/(?=([0-9a-f]{2})[0-9a-f]{62})")


def example_id(number: int, length: int = 64) -> str:
    """Return the id that replaces the one that was found as this number."""
    return hashlib.sha256(f"id {number}".encode()).hexdigest()[:length]


@dataclasses.dataclass(frozen=True)
class Machine:
    """Values to replace: the host name, paths (with their replacement), and the time of the recording."""

    host: str
    paths: Mapping[str, str]
    begin: float
    end: float


class Neutralizer:
    """Replaces equal values with the same example, in all texts."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._host = _compile_word(machine.host)
        self._ids: dict[str, str] = {}
        self._by_prefix: dict[str, str] = {}

    def learn_ids(self, texts: Iterable[str]) -> None:
        """Number the ids in these texts in the order in which they appear."""
        for text in texts:
            for found in _LONG_ID.findall(text):
                if found not in self._ids:
                    self._ids[found] = example_id(len(self._ids) + 1, len(found))
                    self._by_prefix.setdefault(found[:_SHORTEST], found)

    def replace(self, text: str) -> str:
        """Return the text with example values."""
        for path in sorted(self._machine.paths, key=len, reverse=True):
            text = text.replace(path, self._machine.paths[path])
        text = self._host.sub(HOST, text)
        for pattern, example in _OTHERS:
            text = pattern.sub(example, text)
        self.learn_ids([text])
        text = _LONG_ID.sub(lambda found: self._ids[found[0]], text)
        text = _PACK_FILE.sub(r"/data/\1/", text)
        text = _SHORT_ID.sub(self._replace_short_id, text)
        return _TIME.sub(self._move, text)

    def find_leaks(self, text: str) -> list[str]:
        """Return parts of a replaced text that still identify the machine."""
        leaks = [path for path, example in self._machine.paths.items() if path != example and path in text]
        if self._machine.host != HOST and self._host.search(text):
            leaks.append(self._machine.host)
        leaks += sorted(set(_LONG_ID.findall(text)) - set(self._ids.values()))
        days = {datetime.fromtimestamp(moment, timezone.utc) for moment in (self._machine.begin, self._machine.end)}
        forms = sorted({day.strftime(form) for day in days for form in ("%Y-%m-%d", "%Y%m%d", "%b %e")})
        return leaks + [form for form in forms if form in text]

    def _replace_short_id(self, found: re.Match[str]) -> str:
        full = self._by_prefix.get(found[0][:_SHORTEST], "")
        return self._ids[full][: len(found[0])] if full.startswith(found[0]) else found[0]

    def _move(self, found: re.Match[str]) -> str:
        """Move a time within the recording by the same span. Other times were chosen by the recording script."""
        form = next((name for name in _FORMS if found[name]), None)
        if found["epoch"]:
            moment = float(found["epoch"])
        elif form:
            pattern = _FORMS[form].replace("%e", "%d")
            moment = datetime.strptime(found[0], pattern).replace(tzinfo=timezone.utc).timestamp()
        else:
            moment = datetime.fromisoformat(found["iso"]).replace(tzinfo=timezone.utc).timestamp()
        begin = int(self._machine.begin)
        if not begin - 1 <= moment <= self._machine.end + 1:
            return found[0]
        moved = BASE + int(moment) - begin
        if found["epoch"]:
            return str(moved)
        example = datetime.fromtimestamp(moved, timezone.utc)
        if form:
            return example.strftime(_FORMS[form])
        return example.strftime("%Y-%m-%dT%H:%M:%S".replace("T", found["iso"][10]))


def _compile_word(word: str) -> re.Pattern[str]:
    """Match a name as a word, also at the beginning of the name of an archive (NAME-2026-01-15)."""
    return re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w.])")
