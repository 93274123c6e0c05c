# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated AWS Backup, read by boto3, and compared with the service model."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.simulators.aws_backup.accounts import COPY_ACCOUNT, EXTERNAL_ID, MAIN_ACCOUNT, ROLE
from tests.simulators.aws_backup.service_model import find_problems, load_model
from tests.unit.simulators.client import ProductClient

VAULT = "berlin-disk-1"
POINTS = f"/backup-vaults/{VAULT}/recovery-points/"
# Path -> operation of the model.
LISTINGS = {
    "/backup-vaults/": "ListBackupVaults",
    POINTS: "ListRecoveryPointsByBackupVault",
    "/resources/": "ListProtectedResources",
    "/copy-jobs/": "ListCopyJobs",
    "/restore-jobs/": "ListRestoreJobs",
    f"/backup-vaults/{VAULT}": "DescribeBackupVault",
}


@pytest.fixture
def aws(ready: dict[str, Any]) -> Iterator[AwsClient]:
    client = AwsClient(ready)
    client.control("reset", {})
    yield client
    client.control("reset", {})


class AwsClient(ProductClient):
    def __init__(self, ready: dict[str, Any]) -> None:
        super().__init__(ready, "aws_backup")
        self.ca_path = ready["ca_path"]

    def connect(self, service: str = "backup", region: str | None = None, keys: Any = None, **more: Any) -> Any:
        entry = keys or {"AccessKeyId": self.entry["access_key"], "SecretAccessKey": self.entry["secret_key"]}
        return boto3.client(
            service,
            region_name=region or self.entry["region"],
            endpoint_url=self.entry["url"],
            verify=self.ca_path,
            aws_access_key_id=entry["AccessKeyId"],
            aws_secret_access_key=entry["SecretAccessKey"],
            aws_session_token=entry.get("SessionToken"),
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, **more),
        )

    def send(self, path: str, region: str = "eu-central-1", secret: str | None = None) -> requests.Response:
        """Send a signed GET request with the path as given."""
        url = self.entry["url"] + path
        request = AWSRequest("GET", url)
        keys = Credentials(self.entry["access_key"], secret or self.entry["secret_key"])
        SigV4Auth(keys, "backup", region).add_auth(request)
        return requests.get(url, headers=dict(request.headers.items()), verify=self.ca_path, timeout=30)

    def refuse(self, error: Any) -> tuple[str, int]:
        return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("path", LISTINGS)
def test_every_response_has_the_shape_of_the_service_model(aws: AwsClient, path: str) -> None:
    operation = load_model().operation_model(LISTINGS[path])
    assert operation.http["method"] == "GET"
    uri = operation.http["requestUri"].replace("{backupVaultName}", VAULT)
    assert urlsplit(uri).path == path
    body = aws.send(f"{path}?maxResults=1000" if path.endswith("/") else path).json()
    assert list(find_problems(operation.output_shape, body)) == []
    # A list without records would prove nothing.
    assert all(body[name] for name in body if isinstance(body[name], list))
    assert body


def test_the_comparison_finds_differences() -> None:
    shape = load_model().operation_model("ListBackupVaults").output_shape
    wrong = {"BackupVaultList": [{"Locked": "yes", "VaultType": "SAFE", "Colour": "red"}], "Next": 1}
    found = list(find_problems(shape, wrong))
    assert [problem.partition(":")[0] for problem in found] == [
        ".BackupVaultList[0].Locked",
        ".BackupVaultList[0].VaultType",
        ".BackupVaultList[0].Colour",
        ".Next",
    ]


def test_boto3_reads_all_pages(aws: AwsClient) -> None:
    pages = aws.connect().get_paginator("list_recovery_points_by_backup_vault")
    whole = list(pages.paginate(BackupVaultName=VAULT, PaginationConfig={"PageSize": 1000}))
    assert len(whole) == 1
    small = list(pages.paginate(BackupVaultName=VAULT, PaginationConfig={"PageSize": 50}))
    assert len(small) > 5
    arns = [[row["RecoveryPointArn"] for page in read for row in page["RecoveryPoints"]] for read in (whole, small)]
    assert arns[0] == arns[1]
    assert len(set(arns[0])) == len(arns[0]) > 300
    aws.control("variant", {"empty_pages": True})
    with_empty = list(pages.paginate(BackupVaultName=VAULT, PaginationConfig={"PageSize": 200}))
    assert [len(page["RecoveryPoints"]) for page in with_empty[:3]] == [0, 200, 0]
    assert [row["RecoveryPointArn"] for page in with_empty for row in page["RecoveryPoints"]] == arns[0]


def test_a_token_continues_after_the_last_record(aws: AwsClient) -> None:
    page = aws.send("/backup-vaults/?maxResults=1").json()
    last = page["BackupVaultList"][0]["BackupVaultName"]
    assert base64.b64decode(page["NextToken"]).decode() == f"page:{last}"


@pytest.mark.parametrize("path", ["/backup-vaults", "/backup-vaults/"])
def test_a_trailing_slash_is_optional(aws: AwsClient, path: str) -> None:
    assert aws.send(path).status_code == 200


def test_a_wrong_signature_is_rejected(aws: AwsClient) -> None:
    wrong = aws.send("/backup-vaults/", secret="not the secret")
    assert (wrong.status_code, wrong.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")
    unsigned = aws.call("GET", "/backup-vaults/")
    assert unsigned.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    # The signature covers the query.
    changed = AWSRequest("GET", f"{aws.entry['url']}/backup-vaults/?maxResults=1")
    SigV4Auth(Credentials(aws.entry["access_key"], aws.entry["secret_key"]), "backup", "eu-west-1").add_auth(changed)
    headers = dict(changed.headers.items())
    url = f"{aws.entry['url']}/backup-vaults/?maxResults=2"
    refused = requests.get(url, headers=headers, verify=aws.ca_path, timeout=30)
    assert refused.headers["x-amzn-ErrorType"] == "InvalidSignatureException"


def test_an_old_signature_is_rejected(aws: AwsClient) -> None:
    aws.control("variant", {"clock_skew": 600})
    refused = aws.send("/backup-vaults/")
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("Signature not yet current: ")


def test_roles_have_temporary_keys(aws: AwsClient) -> None:
    sts = aws.connect("sts")
    keys = sts.assume_role(RoleArn=ROLE.format(MAIN_ACCOUNT), RoleSessionName="audit")["Credentials"]
    vaults = aws.connect(keys=keys).list_backup_vaults()["BackupVaultList"]
    assert {vault["BackupVaultArn"].split(":")[4] for vault in vaults} == {MAIN_ACCOUNT}
    with pytest.raises(ClientError) as refused:
        aws.connect(keys={**keys, "SessionToken": "other"}).list_backup_vaults()
    assert aws.refuse(refused) == ("ExpiredTokenException", 403)
    with pytest.raises(ClientError) as refused:
        sts.assume_role(RoleArn=ROLE.format(COPY_ACCOUNT), RoleSessionName="audit", ExternalId=EXTERNAL_ID)
    assert aws.refuse(refused) == ("AccessDenied", 403)


def test_an_external_id_is_compared(aws: AwsClient) -> None:
    hub = aws.account("hub")
    sts = aws.connect("sts", keys={"AccessKeyId": hub["username"], "SecretAccessKey": hub["password"]})
    role = {"RoleArn": ROLE.format(COPY_ACCOUNT), "RoleSessionName": "audit"}
    with pytest.raises(ClientError) as refused:
        sts.assume_role(**role)
    assert aws.refuse(refused) == ("AccessDenied", 403)
    assert sts.assume_role(**role, ExternalId=EXTERNAL_ID)["Credentials"]["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize("status", ["400", "429"])
def test_boto3_retries_throttled_requests(aws: AwsClient, status: str) -> None:
    aws.control("variant", {"throttled": status})
    assert aws.connect().list_backup_vaults()["BackupVaultList"]
    calls = [call for call in aws.control("requests") if call["path"].startswith("/backup-vaults")]
    assert len(calls) == 2


def test_denials_and_unknown_vaults(aws: AwsClient) -> None:
    aws.control("variant", {"denied": f"ListCopyJobs,ListRecoveryPointsByBackupVault/{VAULT}"})
    backup = aws.connect()
    for call in (backup.list_copy_jobs, lambda: backup.list_recovery_points_by_backup_vault(BackupVaultName=VAULT)):
        with pytest.raises(ClientError) as refused:
            call()
        assert aws.refuse(refused) == ("AccessDeniedException", 403)
    assert backup.list_recovery_points_by_backup_vault(BackupVaultName="berlin-disk-2")["RecoveryPoints"]
    with pytest.raises(ClientError) as refused:
        backup.describe_backup_vault(BackupVaultName="no-such-vault")
    assert aws.refuse(refused) == ("ResourceNotFoundException", 400)


def test_a_region_has_its_own_vaults(aws: AwsClient) -> None:
    names = {
        region: [
            vault["BackupVaultName"] for vault in aws.connect(region=region).list_backup_vaults()["BackupVaultList"]
        ]
        for region in ("eu-central-1", "eu-west-1", "eu-north-1", "ap-south-1")
    }
    assert names == {
        "eu-central-1": ["berlin-disk-1", "berlin-disk-2"],
        "eu-west-1": ["frankfurt-disk-1"],
        "eu-north-1": ["cloud-vault", "cloud-vault-locked"],
        "ap-south-1": [],
    }


def test_copies_are_linked_only_by_copy_jobs(aws: AwsClient) -> None:
    jobs = aws.connect().list_copy_jobs(MaxResults=1000)["CopyJobs"]
    sources = {row["RecoveryPointArn"]: row for row in aws.send(f"{POINTS}?maxResults=1000").json()["RecoveryPoints"]}
    path = "/backup-vaults/frankfurt-disk-1/recovery-points/?maxResults=1000"
    copies = {row["RecoveryPointArn"]: row for row in aws.send(path, "eu-west-1").json()["RecoveryPoints"]}
    linked = [job for job in jobs if job["DestinationRecoveryPointArn"] in copies]
    assert len(linked) == len(copies) > 100
    for job in linked:
        source, copy = sources[job["SourceRecoveryPointArn"]], copies[job["DestinationRecoveryPointArn"]]
        assert source["ResourceArn"] == copy["ResourceArn"]
        assert "SourceBackupVaultArn" not in copy


def test_the_ready_file_has_all_connection_settings(aws: AwsClient) -> None:
    assert {"url", "region", "access_key", "secret_key"} <= set(aws.entry)
    assert json.dumps(aws.entry["options"]["assume_roles"]) == f'[{{"role_arn": "{ROLE.format(MAIN_ACCOUNT)}"}}]'
