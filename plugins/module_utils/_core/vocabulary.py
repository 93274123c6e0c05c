# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closed vocabularies: the values for platforms, workload types and location types that all products share.

The terms of all products are converted here, so that a platform has the same name for all products. An unknown term
becomes "other", a missing one None. ``vendor_platform`` and ``vendor_location_type`` contain the original term.
"""

from __future__ import annotations

import re

OTHER = "other"

# Product in results -> its full name.
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

# Platform -> terms of the products, in lower case, without spaces and punctuation.
_PLATFORM_TERMS = {
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
    # Products for a single cloud report only its name.
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

# Location type -> terms of the products. A scale-out repository is "other", because its extents can differ.
_LOCATION_TERMS = {
    # Disks of a server, a file share, or a virtual appliance of the product.
    "disk": (
        *("disk", "filesystem", "posix", "cifs", "cifsshare", "sftp", "local", "winlocal", "windowslocal"),
        *("linuxlocal", "smb", "nfs", "linuxhardened", "vsnap", "vstor", "syntheticxfs", "isolayer", "internal"),
    ),
    # Deduplicating storage of another vendor.
    "dedup_appliance": (
        *("ddboost", "delldatadomain", "datadomain", "syntheticddboost", "hpstoreonceintegration", "hpestoreonce"),
        *("hpstoreonce", "storeonce", "quantum", "quantumdxi", "exagrid", "infinidat", "fujitsu"),
    ),
    # Object storage, in a cloud or on premises.
    "object": (
        *("object", "s3", "b2", "gs", "gcs", "azure", "swift", "blob", "blobhot", "blobcool", "blobcold"),
        *("blobarchive", "blobinferred", "azureblob", "azurearchive", "azuredatabox", "azurestorageexternal"),
        *("azurearchivestorageexternal", "amazons3", "amazons3compatible", "amazons3glacier", "amazons3external"),
        *("amazons3glacierexternal", "amazonsnowballedge", "s3compatible", "s3glaciercompatible", "s3integrated"),
        *("googlecloud", "googlecloudstorage", "googlecloudstorageexternal", "googlearchivestorageexternal"),
        *("ibmcloud", "wasabicloud", "elevenelevens3"),
    ),
    "tape": ("tape",),
    # Backup storage as a service, whose medium the provider does not report.
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

PLATFORMS = (*_PLATFORM_TERMS, OTHER)
LOCATION_TYPES = (*_LOCATION_TERMS, OTHER)
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


def parse_platform(term: str | None) -> str | None:
    """Return the platform (one of PLATFORMS) for a product's term, or None if there is no term."""
    return _find(term, _PLATFORM_BY_TERM)


def parse_location_type(term: str | None) -> str | None:
    """Return the location type (one of LOCATION_TYPES) for a product's term, or None if there is no term."""
    return _find(term, _LOCATION_TYPE_BY_TERM)


def _find(term: str | None, known: dict[str, str]) -> str | None:
    key = _normalize(term) if term else ""
    return known.get(key, OTHER) if key else None


def _normalize(term: str) -> str:
    return _SIGNS.sub("", term.casefold())


def _by_term(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return term -> value. Each value is also a term for itself."""
    return {term: value for value, own in table.items() for term in (_normalize(value), *own)}


_PLATFORM_BY_TERM = _by_term(_PLATFORM_TERMS)
_LOCATION_TYPE_BY_TERM = _by_term(_LOCATION_TERMS)
