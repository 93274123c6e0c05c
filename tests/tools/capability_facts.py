# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Product x field: reported, inferred, for some points only, or not reported; from the adapters' declarations."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._core.model import KINDS
from tests.integration import contract
from tests.integration.products import ADAPTERS

# In the order of a recovery point's fields; the contract tests check what each adapter must declare.
FACTS = (
    *("workload_id", "workload_name", "in_inventory"),
    *("created_at", "completed_at", "kind", "status", "usable", "size_bytes", "copies"),
    *("restore_tested", "tested_at", "tested_by", "integrity_checked", "checked_at", "checked_by"),
    *("encrypted", "offsite", "immutable", "immutable_until"),
    *("expires_at", "malware", "retention", "job"),
)
LABELS = {"cannot": "not reported", "inferred": "inferred", "sometimes": "for some points"}
_ALL = "*"


def overview() -> str:
    """Format the matrix: for any workload, with the newest version."""
    products = list(ADAPTERS)
    lines = head(["field", *(ADAPTERS[product].title for product in products)])
    for fact in FACTS:
        lines.append(line([f"`{fact}`", *(_cell(product, fact) for product in products)]))
    return "".join(lines)


def _cell(product: str, fact: str) -> str:
    gaps = contract.not_reported(product, _ALL, contract.newest_version(product))
    label = LABELS[gaps[fact][0]] if fact in gaps else "**reported**"
    apart = any(
        fact == field.rpartition(":")[2] and (field != fact or (workloads, versions) != (_ALL, _ALL))
        for workloads, versions, field, _how, _why in declared(product)
    )
    return f"{label} \\*" if apart else label


def reasons() -> str:
    """Format each product's own list with the reasons."""
    parts = []
    for product in ADAPTERS:
        lines = head(["field", "applies to", "versions", "reported", "reason"])
        for workloads, versions, field, how, why in sorted(declared(product), key=_order):
            kind, _colon, fact = field.rpartition(":")
            of = " ".join(part for part in (workloads.replace(_ALL, ""), f"{kind} points" if kind else "") if part)
            shown = "all fields" if fact == _ALL else f"`{fact}`"
            lines.append(line([shown, of or "all", versions.replace(_ALL, "all"), LABELS[how], why]))
        parts.append(f"\n### {ADAPTERS[product].title}\n\n{''.join(lines)}")
    return "".join(parts) + "\n"


def declared(product: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield (workload type, versions, field, how, why) for everything that an adapter declares."""
    for (workloads, versions), fields in ADAPTERS[product].not_reported.items():
        for field, (how, why) in fields.items():
            kind, _colon, fact = field.rpartition(":")
            if fact not in (*FACTS, _ALL) or how not in LABELS or kind not in ("", *KINDS):
                raise SystemExit(
                    f"{product} declares {field}: {how}; expected a field of a point and one of {', '.join(LABELS)}"
                )
            yield workloads, versions, field, how, why


def _order(entry: tuple[str, str, str, str, str]) -> tuple[int, str, str, str]:
    workloads, versions, field, _how, _why = entry
    kind, _colon, fact = field.rpartition(":")
    return (FACTS.index(fact) if fact in FACTS else -1, workloads, kind, versions)


def head(names: list[str]) -> list[str]:
    """Format the first two lines of a table."""
    return [line(names), f"|{'---|' * len(names)}\n"]


def line(cells: list[str]) -> str:
    """Format one line of a table."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
