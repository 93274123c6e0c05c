# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which permissions prove that listings are complete."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.module_utils._adapters.pbs.rights import Rights

ALL, HERE, NONE = {"Datastore.Audit": True}, {"Datastore.Audit": False}, {"Datastore.Backup": True}


@pytest.mark.parametrize(
    ("permissions", "path", "gaps"),
    [
        ({"/datastore": ALL}, "/datastore", ""),
        ({"/datastore": ALL, "/datastore/a": ALL, "/datastore/a/ns": ALL}, "/datastore", ""),
        ({}, "/datastore", "at /datastore,"),
        # Not inherited by the datastores.
        ({"/datastore": HERE}, "/datastore", "at /datastore,"),
        ({"/datastore": NONE}, "/datastore", "at /datastore,"),
        # A lower entry replaces the inherited one.
        ({"/datastore": ALL, "/datastore/a/ns": NONE}, "/datastore", "at /datastore/a/ns,"),
        ({"/datastore": ALL, "/datastore/a": HERE}, "/datastore", "at /datastore/a,"),
        ({"/datastore": ALL, "/datastore/a": NONE}, "/datastore/b", "at /datastore/b,"),
        ({"/datastore/a": ALL}, "/datastore", "at /datastore,"),
        ({"/datastore/a": ALL}, "/datastore/a", ""),
        # The name of one datastore may begin with that of another.
        ({"/datastore/a": ALL, "/datastore/ab": NONE}, "/datastore/a", ""),
        ({"/datastore": {"Datastore.Audit": "yes"}}, "/datastore", "at /datastore,"),
        ({"/datastore": None}, "/datastore", "at /datastore,"),
    ],
)
def test_missing_permissions(permissions: dict[str, Any], path: str, gaps: str) -> None:
    error = Rights(permissions).find_gap(path)
    assert (error is not None) is bool(gaps)
    if error is not None:
        assert gaps in error.message


def test_the_hint_lists_visible_objects() -> None:
    rights = Rights({"/datastore/a": ALL, "/datastore/b/ns": ALL, "/datastore/c": NONE})
    error = rights.find_gap("/datastore")
    assert error is not None
    assert '"datastores"' in str(error.hint)
    assert "(a, b/ns)" in str(error.hint)
    nothing = Rights({}).find_gap("/datastore")
    assert nothing is not None
    assert '"datastores"' not in str(nothing.hint)


def test_permissions_for_a_selection() -> None:
    rights = Rights({"/datastore": ALL})
    rights.add("/datastore/a", ALL)
    assert rights.find_gap("/datastore/a") is None
    rights.add("/datastore/a", None)
    assert rights.find_gap("/datastore/a") is not None
