# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Main function of all info modules that run a command-line tool: options -> tool -> read result."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._adapters.cli import NONE, Access, CliAdapter, CliSettings
from ansible_collections.backup.audit.plugins.module_utils._core.errors import OptionError
from ansible_collections.backup.audit.plugins.module_utils._module.progress import (
    LineWriter,
    format_count,
    format_megabytes,
    open_progress_pipe,
    progress_prefix,
    report_progress,
)
from ansible_collections.backup.audit.plugins.module_utils._module.read_options import reading_spec
from ansible_collections.backup.audit.plugins.module_utils._module.runner import InfoModule, finish, new_collector, run
from ansible_collections.backup.audit.plugins.module_utils._transport.command import Runner, minimal_environment


def tool_spec(tool: type[CliAdapter]) -> dict[str, t.Any]:
    """Build the complete argument spec of a tool's info module."""
    return {
        **reading_spec(tool.workload_types),
        "executable": {"type": "str"},
        # Separate options, because Ansible masks each value of a no_log option everywhere, even a value such as "yes".
        "environment": {"type": "dict", "default": {}},
        "secret_environment": {"type": "dict", "no_log": True, "default": {}},
        "timeout": {"type": "int", "default": 300},
        "verify": {"type": "str", "choices": list(tool.verify_levels), "default": NONE},
        "verify_timeout": {"type": "int", "default": 21600},
        **tool.own_spec(),
    }


def run_tool(tool: type[CliAdapter]) -> None:
    """Main function of each of these modules."""
    module = InfoModule(argument_spec=tool_spec(tool), supports_check_mode=True)
    with open_progress_pipe(os.environ) as write_line:
        run(module, tool, lambda: None, lambda: _read(module, tool, write_line))


def _read(module: InfoModule, tool_class: type[CliAdapter], write_line: LineWriter | None) -> dict[str, t.Any]:
    params = module.params
    for name in ("timeout", "verify_timeout"):
        if params[name] < 1:
            raise OptionError(f"{name}: {params[name]} is too small (minimum 1)")
    given = {
        **_check_variables(params["environment"], "environment", tool_class),
        **_check_variables(params["secret_environment"], "secret_environment", tool_class),
    }
    access = tool_class.access({**params, "environment": given})
    secrets = {*access.secrets, *map(str, params["secret_environment"].values())}
    module.no_log_values.update(secrets)
    with _private_cache(tool_class, given) as cache:
        runner = Runner(
            params["executable"] or tool_class.executable,
            tool_class.allowlist,
            {**given, **access.environment, **cache, **minimal_environment()},
            secrets=secrets,
            known_problems=tool_class.known_problems,
            timeout=float(params["timeout"]),
        )
        runner.host = access.display_name
        collector = new_collector(access.display_name, tool_class, params)
        tool = tool_class(runner, _build_settings(module, tool_class, access, given))
        with report_progress(write_line, lambda: _progress_line(runner)):
            tool.open(collector)
            collector.start()
            tool.read(collector)
    return finish(module, collector, runner.request_stats.as_dict, params)


def _build_settings(
    module: InfoModule, tool_class: type[CliAdapter], access: Access, environment: Mapping[str, str]
) -> CliSettings:
    params = module.params
    return CliSettings(
        display_name=access.display_name,
        verify=params["verify"],
        verify_timeout=float(params["verify_timeout"]),
        check_mode=module.check_mode,
        include_raw=params["include_raw"],
        include_unprotected=params["include_unprotected"],
        environment=environment,
        own={name: params[name] for name in tool_class.own_spec()},
    )


@contextlib.contextmanager
def _private_cache(tool: type[CliAdapter], given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Create an empty directory for the tool's cache, which is removed afterwards; yield the variable for it."""
    if tool.cache_variable is None:
        yield {}
        return
    folder = given.get("TMPDIR")
    try:
        temporary = tempfile.TemporaryDirectory(prefix="backup-audit-", dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        raise OptionError(
            f"cannot create a temporary directory for the cache of {tool.title}: {error.strerror}",
            hint='Set TMPDIR in "environment" to a directory in which this user can write',
        ) from error
    with temporary as path:
        yield {tool.cache_variable: path}


def _progress_line(runner: Runner) -> str:
    stats = runner.request_stats
    return (
        f"{runner.host}: {progress_prefix(stats)} {format_count(stats.count, 'command')} "
        f"({format_megabytes(stats.bytes)}), now {runner.running or 'processing the output'}"
    )


def _check_variables(environment: Mapping[str, t.Any], option: str, tool: type[CliAdapter]) -> dict[str, str]:
    """Return the user's variables for the tool; OptionError for variables that could change what the tool runs."""
    for name in environment:
        if not any(name == known or (known[-1] == "*" and name.startswith(known[:-1])) for known in tool.variables):
            raise OptionError(
                f"{option}: {name!r} is not a supported variable for {tool.title}",
                hint=f"Supported variables: {', '.join(tool.variables)}",
            )
    return {name: str(value) for name, value in environment.items()}
