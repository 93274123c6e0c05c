# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small random environments with a valid policy. The same seed gives the same environment."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from tests.reference.estate import Estate
from tests.reference.random_policies import (
    WEEKDAYS,
    PolicyMaker,
    random_data_options,
    random_expected,
    random_pattern,
    random_tiers,
    random_waivers,
)
from tests.reference.random_results import DAY_STARTS, TIMEZONES, random_as_of, random_results, random_tests
from tests.reference.random_themes import random_theme, theme_options, with_theme
from tests.reference.views import server_view


def random_estate(seed: int) -> Estate:
    rng = Random(seed)
    timezone, day_start = rng.choice(TIMEZONES), rng.choice(DAY_STARTS)
    as_of = random_as_of(rng, timezone)
    results = random_results(rng, timezone, day_start, as_of)
    is_simple = rng.random() < 0.2
    if is_simple:
        results = [replace(result, workloads=result.workloads[:2]) for result in results[:1]]
    theme = None if is_simple else random_theme(rng)
    results = with_theme(rng, results, theme)
    tests = random_tests(rng, results, as_of)
    options: dict[str, Any] = random_data_options(rng, results, as_of)
    if rng.random() < 0.85:
        options.update({"timezone": timezone, "day_start": day_start})
    if rng.random() < 0.1:
        options["weekdays"] = rng.choice(WEEKDAYS)
    now = max([as_of, *(result.read_at for result in results)])
    views = [server_view(result, row, tests, now) for result in results for row in result.workloads]
    maker = PolicyMaker(rng, views, options, theme, is_simple=is_simple)
    policy = maker.policy()
    if is_simple:
        # Some of these environments are compliant.
        return Estate(results, policy, options, as_of, tests)
    policies = [policy]
    if views and rng.random() < 0.25:
        options["policies"] = random_tiers(rng, views, maker)
        policies = [tier["policy"] for tier in options["policies"]]
    if rng.random() < 0.3:
        options.update(random_expected(rng, views))
    if views and rng.random() < 0.15:
        options["exclude"] = [{"match": random_pattern(rng, views), "reason": "switched off"}]
    if rng.random() < 0.3:
        options["waivers"] = random_waivers(rng, views, policies, as_of)
    if rng.random() < 0.4:
        options["combine"] = {
            "by": rng.choice(["workload_name", "workload_name", "workload_id"]),
            "independent": rng.random() < 0.5,
        }
    options.update(theme_options(rng, theme, views, as_of))
    return Estate(results, policy, options, as_of, tests)
