# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one seam to tools that are read by running them: permitted argument vectors, a bare environment, bounds.

No shell is ever used. What a tool writes is treated as possibly wrong, huge, slow or hostile, like any answer of a
server; its return code alone is never believed.
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

# Far more than a listing of a million points; the rest of what goes wrong is told in the first lines.
MAX_OUTPUT_BYTES = 512 * 1024 * 1024
MAX_ERROR_BYTES = 1 << 20
_MAX_WORDS = 300
_CHUNK_BYTES = 1 << 16
# How long a tool may take to clean up behind itself once it is told to end.
_SECONDS_TO_END = 5.0
# A child of the tool (ssh, say) may keep its pipes open for ever; an ended tool is not waited for longer than this.
_SECONDS_TO_DRAIN = 0.2
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What no list of permits may hold, however it came to be there: each of these changes or breaks a repository.
_NEVER = frozenset(
    {
        *("forget", "prune", "delete", "expire", "unlock", "break-lock", "init", "backup", "create", "repair"),
        *("--repair", "rebuild-index", "compact", "recreate", "rename", "rewrite", "migrate", "copy", "key", "tag"),
        *("restore", "stanza-create", "stanza-delete", "stanza-upgrade", "archive-push", "repo-put", "repo-rm"),
    }
)


class CommandNotAllowedError(AuditError):
    """A command that the adapter's list of reads does not hold."""

    code = "refused_by_wall"


class NotInstalledError(AuditError):
    """The tool is not on this host, or may not be run."""

    code = "not_installed"


class ToolError(AuditError):
    """The tool could not do what was asked."""

    code = "tool_failed"


class CommandTimeoutError(ToolError):
    """The tool was ended because it took too long."""

    code = "no_answer"


class OutputError(ToolError):
    """What the tool wrote is not what it writes."""

    code = "bad_answer"


@dataclasses.dataclass(frozen=True)
class Slot:
    """An argument of which a part is chosen by the caller: ``before`` and then what fits ``pattern`` as a whole."""

    before: str
    pattern: str

    def fits(self, argument: str) -> bool:
        """Whether it is such an argument."""
        rest = argument[len(self.before) :]
        # Without anything before it a dash would make it an option.
        option = not self.before and rest.startswith("-")
        return argument.startswith(self.before) and not option and re.fullmatch(self.pattern, rest) is not None


Vector = tuple["str | Slot", ...]


@dataclasses.dataclass(frozen=True)
class CommandResult:
    """One command that ended by itself."""

    call: str
    rc: int
    out: bytes
    err: str


@dataclasses.dataclass(frozen=True)
class KnownProblem:
    """What a tool says (a part of its words) when something is wrong, and what that means."""

    says: str
    code: str
    message: str
    advice: str


def bare_environment(home: str | None = None) -> dict[str, str]:
    """What every tool gets, and nothing else of this process: no locale or zone of the user changes what it writes."""
    return {
        "PATH": os.environ.get("PATH") or _DEFAULT_PATH,
        "HOME": home or os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir,
        "TZ": "UTC",
        "LC_ALL": "C",
    }


class Runner:
    """Runs permitted commands of one tool and returns what they wrote, or raises an AuditError."""

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
        # The command that runs at this moment.
        self.running: str | None = None
        self._secrets = Secrets()
        self._secrets.keep(*secrets)
        self._executable = executable
        self._allowlist = tuple(allowlist)
        self._environment = dict(environment)
        self._known_problems = tuple(known_problems)
        self._timeout = timeout
        self._max_output_bytes = max_output_bytes

    def run(self, *arguments: str, timeout: float | None = None) -> CommandResult:
        """One permitted command, to its end, whatever its return code."""
        self._check_allowed(arguments)
        call = " ".join((PurePath(self._executable).name, *arguments))
        program = self._found(call)
        self.request_stats.count += 1
        try:
            # Not AnsibleModule.run_command: it bounds neither time nor output, and passes the whole environment on.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [program, *arguments],
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Without a terminal no tool asks for a password, and with a group of its own all of it can be ended.
                start_new_session=True,
            )
        except OSError as error:
            raise NotInstalledError(
                f"{program} cannot be run ({error.strerror})", server=self.host, call=call, advice="Check executable"
            ) from error
        self.running = self.scrub(call)
        try:
            out, err = self._output(process, call, self._timeout if timeout is None else timeout)
        except BaseException:
            _terminate(process)
            raise
        finally:
            self.running = None
        self.request_stats.bytes += len(out)
        return CommandResult(call, process.wait(), out, self.scrub(err.decode("utf-8", "replace")))

    def json(self, command_result: CommandResult) -> t.Any:
        """What a command that ended well wrote, as JSON."""
        if command_result.rc != 0:
            raise self.error(command_result)
        try:
            # Words of the system, and names, may hold anything at all.
            return json.loads(command_result.out.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError) as error:
            raise OutputError(
                f"what it wrote is no JSON ({error})",
                server=self.host,
                call=command_result.call,
                words=self.words(command_result),
                advice="Check the version of the tool",
            ) from error

    def error(self, command_result: CommandResult) -> AuditError:
        """The error for a command that did not do what was asked, in the tool's own words."""
        everything = command_result.err + command_result.out[:MAX_ERROR_BYTES].decode("utf-8", "replace")
        known: dict[str, t.Any] = {
            "server": self.host,
            "call": command_result.call,
            "status": command_result.rc,
            "words": self.words(command_result),
        }
        for problem in self._known_problems:
            if problem.says in everything:
                return ToolError(problem.message, code=problem.code, advice=problem.advice, **known)
        return ToolError(
            f"it ended with {command_result.rc}", advice="Run the same command by hand as the same user", **known
        )

    def words(self, command_result: CommandResult) -> str | None:
        """What the tool said, in one line."""
        lines = message_lines(command_result.err) or message_lines(
            self.scrub(command_result.out[:MAX_ERROR_BYTES].decode("utf-8", "replace"))
        )
        return tidy("; ".join(lines)) or None

    def scrub(self, text: str) -> str:
        """The text with every known secret masked."""
        return self._secrets.scrub(text)

    def _check_allowed(self, arguments: Sequence[str]) -> None:
        if _NEVER.isdisjoint(arguments) and any(_fits(vector, arguments) for vector in self._allowlist):
            return
        raise CommandNotAllowedError(
            "this command was not run: it is not on the list of reads",
            server=self.host,
            call=" ".join((PurePath(self._executable).name, *arguments)),
            advice="This collection only reads. Tell the maintainers",
        )

    def _found(self, call: str) -> str:
        found = shutil.which(self._executable, path=self._environment.get("PATH"))
        if found is None:
            raise NotInstalledError(
                f"{self._executable} is not installed on this host, or this user may not run it",
                server=self.host,
                call=call,
                advice="Install it, run the task on the host that has it, or name its path as executable",
            )
        return found

    def _output(self, process: subprocess.Popen[bytes], call: str, timeout: float) -> tuple[bytes, bytes]:
        deadline = time.monotonic() + timeout
        taken: dict[str, list[bytes]] = {"out": [], "err": []}
        sizes = {"out": 0, "err": 0}
        with selectors.DefaultSelector() as selector:
            selector.register(t.cast("t.IO[bytes]", process.stdout), selectors.EVENT_READ, "out")
            selector.register(t.cast("t.IO[bytes]", process.stderr), selectors.EVENT_READ, "err")
            while selector.get_map():
                if time.monotonic() > deadline:
                    raise CommandTimeoutError(
                        f"it did not end within {timeout:g} s",
                        server=self.host,
                        call=call,
                        advice="Set a longer timeout (verify_timeout for a check), and see what it waits for",
                    )
                events = selector.select(_SECONDS_TO_DRAIN)
                if not events and process.poll() is not None:
                    break
                for key, _mask in events:
                    chunk = os.read(key.fd, _CHUNK_BYTES)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    # Of what it complains the first part is enough, but it must not be kept from writing.
                    if key.data == "out" or sizes["err"] < MAX_ERROR_BYTES:
                        taken[key.data].append(chunk)
                    sizes[key.data] += len(chunk)
                if sizes["out"] > self._max_output_bytes:
                    raise OutputError(f"it wrote more than {self._max_output_bytes} bytes", server=self.host, call=call)
        for pipe in (process.stdout, process.stderr):
            t.cast("t.IO[bytes]", pipe).close()
        return b"".join(taken["out"]), b"".join(taken["err"])


def _fits(vector: Vector, arguments: Sequence[str]) -> bool:
    return len(vector) == len(arguments) and all(
        part.fits(argument) if isinstance(part, Slot) else part == argument
        for part, argument in zip(vector, arguments, strict=True)
    )


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Ask first, so that the tool takes its locks and its temporary files away, then do not ask."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_SECONDS_TO_END)
        except (ProcessLookupError, PermissionError):
            break
        except subprocess.TimeoutExpired:
            continue
    for pipe in (process.stdout, process.stderr):
        t.cast("t.IO[bytes]", pipe).close()


def message_lines(text: str) -> list[str]:
    """The lines of what a tool said; of lines that are JSON their message, without mere progress."""
    lines = []
    for line in text.splitlines():
        told = line.strip()
        if told.startswith("{"):
            # What only looks like JSON is a line like any other.
            with contextlib.suppress(ValueError, RecursionError):
                told = _message(json.loads(told))
        if told and told not in lines:
            lines.append(told)
    return lines


def _message(told: t.Any) -> str:
    message = told.get("message") if isinstance(told, dict) else None
    if not isinstance(message, str) or told.get("levelname") in ("DEBUG", "INFO") or "env_var" in told:
        return ""
    if message.startswith("Traceback"):
        # What Python says at the end of it; behind the blank line a tool tells of itself.
        return message.split("\n\nPlatform:")[0].strip().rpartition("\n")[2]
    return message.strip().partition("\n")[0]


def tidy(text: str) -> str:
    """Any text as one short line of printable characters."""
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 3] + "..."
