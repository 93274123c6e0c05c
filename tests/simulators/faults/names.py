# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the products call the parts of an answer that a fault bends: totals, links, and words from a fixed list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """Members are compared without regard to case; query keys are written as clients write them."""

    # How many items, or pages, the whole listing has; a header where the body is a bare list.
    totals: frozenset[str] = frozenset()
    total_header: str = ""
    # The query keys that say which page, and the one that says how long it may be.
    turn: frozenset[str] = frozenset()
    limit: str = ""
    # Whether clients go from page to page by links.
    linked: bool = False
    # Members whose value is a word from a list that a newer version may lengthen.
    words: frozenset[str] = frozenset()


NAMES: dict[str, Names] = {
    "spp": Names(
        totals=frozenset({"total"}),
        turn=frozenset({"pageStartIndex"}),
        limit="pageSize",
        linked=True,
        words=frozenset({"subpolicytype", "type"}),
    ),
    "veeam_azure": Names(
        totals=frozenset({"totalcount"}),
        turn=frozenset({"Offset"}),
        limit="Limit",
        words=frozenset({"backupdestination", "type", "state", "accesstier", "gfsflags"}),
    ),
    "veeam_aws": Names(
        totals=frozenset({"totalcount"}),
        turn=frozenset({"Offset"}),
        limit="Limit",
        words=frozenset({"jobtype", "backupdestinations"}),
    ),
    "veeam_backup_replication": Names(
        totals=frozenset({"total"}),
        turn=frozenset({"skip"}),
        limit="limit",
        words=frozenset({"type", "platformname", "malwarestatus", "state", "jobtype", "scanresult", "scanstate"}),
    ),
    "veeam_enterprise_manager": Names(
        totals=frozenset({"pagescount"}),
        turn=frozenset({"page"}),
        limit="pageSize",
        words=frozenset({"state", "algorithm", "pointtype", "platform", "kind", "backuptype"}),
    ),
    "unitrends": Names(
        words=frozenset({"type", "status", "verify_status", "gfs_rp_type", "replication_status", "asset_type"}),
    ),
    "vprotect": Names(
        total_header="X-Total-Count",
        turn=frozenset({"page"}),
        limit="size",
        words=frozenset({"status", "type", "roletype", "hvtype", "backupdestinationtype"}),
    ),
}
