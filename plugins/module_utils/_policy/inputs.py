# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find read results in registered results, results of loops, lists and files."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import ReadResult, open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.data_checks import Failure
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import Test, is_record, parse_tests

_DEPTH = 8
# A read result, or a server that could not be read.
Opened: t.TypeAlias = "ReadResult | Failure"


def gather(
    read_results: t.Any, load: Callable[[str], bytes], *, failures_are_findings: bool = False
) -> Iterator[Opened]:
    """Yield the opened read results in ``results``. Their points are still compressed.

    ``load`` returns the bytes of a file. All other values are errors, so that a failed or skipped read does not
    silently shorten the list. With ``failures_are_findings``, a failed read becomes a Failure, for which the evaluation
    adds a finding, so that the other servers are still reported.
    """
    return _walk(read_results, "results", load, _DEPTH, failures_are_findings)


def newest_read(read_results: t.Any, load: Callable[[str], bytes]) -> int | None:
    """Return the newest time of a read without checking the read results, or None if there is none."""
    moments = []
    for read in _iterate_results(read_results, load, _DEPTH):
        try:
            moments.append(parse_time(read.get("read_at")))
        except DataError:
            # The evaluation reports the problem.
            continue
    return max(moments, default=None)


def _iterate_results(value: t.Any, load: Callable[[str], bytes], depth: int) -> Iterator[Mapping[str, t.Any]]:
    if isinstance(value, str):
        value = _load_json(value, "results", load)
    if isinstance(value, Mapping):
        value = value.get("results", [value])
    for item in value if isinstance(value, (list, tuple)) and depth else ():
        if isinstance(item, Mapping) and "results" not in item:
            yield item
        else:
            yield from _iterate_results(item, load, depth - 1)


def _walk(value: t.Any, where: str, load: Callable[[str], bytes], depth: int, failures: bool) -> Iterator[Opened]:
    if not depth:
        raise OptionError(f"{where}: lists are nested more than {_DEPTH} levels deep")
    if isinstance(value, str):
        yield from _walk(_load_json(value, where, load), f"{where} ({value})", load, depth - 1, failures)
    elif isinstance(value, (list, tuple)):
        if not value:
            raise OptionError(f"{where}: the list is empty", hint="Pass at least one read result")
        for index, item in enumerate(value):
            yield from _walk(item, f"{where}[{index}]", load, depth - 1, failures)
    elif isinstance(value, Mapping) and isinstance(value.get("results"), (list, tuple)):
        yield from _walk(value["results"], f"{where}.results", load, depth - 1, failures)
    elif not is_record(value):
        yield _parse_read(value, where, failures)


def restore_tests(read_results: t.Any, load: Callable[[str], bytes]) -> list[Test]:
    """Collect the tests of all restore test records among the read results."""
    return [
        test
        for item in _iterate_results(read_results, load, _DEPTH)
        if is_record(item)
        for test in parse_tests(item, "results")
    ]


def _parse_read(value: t.Any, where: str, failures: bool) -> ReadResult | Failure:
    if isinstance(value, Mapping):
        if "ansible_loop_var" in value:
            where = f"{where} (item {_item_label(value)!r})"
        if value.get("failed") or value.get("unreachable") or "failure" in value:
            if failures:
                return _build_failure(value, where)
            raise DataError(f"{where}: the info module failed", server_message=str(value.get("msg", "no reason given")))
        if value.get("skipped"):
            raise DataError(f"{where}: the task was skipped", hint="Pass only results of tasks that ran")
    return open_result(value, where=where)


def _build_failure(value: Mapping[str, t.Any], where: str) -> Failure:
    """Convert the result of a failed module. Its message contains the server, but no secrets.

    The server is unknown if an option is missing, for example. The role then knows the name of the host.
    """
    failure = value.get("failure")
    server = failure.get("server") if isinstance(failure, Mapping) else None
    name = value.get("inventory_name")
    message = str(value.get("msg", "no reason given"))
    return Failure(str(server or name or where), message, None if name is None else str(name))


def _item_label(value: Mapping[str, t.Any]) -> t.Any:
    label = value.get("_ansible_item_label", value.get(value["ansible_loop_var"]))
    if isinstance(label, Mapping):
        # A loop item may contain a password, so only its name or URL is shown.
        return label.get("name") or label.get("url") or "of the loop"
    return label


def _load_json(path: str, where: str, load: Callable[[str], bytes]) -> t.Any:
    try:
        data = load(path)
        if not data.strip():
            raise DataError(f"{where}: file {path} is empty", hint="The task that wrote it may not have finished")
        return json.loads(data)
    except OSError as error:
        raise OptionError(
            f"{where}: cannot read file {path}: {error.strerror}",
            hint="A text in results is the path of a JSON file with a read result",
        ) from error
    except ValueError as error:
        raise DataError(f"{where}: file {path} is not valid JSON ({error})") from error
