# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selection of damages in a fixed order: the first ones in CI, the rest on request."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections.abc import Iterator

from tests.fuzz.damage import LOSSES, OTHERS, Damage, sites
from tests.fuzz.replay import SETUPS, Recording
from tests.fuzz.samples import SAMPLE_SETS

# Total number of damaged reads over all setups. One takes 10 to 40 ms.
CASES = int(os.environ.get("FUZZ_CASES", "2000"))
SEED = os.environ.get("FUZZ_SEED", "1")

# Changes that missing data is allowed to cause: the end of the damaged field's name, and the reason.
# Every other field must not cause any.
ALLOWED_ADDITIONS = {
    r"\[\]$": "an item that is missing in a list without a total cannot be seen to be missing",
    r"^null .*/restorePoints/.*\.immutableTill$": "Azure: null means that there is no lock",
    r"/virtualMachines body\.results\.\[\]\.name$": "AWS: the name of an unnamed instance is its id",
    r"/vnets body\.results\.\[\]\.(subscriptionName|subscriptionId|regionName)$": "Azure: names are made of these",
    r"/assets/ body\.data\.\[\]\..*(asset_type|children|parent_id)$": "Unitrends: a node's position shows its type",
    r"/recovery-points/ body\.RecoveryPoints\.\[\]\.ResourceName$": "AWS: its ARN names it then",
    r"^drop .*/snapshots body\.data\.\[\]\.verification$": "PBS: only this field reports damaged snapshots",
    r"/snapshots body\.data\.\[\]\.comment$": "PBS: a guest without a comment is named by its id",
    r"/backups/ body\.(data|backups)\.\[\]\.verify_status$": "Unitrends: only this field reports unreadable backups",
    r"/backups/ body\.(data|backups)\.\[\]\.id$": "Unitrends: rows without a number are jobs",
    r"/backups/ body\.(data|backups)\.\[\]\.replicated$": "Unitrends: a copy from elsewhere looks like its own",
}
ALLOWED_LOSSES = {
    r"\[\]$": "as above",
    r"/api/query body\.[Ee]ntities": "Enterprise Manager: null means an empty list, and there is no total",
    r"/subscriptions/.* body\.nextLink$": "Azure: null or no link is the end, and only recovery points are counted",
    r"/backups/ body\.(data|backups)\.\[\]\.(id|type)$": "Unitrends: rows without a number are jobs",
}


def list_losses(recording: Recording) -> Iterator[Damage]:
    """Yield damages: each field of each response removed or set to null, once and everywhere, in a fixed order."""
    damages = []
    for name, where in sites(recording.documents).items():
        one = random.Random(f"{SEED}:{name}").choice(where)
        for how, chosen in itertools.product(LOSSES, [tuple(where), (one,)] if len(where) > 1 else [tuple(where)]):
            damages.append(Damage(how, chosen, name))
    random.Random(f"{SEED}:{recording.setup.name}").shuffle(damages)
    yield from damages


def generate_disorders(recording: Recording) -> Iterator[tuple[list[Damage], random.Random]]:
    """Yield endlessly: one to three fields to replace with something else, and the random generator for it."""
    by_name = sites(recording.documents)
    names = list(by_name)
    for number in itertools.count():
        rng = random.Random(f"{SEED}:{recording.setup.name}:{number}")
        damages = []
        for _damage in range(rng.choice([1, 1, 2, 3])):
            name = rng.choice(names)
            where = by_name[name]
            chosen = tuple(where) if rng.random() < 0.5 else (rng.choice(where),)
            damages.append(Damage(rng.choice((*OTHERS, "strange", "strange", "strange")), chosen, name))
        yield damages, rng


def cases_per_setup() -> int:
    """Return the number of cases of each type for each setup."""
    return max(1, CASES // (2 * (len(SETUPS) + len(SAMPLE_SETS))))


def is_expected(damage: Damage, table: dict[str, str]) -> bool:
    """Return whether the table allows this change."""
    return any(re.search(pattern, f"{damage.how} {damage.name}") for pattern in table)
