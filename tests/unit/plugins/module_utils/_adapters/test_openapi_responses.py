# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random responses from the schema files of Veeam's products: every valid one can be read.

FUZZ_CASES=100000 generates more of them, FUZZ_SEED=2 others.
"""

from __future__ import annotations

import collections

import pytest

from tests.fuzz.cases import CASES, SEED
from tests.fuzz.reading import read
from tests.fuzz.replay import get_adapter
from tests.fuzz.schema import SchemaGenerator
from tests.fuzz.schema_server import NEEDED, SchemaServer
from tests.schemas.loader import load

_FILES = [
    *(("veeam_backup_replication", version, version) for version in ("1.3-rev2", "1.2-rev1", "1.1-rev0")),
    ("veeam_azure", "v8.1", "8.1"),
    ("veeam_aws", "1.0-rev0", "1.0-rev0"),
]
_READINGS = max(10, CASES // 20)
# A server clock cannot have these times, but the schema permits them.
_MAD_CLOCK = "the server's clock is not between the years 1980 and 9000"
# Errors for responses that omit fields that the schema declares optional.
_UNUSABLE = (
    *("has no id", "a restore point has no id", "has no list", "has no creationTime", "is not a valid RFC 3339 time"),
    *("the response has no 'access_token'", "is incomplete: ", _MAD_CLOCK),
)


@pytest.mark.parametrize(("product", "version", "file"), _FILES)
def test_every_valid_response_is_read(product: str, version: str, file: str) -> None:
    known = SchemaGenerator(load(product, file), always=NEEDED)
    answers = points = 0
    for number in range(_READINGS):
        schema_server = SchemaServer(known, f"{SEED}:{number}")
        found = read(get_adapter(product), schema_server.serve, {"api_version": version}, compressed=True)
        assert found.error is None or _MAD_CLOCK in found.error.message
        answers += schema_server.answers
        points += len(found.points)
        assert schema_server.query_problems == []
    assert answers > 8 * _READINGS
    assert points > _READINGS


@pytest.mark.parametrize(("product", "version", "file"), _FILES)
def test_missing_optional_fields_give_a_clear_error(product: str, version: str, file: str) -> None:
    known = SchemaGenerator(load(product, file))
    ended: collections.Counter[str] = collections.Counter()
    for number in range(_READINGS):
        schema_server = SchemaServer(known, f"{SEED}:{number}")
        found = read(get_adapter(product), schema_server.serve, {"api_version": version}, compressed=True)
        if found.error is not None:
            ended[next((phrases for phrases in _UNUSABLE if phrases in found.error.message), str(found.error))] += 1
    assert set(ended) <= set(_UNUSABLE)
