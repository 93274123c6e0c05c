# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.recordings import FOLDER, Recording, dump, load, versions
from tests.tools.neutral import BASE, Machine, Neutralizer, example_id
from tests.tools.record import TOOLS, example_paths, find_version, neutralize

BEGIN = datetime(2031, 5, 6, 12, 0, tzinfo=timezone.utc).timestamp()
MACHINE = Machine("host7", {"/tmp/recording-restic": "/srv/recording", "/usr": "/usr"}, BEGIN, BEGIN + 3600)
FIRST, SECOND = "ab" * 32, "cd" * 20
FILES = sorted(FOLDER.glob("*/*.json"))


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("open /tmp/recording-restic/a/b", "open /srv/recording/a/b"),
        ('"host7"', '"backup01"'),
        ("host7-2031-05-06T12:00:05", "backup01-2026-01-15T02:00:05"),
        # Other names and words that contain the host's name are kept.
        ("host70 myhost7 host7.example.com", "host70 myhost7 host7.example.com"),
        ('{"username": "jo"}', '{"username": "backup"}'),
        ("PID: 4711  CWD: /tmp/recording-restic", "PID: 1  CWD: /srv/recording"),
        ("Platform: Linux host7 6.1.0 #1 SMP x86_64", "Platform: Linux backup01"),
        ("--exec-id=855-4a5b6c7d --repo=1", "--exec-id=1-00000000 --repo=1"),
        ('"system-id":7700000000000000042,', '"system-id":7000000000000000001,'),
        ('"system_id": "7700000000000000042",', '"system_id": "7000000000000000001",'),
        ("cache in /tmp/restic-check-cache-12345", "cache in /tmp/restic-check-cache-1"),
    ],
)
def test_names_paths_and_numbers(text: str, replaced: str) -> None:
    assert Neutralizer(MACHINE).replace(text) == replaced


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("2031-05-06T12:00:00.123456Z", "2026-01-15T02:00:00.123456Z"),
        ("2031-05-06 12:30:01.500 P00", "2026-01-15 02:30:01.500 P00"),
        ("20310506-120010F_20310506-120100D", "20260115-020010F_20260115-020100D"),
        ("backup 20310506T120010", "backup 20260115T020010"),
        ("Tue May  6 12:00:10 2031", "Thu Jan 15 02:00:10 2026"),
        (f'{{"start":{int(BEGIN) + 7}}}', f'{{"start":{BASE + 7}}}'),
        (f"{int(BEGIN) + 7}.25", f"{BASE + 7}.25"),
        # Times that the recording script chose, and numbers that are not times.
        ("2026-01-10T02:00:00Z", "2026-01-10T02:00:00Z"),
        ("size 1234567890", "size 1234567890"),
        ("000000010000000000000002", "000000010000000000000002"),
    ],
)
def test_times_within_the_recording_are_moved(text: str, replaced: str) -> None:
    assert Neutralizer(MACHINE).replace(text) == replaced


def test_ids_are_numbered_and_stay_the_same_when_shortened() -> None:
    neutralizer = Neutralizer(MACHINE)
    neutralizer.learn_ids([f"tree {FIRST}", f"wal-{SECOND}.gz {FIRST}"])
    assert neutralizer.replace(f"{FIRST} {SECOND}") == f"{example_id(1)} {example_id(2, 40)}"
    assert neutralizer.replace("<data/abababab> ababababab") == f"<data/{example_id(1, 8)}> {example_id(1, 10)}"
    assert neutralizer.replace("12345678 abababac") == "12345678 abababac"


def test_a_pack_is_in_the_folder_of_its_digits() -> None:
    example = example_id(1)
    assert Neutralizer(MACHINE).replace(f"/data/ab/{FIRST}") == f"/data/{example[:2]}/{example}"


@pytest.mark.parametrize(
    "text", ["in /tmp/recording-restic", "of host7", f"id {FIRST}", "on 2031-05-06", "file 20310506.log", "May  6"]
)
def test_leaks_are_found(text: str) -> None:
    assert Neutralizer(MACHINE).find_leaks(f"some text {text}")


def test_example_values_are_not_leaks() -> None:
    neutralizer = Neutralizer(MACHINE)
    text = neutralizer.replace(f"host7 {FIRST} /tmp/recording-restic 2031-05-06T12:00:00Z /usr/bin")
    assert neutralizer.find_leaks(text) == []


def recording(out: str, err: str = "") -> Recording:
    return Recording(("restic", "version"), {"RESTIC_REPOSITORY": "/tmp/recording-restic/r"}, 0, out, err)


def test_runs_share_their_example_values() -> None:
    runs = neutralize({"a": recording(f"{SECOND}\n"), "b": recording(FIRST, f"on host7: {SECOND}")}, MACHINE, [])
    assert runs["a"].environment == {"RESTIC_REPOSITORY": "/srv/recording/r"}
    assert runs["a"].out == f"{example_id(1, 40)}\n"
    assert (runs["b"].out, runs["b"].err) == (example_id(2), f"on backup01: {example_id(1, 40)}")


def test_a_run_that_still_shows_the_machine_is_an_error() -> None:
    with pytest.raises(ValueError, match="recording a still contains 20310506"):
        neutralize({"a": recording("/var/log/20310506.log")}, MACHINE, [])


def test_version_and_paths() -> None:
    assert find_version("restic 0.14.0 compiled with go1.19.8 on linux/amd64\n") == "0.14.0"
    assert find_version("pgBackRest 2.45\n") == "2.45"
    with pytest.raises(ValueError, match="no version"):
        find_version("command not found")
    paths = example_paths(Path("/tmp/recording-borg"), Path("/opt/borg/bin/borg"))
    assert paths == {"/tmp/recording-borg": "/srv/recording", "/opt/borg": "/usr"}


@pytest.mark.parametrize(
    ("out", "read"),
    [("", ""), ("one\n\ntwo\n", "one\n\ntwo\n"), ('[{"a": 1}]\n', [{"a": 1}]), ("a\x1cb\x85c\n", "a\x1cb\x85c\n")],
)
def test_recordings_can_be_read(out: str, read: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.recordings.FOLDER", tmp_path)
    (tmp_path / "tool-1.0").mkdir()
    (tmp_path / "tool-1.0/run.json").write_text(dump(recording(out, "warning\n")), "utf-8")
    assert versions("tool") == ["tool-1.0"]
    assert load("tool-1.0", "run").answer == (0, read, "warning\n")
    assert load("tool-1.0", "run").command == ("restic", "version")


class TestRecordings:
    """The files in tests/recordings."""

    @pytest.mark.parametrize("tool", TOOLS)
    def test_each_tool_was_recorded(self, tool: str) -> None:
        assert versions(tool)
        for version in versions(tool):
            assert version == f"{tool}-{find_version(str(load(version, 'version').out))}"

    def test_the_format(self) -> None:
        for file in FILES:
            plain = json.loads(file.read_text("utf-8"))
            output = {"json"} if "json" in plain else {"out"}
            assert set(plain) == {"command", "environment", "rc", "err"} | output, file
            assert file.parent.name.startswith(f"{plain['command'][0]}-"), file
            assert not [name for name in plain["environment"] if "PASS" in name], file

    def test_every_id_is_an_example(self) -> None:
        examples = {example_id(number) for number in range(1, 5000)}
        examples |= {example[:40] for example in examples}
        for file in FILES:
            found = re.findall(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])", file.read_text("utf-8"))
            assert set(found) <= examples, file

    def test_every_path_is_an_example(self) -> None:
        known = re.compile(r"/(?:srv/recording|usr/(?:bin|lib)|tmp/restic-check-cache-1\b)")
        for file in FILES:
            for found in re.findall(r"(?<![\w.<>:/-])/(?:\w[\w.-]*/)+[\w.-]*", file.read_text("utf-8")):
                assert known.match(found), (file, found)

    def test_every_time_is_an_example(self) -> None:
        for file in FILES:
            text = file.read_text("utf-8")
            days = re.findall(r"\b20\d\d-\d\d-\d\d", text) + re.findall(r"\b20\d{6}(?=-\d{6}[FDI]|T\d{6})", text)
            assert {day.replace("-", "") for day in days} <= {"20260110", "20260111", "20260115"}, file
            moments = {int(found) for found in re.findall(r"(?<!\d)1[789]\d{8}(?!\d)", text)}
            assert all(BASE <= moment < BASE + 3600 for moment in moments), file
