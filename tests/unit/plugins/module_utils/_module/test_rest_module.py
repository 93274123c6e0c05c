# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An info module, run as Ansible runs it, in a separate process, against a real server over TLS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic

from ansible_collections.backup.audit.plugins.module_utils._collect.result import open_result
from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError
from tests.unit.plugins.module_utils._module.running_module import (
    ALL_OPTIONS,
    PASSWORD,
    TOKEN,
    Appliance,
    all_sessions_closed,
    build_arguments,
    run,
    start,
    wait_for_result,
    warnings,
)

# A read


@pytest.mark.parametrize("compress", [False, True])
def test_a_module_returns_a_sealed_result_and_logs_out(server: Any, compress: bool) -> None:
    end = run(server, compress=compress)
    assert end.result["changed"] is False
    assert ("workloads" in end.result) is not compress
    read = open_result(end.result)
    assert [row["workload_name"] for row in read.identities()] == ["app", "db01"]
    assert [block.counts for block in read.blocks()] == [[1, 2]]
    assert read.host == f"localhost:{server.port}"
    frame = read.frame
    assert (frame["server"]["product"], frame["server"]["version"], frame["complete"]) == ("product", "1.2", True)
    # Login and logout count as requests.
    assert end.result["http_requests"]["count"] == 3
    assert server.calls() == ["POST /session", "GET /list", "DELETE /session"]
    assert warnings(end.result) == []
    for secret in (PASSWORD, TOKEN, "YXVkaXRvcjpjMHJyZWN0LWgmcnNl"):
        assert secret not in end.output


def test_compressed_and_plain_results_have_the_same_digest(server: Any) -> None:
    plain, compressed = run(server, since="2026-01-01").result, run(server, since="2026-01-01", compress=True).result
    same = ("schema", "selection", "complete", "errors", "totals")
    assert {name: plain[name] for name in same} == {name: compressed[name] for name in same}
    assert open_result(plain).frame["sha256"] == plain["sha256"]
    assert open_result(compressed).frame["sha256"] == compressed["sha256"]


def test_check_mode_reads_as_well(server: Any) -> None:
    result = run(server, _ansible_check_mode=True).result
    assert result["totals"]["recovery_points"] == 3
    assert [block.counts for block in open_result(result).blocks()] == [[1, 2]]


def test_the_environment_provides_options(server: Any) -> None:
    environment = {
        "PRODUCT_URL": server.url,
        "PRODUCT_USERNAME": "auditor",
        "PRODUCT_PASSWORD": PASSWORD,
        "PRODUCT_CA_PATH": server.ca_path,
    }
    end = run(server, environment=environment, url=None, username=None, password=None, ca_path=None)
    assert end.result["totals"]["recovery_points"] == 3
    assert PASSWORD not in end.output


def test_one_module_may_read_several_products(server: Any) -> None:
    end = wait_for_result(start(), build_arguments(server, product="other"))
    assert end.result["server"]["product"] == "other"
    missing = wait_for_result(start(), build_arguments(server)).result
    assert missing["failed"] is True
    assert "product" in missing["msg"]


def test_points_are_returned_on_request(server: Any) -> None:
    listed = run(server, detail="recovery_points").result["recovery_points"]
    assert [point["id"] for point in listed] == ["app-3", "db01-2", "db01-1"]


# Warnings


def test_warnings_about_reduced_reads(server: Any, appliance: Appliance) -> None:
    appliance.content = {"points": [["db01", -1], ["db01", 1]], "warnings": ["no inventory"]}
    found = warnings(run(server, validate_certs=False).result)
    host = f"localhost:{server.port}"
    assert [
        warning for warning in found if warning.startswith(f"{host}: left out 1 recovery point dated in the future")
    ]
    assert [warning for warning in found if "the certificate of the server was not verified" in warning]
    assert f"{host}: no inventory" in found


def test_a_result_too_large_for_awx_gives_a_warning_unless_compressed(server: Any, appliance: Appliance) -> None:
    appliance.content = {"points": [[f"{number:04}" + "x" * 1000, 1] for number in range(600)]}
    assert any("use compress: true" in warning for warning in warnings(run(server).result))
    assert warnings(run(server, compress=True).result) == []


# Failures


def test_a_rejected_login_is_a_structured_failure(server: Any) -> None:
    end = run(server, password="wr0ng-one")
    assert end.result["failed"] is True
    assert end.result["failure"]["code"] == "login_rejected"
    assert end.result["failure"]["server_message"] == "wrong password"
    assert end.result["failure"]["message"] in end.result["msg"]
    assert "wr0ng-one" not in end.output
    assert server.calls() == ["POST /session"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": None}, "missing required arguments: url"),
        ({"url": "https://[::1"}, "url: 'https://[::1' is not a valid URL"),
        ({"since": "30 days"}, "since: '30 days' is not a valid duration"),
        ({"location_attributes": [{"match": "x"}]}, "location_attributes"),
        (
            {"compress": True, "detail": "recovery_points"},
            "compress: a compressed result does not list recovery points",
        ),
        ({"page_size": 0}, "page_size: 0 is too small (minimum 1)"),
        ({"ca_path": "/nowhere.pem"}, "ca_path: cannot read '/nowhere.pem': No such file or directory."),
    ],
)
def test_an_invalid_option_is_rejected_before_any_request(server: Any, options: dict[str, Any], message: str) -> None:
    end = run(server, **options)
    assert end.result["failed"] is True
    assert end.result["failure"]["code"] == "invalid_option"
    assert message in end.result["msg"]
    assert server.requests == []


def test_an_incomplete_read_fails_unless_it_is_allowed(server: Any, appliance: Appliance) -> None:
    appliance.content = {"points": [["db01", 1]], "problems": [1, 2, 3]}
    refused = run(server)
    assert refused.result["failed"] is True
    assert "the read is incomplete: problem 1 (and 2 more problems)" in refused.result["msg"]
    assert "Look there. Fix the problem, or set allow_partial: true" in refused.result["msg"]
    assert "workloads" not in refused.result
    allowed = open_result(run(server, allow_partial=True).result).frame
    assert allowed["complete"] is False
    assert [error["message"] for error in allowed["errors"]] == ["problem 1", "problem 2", "problem 3"]
    assert all_sessions_closed(server)


def test_an_internal_error_is_a_failure_and_logs_out(server: Any, appliance: Appliance) -> None:
    appliance.content = {"bug": f"division by {TOKEN}"}
    # ansible-core 2.19 or later passes the traceback setting to modules.
    wanted: dict[str, Any] = {"_ansible_tracebacks_for": ["error"]} if hasattr(basic, "_ANSIBLE_PROFILE") else {}
    end = run(server, **wanted)
    assert end.result["failed"] is True
    assert "Product: unexpected ZeroDivisionError" in end.result["msg"]
    assert "Please report this" in end.result["msg"]
    assert "in read" in json.dumps(end.result)
    assert TOKEN not in end.output
    assert all_sessions_closed(server)


def test_logout_after_a_failed_page(server: Any, appliance: Appliance) -> None:
    appliance.content, appliance.page = {"pages": 20}, (403, {}, {"message": "not yours"})
    end = run(server)
    assert end.result["failure"]["code"] == "forbidden"
    assert all_sessions_closed(server)


def test_missing_requests_library_is_reported(server: Any) -> None:
    end = wait_for_result(start("one", "without-requests"), build_arguments(server))
    assert end.result["failed"] is True
    assert "requests" in end.result["msg"]


@pytest.mark.parametrize("options", [{"retries": 0}, {"since": "noon"}, {"url": None}, {"username": None}])
@pytest.mark.parametrize("proxy", ["http://user:pr0xy%2Dpass@127.0.0.1:9", "user:pr0xy%2Dpass@127.0.0.1:9"])
def test_a_proxy_password_is_not_shown(server: Any, proxy: str, options: dict[str, Any]) -> None:
    """This matters even if no request is sent, because a result contains all options."""
    end = run(server, proxy=proxy, **ALL_OPTIONS, **options)
    assert end.result["failed"] is True
    assert "proxy" in end.result["invocation"]["module_args"]
    assert "pr0xy%2Dpass" not in end.output
    assert "pr0xy-pass" not in end.output


@pytest.mark.parametrize("url", ["https://auditor:in-the-url@[::1", "auditor:in-the-url@localhost"])
def test_a_password_in_the_url_is_not_shown(server: Any, url: str) -> None:
    end = run(server, url=url, **ALL_OPTIONS)
    assert "url: the URL contains a user name or password" in end.result["msg"]
    assert "url" in end.result["invocation"]["module_args"]
    assert "in-the-url" not in end.output


# Secrets in names


def test_a_password_in_a_name_only_breaks_the_uncompressed_result(server: Any, appliance: Appliance) -> None:
    """Ansible masks it everywhere in the result, and a masked result proves nothing."""
    appliance.content = {"points": [[f"x-{PASSWORD}", 1]]}
    with pytest.raises(DataError, match="masked"):
        open_result(run(server).result)
    (row,) = open_result(run(server, compress=True).result).identities()
    assert row["workload_name"] == f"x-{PASSWORD}"
