# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running command-line tools, with small scripts instead of the tools."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._transport.command import (
    CommandNotAllowedError,
    CommandTimeoutError,
    KnownProblem,
    NotInstalledError,
    OutputError,
    Runner,
    Slot,
    ToolError,
    message_lines,
    minimal_environment,
    to_single_line,
)

LIST = ("--json", "list")
SHOW = ("show", Slot("--stanza=", r"[a-z0-9]+"), Slot("", r"[a-z-]+"))
TROUBLES = (KnownProblem("wrong password", "wrong_password", "the password is wrong", "Check password"),)


def tool(tmp_path: Path, script: str) -> str:
    path = tmp_path / "tool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def runner(executable: str, **more: object) -> Runner:
    given = {"secrets": ["s3cret"], "known_problems": TROUBLES, "timeout": 20.0, **more}
    return Runner(executable, [LIST, SHOW], {**minimal_environment(), "TOOL_PASSWORD": "s3cret"}, **given)  # type: ignore[arg-type]


class TestAllowlist:
    @pytest.mark.parametrize("arguments", [LIST, ("show", "--stanza=main", "one"), ("show", "--stanza=forget", "x")])
    def test_commands_in_the_allowlist_are_run(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        command_result = runner(tool(tmp_path, 'echo "$@"')).run(*arguments)
        assert (command_result.rc, command_result.out.decode().split()) == (0, list(arguments))

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("list",),
            ("list", "--json"),
            ("--json", "list", "--x"),
            ("--json", "list", ""),
            ("--json", "List"),
            ("show", "--stanza=", "one"),
            ("show", "--stanza=MAIN", "one"),
            ("show", "--stanza=main\n", "one"),
            ("show", "--stanza=main", "--force"),
            ("show", "--stanza=main", "prune"),
            ("show", "--stanza=main", "delete"),
            ("forget",),
            ("--json", "prune"),
        ],
    )
    def test_other_commands_are_rejected(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        executable = tool(tmp_path, f"touch {tmp_path}/was-run")
        with pytest.raises(CommandNotAllowedError, match="not on the command allowlist"):
            runner(executable).run(*arguments)
        assert not (tmp_path / "was-run").exists()

    @pytest.mark.parametrize(
        "word", ["forget", "prune", "delete", "expire", "unlock", "init", "break-lock", "--repair"]
    )
    def test_modifying_commands_are_rejected_even_if_listed(self, tmp_path: Path, word: str) -> None:
        careless = Runner(tool(tmp_path, "exit 0"), [("x", word)], minimal_environment())
        with pytest.raises(CommandNotAllowedError):
            careless.run("x", word)


class TestChild:
    def test_the_environment_is_minimal(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "America/New_York")
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        monkeypatch.setenv("TOOL_OPTION", "of this process")
        out = runner(tool(tmp_path, "env")).run(*LIST).out.decode()
        value = dict(line.split("=", 1) for line in out.splitlines())
        assert {name: value[name] for name in ("TZ", "LC_ALL", "TOOL_PASSWORD")} == {
            "TZ": "UTC",
            "LC_ALL": "C",
            "TOOL_PASSWORD": "s3cret",
        }
        assert set(value) <= {"TZ", "LC_ALL", "TOOL_PASSWORD", "PATH", "HOME", "PWD", "_", "SHLVL", "OLDPWD"}

    def test_there_is_no_terminal_and_no_input(self, tmp_path: Path) -> None:
        command_result = runner(
            tool(tmp_path, "read answer || echo nothing; (: < /dev/tty) 2> /dev/null || echo no terminal")
        ).run(*LIST)
        assert command_result.out.decode().splitlines() == ["nothing", "no terminal"]

    def test_a_missing_tool_is_reported(self) -> None:
        with pytest.raises(NotInstalledError, match="'no-such-tool' is not installed on this host"):
            runner("no-such-tool").run(*LIST)

    def test_a_tool_that_cannot_be_run_is_reported(self, tmp_path: Path) -> None:
        path = tmp_path / "tool"
        path.write_bytes(b"\x7fELF, but not really")
        path.chmod(0o755)
        with pytest.raises(NotInstalledError, match=r"cannot run '.*/tool'"):
            runner(str(path)).run(*LIST)

    def test_commands_and_bytes_are_counted(self, tmp_path: Path) -> None:
        run = runner(tool(tmp_path, "printf 12345"))
        run.run(*LIST)
        run.run(*LIST)
        assert (run.request_stats.count, run.request_stats.bytes) == (2, 10)


class TestBounds:
    def test_a_hanging_tool_is_killed_with_its_children(self, tmp_path: Path) -> None:
        executable = tool(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")
        started = time.monotonic()
        with pytest.raises(CommandTimeoutError, match=r"the command did not finish within 0\.5 s"):
            runner(executable, timeout=0.5).run(*LIST)
        assert time.monotonic() - started < 15
        child = int((tmp_path / "child").read_text())
        for _try in range(50):
            if not _alive(child):
                break
            time.sleep(0.1)
        assert not _alive(child)

    def test_a_tool_with_endless_output_is_killed(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="larger than 100000 bytes"):
            runner(tool(tmp_path, "yes"), max_output_bytes=100_000).run(*LIST)

    def test_error_output_is_bounded(self, tmp_path: Path) -> None:
        command_result = runner(tool(tmp_path, "head -c 5000000 /dev/zero | tr '\\0' x >&2; echo done")).run(*LIST)
        assert command_result.out == b"done\n"
        assert len(command_result.err) < 2_000_000

    def test_a_child_that_keeps_pipes_open_does_not_block(self, tmp_path: Path) -> None:
        started = time.monotonic()
        command_result = runner(tool(tmp_path, "sleep 30 & echo '[]'")).run(*LIST)
        assert command_result.out == b"[]\n"
        assert time.monotonic() - started < 10


class TestMessages:
    def test_a_failure_contains_the_message_of_the_tool(self, tmp_path: Path) -> None:
        run = runner(tool(tmp_path, "echo 'Fatal: s3cret is a wrong password' >&2; exit 12"))
        command_result = run.run(*LIST)
        error = run.error(command_result)
        assert (error.code, error.status, error.message) == ("wrong_password", 12, "the password is wrong")
        assert error.server_message == "Fatal: ******** is a wrong password"
        assert 'Tool output: "Fatal: ******** is a wrong password".' in str(error)

    @pytest.mark.parametrize("value", ["p@ss/word?", "p%40ss%2fword%3f", "cEBzcy93b3JkPw=="])
    def test_a_secret_in_output_is_masked_in_every_encoding(self, tmp_path: Path, value: str) -> None:
        run = runner(
            tool(tmp_path, f"echo 'no answer from https://user:{value}@host/' >&2; exit 1"), secrets=["p@ss/word?"]
        )
        assert run.error(run.run(*LIST)).server_message == "no answer from https://user:********@host/"

    def test_an_unknown_failure_is_reported(self, tmp_path: Path) -> None:
        run = runner(tool(tmp_path, "echo odd; exit 3"))
        with pytest.raises(ToolError, match="failed with return code 3") as caught:
            run.json(run.run(*LIST))
        assert caught.value.server_message == "odd"

    @pytest.mark.parametrize("script", ["echo '[1, 2'", "true", "echo no"])
    def test_output_that_is_not_json_is_an_error_for_any_return_code(self, tmp_path: Path, script: str) -> None:
        run = runner(tool(tmp_path, script))
        with pytest.raises(OutputError, match="the output of the command is not valid JSON"):
            run.json(run.run(*LIST))

    def test_messages_of_json_lines_are_reported(self) -> None:
        text = (
            '{"message_type":"exit_error","code":10,"message":"Fatal: no\\nmore"}\n'
            '{"type": "log_message", "message": "Traceback (most recent):'
            '\\n  File\\nOSError: no\\n\\nPlatform: x", "levelname": "ERROR"}\n'
            '{"type": "log_message", "message": "fine", "levelname": "INFO"}\n'
            "plain\nplain\n{broken\n[1]\n{}\n"
        )
        assert message_lines(text) == ["Fatal: no", "OSError: no", "plain", "{broken", "[1]"]

    def test_messages_are_one_short_printable_line(self) -> None:
        assert to_single_line("a\x1b[31m\nb\u202ec" + "x" * 400) == ("a [31m b c" + "x" * 400)[:297] + "..."

    def test_errors_have_a_common_base_class(self) -> None:
        assert all(issubclass(kind, AuditError) for kind in (CommandNotAllowedError, NotInstalledError, ToolError))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A zombie process is still listed.
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
