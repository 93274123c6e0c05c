# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error messages for options that do not exist."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.backup.audit.plugins.plugin_utils._parameters import unsupported_parameters

SUPPORTED = ("results", "policy", "compress")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], None),
        (["results", "_ansible_internal"], None),
        ([7], "Unsupported parameter for backup.audit.x: 7. Supported parameters: "),
        (["polcy"], "Unsupported parameter for backup.audit.x: polcy. Did you mean 'policy'? Supported parameters: "),
        (["reads"], "Unsupported parameter for backup.audit.x: reads. It was renamed to results. Supported parameters"),
        (
            ["reads", "size"],
            (
                "Unsupported parameters for backup.audit.x: reads. It was renamed to results. size. Supported "
                "parameters: "
                "compress, policy, results."
            ),
        ),
    ],
)
def test_unsupported_parameters(given: list[Any], message: str | None) -> None:
    found = unsupported_parameters("x", given, SUPPORTED)
    assert found is message or (found is not None and message is not None and found.startswith(message))
