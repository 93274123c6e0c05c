# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The READ as it travels: rows without empty members, one packed string for large estates, a digest over all of it.

A READ is what an info module returns, what a registered result holds and what an evidence file keeps:
{schema, server, read_at, window, complete, errors, workloads, totals, requests, sha256}. Packed, the whole of it
except ``requests`` is in ``read`` (zlib, base64) and ``workloads`` is left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import typing as t
import zlib
from collections.abc import Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._errors import DataError

SCHEMA = "backup.audit/read/1"
# What the digest covers and what evidence rests on; ``requests`` is how it was read, not what was found.
PROVED = (
    "schema",
    "server",
    "read_at",
    "window",
    "complete",
    "errors",
    "workloads",
    "recovery_points",
    "totals",
)
# A row of 10,000 workloads is some 15 MB; more than this is not a READ but an attack or an accident.
MAX_UNPACKED_BYTES = 1 << 30
_PACK_TRIES = 64


def compact(row: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The row without null and empty members, at every depth; readers treat a missing member as null."""
    kept = {}
    for key, value in row.items():
        member = compact(value) if isinstance(value, Mapping) else value
        if member is not None and member not in ({}, [], ""):
            kept[key] = member
    return kept


def canonical(value: t.Any) -> bytes:
    """One spelling for one value: sorted members, no spaces, UTF-8. What digests are taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def proved_part(read: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The members of a READ that its digest covers."""
    return {key: read[key] for key in PROVED if key in read}


def sha256_of(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def seal(read: dict[str, t.Any]) -> dict[str, t.Any]:
    """The READ with the digest of what it proves."""
    return {**read, "sha256": sha256_of(canonical(proved_part(read)))}


def pack(read: dict[str, t.Any], forbidden: Iterable[str] = ()) -> dict[str, t.Any]:
    """The sealed READ with its rows as one string in ``read``.

    Ansible masks every occurrence of a secret in a result, also a chance one within base64, which would ruin the
    string; so the text is spelled anew (one more blank behind the JSON) until no ``forbidden`` string is in it.
    """
    data = canonical(proved_part(read))
    digest = sha256_of(data)
    forbidden = [text for text in forbidden if text]
    for blanks in range(_PACK_TRIES):
        text = base64.b64encode(zlib.compress(data + b" " * blanks, 6)).decode("ascii")
        if not any(secret in text for secret in forbidden):
            rest = {key: value for key, value in read.items() if key not in ("workloads", "recovery_points")}
            return {**rest, "read": text, "sha256": digest}
    raise DataError(
        "the result cannot be packed: the password is so short that it occurs in any packed text",
        advice="Use a longer password, or pack: false",
    )


def unpack(read: Mapping[str, t.Any], *, where: str = "READ") -> dict[str, t.Any]:
    """Any READ, packed or not, as a plain READ whose digest was checked (where it carries one).

    Raises DataError for anything that is no READ, that was cut, or that was altered after it was sealed.
    """
    if not isinstance(read, Mapping):
        raise DataError(f"{where}: a {type(read).__name__} is no READ", advice=_WHAT_A_READ_IS)
    if isinstance(read.get("read"), str):
        data = _inflate(read["read"], where)
        try:
            plain = json.loads(data)
        except ValueError as error:
            raise DataError(f"{where}: the packed READ is damaged ({error})") from error
        data = data.rstrip(b" ")
    else:
        plain = proved_part(read)
        data = canonical(plain)
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA or not isinstance(plain.get("workloads"), list):
        found = plain.get("schema") if isinstance(plain, dict) else None
        told = f"its schema is {found!r}, not {SCHEMA!r}" if found else "it has no schema"
        raise DataError(f"{where}: this is no READ ({told})", advice=_WHAT_A_READ_IS)
    digest = sha256_of(data)
    if read.get("sha256") != digest:
        raise DataError(
            f"{where}: the READ was altered, cut or masked after the module sealed it (its SHA-256 does not fit)",
            advice="Use the registered result as it is; if the password occurs in names, which Ansible masks, set pack",
        )
    return {**plain, "sha256": digest}


_WHAT_A_READ_IS = "Give the registered result of an info module of backup.audit, or a file that holds one"


def _inflate(text: str, where: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
        inflater = zlib.decompressobj()
        data = inflater.decompress(packed, MAX_UNPACKED_BYTES)
        if inflater.unconsumed_tail:
            raise DataError(f"{where}: the packed READ is larger than {MAX_UNPACKED_BYTES} bytes")
        if not inflater.eof:
            raise DataError(f"{where}: the packed READ is cut short")
        return data
    except (binascii.Error, ValueError, zlib.error) as error:
        raise DataError(f"{where}: the packed READ is damaged ({error})") from error
