# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schemas of Veeam's products match the vendor's OpenAPI files, which are not part of the project."""

from __future__ import annotations

import pytest

from tests.schemas.loader import FOLDER as SCHEMAS
from tests.schemas.loader import load, parse
from tests.tools.project import VENDORS
from tests.unit.schemas.vendor_file import Comparison, VendorFile

if not VENDORS.is_dir():
    pytest.skip("needs the vendors' files, which are not published here", allow_module_level=True)

_VBR = "veeam_em_vbr/specs/trimmed_{}.json"
FILES = [
    *(("veeam_backup_replication", version, _VBR.format(version)) for version in ("1.1-rev0", "1.2-rev1", "1.3-rev2")),
    ("veeam_azure", "8.1", "veeam_cloud/specs/vbazure_rest_v8.1_trimmed.json"),
    ("veeam_aws", "1.0-rev0", "veeam_cloud/specs/vbaws_swagger_2021_trimmed.yaml"),
]
# Fields that the simulators send and the files do not define.
BEYOND = {
    "1.3-rev2": [
        # The file requires this field, and defines it in another spelling.
        "DataDomain.ddServerName",
        # A server of version 13.1 sends them.
        "Error.status",
        "Error.title",
    ],
}


@pytest.mark.parametrize(("product", "version", "file"), FILES)
def test_schemas_match_vendor_files(product: str, version: str, file: str) -> None:
    comparison = Comparison(load(product, version), VendorFile(VENDORS / file))
    differences = sorted(comparison.differences())
    assert differences == [f"{member}: not in the vendor's file" for member in BEYOND.get(version, ())]
    assert comparison.members > 100


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("vmName?: text", "vmNames?: text", "VirtualMachineRestorePoint.vmNames: not in the vendor's file"),
        ("vmName?: text", "vmName: text", "VirtualMachineRestorePoint.vmName: only one is required"),
        ("vmName?: text", "vmName?: text|null", "VirtualMachineRestorePoint.vmName: only one is nullable"),
        ("vmName?: text", "vmName?: uuid", "VirtualMachineRestorePoint.vmName: {'type': 'string', 'format': 'uuid'}"),
        ("vmName?: text", 'vmName?: "[text]"', "VirtualMachineRestorePoint.vmName: only ours is a list"),
        (
            'DataRetrievalStatus: ["None", ',
            'DataRetrievalStatus: [Lost, "None", ',
            "DataRetrievalStatus: ['Lost'] are not values",
        ),
        ("{Limit: int32, ", "{Limit: int32, Page: int32, ", ".Page: not in the vendor's file"),
    ],
)
def test_differences_are_found(old: str, new: str, difference: str) -> None:
    product, version, file = FILES[3]
    text = (SCHEMAS / product / f"{version}.yml").read_text("utf-8")
    assert old in text
    found = list(Comparison(parse(text.replace(old, new)), VendorFile(VENDORS / file)).differences())
    assert found
    assert all(difference in one for one in found)
