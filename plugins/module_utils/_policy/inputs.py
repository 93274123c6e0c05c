# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever holds READs (registered results, results of loops, lists, files) -> plain READs, one after the other."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.result import unpack
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import parse_time
from ansible_collections.backup.audit.plugins.module_utils._policy.packed_rows import stream
from ansible_collections.backup.audit.plugins.module_utils._policy.restore_tests import Test, checked_tests, is_record

_DEPTH = 8


def gather(
    reads: t.Any, load: Callable[[str], bytes], *, failures_are_findings: bool = False
) -> Iterator[dict[str, t.Any]]:
    """The READs in ``reads``, the rows of packed ones unpacked one by one.

    ``load`` gives the bytes of a file. Anything that is no READ is an error: a read that failed or was skipped must
    not make the list shorter. With ``failures_are_findings`` a read that failed becomes {server, failure}, of which
    judging makes a finding, so that the other servers are reported all the same.
    """
    return _walk(reads, "reads", load, _DEPTH, failures_are_findings)


def newest_read(reads: t.Any, load: Callable[[str], bytes]) -> int | None:
    """When the newest of the READs was read, as they say outside of what they prove; None if none says it."""
    moments = []
    for read in _outsides(reads, load, _DEPTH):
        try:
            moments.append(parse_time(read.get("read_at")))
        except DataError:
            # Judging will say what is wrong with it.
            continue
    return max(moments, default=None)


def _outsides(value: t.Any, load: Callable[[str], bytes], depth: int) -> Iterator[Mapping[str, t.Any]]:
    if isinstance(value, str):
        value = _load(value, "reads", load)
    if isinstance(value, Mapping):
        value = value.get("results", [value])
    for item in value if isinstance(value, (list, tuple)) and depth else ():
        if isinstance(item, Mapping) and "results" not in item:
            yield item
        else:
            yield from _outsides(item, load, depth - 1)


def _walk(
    value: t.Any, where: str, load: Callable[[str], bytes], depth: int, failures: bool
) -> Iterator[dict[str, t.Any]]:
    if not depth:
        raise OptionError(f"{where}: lists lie too deep within each other")
    if isinstance(value, str):
        yield from _walk(_load(value, where, load), f"{where} ({value})", load, depth - 1, failures)
    elif isinstance(value, (list, tuple)):
        if not value:
            raise OptionError(f"{where}: the list is empty", advice="Without any READ nothing can be judged")
        for index, item in enumerate(value):
            yield from _walk(item, f"{where}[{index}]", load, depth - 1, failures)
    elif isinstance(value, Mapping) and isinstance(value.get("results"), (list, tuple)):
        yield from _walk(value["results"], f"{where}.results", load, depth - 1, failures)
    elif not is_record(value):
        yield _read(value, where, failures)


def restore_tests(reads: t.Any, load: Callable[[str], bytes]) -> list[Test]:
    """The tests of all records of restore tests that stand among the READs."""
    return [test for item in _outsides(reads, load, _DEPTH) if is_record(item) for test in checked_tests(item, "reads")]


def _read(value: t.Any, where: str, failures: bool) -> dict[str, t.Any]:
    if isinstance(value, Mapping):
        if "ansible_loop_var" in value:
            where = f"{where} (item {_item(value)!r})"
        if value.get("failed") or value.get("unreachable") or "failure" in value:
            if failures:
                return _failure(value, where)
            raise DataError(f"{where}: reading failed", words=str(value.get("msg", "no reason given")))
        if value.get("skipped"):
            raise DataError(f"{where}: reading was skipped", advice="Judge only what was read")
        if isinstance(value.get("read"), str):
            return stream(value, where=where)
    return unpack(value, where=where)


def _failure(value: Mapping[str, t.Any], where: str) -> dict[str, t.Any]:
    """The result of a module that could not read, as judging takes it. Its message names no secret, only the server."""
    failure = value.get("failure")
    server = failure.get("server") if isinstance(failure, Mapping) else None
    return {"server": {"host": str(server or where)}, "failure": str(value.get("msg", "no reason given"))}


def _item(value: Mapping[str, t.Any]) -> t.Any:
    label = value.get("_ansible_item_label", value.get(value["ansible_loop_var"]))
    if isinstance(label, Mapping):
        # An item may hold a password; its name is enough.
        return label.get("name") or label.get("url") or "of the loop"
    return label


def _load(path: str, where: str, load: Callable[[str], bytes]) -> t.Any:
    try:
        return json.loads(load(path))
    except OSError as error:
        raise OptionError(
            f"{where}: the file {path} cannot be read ({error.strerror})",
            advice="Text in reads is the path of a JSON file that holds a READ",
        ) from error
    except ValueError as error:
        raise DataError(f"{where}: the file {path} is no JSON ({error})") from error
