# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Series of Borg archives: only the date at the end of a name is removed."""

from __future__ import annotations

import datetime

import hypothesis
import pytest
from hypothesis import strategies

from ansible_collections.backup.audit.plugins.module_utils._adapters.borg_series import get_series


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("web01-2026-11-01", "web01"),
        ("web01-2026-11-01T02:00:00", "web01"),
        ("web01-2026-11-01T02:00:00.512367", "web01"),
        ("web01-2026-11-01T02:00:00.512367+01:00", "web01"),
        ("web01-2026-11-01 02:00", "web01"),
        ("web01-2026-11-01_02-15-33", "web01"),
        ("web01-2026-11-01-02h15", "web01"),
        ("web01-2026-11-01-02", "web01"),
        ("web01_20261101-0200", "web01"),
        ("web01-20261101T021500Z", "web01"),
        ("web01-202611010215", "web01"),
        ("web01-20261101021533", "web01"),
        ("web01.20261101.120000", "web01"),
        ("web01.example.com-1795236816", "web01.example.com"),
        ("web01-01.11.2026", "web01"),
        ("web01-11-30-2026", "web01"),
        # The date may be followed by text.
        ("2026-11-01_web01", "web01"),
        ("web01-2026-11-01-daily", "web01-daily"),
        ("2026-11-01", ""),
        # The digits before the date belong to the name.
        ("vm3605-2026-11-29T08:11:26", "vm3605"),
        ("vm3606-2026-11-29T08:11:26", "vm3606"),
        ("vm-3605-2026-11-29", "vm-3605"),
        ("10.0.20.19-2026-11-29", "10.0.20.19"),
        ("release-2024-01-15-2026-11-29T08:00:00", "release-2024-01-15"),
        ("web01-20261129-20261130", "web01-20261129"),
    ],
)
def test_the_last_date_is_removed(name: str, series: str) -> None:
    assert get_series(name) == series


@pytest.mark.parametrize(
    "name",
    [
        "web01",
        "web01-monday",
        "web01-12345678",
        "web01-1234567890123",
        "web01-2026-13-29",
        "web01-2026-02-30",
        "web01-31.13.2026",
        "web01-0026-11-29",
        "web01-9999-11-29",
        "web01-2026-11-29T99:11",
        # Without a separator, it may be a part of the name.
        "web20261129",
        "web2026-11-29",
        "web01-2026-11-29x",
        "web01-0123456789",
    ],
)
def test_a_name_without_a_valid_date_is_its_own_series(name: str) -> None:
    assert get_series(name) == name


PREFIXES = strategies.from_regex(r"[a-z][a-z0-9]{0,8}([-_.][a-z0-9]{0,4}[a-z])?", fullmatch=True)
# From 1980 to 2100.
FIRST, LAST = 315_532_800, 4_133_894_400
FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%Y%m%d-%H%M%S", "%Y%m%d%H%M", "%Y-%m-%d_%H:%M", "%Y-%m-%dT%H:%M:%S.%f")


@hypothesis.given(
    PREFIXES,
    strategies.sampled_from("-_.@:+ "),
    strategies.integers(FIRST, LAST),
    strategies.sampled_from(FORMATS),
)
def test_prefixes_are_unchanged(prefix: str, separator: str, seconds: int, form: str) -> None:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    assert get_series(f"{prefix}{separator}{moment.strftime(form)}") == prefix
