# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.backup.audit.plugins.module_utils._core import vocabulary
from ansible_collections.backup.audit.plugins.module_utils._core.vocabulary import (
    LOCATION_TYPES,
    PLATFORMS,
    PRODUCT_NAMES,
    WORKLOAD_TYPES,
    parse_location_type,
    parse_platform,
)
from tests.integration.products import ADAPTERS


@pytest.mark.parametrize(
    ("word", "platform"),
    [
        # A cloud machine, as AWS, Backup & Replication and Spectrum Protect Plus name it.
        *[(word, "aws_ec2") for word in ("aws", "AWSEC2", "awsec2", "ec2", "aws_ec2", "AWS EC2")],
        *[(word, "hyperv") for word in ("HyperV", "Hyper-V", "hyperv")],
        *[(word, "nutanix_ahv") for word in ("Nutanix", "AHV", "NUTANIX_AHV")],
        *[(word, "vmware_cloud_director") for word in ("vcd", "vCloud", "CloudDirector")],
        ("AzureCompute", "azure_vm"),
        ("K8S", "kubernetes"),
        ("mongo", "mongodb"),
        ("sql", "mssql"),
        ("CustomPlatform", "other"),
        # Containers or virtual machines, and a separate product.
        ("OpenShift", "other"),
        ("Virtuozzo", "other"),
        ("?", None),
        ("", None),
        (None, None),
    ],
)
def test_platforms(word: str | None, platform: str | None) -> None:
    assert parse_platform(word) == platform


@pytest.mark.parametrize(
    ("word", "location_type"),
    [
        ("WinLocal", "disk"),
        ("LinuxHardened", "disk"),
        ("DDBoost", "dedup_appliance"),
        ("DellDataDomain", "dedup_appliance"),
        ("S3Compatible", "object"),
        ("AmazonS3Glacier", "object"),
        ("Tape", "tape"),
        ("VeeamDataCloudVault", "cloud_vault"),
        ("SanSnapshotOnly", "snapshot_array"),
        # Its extents may have any type.
        ("ExtendableRepository", "other"),
        (None, None),
    ],
)
def test_location_types(word: str | None, location_type: str | None) -> None:
    assert parse_location_type(word) == location_type


@pytest.mark.parametrize(("parse", "values"), [(parse_platform, PLATFORMS), (parse_location_type, LOCATION_TYPES)])
def test_known_values_are_unchanged(parse: object, values: tuple[str, ...]) -> None:
    assert callable(parse)
    assert [parse(value) for value in values] == list(values)


@pytest.mark.parametrize("values", [PLATFORMS, LOCATION_TYPES, WORKLOAD_TYPES])
def test_values_are_unique(values: tuple[str, ...]) -> None:
    assert len(set(values)) == len(values)
    assert set("".join(values)) <= set(string.ascii_lowercase + string.digits + "_")


@pytest.mark.parametrize("table", [vocabulary._PLATFORM_TERMS, vocabulary._LOCATION_TERMS])
def test_terms_are_unique_regardless_of_case_and_signs(table: dict[str, tuple[str, ...]]) -> None:
    own_words = [word for own in table.values() for word in own]
    assert len(set(own_words)) == len(own_words)
    assert set("".join(own_words)) <= set(string.ascii_lowercase + string.digits)


@given(st.text())
def test_every_term_is_mapped_to_a_known_value(word: str) -> None:
    assert parse_platform(word) in (*PLATFORMS, None)
    assert parse_location_type(word) in (*LOCATION_TYPES, None)


def test_each_product_has_a_full_name() -> None:
    """The title of its adapter, with the name of the vendor if the title does not contain it."""
    assert {name: adapter.title for name, adapter in ADAPTERS.items() if name not in PRODUCT_NAMES} == {}
    wrong = {
        name: PRODUCT_NAMES[name] for name, adapter in ADAPTERS.items() if adapter.title not in PRODUCT_NAMES[name]
    }
    assert wrong == {}
