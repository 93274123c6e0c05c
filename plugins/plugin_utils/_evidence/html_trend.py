# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trend of the HTML report: charts of the last quarter and year, and changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.times import (
    DAY,
    SECOND,
    format_time,
    parse_time,
)
from ansible_collections.backup.audit.plugins.module_utils._history.trend import PARTS, PERIODS
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import Json, display_name
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.trend import tier_label

# Width of a day and height of a chart, in units of its view box.
_STEP, _HEIGHT = 4, 100
# Maximum number of listed changes. Others are only counted.
_MAX_CHANGES = 300
_TITLES = {"last": "Changes since the previous run", "since": "Changes since an earlier run"}


def build_trend_view(trend: Json | None) -> Json | None:
    """Return the data of a trend for the report."""
    if trend is None:
        return None
    return {
        **{name: trend[name] for name in ("from", "until", "runs", "incomplete_runs", "max_status_age", "skipped")},
        "tiers": [
            {"label": tier_label(one["tier"]), "charts": list(_charts(trend, one["tier"]))}
            for one in trend["periods"]["year"]["tiers"]
        ],
        "changes": [_changes(title, trend["changes"][name]) for name, title in _TITLES.items()],
    }


def _charts(trend: Json, tier: str | None) -> Iterator[Json]:
    """Yield a chart of all days in each period, so that a short history does not look like a long one."""
    days = {day["date"]: one["parts"] for day in trend["days"] for one in day["tiers"] if one["tier"] == tier}
    last = parse_time(trend["until"]) // SECOND // DAY
    for name, period in trend["periods"].items():
        shares: Json = next((one for one in period["tiers"] if one["tier"] == tier), {})
        length = PERIODS[name] // DAY
        dates = [format_time(day * DAY * SECOND)[:10] for day in range(last - length + 1, last + 1)]
        yield {
            "name": name,
            "compliant": shares.get("compliant_percent"),
            "unknown": shares.get("unknown_percent"),
            "start": dates[0],
            "end": dates[-1],
            "width": length * _STEP,
            "paths": _paths(dates, days),
        }


def _paths(dates: Sequence[str], days: Mapping[str, Sequence[int]]) -> list[tuple[str, str]]:
    """Return (part, path). Each day is a column, in which the parts are stacked from the bottom."""
    paths: dict[str, list[str]] = {part: [] for part in PARTS}
    for index, date in enumerate(dates):
        bottom = float(_HEIGHT)
        for part, thousandths in zip(PARTS, days.get(date, ()), strict=False):
            height = thousandths * _HEIGHT / 1000
            if height:
                bottom -= height
                paths[part].append(f"M{index * _STEP} {bottom:g}h{_STEP}v{height:g}h-{_STEP}z")
    return [(part, "".join(path)) for part, path in paths.items() if path]


def _changes(title: str, changes: Json) -> Json:
    named = [
        {
            "name": display_name(one),
            "source": one["source"] or "",
            **{end: (one[end] or "not listed").replace("_", " ") for end in ("before", "after")},
            "class": one["after"] or "",
        }
        for one in changes["workloads"]
    ]
    order = ("failed", "not_proved", "not_read")
    named.sort(key=lambda one: (order.index(one["class"]) if one["class"] in order else len(order), one["name"]))
    title = f"{title} ({changes['from'][:10]} {changes['from'][11:16]} UTC)"
    return {"title": title, "shown": named[:_MAX_CHANGES], "more": len(named[_MAX_CHANGES:])}
