# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The read result, which info modules return and evidence files contain, sealed with a SHA-256 digest.

Keys: schema, server, read_at, selection, complete, errors, workloads, points, totals, http_requests, sha256.
``points`` contains all recovery points as compressed blocks (see blocks.py); policies evaluate only these.
``workloads`` contains a row per workload. With ``compress``, it is replaced by ``data``, which contains only the
identity of each row, compressed. The digest covers everything except ``totals``, ``http_requests``, the listing
``recovery_points`` (detail), and the numbers in rows, which are derived from the points. It is the same in both forms.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import itertools
import json
import typing as t
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._collect.blocks import WORKLOADS, Block
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.times import FIRST, LAST, SECOND, parse_time

SCHEMA = "backup.audit/read-result/2"
_SCHEMA_1 = "backup.audit/read/1"
IDENTITY = (
    "source",
    "origin",
    "workload_id",
    "workload_name",
    "workload_type",
    "platform",
    "vendor_platform",
    "in_inventory",
)
# Level 9 takes more than twice as long and saves only 2 %.
_LEVEL = 6
_FRAME = ("schema", "server", "read_at", "selection", "complete", "errors")
# About 6 million points of one workload. Larger data is an attack or a defect.
MAX_BLOCK_BYTES = 1 << 26
_HINT = "Pass the registered result of an info module of backup.audit, or a file that contains one"


def canonical_json(value: t.Any) -> bytes:
    """Serialize a value as canonical JSON for digests: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the data in hex."""
    return hashlib.sha256(data).hexdigest()


def pack(data: bytes, forbidden: Collection[str] = ()) -> str:
    """Compress data to text that contains none of the ``forbidden`` texts.

    Ansible masks every occurrence of a secret in a result, even a random one within compressed data. So all bytes are
    XORed with a number, which is stored in the first byte: the smallest number that avoids all forbidden texts.
    """
    packed = zlib.compress(data, _LEVEL)
    for number in range(256):
        text = base64.b64encode(bytes((number,)) + _exclusive_or(packed, number)).decode("ascii")
        if not any(secret in text for secret in forbidden):
            return text
    raise DataError(
        "the result cannot be returned: the password is so short that it occurs in any compressed text",
        hint="Use a password of at least four characters",
    )


def unpack(text: str, path: str) -> bytes:
    """Decompress the text of ``pack``. Raise DataError if it is damaged or too large."""
    try:
        packed = base64.b64decode(text, validate=True)
        inflater = zlib.decompressobj()
        data = inflater.decompress(_exclusive_or(packed[1:], packed[0]), MAX_BLOCK_BYTES)
    except (binascii.Error, ValueError, IndexError, zlib.error) as error:
        raise DataError(f"{path}: the compressed data is damaged ({error})", hint="Read again") from error
    if not inflater.eof or inflater.unused_data:
        raise DataError(
            f"{path}: the compressed data is truncated or larger than {MAX_BLOCK_BYTES} bytes", hint="Read again"
        )
    return data


def _exclusive_or(data: bytes, number: int) -> bytes:
    return data.translate(bytes(value ^ number for value in range(256))) if number else data


def seal(
    read: Mapping[str, t.Any],
    blocks: Iterable[Mapping[str, t.Any]],
    *,
    compress: bool = False,
    secrets: Iterable[str] = (),
) -> dict[str, t.Any]:
    """Return the read result with its points and its digest. With ``compress``, ``data`` replaces its rows.

    ``secrets`` are the texts that Ansible masks in a result. A secret that occurs in the digest is an error, because
    the digest cannot be changed.
    """
    forbidden = [secret for secret in secrets if secret]
    identities = [_checked_json(part) for part in _identity_blocks(read["workloads"])]
    packed: list[str] = []

    def pack_blocks() -> Iterator[bytes]:
        for block in blocks:
            # One block at a time, because the JSON of all blocks takes as much memory as the points.
            data = _checked_json(block)
            packed.append(pack(data, forbidden))
            yield data

    digest = _digest(read, identities, pack_blocks())
    if any(secret in digest for secret in forbidden):
        raise DataError(
            "the result cannot be returned: the password occurs in its digest", hint="Use a longer password"
        )
    sealed = {**read, "points": packed, "sha256": digest}
    if compress:
        del sealed["workloads"]
        sealed["data"] = [pack(data, forbidden) for data in identities]
    return sealed


def _checked_json(block: Mapping[str, t.Any]) -> bytes:
    data = canonical_json(block)
    if len(data) > MAX_BLOCK_BYTES:
        raise DataError(
            f"a part of the result is larger than {MAX_BLOCK_BYTES} bytes", hint="Read with since, to read less"
        )
    return data


def _identity_blocks(rows: Sequence[Mapping[str, t.Any]]) -> Iterator[dict[str, t.Any]]:
    """Yield the identities of rows as columns, in blocks of at most a thousand rows."""
    for start in range(0, len(rows), WORKLOADS):
        part = rows[start : start + WORKLOADS]
        columns = {name: [row.get(name) for row in part] for name in IDENTITY}
        known = {name: column for name, column in columns.items() if any(value is not None for value in column)}
        yield {"rows": len(part), **known}


def _digest(read: Mapping[str, t.Any], identities: Iterable[bytes], points: Iterable[bytes]) -> str:
    covered: dict[str, t.Any] = {name: read.get(name) for name in _FRAME}
    covered["workloads"] = [sha256_hex(data) for data in identities]
    covered["points"] = [sha256_hex(data) for data in points]
    return sha256_hex(canonical_json(covered))


@dataclasses.dataclass(frozen=True, slots=True)
class ReadResult:
    """A read result with verified digest and types. Its points are decompressed block by block."""

    frame: Mapping[str, t.Any]
    # Rows, or compressed identities.
    _rows: Sequence[t.Any]
    _points: Sequence[str]
    _path: str
    # Name of the server in the user's inventory. It is not part of the digest.
    inventory_name: str | None = None

    @property
    def host(self) -> str:
        """The name of the server."""
        return str(self.frame["server"]["host"])

    def identities(self) -> Iterator[dict[str, t.Any]]:
        """Iterate over the identities of rows: the keys in IDENTITY, null if unknown."""
        number = 0
        for item in self._rows:
            for row in _unpack_identity(item, self._path) if isinstance(item, str) else (item,):
                yield _check_identity(row, self.host, f"{self._path}.workloads[{number}]")
                number += 1

    def blocks(self) -> Iterator[Block]:
        """Iterate over the blocks of points, in the order of the rows."""
        for number, text in enumerate(self._points):
            path = f"{self._path}.points[{number}]"
            yield Block(_parse_json(unpack(text, path), path), path)


def open_result(value: t.Any, *, where: str = "input") -> ReadResult:
    """Check the types and the digest of a read result, compressed or not.

    Raise DataError with the path of the invalid key if it is not a read result, is truncated, or was changed
    after it was sealed.
    """
    if not isinstance(value, Mapping):
        raise DataError(f"{where}: expected a read result, found {type(value).__name__}", hint=_HINT)
    schema = value.get("schema")
    if schema == _SCHEMA_1:
        raise DataError(
            f"{where}: a read result of version 1 does not contain recovery points", hint="Read the server again"
        )
    if schema != SCHEMA:
        found = "data without a schema" if schema is None else f"schema {schema!r}"
        raise DataError(f"{where}: expected a read result, found {found}", hint=_HINT)
    _check_frame(value, where)
    points = _texts(value.get("points"), f"{where}.points")
    if "data" in value:
        rows: Sequence[t.Any] = _texts(value["data"], f"{where}.data")
        identities: Iterable[bytes] = (unpack(text, f"{where}.data") for text in rows)
    else:
        rows = value.get("workloads", ())
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise DataError(f"{where}.workloads: not a list of rows", hint=_HINT)
        identities = (canonical_json(part) for part in _identity_blocks(rows))
    opened = (unpack(text, f"{where}.points[{number}]") for number, text in enumerate(points))
    try:
        digest = _digest(value, identities, opened)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: the read result contains an invalid value ({error})", hint=_HINT) from error
    if value.get("sha256") != digest:
        raise DataError(
            f"{where}: the read result was altered, truncated or masked after the module created it "
            "(its SHA-256 does not match)",
            hint="Use the registered result unchanged. If Ansible masks a password within names, set compress: true",
        )
    frame = {name: value.get(name) for name in (*_FRAME, "sha256")}
    return ReadResult(frame, rows, points, where, _check(value.get("inventory_name"), f"{where}.inventory_name", str))


def _texts(value: t.Any, path: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise DataError(f"{path}: not a list of texts", hint=_HINT)
    return value


def _parse_json(data: bytes, path: str) -> t.Any:
    def reject(constant: str) -> t.NoReturn:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(data, parse_constant=reject)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON ({error})", hint="Read again") from error


def _unpack_identity(text: str, path: str) -> Iterator[dict[str, t.Any]]:
    part = _parse_json(unpack(text, f"{path}.data"), f"{path}.data")
    number = part.pop("rows", None) if isinstance(part, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= WORKLOADS:
        raise DataError(f"{path}.data.rows: not a number from 1 to {WORKLOADS}", hint="Read again")
    if any(not isinstance(one, list) or len(one) != number for one in part.values()):
        raise DataError(f"{path}.data: the columns do not have the same length", hint="Read again")
    names = list(part)
    rows = zip(*part.values(), strict=True) if names else itertools.repeat((), number)
    return (dict(zip(names, row, strict=True)) for row in rows)


def _check_identity(row: Mapping[str, t.Any], host: str, path: str) -> dict[str, t.Any]:
    identity = {name: row.get(name) for name in IDENTITY}
    for name, value in identity.items():
        if value is not None and not isinstance(value, bool if name == "in_inventory" else str):
            raise DataError(f"{path}.{name}: {value!r:.60} is not a {'boolean' if name == 'in_inventory' else 'text'}")
    identity["source"] = identity["source"] or host
    return identity


def _check_frame(read: Mapping[str, t.Any], where: str) -> None:
    """Check the types of all keys that the evaluation uses."""
    server = read.get("server")
    if not isinstance(server, Mapping) or not isinstance(server.get("host"), str):
        raise DataError(f"{where}.server.host: missing", hint=_HINT)
    for name in ("product", "version", "identity"):
        _check(server.get(name), f"{where}.server.{name}", str)
    _check(server.get("clock_skew_seconds"), f"{where}.server.clock_skew_seconds", int)
    scope = _check(server.get("scope"), f"{where}.server.scope", Mapping) or {}
    for name in scope:
        if not isinstance(name, str):
            raise DataError(f"{where}.server.scope: {name!r:.60} is not a text", hint=_HINT)
    for name in ("inventory", "failed_runs"):
        _check(scope.get(name), f"{where}.server.scope.{name}", bool)
    _check(server.get("verify"), f"{where}.server.verify", Mapping)
    selection = _check(read.get("selection"), f"{where}.selection", Mapping) or {}
    for path, names in (
        ("server.inventory_types", server.get("inventory_types")),
        ("selection.workload_names", selection.get("workload_names")),
        ("selection.workload_types", selection.get("workload_types")),
    ):
        for text in _check(names, f"{where}.{path}", list) or ():
            if not isinstance(text, str):
                raise DataError(f"{where}.{path}: {text!r:.60} is not a text", hint=_HINT)
    _check(selection.get("include_unprotected"), f"{where}.selection.include_unprotected", bool)
    _check_time(read.get("read_at"), f"{where}.read_at")
    for path, time in (
        ("server.time", server.get("time")),
        *((f"selection.{end}", selection.get(end)) for end in _ENDS),
    ):
        if time is not None:
            _check_time(time, f"{where}.{path}")
    if not isinstance(read.get("complete"), bool):
        raise DataError(f"{where}.complete: {read.get('complete')!r} is not a boolean", hint=_HINT)
    _check(read.get("errors"), f"{where}.errors", list)


_ENDS = ("since", "until")


def _check(value: t.Any, path: str, expected_type: type) -> t.Any:
    # Ansible has subclasses of str and int. A boolean is not accepted as a number.
    if value is not None and (
        not isinstance(value, expected_type) or (isinstance(value, bool) and expected_type is not bool)
    ):
        raise DataError(f"{path}: {value!r:.60} is not a {expected_type.__name__}", hint=_HINT)
    return value


def _check_time(value: t.Any, path: str) -> None:
    try:
        time = parse_time(value)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", hint=_HINT) from error
    if not FIRST * SECOND <= time <= LAST * SECOND:
        raise DataError(f"{path}: {value} is not between the years 1980 and 9000", hint=_HINT)
