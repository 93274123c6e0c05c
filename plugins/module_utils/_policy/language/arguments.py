# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the values of a policy. Errors name the path of the invalid key and the expected value."""

from __future__ import annotations

import datetime
import re
import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError, OptionError
from ansible_collections.backup.audit.plugins.module_utils._core.names import suggest
from ansible_collections.backup.audit.plugins.module_utils._core.times import DAY, SECOND, parse_duration, parse_time

_PERCENT = re.compile(r"([0-9]{1,9})\s?%")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LAST_YEAR = 9000
_LONGEST_DURATION = 100 * 366 * DAY


def to_plain(value: t.Any, path: str) -> t.Any:
    """Convert a value to plain dicts, lists, text, numbers, booleans and None, so that it can be hashed.

    YAML converts ``2026-12-31`` to a date, which becomes text again.
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


def reject_unknown(given: Iterable[t.Any], allowed: Iterable[str], path: str, what: str = "key") -> None:
    """Reject the first key that is not allowed. The error lists its new or a similar name, and the allowed keys."""
    names = sorted(set(allowed))
    for key in given:
        if key not in names:
            raise OptionError(
                f"{path}.{key}: unknown {what}",
                hint=f"{suggest(key, names)} Valid keys: {', '.join(names) or 'none'}".lstrip(),
            )


def mapping(value: t.Any, path: str, allowed: Iterable[str] | None = None) -> dict[str, t.Any]:
    """Require a mapping with only the allowed keys."""
    if not isinstance(value, dict):
        raise OptionError(f"{path}: {value!r} is not a mapping", hint="Write it as key: value pairs")
    if allowed is not None:
        reject_unknown(value, allowed, path)
    return value


def sequence(value: t.Any, path: str) -> list[t.Any]:
    """Require a non-empty list. An empty list usually has another cause, such as a misspelled group."""
    if not isinstance(value, list):
        raise OptionError(f"{path}: {value!r} is not a list", hint="Write it as a list")
    if not value:
        raise OptionError(f"{path}: the list is empty", hint="Remove the key, or add at least one item")
    return value


def require_keys(given: Mapping[str, t.Any], keys: Iterable[str], path: str) -> None:
    """Require that none of the keys is missing or null."""
    for key in keys:
        if given.get(key) is None:
            raise OptionError(f"{path}.{key}: required key is missing", hint=f"Required keys: {', '.join(keys)}")


def text(value: t.Any, path: str) -> str:
    """Require non-blank text."""
    if not isinstance(value, str) or not value.strip():
        raise OptionError(f"{path}: {value!r} is not a text", hint="Write a text that is not blank")
    return value


def choice(value: t.Any, path: str, allowed: Iterable[str]) -> str:
    """Require one of the allowed values."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        raise OptionError(
            f"{path}: {value!r} is not a valid value",
            hint=f"{suggest(value, names)} Valid values: {', '.join(names)}".lstrip(),
        )
    return value


def choices(value: t.Any, path: str, allowed: Iterable[str]) -> list[str]:
    """Require a list of allowed values."""
    names = tuple(allowed)
    return [choice(item, f"{path}[{index}]", names) for index, item in enumerate(sequence(value, path))]


def count(value: t.Any, path: str, minimum: int = 1) -> int:
    """Parse an integer of at least ``minimum``, which may be text, because templates convert numbers to text."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise OptionError(
            f"{path}: {value!r} is not a whole number of at least {minimum}",
            hint="Use a whole number, or remove the rule",
        )
    return value


def count_or_zero(value: t.Any, path: str) -> int:
    """Parse an integer of at least 0."""
    return count(value, path, 0)


def duration(value: t.Any, path: str) -> int:
    """Parse a duration of at least one second to seconds."""
    seconds = parse_duration(value, what=path)
    if not seconds:
        raise OptionError(
            f"{path}: {value!r} is not a valid duration: it is zero", hint="Use a longer duration, or remove the key"
        )
    if seconds > _LONGEST_DURATION:
        raise OptionError(f"{path}: {value!r} is longer than 100 years", hint="Use a shorter duration")
    return seconds


def percent(value: t.Any, path: str) -> int:
    """Parse ``80%`` to 80."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or not int(match[1]):
        raise OptionError(
            f"{path}: {value!r} is not a valid percentage",
            hint="Use a whole number and a percent sign, for example 80%",
        )
    return int(match[1])


def share(value: t.Any, path: str) -> int:
    """Parse a percentage of at most 100, such as ``90%``, to 90."""
    number = percent(value, path)
    if number > 100:
        raise OptionError(f"{path}: {value!r} is more than 100%", hint="Use for example 90%")
    return number


def parse_bool(value: t.Any, path: str) -> bool:
    """Parse a boolean, which may be text, because templates convert booleans to text."""
    if isinstance(value, str) and value.lower() in ("true", "yes", "false", "no"):
        return value.lower() in ("true", "yes")
    if not isinstance(value, bool):
        raise OptionError(f"{path}: {value!r} is not a boolean", hint="Use true or false")
    return value


def flag(value: t.Any, path: str) -> int:
    """Require ``true``. Rules that do not apply must be omitted from a policy."""
    if not parse_bool(value, path):
        raise OptionError(f"{path}: the rule is set to false", hint="Use true, or remove the rule")
    return 1


def moment(value: t.Any, path: str) -> int:
    """Parse an RFC 3339 time to microseconds since 1970 UTC."""
    try:
        return parse_time(value)
    except DataError as error:
        raise OptionError(
            f"{path}: {error.message}", hint="Use RFC 3339 with a time zone, for example 2026-12-31T18:00:00Z"
        ) from error


def end_date(value: t.Any, path: str) -> tuple[int | None, int]:
    """Parse a date to (its proleptic ordinal, 0), or a time to (None, its second)."""
    if isinstance(value, str) and _DATE.fullmatch(value) and int(value[:4]) <= _LAST_YEAR:
        return datetime.date(1970, 1, 1).toordinal() + moment(f"{value}T00:00:00Z", path) // (DAY * SECOND), 0
    try:
        return None, moment(value, path) // SECOND
    except OptionError as error:
        raise OptionError(
            f"{path}: {value!r} is not a valid date", hint="Use a date such as 2026-12-31, or a time with a time zone"
        ) from error


ARGUMENTS: dict[str, tuple[Callable[[t.Any, str], int], str]] = {
    "count": (count, "count"),
    "count_or_zero": (count_or_zero, "count"),
    "duration": (duration, "seconds"),
    "percent": (percent, "percent"),
    "share": (share, "percent"),
    "flag": (flag, "flag"),
}
