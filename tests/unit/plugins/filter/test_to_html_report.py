# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report as a file: complete without its script, and safe against any content of names."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re

from ansible_collections.backup.audit.plugins.filter.to_html_report import to_html_report
from ansible_collections.backup.audit.plugins.plugin_utils._evidence.report_model import WORST_FIRST
from tests.unit.plugins.module_utils._policy.policy_points import EMPTY, moment, point
from tests.unit.plugins.plugin_utils.assessments import (
    HOSTILE,
    TIMELINE,
    compressed_assessment,
    daily_points,
    estate,
    healthy,
    plain,
    point_row,
    server,
    unknown_only,
)


class Seen(html.parser.HTMLParser):
    """Elements, and the text of a page as shown without scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._silent = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """Return all text on one line."""
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements with this tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_overall_result_comes_first() -> None:
    """Servers that were not read follow, before any result that depends on them."""
    text = Seen(to_html_report(estate())).text
    where = [
        text.index(message)
        for message in (
            "Not compliant 2 of 23 workloads failed, 2 unknown",
            "1 of 3 servers could not be read 82.6% compliant: 19 of 23 workloads (1 expected",
            "Most frequent failures: max_age <= 26h (silver, 2 workloads)",
            "As of 2026-11-21 07:00 UTC",
            "dark.example.com could not be read: the log-in was rejected <b>now</b>",
            "Controls Results by control, most failures first",
            "Summary Workloads by tier",
            "Data sources Backup servers, with the SHA-256 digest of each read result",
            "expected workload not found on any server that was read",
            "Exclusions Workloads that are not evaluated, and the reason",
            "Waivers",
            "Basis of this report",
            "Effective policy",
        )
    ]
    assert where == sorted(where)
    assert "Data quality problems" not in Seen(to_html_report(healthy())).text
    assert "Compliant 2 of 2 workloads passed 100% compliant: 2 of 2 workloads" in Seen(to_html_report(healthy())).text


def test_all_workloads_are_shown_without_the_script() -> None:
    """Each row has result, points and all reasons. The timeline is shown as letters."""
    page = Seen(to_html_report(estate()))
    rows = [row for row in page.all("tr") if "data-v" in row]
    assert len(rows) == len(plain(estate())["workloads"])
    verdicts = [str(row["data-v"]) for row in rows]
    assert verdicts == sorted(verdicts, key=list(WORST_FIRST).index)
    for finding in plain(estate())["findings"]:
        if finding["result"] not in ("pass", "not_applicable") and finding["workload_name"] is not None:
            assert finding["message"] in page.text
    assert TIMELINE in page.text
    assert "0 none no recovery points" in page.text
    assert "5 of 5 controls passed" in page.text
    assert "not evaluated" in page.text


def test_the_filter_offers_every_result_in_the_table() -> None:
    """Including the result of expected names without a workload, which totals count separately."""
    page = Seen(to_html_report(compressed_assessment(server("vbr1", point_row("web01")), expected=["web01", "gone"])))
    chips = {one["data-verdict"] for one in page.all("button") if "data-verdict" in one}
    assert chips == {row["data-v"] for row in page.all("tr") if "data-v" in row} == {"pass", "fail"}


def test_report_without_timelines() -> None:
    """A note replaces the empty cells, which would look like a workload without recovery points."""
    read_result = server("vbr1", point_row("web01"), point_row("never", EMPTY))
    page = Seen(to_html_report(compressed_assessment(read_result, timelines=False)))
    assert "12 5h 2026-11-21 02:00 no timeline" in page.text
    assert "0 none no recovery points" in page.text
    assert not [row for row in page.all("tr") if "data-h" in row]


def test_restorable_range_is_shown() -> None:
    """Below the timeline, only for workloads with point-in-time recovery."""
    ends = {"restorable_from": moment(days=9), "restorable_until": moment(hours=2)}
    database = point_row("db01", [*daily_points(), point(days=9, kind="continuous", **ends)])
    page = Seen(to_html_report(compressed_assessment(server("vbr1", database, point_row("web01")))))
    assert page.text.count("any time from") == 1
    assert "any time from 2026-11-12 07:00 to 2026-11-21 05:00" in page.text


def test_every_letter_of_a_timeline_is_drawn() -> None:
    """Each has a height and a name; backups of unreported type look like incremental ones."""
    page = to_html_report(estate())
    (heights,) = re.findall(r"HEIGHTS = {(.*?)}", page)
    (names,) = re.findall(r"NAMES = {(.*?)}", page)
    letters = set("FDIBARUCSLG")
    assert {one.split(":")[0].strip() for one in heights.split(",")} == letters
    assert {one.split(":")[0].strip() for one in names.split(",")} == letters
    assert ".line .I, .line .B { fill: var(--incr); }" in page


def test_report_is_self_contained() -> None:
    """No element refers to anything outside of the page."""
    page = Seen(to_html_report(estate()))
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert not {"src", "style", "srcset", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert str(attributes.get("href", "#")).startswith("#")


def test_only_its_own_script_may_run() -> None:
    """The Content-Security-Policy of the page allows style and script by their digests."""
    result = to_html_report(estate())
    (policy,) = (one["content"] for one in Seen(result).all("meta") if "Content-Security-Policy" in one.values())
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", result, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)
    assert "unsafe" not in str(policy)


def test_names_are_escaped() -> None:
    """A name never creates an element, and is shown unchanged."""
    page = Seen(to_html_report(estate()))
    assert [one.get("type") for one in page.all("script")] == ["application/json", None]
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[9], HOSTILE[12]):
        assert name in page.text
    assert page.all("td")
    assert not page.all("img") + page.all("b" if "<b>" in HOSTILE else "i")


def test_title_is_escaped() -> None:
    """Plays can set the title."""
    page = Seen(to_html_report(estate(), title="<b>Backups</b>\0"))
    assert "Not compliant: <b>Backups</b>\ufffd" in page.text


def test_tables_are_accessible_to_screen_readers() -> None:
    """Each has a caption, and each heading has a scope."""
    page = Seen(to_html_report(estate()))
    # Controls, tier, product, type, platform, servers, workloads, exclusions, waivers.
    assert len(page.all("caption")) == len(page.all("table")) == 9
    assert all(one.get("scope") in ("col", "row") for one in page.all("th"))
    assert page.all("html") == [{"lang": "en"}]
    assert all(one.get("aria-label") for one in page.all("svg"))
    assert [one["aria-sort"] for one in page.all("th") if "aria-sort" in one] == ["ascending"]


def test_report_without_workloads() -> None:
    """No workload at all is the worst result."""
    text = Seen(to_html_report(compressed_assessment(server("vbr1")))).text
    assert "Not compliant no workloads were evaluated" in text
    assert "no workloads were read" in text


def test_unknown_is_not_shown_as_pass() -> None:
    """The row is unknown, with the reason."""
    page = Seen(to_html_report(unknown_only()))
    (row,) = (row for row in page.all("tr") if "data-v" in row)
    assert row["data-v"] == "unknown"
    assert "cannot verify that all recovery points are encrypted" in page.text


def test_bars_show_small_shares() -> None:
    """One failure among thousands has a visible part."""
    rows = [point_row(f"w{number}") for number in range(400)]
    rows.append(point_row("x", daily_points("III")))
    page = Seen(to_html_report(compressed_assessment(server("vbr1", *rows))))
    first = page.all("rect")[0]
    assert first["class"] == "fail"
    assert float(str(first["width"])) >= 9
