# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which damages are tried, in an order that is the same in every run: the first of them in CI, the rest if asked."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections.abc import Iterator

from tests.fuzz.damage import LOSSES, OTHERS, Damage, sites
from tests.fuzz.replay import SETUPS, Tape
from tests.fuzz.samples import SAMPLED

# How many damaged readings there are in all, over all setups. One costs 10 to 40 ms.
CASES = int(os.environ.get("FUZZ_CASES", "2000"))
SEED = os.environ.get("FUZZ_SEED", "1")

# What less may well change: the end of a site's name, and why. Everything else must hold for every member.
MAY_INVENT = {
    r"\[\]$": "an item that is missing in a list without a total cannot be seen to be missing",
    r"^null .*/restorePoints/.*\.immutableTill$": "Azure: null is how it says that there is no lock",
    r"/virtualMachines body\.results\.\[\]\.name$": "AWS: an instance without a name is called by its own id",
    r"/vnets body\.results\.\[\]\.(subscriptionName|subscriptionId|regionName)$": "Azure: names are made of these",
    r"/assets/ body\.data\.\[\]\..*(asset_type|children|parent_id)$": "Unitrends: what a node is shows in its place",
    r"/backups/ body\.(data|backups)\.\[\]\.verify_status$": "Unitrends: only here is told what cannot be read back",
    r"/backups/ body\.(data|backups)\.\[\]\.id$": "Unitrends: rows without a number are jobs",
    r"/backups/ body\.(data|backups)\.\[\]\.replicated$": "Unitrends: a copy from elsewhere looks like its own",
}
MAY_LOSE = {
    r"\[\]$": "as above",
    r"/api/query body\.[Ee]ntities": "Enterprise Manager: null is how an empty list is told, and no total is",
    r"/backups/ body\.(data|backups)\.\[\]\.(id|type)$": "Unitrends: rows without a number are jobs",
}


def losses(tape: Tape) -> Iterator[Damage]:
    """Every member of every answer taken out or made null, in one place and in all; in the order of a lottery."""
    damages = []
    for name, where in sites(tape.documents).items():
        one = random.Random(f"{SEED}:{name}").choice(where)
        for how, chosen in itertools.product(LOSSES, [tuple(where), (one,)] if len(where) > 1 else [tuple(where)]):
            damages.append(Damage(how, chosen, name))
    random.Random(f"{SEED}:{tape.setup.name}").shuffle(damages)
    yield from damages


def disorders(tape: Tape) -> Iterator[tuple[list[Damage], random.Random]]:
    """Without end: one to three members that hold something else, and the dice by which that is thrown."""
    by_name = sites(tape.documents)
    names = list(by_name)
    for number in itertools.count():
        chance = random.Random(f"{SEED}:{tape.setup.name}:{number}")
        damages = []
        for _damage in range(chance.choice([1, 1, 2, 3])):
            name = chance.choice(names)
            where = by_name[name]
            chosen = tuple(where) if chance.random() < 0.5 else (chance.choice(where),)
            damages.append(Damage(chance.choice((*OTHERS, "strange", "strange", "strange")), chosen, name))
        yield damages, chance


def share() -> int:
    """How many cases of each sort fall to one setup."""
    return max(1, CASES // (2 * (len(SETUPS) + len(SAMPLED))))


def expected(damage: Damage, table: dict[str, str]) -> bool:
    """Whether the table says that this may be."""
    return any(re.search(pattern, f"{damage.how} {damage.name}") for pattern in table)
