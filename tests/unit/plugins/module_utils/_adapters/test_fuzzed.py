# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers with something taken out or changed: no adapter invents anything of them, none ends in a traceback.

They are the simulators', and those that vendors print or servers were recorded with, where these are at hand.

FUZZ_CASES=100000 tries more of them, FUZZ_SEED=2 others. A case that fails is named by what was done to which member.
"""

from __future__ import annotations

import itertools
import random

import pytest

from tests.fuzz import less_information
from tests.fuzz.cases import MAY_INVENT, MAY_LOSE, disorders, expected, losses, share
from tests.fuzz.damage import damaged
from tests.fuzz.replay import SETUPS, Tape, recorded
from tests.fuzz.samples import SAMPLED, sampled
from tests.unit.simulators.client import SHARED

_NAMES = [setup.name for setup in SETUPS]
_SAMPLES = [one.setup.name for one in SAMPLED]


def tape_of(name: str) -> Tape:
    """A simulator's answers, or the vendor's samples."""
    if name not in _SAMPLES:
        return recorded(name)
    tape = sampled(SHARED, SAMPLED[_SAMPLES.index(name)])
    if tape is None:
        pytest.skip("the vendor's samples are not at hand")
    return tape


@pytest.mark.parametrize("name", [*_NAMES, *_SAMPLES])
def test_a_good_reading_is_the_same_from_its_tape(name: str) -> None:
    """Or what the other tests compare with would mean nothing."""
    tape = tape_of(name)
    again = tape.replay({}, folded=True)
    assert again.error is None
    assert again.points == tape.whole.points
    assert bool(tape.whole.points) is (name != "spp counts")


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_left_out_is_never_a_fact(name: str) -> None:
    """Of the simulators only: in samples several records share one id, so that no point can be followed."""
    tape = recorded(name)
    wrong = []
    for damage in itertools.islice(losses(tape), share()):
        less = tape.replay(damaged(tape.documents, [damage], random.Random(0)))
        if not expected(damage, MAY_INVENT):
            wrong += [f"{damage}: {told}" for told in less_information.inventions(tape.whole, less)]
        if not expected(damage, MAY_LOSE):
            wrong += [f"{damage}: {told}" for told in less_information.losses(tape.whole, less)]
    assert wrong == []


@pytest.mark.parametrize("name", [*_NAMES, *_SAMPLES])
def test_what_is_strange_ends_in_an_answer_or_in_an_error_of_ours(name: str) -> None:
    tape = tape_of(name)
    left_out = [([damage], random.Random(0)) for damage in itertools.islice(losses(tape), share())]
    # What is left out of the simulators' answers was looked at more closely above.
    cases = [*(left_out if name in _SAMPLES else []), *itertools.islice(disorders(tape), share())]
    for damages, chance in cases:
        try:
            found = tape.replay(damaged(tape.documents, damages, chance), folded=True)
        except Exception as error:
            raise AssertionError(f"{'; '.join(map(str, damages))}: {error!r}") from error
        assert found.error is None or str(found.error)
