# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parses values of a policy; errors name the path of the invalid key and the expected value."""

from __future__ import annotations

import datetime
import difflib
import re
import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_duration, parse_time

_PERCENT = re.compile(r"([0-9]{1,9})\s?%")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def to_plain(value: t.Any, path: str) -> t.Any:
    """Convert a value to plain dicts, lists, text, numbers, booleans and None, so that it can be hashed.

    YAML converts ``2026-12-31`` to a date; it becomes text again.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        text = value.isoformat()
        # YAML converts a time with a zone to UTC and may drop the zone.
        return f"{text}Z" if isinstance(value, datetime.datetime) and value.tzinfo is None else text
    if isinstance(value, Mapping):
        return {to_plain(key, path): to_plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    raise OptionError(f"{path}: a {type(value).__name__} cannot be part of a policy")


def refuse_unknown(given: Iterable[t.Any], allowed: Iterable[str], path: str, what: str = "key") -> None:
    """Reject the first key that is not allowed, with a similar name and the allowed keys."""
    names = sorted(allowed)
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise OptionError(
                f"{path}.{key}: there is no such {what}", hint=f"{hint}Allowed here: {', '.join(names) or 'nothing'}"
            )


def mapping(value: t.Any, path: str, allowed: Iterable[str] | None = None) -> dict[str, t.Any]:
    """Require a mapping with only the allowed keys."""
    if not isinstance(value, dict):
        raise OptionError(f"{path}: {value!r} is no mapping", hint="Write it as key: value pairs")
    if allowed is not None:
        refuse_unknown(value, allowed, path)
    return value


def sequence(value: t.Any, path: str) -> list[t.Any]:
    """Require a list that is not empty: an empty list is usually a mistake elsewhere, such as a misspelled group."""
    if not isinstance(value, list):
        raise OptionError(f"{path}: {value!r} is no list", hint="Write it as a list")
    if not value:
        raise OptionError(f"{path}: the list is empty", hint="Leave it out if nothing is meant")
    return value


def text(value: t.Any, path: str) -> str:
    """Require text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise OptionError(f"{path}: {value!r} is no text", hint="Write some words")
    return value


def choice(value: t.Any, path: str, allowed: Iterable[str]) -> str:
    """Require one of the allowed values."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        near = difflib.get_close_matches(str(value), names, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise OptionError(f"{path}: {value!r} is not possible", hint=f"{hint}Possible are: {', '.join(names)}")
    return value


def choices(value: t.Any, path: str, allowed: Iterable[str]) -> list[str]:
    """Require a list of allowed values."""
    names = tuple(allowed)
    return [choice(item, f"{path}[{index}]", names) for index, item in enumerate(sequence(value, path))]


def count(value: t.Any, path: str) -> int:
    """Parse a whole number of at least 1; also as text, because templates convert numbers to text."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(
            f"{path}: {value!r} is no number of at least 1", hint="Write a whole number, or leave the rule out"
        )
    return value


def duration(value: t.Any, path: str) -> int:
    """Parse a duration of at least one second; returns seconds."""
    seconds = parse_duration(value, what=path)
    if not seconds:
        raise OptionError(f"{path}: {value!r} is no time at all", hint="Write a longer one, or leave it out")
    return seconds


def percent(value: t.Any, path: str) -> int:
    """``80%`` -> 80."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or not int(match[1]):
        raise OptionError(f"{path}: {value!r} is no percentage", hint="Write a whole number and a %, such as 80%")
    return int(match[1])


def parse_bool(value: t.Any, path: str) -> bool:
    """Parse a boolean; also as text, because templates convert booleans to text."""
    if isinstance(value, str) and value.lower() in ("true", "yes", "false", "no"):
        return value.lower() in ("true", "yes")
    if not isinstance(value, bool):
        raise OptionError(f"{path}: {value!r} is neither true nor false", hint="Write true or false")
    return value


def flag(value: t.Any, path: str) -> int:
    """Require ``true``: the rule applies. Rules that do not apply are omitted from a policy."""
    if not parse_bool(value, path):
        raise OptionError(f"{path}: a rule that is not asked for is left out", hint="Write true, or leave it out")
    return 1


def moment(value: t.Any, path: str) -> int:
    """An RFC 3339 time -> microseconds since 1970 UTC."""
    try:
        return parse_time(value)
    except DataError as error:
        raise OptionError(
            f"{path}: {error.message}", hint="Write it with its zone, such as 2026-12-31T18:00:00Z"
        ) from error


def end_date(value: t.Any, path: str) -> int:
    """A date (the full day, in UTC) or a time -> the first microsecond after it."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        return moment(f"{value}T00:00:00Z", path) + DAY * SECOND
    try:
        return moment(value, path) + 1
    except OptionError as error:
        raise OptionError(
            f"{path}: {value!r} is no date", hint="Write a day such as 2026-12-31, or a time with its zone"
        ) from error


ARGUMENTS: dict[str, tuple[Callable[[t.Any, str], int], str]] = {
    "count": (count, "count"),
    "duration": (duration, "seconds"),
    "percent": (percent, "percent"),
    "flag": (flag, "flag"),
}
