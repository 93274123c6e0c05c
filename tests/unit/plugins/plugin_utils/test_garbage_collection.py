# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The garbage collector is paused only inside the block, and stays disabled if it was."""

from __future__ import annotations

import gc

import pytest

from ansible_collections.backup.audit.plugins.plugin_utils._garbage_collection import paused_garbage_collection


@paused_garbage_collection()
def fail() -> None:
    assert not gc.isenabled()
    raise ValueError("rendering failed")


def test_the_collector_runs_again_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="rendering"):
        fail()
    assert gc.isenabled()


def test_a_disabled_collector_stays_disabled() -> None:
    gc.disable()
    try:
        with paused_garbage_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
