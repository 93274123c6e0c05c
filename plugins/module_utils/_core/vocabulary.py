# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closed vocabularies: the values that all products share for platform, type of workload and type of location.

The term that a product uses is converted here, in one place, so that a platform has the same name for all products. A
term that is not in the table becomes "other". The term itself is kept in ``vendor_platform`` and
``vendor_location_type``. No term at all stays None.
"""

from __future__ import annotations

import re

OTHER = "other"

# Product as in results -> its full name.
PRODUCT_NAMES = {
    "aws_backup": "AWS Backup",
    "azure_backup": "Azure Backup",
    "barman": "Barman",
    "borg": "BorgBackup",
    "pbs": "Proxmox Backup Server",
    "pgbackrest": "pgBackRest",
    "restic": "restic",
    "spp": "IBM Spectrum Protect Plus",
    "unitrends": "Unitrends",
    "veeam_aws": "Veeam Backup for AWS",
    "veeam_azure": "Veeam Backup for Microsoft Azure",
    "veeam_backup_replication": "Veeam Backup & Replication",
    "veeam_enterprise_manager": "Veeam Backup Enterprise Manager",
    "vprotect": "Storware vProtect",
}

# Platform -> terms of the products, without case, spaces and signs.
_PLATFORM_WORDS = {
    "vmware": ("vmware", "vmwarevm", "vmwarevsphere", "vsphere", "vcenter", "esx", "esxi"),
    "vmware_cloud_director": ("vcd", "vcloud", "vcloudvapp", "clouddirector", "vmwareclouddirector"),
    "hyperv": ("hyperv", "mshyperv", "microsofthyperv"),
    "proxmox": ("proxmox", "proxmoxve", "pve"),
    "nutanix_ahv": ("nutanix", "nutanixahv", "ahv"),
    "ovirt": ("ovirt", "rhv", "rhvovirt", "rhev", "olvm", "oraclevirtualization"),
    "openstack": ("openstack",),
    "openshift_virtualization": ("openshiftvirtualization",),
    "xen": ("xen", "xenserver", "citrix", "citrixhypervisor", "xcpng"),
    "kvm": ("kvm", "libvirt", "qemu", "kvmstandalone"),
    "scale_computing": ("scalecomputing", "hypercore", "hc3"),
    "huawei_fusioncompute": ("fusioncompute", "huaweifusioncompute"),
    "kubernetes": (
        "kubernetes",
        "k8s",
        "k8sopenshift",
        "kubernetesopenshift",
        "eks",
        "microsoftcontainerservicemanagedclusters",
    ),
    # Products that protect only machines of a cloud name the cloud alone.
    "aws_ec2": ("awsec2", "ec2", "amazonec2", "aws", "amazon", "amazonwebservices"),
    "aws_ebs": ("ebs", "awsebs"),
    "aws_efs": ("efs", "awsefs"),
    "aws_fsx": ("fsx", "awsfsx"),
    "aws_rds": ("rds", "awsrds", "aurora"),
    "aws_redshift": ("redshift", "awsredshift", "redshiftserverless"),
    "aws_dynamodb": ("dynamodb", "awsdynamodb"),
    "aws_s3": ("s3", "awss3"),
    "aws_documentdb": ("documentdb", "awsdocumentdb"),
    "aws_neptune": ("neptune", "awsneptune"),
    "aws_timestream": ("timestream", "awstimestream"),
    "aws_storage_gateway": ("storagegateway", "awsstoragegateway"),
    "aws_cloudformation": ("cloudformation", "awscloudformation"),
    "azure_vm": ("azurevm", "azurecompute", "azureiaasvm", "azure", "microsoftazure"),
    "azure_disk": ("azuredisk", "microsoftcomputedisks"),
    "azure_sql": ("azuresql", "azuresqldb"),
    "azure_files": (
        "azurefiles",
        "azurefileshare",
        "azurestorage",
        "microsoftstoragestorageaccountsfileservicesshares",
    ),
    "azure_blob": (
        *("azureblob", "microsoftstoragestorageaccountsblobservices"),
        "microsoftstoragestorageaccountsadlsblobservices",
    ),
    "azure_cosmos": ("azurecosmos", "cosmosdb", "microsoftdocumentdbdatabaseaccounts"),
    "azure_network": ("azurenetwork", "azurevnet"),
    "azure_postgresql": (
        *("azurepostgresql", "microsoftdbforpostgresqlserversdatabases"),
        "microsoftdbforpostgresqlflexibleservers",
    ),
    "gcp": ("gcp", "gce", "google", "googlecloud", "googlecloudplatform"),
    "windows": ("windows", "windowsphysical", "agentforwindows", "windowsagent", "mab"),
    "linux": ("linux", "linuxphysical", "linuxphysicalppc", "agentforlinux", "linuxagent"),
    "macos": ("mac", "macos", "agentformac", "osx"),
    "unix": ("unix", "aix", "solaris", "hpux", "agentforaix", "agentforsolaris"),
    "postgresql": ("postgresql", "postgres"),
    "mysql": ("mysql", "mariadb", "microsoftdbformysqlflexibleservers"),
    "mssql": ("mssql", "sql", "sqlserver", "microsoftsqlserver", "sqldatabase", "sqlinstance", "sqldb"),
    "oracle": ("oracle", "oraclerman"),
    "db2": ("db2", "ibmdb2"),
    "mongodb": ("mongo", "mongodb"),
    "sap_hana": ("saphana", "hana", "saphanaonamazonec2", "saphanadatabase", "saphanadbinstance"),
    "iris": ("iris", "intersystemsiris"),
    "exchange": ("exchange", "exch", "microsoftexchange"),
    "sharepoint": ("sharepoint",),
    "m365": ("m365", "office365", "o365", "microsoft365"),
    "entra_id": ("entraid", "azuread"),
    "active_directory": ("activedirectory",),
    "cisco_ucs": ("ucs", "ciscoucs", "ciscoucsprofile"),
    "nas": ("nas", "nasbackup", "unstructureddata", "ndmp"),
    "filesystem": ("file", "filesystem", "filesystems"),
    "ceph": ("ceph", "cephrbd"),
}

# Where recovery points are stored -> terms of the products. A scale-out repository is "other": its extents differ.
_LOCATION_WORDS = {
    # Disks of a server, a file share or a virtual appliance of the product.
    "disk": (
        *("disk", "filesystem", "posix", "cifs", "cifsshare", "sftp", "local", "winlocal", "windowslocal"),
        *("linuxlocal", "smb", "nfs", "linuxhardened", "vsnap", "vstor", "syntheticxfs", "isolayer", "internal"),
    ),
    # Deduplicating storage of another vendor.
    "dedup_appliance": (
        *("ddboost", "delldatadomain", "datadomain", "syntheticddboost", "hpstoreonceintegration", "hpestoreonce"),
        *("hpstoreonce", "storeonce", "quantum", "quantumdxi", "exagrid", "infinidat", "fujitsu"),
    ),
    # Object storage of a cloud or of the company itself.
    "object": (
        *("object", "s3", "b2", "gs", "gcs", "azure", "swift", "blob", "blobhot", "blobcool", "blobcold"),
        *("blobarchive", "blobinferred", "azureblob", "azurearchive", "azuredatabox", "azurestorageexternal"),
        *("azurearchivestorageexternal", "amazons3", "amazons3compatible", "amazons3glacier", "amazons3external"),
        *("amazons3glacierexternal", "amazonsnowballedge", "s3compatible", "s3glaciercompatible", "s3integrated"),
        *("googlecloud", "googlecloudstorage", "googlecloudstorageexternal", "googlearchivestorageexternal"),
        *("ibmcloud", "wasabicloud", "elevenelevens3"),
    ),
    "tape": ("tape",),
    # Storage that a provider runs as a service for backups, and whose medium it does not report.
    "cloud_vault": (
        *(
            "cloud",
            "hardenedrp",
            "archivedrp",
            "vaultstore",
            "archivestore",
            "veeamvault",
            "veeamdatacloudvault",
            "veeamdatacloudvaultarchive",
        ),
        *("veeamdatacloudvaultawsexternal", "veeamdatacloudvaultazureexternal"),
    ),
    # Snapshots on the storage or in the cloud account of the protected machine.
    "snapshot_array": (
        *("snapshot", "sansnapshot", "sansnapshotonly"),
        *("instantrp", "iasnapshotrp", "operationalstore"),
    ),
}

PLATFORMS = (*_PLATFORM_WORDS, OTHER)
LOCATION_TYPES = (*_LOCATION_WORDS, OTHER)
WORKLOAD_TYPES = (
    "vm",
    "vm_replica",
    "cloud_vm_replica",
    "container",
    "physical",
    "host",
    "database",
    "application",
    "file_share",
    "storage",
    "directory",
    "network",
    "appliance",
    "mailbox",
    "cloud",
    "cloud_user",
    "cloud_group",
    "cloud_site",
    "cloud_team",
    OTHER,
)

_SIGNS = re.compile(r"[^a-z0-9]+")


def parse_platform(word: str | None) -> str | None:
    """Return the platform (one of PLATFORMS) that a product's term means; None if there is no term."""
    return _find(word, _PLATFORM_BY_WORD)


def parse_location_type(word: str | None) -> str | None:
    """Return the type of location (one of LOCATION_TYPES) that a product's term means; None if there is no term."""
    return _find(word, _LOCATION_TYPE_BY_WORD)


def _find(word: str | None, known: dict[str, str]) -> str | None:
    key = _normalize(word) if word else ""
    return known.get(key, OTHER) if key else None


def _normalize(word: str) -> str:
    return _SIGNS.sub("", word.casefold())


def _by_word(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return word -> value; a value of the list means itself."""
    return {word: value for value, own in table.items() for word in (_normalize(value), *own)}


_PLATFORM_BY_WORD = _by_word(_PLATFORM_WORDS)
_LOCATION_TYPE_BY_WORD = _by_word(_LOCATION_WORDS)
