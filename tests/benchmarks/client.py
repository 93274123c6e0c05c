# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The minimal client: it uses threads and keep-alive connections, decodes each body, and counts its rows.

`python -m tests.benchmarks.client` takes one job as JSON on stdin and prints the result. With `calls` it sends these,
which are the requests that a module sent; otherwise it reads the points as the recipe describes.
"""

from __future__ import annotations

import base64
import json
import queue
import sys
import threading
import time
import xml.parsers.expat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jinja2
import jinja2.nativetypes
import requests

from tests.benchmarks.memory import peak_kilobytes
from tests.benchmarks.recipes import RECIPES, WEEK, Recipe


class _Signature(requests.auth.AuthBase):
    """Signs requests for AWS (Signature Version 4)."""

    def __init__(self, server: dict[str, Any], service: str) -> None:
        from botocore.auth import SigV4Auth
        from botocore.credentials import Credentials

        self._signer = SigV4Auth(Credentials(server["username"], server["password"]), service, "eu-central-1")

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(prepared.method, prepared.url)
        self._signer.add_auth(request)
        prepared.headers.update(request.headers.items())
        return prepared


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    target: str
    body: str = ""


def _jinja_environment() -> jinja2.Environment:
    environment = jinja2.nativetypes.NativeEnvironment(undefined=jinja2.StrictUndefined)
    environment.filters["b64encode"] = lambda text: base64.b64encode(text.encode()).decode()
    return environment


class Client:
    """One session with one server."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.recipe: Recipe = RECIPES[job["recipe"]]
        self.bytes = 0
        self._server = job["server"]
        self._variables = {
            "server": self._server,
            "size": job["size"],
            "slices": job["slices"],
            "asked_at": int(time.time()),
            "week": WEEK,
        }
        self._jinja = _jinja_environment()
        self._session = self._new_session()
        self._headers: dict[str, str] = {}

    def read(self, calls: list[list[str]], connections: int) -> int:
        """Log in, read, and return the number of rows."""
        self._log_in()
        if calls:
            planned, rows = [Request(*call) for call in calls], 0
        else:
            planned, rows = self._plan_requests()
        return rows + sum(_in_parallel(self._worker, planned, connections))

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = self._server["ca_path"]
        if self.recipe.signed_for:
            session.auth = _Signature(self._server, self.recipe.signed_for)
        return session

    def _render(self, text: str, **more: Any) -> str:
        return str(self._jinja.from_string(text).render(**self._variables, **more))

    def _render_all(self, texts: Any, **more: Any) -> dict[str, str]:
        return {name: self._render(text, **more) for name, text in dict(texts).items()}

    def _log_in(self) -> None:
        login = self.recipe.login
        if not login:
            return
        body = self._render_all(login.get("body", {}))
        answer = self._session.request(
            login["method"],
            self._server["url"] + self._render(login["url"]),
            headers=self._render_all(login.get("headers", {})),
            data=body if login.get("body_format") == "form-urlencoded" else None,
            json=body if login.get("body_format") == "json" else None,
        )
        answer.raise_for_status()
        self._headers = self._render_all(self.recipe.headers, login=_as_uri_result(answer))

    def _plan_requests(self) -> tuple[list[Request], int]:
        """Plan the requests that follow the first response; return them and the number of rows in that response."""
        first = self._render(self.recipe.first)
        answer = self._send(self._session, Request("GET", first))
        if self.recipe.token is not None:
            return [], self._follow_tokens(first, answer, *self.recipe.token)
        first_body = _parse_page_count(answer.content) if self.recipe.xml else json.loads(answer.content)
        find = self._jinja.compile_expression(self.recipe.loop)
        items = find(**self._variables, first=_as_uri_result(answer, decoded=False), first_body=first_body)
        rows = _count_rows(answer, self.recipe) if self.recipe.first_has_rows else 0
        return [self._build_request(item) for item in items or ()], rows

    def _follow_tokens(self, first: str, answer: requests.Response, member: str, key: str) -> int:
        """Read all further pages, one after the other, and return the number of rows."""
        body = json.loads(answer.content)
        rows = len(body[self.recipe.rows[0]])
        while token := body.get(member):
            target = f"{first}&{urlencode({key: token})}"
            body = json.loads(self._send(self._session, Request("GET", target)).content)
            rows += len(body[self.recipe.rows[0]])
        return rows

    def _build_request(self, item: Any) -> Request:
        target = self._render(self.recipe.page, item=item)
        if self.recipe.body is None:
            return Request("GET", target)
        body = {name: int(text) for name, text in self._render_all(self.recipe.body, item=item).items()}
        return Request("POST", target, json.dumps({"system_id": 1, **body, "sync_msg": 1}))

    def _send(self, session: requests.Session, request: Request) -> requests.Response:
        headers = {**self._headers, **({"Content-Type": "application/json"} if request.body else {})}
        url = self._server["url"] + request.target
        answer = session.request(request.method, url, headers=headers, data=request.body.encode() or None)
        answer.raise_for_status()
        self.bytes += len(answer.content)
        return answer

    def _worker(self) -> Callable[[Request], int]:
        session = self._new_session()
        return lambda request: _count_rows(self._send(session, request), self.recipe)


def _in_parallel(
    worker: Callable[[], Callable[[Request], int]], planned: Iterable[Request], connections: int
) -> list[int]:
    waiting: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    for request in [*planned, *[None] * connections]:
        waiting.put(request)
    counts: list[int] = []
    failures: list[Exception] = []

    def work() -> None:
        count = worker()
        try:
            while (request := waiting.get()) is not None:
                counts.append(count(request))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return counts


def _as_uri_result(answer: requests.Response, *, decoded: bool = True) -> dict[str, Any]:
    """Convert a response to the form in which `ansible.builtin.uri` registers it."""
    headers = {name.lower().replace("-", "_"): value for name, value in answer.headers.items()}
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
    is_json = decoded and "json" in answer.headers.get("Content-Type", "")
    return {**headers, "cookies_string": cookies, "json": json.loads(answer.content) if is_json else None}


def _count_rows(answer: requests.Response, recipe: Recipe) -> int:
    """Count the rows of a decoded body; responses of other kinds, which occur in a replay, have none."""
    kind = answer.headers.get("Content-Type", "")
    if "xml" in kind:
        return _count_elements(answer.content, recipe.rows[0])
    rows = json.loads(answer.content) if "json" in kind else None
    for name in recipe.rows:
        rows = rows.get(name) if isinstance(rows, dict) else None
    return len(rows) if isinstance(rows, list) else 0


def _count_elements(body: bytes, name: str) -> int:
    found = 0

    def start(element: str, _attributes: Any) -> None:
        nonlocal found
        found += element == name

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(body, True)
    return found


def _parse_page_count(body: bytes) -> dict[str, int]:
    pages: dict[str, int] = {}

    def start(element: str, attributes: dict[str, str]) -> None:
        if element == "PagingInfo":
            pages["PagesCount"] = int(attributes["PagesCount"])

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(body, True)
    return pages


def main() -> int:
    job = json.load(sys.stdin)
    started = time.monotonic()
    client = Client(job)
    rows = client.read(job["calls"], job["connections"])
    seconds = time.monotonic() - started
    print(json.dumps({"rows": rows, "seconds": seconds, "bytes": client.bytes, "peak_kb": peak_kilobytes()}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
