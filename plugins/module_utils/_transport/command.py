# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the allowed commands of a backup tool, with a minimal environment, a timeout and output limits.

No shell is used. The output of a tool is treated as possibly wrong, huge, slow or hostile, like the response of a
server. The return code alone is never sufficient.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pwd
import re
import selectors
import shutil
import signal
import subprocess
import time
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from ansible_collections.backup.audit.plugins.module_utils._core.errors import AuditError
from ansible_collections.backup.audit.plugins.module_utils._core.redaction import Secrets
from ansible_collections.backup.audit.plugins.module_utils._core.request_stats import RequestStats

# Far more than a listing of a million points needs. For errors, the first lines are sufficient.
MAX_OUTPUT_BYTES = 512 * 1024 * 1024
MAX_ERROR_BYTES = 1 << 20
_MAX_MESSAGE_LENGTH = 300
_CHUNK_BYTES = 1 << 16
# Time for a tool to clean up after SIGTERM.
_TERMINATION_SECONDS = 5.0
# A child of the tool (such as ssh) may keep its pipes open. After the exit of the tool, reading ends after a pause of
# this length.
_DRAIN_SECONDS = 0.2
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Arguments that are rejected even if an allowlist contains them, because they change a repository or break its locks.
_FORBIDDEN = frozenset(
    {
        *("forget", "prune", "delete", "expire", "unlock", "break-lock", "init", "backup", "create", "repair"),
        *("--repair", "rebuild-index", "compact", "recreate", "rename", "rewrite", "migrate", "copy", "key", "tag"),
        *("restore", "stanza-create", "stanza-delete", "stanza-upgrade", "archive-push", "repo-put", "repo-rm"),
    }
)


class CommandNotAllowedError(AuditError):
    """The adapter's allowlist does not contain the command."""

    code = "request_not_allowed"


class NotInstalledError(AuditError):
    """The tool is not installed on this host, or the user lacks permission to run it."""

    code = "not_installed"


class ToolError(AuditError):
    """The command failed."""

    code = "tool_failed"
    server_message_label = "Tool output"


class CommandTimeoutError(ToolError):
    """The command exceeded its timeout and was terminated."""

    code = "no_answer"


class OutputError(ToolError):
    """The output of the tool does not have the expected format or size."""

    code = "invalid_response"


@dataclasses.dataclass(frozen=True)
class Slot:
    """A variable argument: the prefix ``before``, followed by text that fully matches ``pattern``."""

    before: str
    pattern: str

    def matches(self, argument: str) -> bool:
        """Return whether an argument has this form."""
        rest = argument[len(self.before) :]
        # Without a prefix, a leading dash would make it an option.
        option = not self.before and rest.startswith("-")
        return argument.startswith(self.before) and not option and re.fullmatch(self.pattern, rest) is not None


Vector = tuple["str | Slot", ...]


@dataclasses.dataclass(frozen=True)
class CommandResult:
    """Result of one command that exited by itself."""

    request: str
    rc: int
    out: bytes
    err: str


@dataclasses.dataclass(frozen=True)
class KnownProblem:
    """A known error: ``text`` is a part of the tool's output, the other fields describe the error."""

    text: str
    code: str
    message: str
    hint: str


def minimal_environment(home: str | None = None) -> dict[str, str]:
    """Return all variables that a tool inherits. The user's locale and time zone must not change its output."""
    return {
        "PATH": os.environ.get("PATH") or _DEFAULT_PATH,
        "HOME": home or os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir,
        "TZ": "UTC",
        "LC_ALL": "C",
    }


class Runner:
    """Runs allowed commands of one tool and returns their output, or raises an AuditError."""

    def __init__(
        self,
        executable: str,
        allowlist: Sequence[Vector],
        environment: Mapping[str, str],
        *,
        secrets: Iterable[str] = (),
        known_problems: Sequence[KnownProblem] = (),
        timeout: float = 300.0,
        max_output_bytes: int = MAX_OUTPUT_BYTES,
    ) -> None:
        self.host: str | None = None
        self.request_stats = RequestStats()
        # The command that is running, for progress messages.
        self.running: str | None = None
        self._secrets = Secrets()
        self._secrets.add(*secrets)
        self._executable = executable
        self._allowlist = tuple(allowlist)
        self._environment = dict(environment)
        self._known_problems = tuple(known_problems)
        self._timeout = timeout
        self._max_output_bytes = max_output_bytes

    def run(self, *arguments: str, timeout: float | None = None) -> CommandResult:
        """Run one allowed command and return its result, even if its return code is not zero."""
        self._check_allowed(arguments)
        request = " ".join((PurePath(self._executable).name, *arguments))
        program = self._find_executable(request)
        self.request_stats.count += 1
        try:
            # AnsibleModule.run_command limits neither time nor output, and passes the complete environment.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [program, *arguments],
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Without a terminal, no tool prompts for a password. A process group lets all children be terminated.
                start_new_session=True,
            )
        except OSError as error:
            raise NotInstalledError(
                f"cannot run {program!r}: {error.strerror}",
                server=self.host,
                request=request,
                hint='Check "executable"',
            ) from error
        self.running = self.scrub(request)
        try:
            out, err = self._read_output(process, request, self._timeout if timeout is None else timeout)
        except BaseException:
            _terminate(process)
            raise
        finally:
            self.running = None
        self.request_stats.bytes += len(out)
        return CommandResult(request, process.wait(), out, self.scrub(err.decode("utf-8", "replace")))

    def json(self, command_result: CommandResult) -> t.Any:
        """Decode the output of a command as JSON. Raise AuditError if the command failed or the output is not JSON."""
        if command_result.rc != 0:
            raise self.error(command_result)
        try:
            # Messages of the system and names may contain any bytes.
            return json.loads(command_result.out.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError) as error:
            raise OutputError(
                f"the output of the command is not valid JSON ({error})",
                server=self.host,
                request=command_result.request,
                server_message=self.tool_message(command_result),
                hint="Check the version of the tool",
            ) from error

    def error(self, command_result: CommandResult) -> AuditError:
        """Build the error for a failed command, with the tool's own message."""
        everything = command_result.err + command_result.out[:MAX_ERROR_BYTES].decode("utf-8", "replace")
        details: dict[str, t.Any] = {
            "server": self.host,
            "request": command_result.request,
            "status": command_result.rc,
            "server_message": self.tool_message(command_result),
        }
        for problem in self._known_problems:
            if problem.text in everything:
                return ToolError(problem.message, code=problem.code, hint=problem.hint, **details)
        return ToolError(
            f"the command failed with return code {command_result.rc}",
            hint="Run the same command manually as the same user",
            **details,
        )

    def tool_message(self, command_result: CommandResult) -> str | None:
        """Return the message of the tool in one line, or None."""
        lines = message_lines(command_result.err) or message_lines(
            self.scrub(command_result.out[:MAX_ERROR_BYTES].decode("utf-8", "replace"))
        )
        return to_single_line("; ".join(lines)) or None

    def scrub(self, text: str) -> str:
        """Return the text with every known secret masked."""
        return self._secrets.scrub(text)

    def _check_allowed(self, arguments: Sequence[str]) -> None:
        if _FORBIDDEN.isdisjoint(arguments) and any(_matches(vector, arguments) for vector in self._allowlist):
            return
        raise CommandNotAllowedError(
            "the command was not run: it is not on the command allowlist",
            server=self.host,
            request=" ".join((PurePath(self._executable).name, *arguments)),
            hint="Only commands that read are allowed. Tell the maintainers",
        )

    def _find_executable(self, request: str) -> str:
        found = shutil.which(self._executable, path=self._environment.get("PATH"))
        if found is None:
            raise NotInstalledError(
                f"{self._executable!r} is not installed on this host, or this user is not permitted to run it",
                server=self.host,
                request=request,
                hint='Install it, run the task on the host where it is installed, or set "executable" to its path',
            )
        return found

    def _read_output(self, process: subprocess.Popen[bytes], request: str, timeout: float) -> tuple[bytes, bytes]:
        deadline = time.monotonic() + timeout
        chunks: dict[str, list[bytes]] = {"out": [], "err": []}
        sizes = {"out": 0, "err": 0}
        with selectors.DefaultSelector() as selector:
            selector.register(t.cast("t.IO[bytes]", process.stdout), selectors.EVENT_READ, "out")
            selector.register(t.cast("t.IO[bytes]", process.stderr), selectors.EVENT_READ, "err")
            while selector.get_map():
                if time.monotonic() > deadline:
                    raise CommandTimeoutError(
                        f"the command did not finish within {timeout:g} s",
                        server=self.host,
                        request=request,
                        hint='Increase "timeout" ("verify_timeout" for a check), or check what the command waits for',
                    )
                events = selector.select(_DRAIN_SECONDS)
                if not events and process.poll() is not None:
                    break
                for key, _mask in events:
                    chunk = os.read(key.fd, _CHUNK_BYTES)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    # The first part of stderr is sufficient, but reading continues so that the tool is not blocked.
                    if key.data == "out" or sizes["err"] < MAX_ERROR_BYTES:
                        chunks[key.data].append(chunk)
                    sizes[key.data] += len(chunk)
                if sizes["out"] > self._max_output_bytes:
                    raise OutputError(
                        f"the output of the command is larger than {self._max_output_bytes} bytes",
                        server=self.host,
                        request=request,
                    )
        for pipe in (process.stdout, process.stderr):
            t.cast("t.IO[bytes]", pipe).close()
        return b"".join(chunks["out"]), b"".join(chunks["err"])


def _matches(vector: Vector, arguments: Sequence[str]) -> bool:
    return len(vector) == len(arguments) and all(
        part.matches(argument) if isinstance(part, Slot) else part == argument
        for part, argument in zip(vector, arguments, strict=True)
    )


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM first, so that the tool removes its locks and temporary files, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_TERMINATION_SECONDS)
        except (ProcessLookupError, PermissionError):
            break
        except subprocess.TimeoutExpired:
            continue
    for pipe in (process.stdout, process.stderr):
        t.cast("t.IO[bytes]", pipe).close()


def message_lines(text: str) -> list[str]:
    """Return the distinct lines of a tool's output. For JSON log lines, only the message is used, except progress."""
    lines = []
    for line in text.splitlines():
        message = line.strip()
        if message.startswith("{"):
            # A line that only looks like JSON is kept as plain text.
            with contextlib.suppress(ValueError, RecursionError):
                message = _parse_log_entry(json.loads(message))
        if message and message not in lines:
            lines.append(message)
    return lines


def _parse_log_entry(entry: t.Any) -> str:
    message = entry.get("message") if isinstance(entry, dict) else None
    if not isinstance(message, str) or entry.get("levelname") in ("DEBUG", "INFO") or "env_var" in entry:
        return ""
    if message.startswith("Traceback"):
        # Use the last line of the traceback. After a blank line, the tool describes its platform.
        return message.split("\n\nPlatform:")[0].strip().rpartition("\n")[2]
    return message.strip().partition("\n")[0]


def to_single_line(text: str) -> str:
    """Return the text as one short line of printable characters."""
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= _MAX_MESSAGE_LENGTH else text[: _MAX_MESSAGE_LENGTH - 3] + "..."
