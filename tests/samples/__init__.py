# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample responses of each product, with invented values; README.md describes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import xmltodict
import yaml

FOLDER = Path(__file__).parent
_FORMATS = (".yml", ".xml")


def list_samples(folder: str = "") -> Iterator[str]:
    """Yield the names of the samples of a folder, for example ``spp/children.yml``."""
    for path in sorted((FOLDER / folder).rglob("*")):
        if path.suffix in _FORMATS:
            yield path.relative_to(FOLDER).as_posix()


def read(name: str) -> Any:
    """Return a sample as Python objects; XML as xmltodict returns it, with lists of links and references."""
    return parse(name, read_body(name))


def read_body(name: str) -> bytes:
    """Return the body that a server sends: JSON, or XML without the comment with the license."""
    text = (FOLDER / name).read_text("utf-8")
    if PurePosixPath(name).suffix == ".xml":
        before, _comment, after = text.partition("<!--\n")
        return (before + after.partition("-->\n")[2]).encode()
    return json.dumps(yaml.safe_load(text), ensure_ascii=False).encode()


def parse(name: str, body: bytes) -> Any:
    """Parse a body by the ending of its file's name."""
    text = body.decode("utf-8-sig")
    if PurePosixPath(name).suffix == ".xml":
        return xmltodict.parse(text, force_list=("Link", "Ref"))
    return json.loads(text)
