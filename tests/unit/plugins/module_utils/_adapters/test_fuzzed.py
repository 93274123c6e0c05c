# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses with fields removed or changed: no adapter invents attributes or ends in a traceback.

The responses are from the simulators, and samples in the formats of vendor documentation and recorded servers.

FUZZ_CASES=100000 runs more cases, FUZZ_SEED=2 runs others. A failed case names the field and how it was changed.
"""

from __future__ import annotations

import itertools
import random

import pytest

from tests.fuzz import less_information
from tests.fuzz.cases import (
    ALLOWED_ADDITIONS,
    ALLOWED_LOSSES,
    cases_per_setup,
    generate_disorders,
    is_expected,
    list_losses,
)
from tests.fuzz.damage import apply_damages
from tests.fuzz.replay import SETUPS, Recording, get_recording
from tests.fuzz.samples import SAMPLE_SETS, record_samples

_NAMES = [setup.name for setup in SETUPS]
_SAMPLES = [one.setup.name for one in SAMPLE_SETS]


def get_named_recording(name: str) -> Recording:
    """Return a simulator's responses, or samples."""
    return record_samples(SAMPLE_SETS[_SAMPLES.index(name)]) if name in _SAMPLES else get_recording(name)


@pytest.mark.parametrize("name", [*_NAMES, *_SAMPLES])
def test_replayed_responses_give_the_same_result(name: str) -> None:
    """Otherwise the comparisons of the other tests would be meaningless."""
    recording = get_named_recording(name)
    again = recording.replay({}, compressed=True)
    assert again.error is None
    assert again.points == recording.original.points
    assert bool(recording.original.points) is (name != "spp counts")


@pytest.mark.parametrize("name", _NAMES)
def test_removed_fields_never_add_attributes(name: str) -> None:
    """Simulators only: in samples several records share one id, so points cannot be matched."""
    recording = get_recording(name)
    wrong = []
    for damage in itertools.islice(list_losses(recording), cases_per_setup()):
        less = recording.replay(apply_damages(recording.documents, [damage], random.Random(0)))
        if not is_expected(damage, ALLOWED_ADDITIONS):
            wrong += [f"{damage}: {message}" for message in less_information.list_additions(recording.original, less)]
        if not is_expected(damage, ALLOWED_LOSSES):
            wrong += [f"{damage}: {message}" for message in less_information.list_losses(recording.original, less)]
    assert wrong == []


@pytest.mark.parametrize("name", [*_NAMES, *_SAMPLES])
def test_changed_responses_give_a_result_or_a_documented_error(name: str) -> None:
    recording = get_named_recording(name)
    left_out = [([damage], random.Random(0)) for damage in itertools.islice(list_losses(recording), cases_per_setup())]
    # Fields removed from the simulators' responses are tested in more detail above.
    cases = [
        *(left_out if name in _SAMPLES else []),
        *itertools.islice(generate_disorders(recording), cases_per_setup()),
    ]
    for damages, rng in cases:
        try:
            found = recording.replay(apply_damages(recording.documents, damages, rng), compressed=True)
        except Exception as error:
            raise AssertionError(f"{'; '.join(map(str, damages))}: {error!r}") from error
        assert found.error is None or str(found.error)
