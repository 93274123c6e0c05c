# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Own recordings have the fields, types and messages of independent recordings, which are not part of the project."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.recordings import load, versions
from tests.tools.project import VENDORS
from tests.unit.plugins.module_utils._adapters import test_restic

SAMPLES = VENDORS / "open_source" / "samples"
if not SAMPLES.is_dir():
    pytest.skip("no independent recordings here", allow_module_level=True)
Shape = dict[str, set[str]]
_TYPES = {bool: "boolean", int: "number", float: "number", str: "text", type(None): "null"}
# Fields whose names are chosen by the user.
_FREE = ("annotation",)
# The versions of the independent recordings.
RESTIC, BORG, PGBACKREST = "restic-0.14.0", "borg-1.2.4", "pgbackrest-2.45"


def walk(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, type) of everything in a JSON document; all items of a list have the same path."""
    if isinstance(value, dict):
        yield path, "object"
        for name, member in value.items():
            yield from walk(member, f"{path}.{'*' if path.endswith(_FREE) else name}")
    elif isinstance(value, list):
        yield path, "list"
        for item in value:
            yield from walk(item, f"{path}[]")
    else:
        yield path, _TYPES[type(value)]


def shape(value: Any) -> Shape:
    found: Shape = {}
    for path, kind in walk(value):
        found.setdefault(path, set()).add(kind)
    return found


def sample(name: str) -> tuple[str, int | None]:
    """Return the text of an independent recording, and the return code from its last line."""
    text = (SAMPLES / name).read_text("utf-8")
    codes = re.findall(r"^rc=(\d+)$", text, re.MULTILINE)
    return re.sub(r"^rc=\d+\n?", "", text, flags=re.MULTILINE), int(codes[-1]) if codes else None


def document(name: str) -> Any:
    return json.loads(sample(name)[0])


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def patterns(text: str) -> set[str]:
    """Return the lines of a text without labels and numbers."""
    text = re.sub(r"\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?", "LABEL", text)
    return {re.sub(r"\d+", "0", line).rstrip() for line in text.splitlines() if line.strip()}


def whole(value: Any) -> Any:
    return value


DOCUMENTS: tuple[tuple[str, str, Callable[[Any], Any], str, Callable[[Any], Any]], ...] = (
    (RESTIC, "snapshots", whole, "restic_snapshots.json", whole),
    *(
        (version, recording, own, name, theirs)
        for version in (BORG, "borg-1.4.5")
        for recording, own, name, theirs in (
            ("list_plain", whole, "borg_list.json", whole),
            ("list_plain", whole, "borgmatic_list.json", lambda value: value[0]),
            ("list_command_line", lambda value: value["archives"], "borg_list_format.json", whole),
            ("info", whole, "borg_info_repo.json", whole),
            ("info_archives", whole, "borg_info.json", whole),
        )
    ),
    (PGBACKREST, "info", whole, "pgbackrest_info.json", whole),
    (PGBACKREST, "info", whole, "pgbackrest255_info.json", whole),
    (PGBACKREST, "info_missing_stanza", whole, "pgbackrest_info_missing_stanza.json", whole),
    (PGBACKREST, "info_page_error", lambda value: value[0]["backup"][-1], "pgbackrest_info_page_error.json", whole),
)
# Fields that only a later version writes.
ADDED = {"borg-1.4.5": {".archives[].cwd"}}


@pytest.mark.parametrize(("version", "recording", "own", "name", "theirs"), DOCUMENTS)
def test_documents(
    version: str, recording: str, own: Callable[[Any], Any], name: str, theirs: Callable[[Any], Any]
) -> None:
    found = shape(own(load(version, recording).out))
    added = {path for path in ADDED.get(version, set()) if path in found}
    assert {path: kinds for path, kinds in found.items() if path not in added} == shape(theirs(document(name)))


@pytest.mark.parametrize(
    ("recording", "name", "only_own"),
    [
        ("snapshots", "restic18_snapshots.json", set()),
        ("snapshots_grouped", "restic18_snapshots_grouped.json", set()),
        ("stats", "restic18_stats.json", {".total_file_count"}),
    ],
)
def test_later_versions_of_restic_add_fields(recording: str, name: str, only_own: set[str]) -> None:
    found, theirs = shape(load(RESTIC, recording).out), shape(document(name))
    assert set(found) - set(theirs) == only_own
    for path in set(found) - only_own:
        assert found[path] <= theirs[path] | {"list", "null"}, path


def test_handwritten_fields() -> None:
    """Fields of restic 0.18, which has no own recording."""
    theirs = shape(document("restic18_snapshots.json"))
    for path, kinds in shape([test_restic.NEW]).items():
        assert kinds == theirs[path], path
    for own, name in (
        (test_restic.SOUND_JSON, "restic18_check.json"),
        (test_restic.BROKEN_JSON, "restic18_check_corrupt.json"),
    ):
        known = shape(json_lines(sample(name)[0]))
        for path, kinds in shape(json_lines(own)).items():
            assert kinds == known[path], path


@pytest.mark.parametrize(
    ("recording", "name"),
    [("list_wrong_password", "borg_wrong_pass.txt"), ("check_damaged_segment", "borg_check_corrupt.txt")],
)
@pytest.mark.parametrize("version", versions("borg"))
def test_messages_of_borg(version: str, recording: str, name: str) -> None:
    text, rc = sample(name)
    found, theirs = json_lines(load(version, recording).err), json_lines(text)
    assert shape(found) == shape(theirs)

    def messages(lines: list[Any]) -> set[tuple[str, str, str]]:
        return {
            (re.sub(r"[0-9a-f]{64}|\d+|\s+", " ", line["message"]).strip(), line["levelname"], line["name"])
            for line in lines
        }

    # Later versions changed a few messages and levels.
    assert version > BORG or messages(found) == messages(theirs)
    assert rc in (None, load(version, recording).rc)


@pytest.mark.parametrize("version", versions("borg"))
def test_borg_prints_nothing_without_errors(version: str) -> None:
    assert sample("borg_check.txt") == ("", 0)
    assert load(version, "check").answer == (0, "", "")


@pytest.mark.parametrize(
    ("recording", "name", "server_message"),
    [
        ("snapshots_wrong_password", "restic18_wrong_password.txt", "Fatal: wrong password or no key found"),
        (
            "snapshots_missing_repository",
            "restic18_missing_repo.txt",
            "Is there a repository at the following location?",
        ),
    ],
)
def test_messages_of_restic(recording: str, name: str, server_message: str) -> None:
    assert server_message in sample(name)[0]
    assert server_message in load(RESTIC, recording).err


@pytest.mark.parametrize(
    ("recordings", "name"),
    [
        (("verify_log",), "pgbackrest_verify.txt"),
        (("verify_damaged_file_log", "verify_damaged_file_text"), "pgbackrest_verify_corrupt.txt"),
        (("verify_damaged_file_short",), "pgbackrest255_verify_corrupt.txt"),
    ],
)
def test_output_of_pgbackrest_verify(recordings: tuple[str, ...], name: str) -> None:
    text, rc = sample(name)
    found = [load(PGBACKREST, recording) for recording in recordings]

    def lines(text: str) -> set[str]:
        # The first line repeats the settings, and a file has another path.
        text = re.sub(r"(verify command begin \S+: ).*", r"\1", text)
        return patterns(re.sub(r"(invalid checksum ').*(?=')", r"\1", text))

    assert set().union(*(lines(recording.out) for recording in found)) == lines(text)
    assert [recording.rc for recording in found] == [rc] * len(found)
