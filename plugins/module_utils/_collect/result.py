# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serialize a read result: rows without empty keys, optionally compressed to one string, with a SHA-256 digest.

An info module returns a read result. Registered results and evidence files contain it: {schema, server, read_at,
window, complete, errors, workloads, totals, http_requests, sha256}. If compressed, everything except
``http_requests`` is in ``data`` (rows as in columns.py, zlib, base64) and ``workloads`` is left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import typing as t
import zlib
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._collect.columns import to_blocks, to_rows
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from ansible_collections.backup.audit.plugins.module_utils._core.model import FULL_KINDS

SCHEMA = "backup.audit/read/1"
# The keys that the digest covers and that evidence is based on; ``http_requests`` describes the read, not its result.
DIGEST_FIELDS = (
    "schema",
    "server",
    "read_at",
    "window",
    "selection",
    "complete",
    "errors",
    "workloads",
    "recovery_points",
    "totals",
)
# The rows of 10,000 workloads are about 15 MB; larger data is either an attack or a mistake.
MAX_DECOMPRESSED_BYTES = 1 << 30
_COMPRESS_ATTEMPTS = 64


def compact(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the row without null and empty keys, at every depth; readers treat a missing key as null."""
    kept = {}
    for key, value in row.items():
        # Checked for dict, because a check for Mapping takes longer than everything else.
        kept_value = compact(value) if isinstance(value, dict) else value
        # Zero and false are values.
        if kept_value or kept_value == 0:
            kept[key] = kept_value
    return kept


# A key of these groups with the same time as the row's own newest or oldest is left out of the serialized row.
_GROUPS = ("attributes", "kinds")
_SAME = (
    ("count", "newest", "newest"),
    ("count", "oldest", "oldest"),
    ("unknown", "newest_unknown", "newest"),
    ("unknown", "oldest_unknown", "oldest"),
    ("false", "newest_false", "newest"),
)
_ORIGINS = ("inferred", "declared")
# In a group, the gap of a window is left out if the next larger window has the same gap.
_WINDOWS = ("all", "366d", "92d", "31d", "14d", "7d")
_RHYTHM = ("gaps", "calendar", "possible")


def shrink_row(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the serialized row: without empty keys, and without values that other keys of the row imply."""
    slim = dict(row)
    for name in _GROUPS:
        slim[name] = {key: _without_known(group, row) for key, group in (row.get(name) or {}).items()}
    if row.get("locations"):
        slim["locations"] = [_without_newest(place, row) for place in row["locations"]]
    fulls = FULL_KINDS.intersection(slim["kinds"])
    if len(fulls) == 1 and fulls <= row["by_kind"].keys():
        (kind,) = fulls
        if slim["kinds"][kind] == _without_rhythm(slim["attributes"]["full"]):
            del slim["kinds"][kind]
    return compact(slim)


def _without_rhythm(group: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in group.items() if name not in _RHYTHM}


def _without_known(group: Mapping[str, t.Any], row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    slim = dict(group)
    for count, key, known in _SAME:
        if slim.get(count) and slim.get(key) is not None and slim[key] == row.get(known):
            del slim[key]
    for name in _ORIGINS:
        if slim.get(name):
            slim[name] = _without_known(slim[name], row)
    gaps = slim.get("gaps")
    if gaps:
        larger = dict(zip(_WINDOWS[1:], _WINDOWS, strict=False))
        slim["gaps"] = {window: gap for window, gap in gaps.items() if gap != gaps.get(larger.get(window, ""))}
    return slim


def expand_row(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a shrunk row with the omitted values restored; the row itself is not changed."""
    full = dict(row)
    for name in _GROUPS:
        if name in row:
            full[name] = {key: _with_known(group, row) for key, group in row[name].items()}
    if "locations" in row:
        full["locations"] = [_with_newest(place, row) for place in row["locations"]]
    kinds = row.get("by_kind", {})
    if "kinds" not in row and len(kinds) == 1:
        # In a row with one kind of backup, its values are those of all points.
        rhythm = {name: row[name] for name in _RHYTHM if name in row}
        full["kinds"] = {next(iter(kinds)): {**full["attributes"]["recovery_points"], **rhythm}}
    elif "kinds" in row:
        # If there is only one kind of full backups, only the attribute "full" is serialized.
        for kind in FULL_KINDS.intersection(kinds).difference(row["kinds"]):
            full["kinds"][kind] = _without_rhythm(full["attributes"]["full"])
    return full


def _with_known(group: Mapping[str, t.Any], row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    full = dict(group)
    for count, key, known in _SAME:
        if full.get(count) and key not in full and known in row:
            full[key] = row[known]
    for name in _ORIGINS:
        if name in full:
            full[name] = _with_known(full[name], row)
    if "gaps" in full:
        gaps: dict[str, int] = {}
        gap = None
        for window in _WINDOWS:
            gap = full["gaps"].get(window, gap)
            if gap is not None:
                gaps[window] = gap
        full["gaps"] = gaps
    return full


def _has_all_points(place: Mapping[str, t.Any], row: Mapping[str, t.Any]) -> bool:
    """Whether all recovery points of a row are in this location, so that its newest one certainly is."""
    points = row.get("recovery_points", 0)
    return bool(points) and place.get("count") == points and "continuous" not in row.get("by_kind", {})


def _without_newest(place: Mapping[str, t.Any], row: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    if not _has_all_points(place, row) or place.get("newest") != row.get("newest"):
        return place
    return {name: value for name, value in place.items() if name != "newest"}


def _with_newest(place: Mapping[str, t.Any], row: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    if "newest" in place or "newest" not in row or not _has_all_points(place, row):
        return place
    return {**place, "newest": row["newest"]}


def canonical_json(value: t.Any) -> bytes:
    """Serialize a value as canonical JSON for digests: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def digest_fields(read: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the keys of a read result that its digest covers."""
    return {key: read[key] for key in DIGEST_FIELDS if key in read}


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the data in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_input(read: Mapping[str, t.Any]) -> bytes:
    """Return the data to hash and to compress: the covered keys as canonical JSON, rows as blocks."""
    covered = digest_fields(read)
    if isinstance(covered.get("workloads"), list):
        covered["workloads"] = to_blocks(covered["workloads"])
    return canonical_json(covered)


def seal(read: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the read result with its digest."""
    return {**read, "sha256": sha256_hex(digest_input(read))}


def compress(read: dict[str, t.Any], forbidden: Iterable[str] = ()) -> dict[str, t.Any]:
    """Return the sealed read result with its rows as one string in ``data``.

    Ansible masks every occurrence of a secret in a result. A coincidental occurrence within base64 would damage the
    string. So the data is compressed again, each time with one more blank after the JSON, until the text contains no
    ``forbidden`` string. The digest cannot be varied, so a secret within it raises DataError.
    """
    data = digest_input(read)
    digest = sha256_hex(data)
    forbidden = [text for text in forbidden if text]
    for blanks in range(_COMPRESS_ATTEMPTS):
        deflater = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1)
        compressed = deflater.compress(data + b" " * blanks) + deflater.flush()
        text = base64.b64encode(compressed).decode("ascii")
        if not any(secret in text or secret in digest for secret in forbidden):
            rest = {key: value for key, value in read.items() if key not in ("workloads", "recovery_points")}
            return {**rest, "data": text, "sha256": digest}
    raise DataError(
        "the result cannot be compressed: the password is so short that it occurs in the compressed text or its digest",
        hint="Use a longer password, or set compress: false",
    )


def open_result(read: Mapping[str, t.Any], *, where: str = "input") -> dict[str, t.Any]:
    """Check the digest of a read result, compressed or not, and return it uncompressed with expanded rows.

    Raises DataError for anything that is not a read result, is truncated or was changed after it was sealed.
    """
    if not isinstance(read, Mapping):
        raise DataError(f"{where}: expected a read result, found {type(read).__name__}", hint=_HINT)
    if isinstance(read.get("data"), str):
        data = _inflate(read["data"], where)
        try:
            plain = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: the compressed read result is damaged ({error})") from error
        data = data.rstrip(b" ")
    else:
        plain = digest_fields(read)
        try:
            data = digest_input(plain)
        except RecursionError as error:
            raise DataError(f"{where}: the read result contains an invalid row ({error})", hint=_HINT) from error
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA or not isinstance(plain.get("workloads"), list):
        found = plain.get("schema") if isinstance(plain, dict) else None
        problem = (
            "data without workloads" if found == SCHEMA else f"schema {found!r}" if found else "data without a schema"
        )
        raise DataError(f"{where}: expected a read result, found {problem}", hint=_HINT)
    digest = sha256_hex(data)
    if read.get("sha256") != digest:
        raise DataError(
            f"{where}: the read result was altered, truncated or masked after the module created it "
            "(its SHA-256 does not match)",
            hint="Use the registered result unchanged. If Ansible masks a password within names, set compress: true",
        )
    try:
        rows = [expand_row(row) for row in to_rows(plain["workloads"])]
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise DataError(f"{where}: the read result contains an invalid row ({error})", hint=_HINT) from error
    return {**plain, "workloads": rows, "sha256": digest}


_HINT = "Pass the registered result of an info module of backup.audit, or a file that contains one"


def _inflate(text: str, where: str) -> bytes:
    try:
        compressed = base64.b64decode(text, validate=True)
        inflater = zlib.decompressobj()
        data = inflater.decompress(compressed, MAX_DECOMPRESSED_BYTES)
        if inflater.unconsumed_tail:
            raise DataError(f"{where}: the compressed read result is larger than {MAX_DECOMPRESSED_BYTES} bytes")
        if not inflater.eof:
            raise DataError(f"{where}: the compressed read result is truncated")
        return data
    except (binascii.Error, ValueError, zlib.error) as error:
        raise DataError(f"{where}: the compressed read result is damaged ({error})") from error
