# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge copies of a recovery point that the product lists as separate points."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.backup.audit.plugins.module_utils._core.model import RETENTION, Copy, RecoveryPoint, any_true

# If one copy has an unknown state, the other copies cannot prove that the point is clean.
_MALWARE_BY_SEVERITY = ("clean", None, "suspicious", "infected")
_TEST_FIELDS = ("restore_tested", "tested_at", "tested_by")
_INFERRED_FIELDS = ("encrypted", "offsite", "immutable", "immutable_until", *_TEST_FIELDS)


def merge_into(main: RecoveryPoint, group: Sequence[RecoveryPoint]) -> RecoveryPoint:
    """Return ``main``, one of the points in ``group``, with the attributes of all of them.

    If some copies can be restored, only they prove what protects the point: a copy that may be damaged or in use does
    not count as a location, and does not make it off-site, locked, tested or checked. Malware and missing encryption
    count in any copy.
    """
    proving = [point for point in group if point.usable] or group
    usable = {point.usable for point in group}
    main.usable = True if True in usable else usable.pop() if len(usable) == 1 else None
    test = _find_newest(proving, "restore_tested", "tested_at")
    inferred = {name for point in proving for name in point.inferred if point is test or name not in _TEST_FIELDS}
    if any("encrypted" in point.inferred for point in group):
        inferred.add("encrypted")
    main.copies = [copy for point in proving for copy in (point.copies or [Copy()])]
    main.offsite = any_true(point.offsite for point in proving)
    main.immutable = any_true(point.immutable for point in proving)
    main.immutable_until = max((p.immutable_until for p in proving if p.immutable_until is not None), default=None)
    # One unencrypted copy is enough to expose the data.
    readable = any_true(None if point.encrypted is None else not point.encrypted for point in group)
    main.encrypted = None if readable is None else not readable
    main.malware = max((point.malware for point in group), key=_MALWARE_BY_SEVERITY.index)
    main.restore_tested, main.tested_at, main.tested_by = test.restore_tested, test.tested_at, test.tested_by
    check = _find_newest(proving, "integrity_checked", "checked_at")
    main.integrity_checked, main.checked_at, main.checked_by = (
        check.integrity_checked,
        check.checked_at,
        check.checked_by,
    )
    main.inferred = tuple(name for name in _INFERRED_FIELDS if name in inferred and _is_known(main, name))
    main.retention = tuple(name for name in RETENTION if any(name in point.retention for point in group))
    if main.raw is not None:
        main.raw = {"records": [record for point in group for record in (point.raw or {}).get("records", [])]}
    return main


def _is_known(point: RecoveryPoint, name: str) -> bool:
    # A lock with an end has only the end, but its certainty is that of ``immutable``.
    is_dated_lock = name == "immutable" and point.immutable_until is not None
    return is_dated_lock or getattr(point, name) is not None


def _find_newest(group: Sequence[RecoveryPoint], fact: str, time: str) -> RecoveryPoint:
    """Return the point with the newest test of all copies, because an older passed test must not hide a failed one.

    An inferred result is used only if none is reported. A failed test counts as newer if its time is equal or unknown.
    """

    def rank(point: RecoveryPoint) -> tuple[bool, bool, bool, int, bool]:
        result, at = getattr(point, fact), getattr(point, time)
        is_reported = result is not None and fact not in point.inferred
        has_failed = result is False
        return (result is not None, is_reported, has_failed and at is None, at or 0, has_failed)

    return max(group, key=rank)
