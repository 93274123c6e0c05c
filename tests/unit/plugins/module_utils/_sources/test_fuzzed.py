# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every adapter reads its simulator's answers with something taken out or changed: nothing is invented, nothing raises.

FUZZ_CASES=100000 tries more of them, FUZZ_SEED=2 others. A case that fails is named by what was done to which member.
"""

from __future__ import annotations

import itertools
import random

import pytest

from tests.fuzz import trust
from tests.fuzz.cases import MAY_INVENT, MAY_LOSE, disorders, expected, losses, share
from tests.fuzz.damage import damaged
from tests.fuzz.tape import SETUPS, recorded

_NAMES = [setup.name for setup in SETUPS]


@pytest.mark.parametrize("name", _NAMES)
def test_a_good_reading_is_the_same_from_its_tape(name: str) -> None:
    """Or what the other tests compare with would mean nothing."""
    tape = recorded(name)
    again = tape.replay({}, folded=True)
    assert again.error is None
    assert again.points == tape.whole.points
    assert bool(tape.whole.points) is (name != "spp counts")


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_left_out_is_never_a_fact(name: str) -> None:
    tape = recorded(name)
    wrong = []
    for damage in itertools.islice(losses(tape), share()):
        less = tape.replay(damaged(tape.documents, [damage], random.Random(0)))
        if not expected(damage, MAY_INVENT):
            wrong += [f"{damage}: {told}" for told in trust.inventions(tape.whole, less)]
        if not expected(damage, MAY_LOSE):
            wrong += [f"{damage}: {told}" for told in trust.losses(tape.whole, less)]
    assert wrong == []


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_strange_ends_in_an_answer_or_in_an_error_of_ours(name: str) -> None:
    tape = recorded(name)
    for damages, chance in itertools.islice(disorders(tape), share()):
        try:
            found = tape.replay(damaged(tape.documents, damages, chance), folded=True)
        except Exception as error:
            raise AssertionError(f"{'; '.join(map(str, damages))}: {error!r}") from error
        assert found.error is None or str(found.error)
