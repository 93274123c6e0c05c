# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulation of the AWX endpoints that the collection uses, as strict as AWX about fields, references and formats."""

from __future__ import annotations

import copy
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.awx.rules import Refused, check, check_in_use, check_survey, normalize
from tests.awx.shapes import PARENTS, ROOT, SHAPES

TOKEN = "awx-t0ken-of-a-test"
_API = "/api/v2/"
Values = dict[str, Any]


class Standin:
    """The stored objects, and how requests change them."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, Values]] = {name: {} for name in SHAPES}
        self.attached: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], Values] = {}
        self.writes = 0
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self.create("organizations", {"name": "Default"})

    def state(self) -> Any:
        """Return all stored objects."""
        attached = sorted((*key, *sorted(ids)) for key, ids in self.attached.items())
        return copy.deepcopy((self.objects, attached, self.surveys))

    def answer(self, method: str, path: str, query: Values, body: Any) -> tuple[int, Any, str]:
        """Return (status, JSON, Allow)."""
        with self._lock:
            if path == "/api/":
                return 200, {"current_version": _API, "available_versions": {"v2": _API}}, "GET"
            if path == _API:
                return 200, {name: f"{_API}{resource}/" for name, resource in ROOT.items()}, "GET"
            if not path.startswith(_API):
                return 404, {"detail": "Not found."}, ""
            try:
                return self._answer(method, path.removeprefix(_API).strip("/").split("/"), query, body)
            except Refused as refused:
                return refused.status, refused.body, ""

    def _answer(self, method: str, parts: list[str], query: Values, body: Any) -> tuple[int, Any, str]:
        resource = ROOT.get(parts[0], parts[0])
        if resource not in SHAPES:
            return 404, {"detail": "Not found."}, ""
        if len(parts) == 1:
            return self._list(method, resource, self.objects[resource], query, body, None)
        number = int(parts[1])
        if number not in self.objects[resource]:
            return 404, {"detail": "Not found."}, ""
        if len(parts) == 2:
            return self._detail(method, resource, number, body)
        if parts[2] not in SHAPES[resource].below:
            return 404, {"detail": "Not found."}, ""
        if parts[2] == "survey_spec":
            return self._survey(method, (resource, number), body)
        child = SHAPES[resource].below[parts[2]]
        parent = PARENTS.get((resource, parts[2]), "")
        if parent:
            found = {key: value for key, value in self.objects[child].items() if value.get(parent) == number}
        else:
            ids = self.attached.get((resource, number, parts[2]), [])
            found = {key: self.objects[child][key] for key in ids}
        return self._list(method, child, found, query, body, (resource, number, parts[2], parent))

    def _list(
        self, method: str, resource: str, found: dict[int, Values], query: Values, body: Any, under: Any
    ) -> tuple[int, Any, str]:
        if method == "OPTIONS":
            return 200, options(resource, attach=under is not None), "GET, POST, HEAD, OPTIONS"
        if method == "GET":
            wanted = [self.render_object(resource, key) for key, value in found.items() if matches(key, value, query)]
            return 200, {"count": len(wanted), "next": None, "previous": None, "results": wanted}, "GET, POST"
        if under is not None and "id" in body:
            return self._attach(under, resource, int(body["id"]))
        values = dict(body)
        if under is not None and under[3]:
            values[under[3]] = under[1]
        return 201, self.render_object(resource, self.create(resource, values)), ""

    def _attach(self, under: Any, resource: str, number: int) -> tuple[int, Any, str]:
        parent, parent_id, relation, _field = under
        if number not in self.objects[resource]:
            raise Refused("id", "No such object.")
        if relation.endswith("_nodes") and number == parent_id:
            raise Refused("Error", "Cycle detected.")
        self.writes += 1
        ids = self.attached.setdefault((parent, parent_id, relation), [])
        if number not in ids:
            ids.append(number)
        return 204, None, ""

    def _survey(self, method: str, key: tuple[str, int], body: Any) -> tuple[int, Any, str]:
        if method == "OPTIONS":
            return 200, {"actions": {"POST": {}}, "search_fields": []}, "GET, POST, DELETE, OPTIONS"
        if method == "POST":
            check_survey(body)
            self.writes += 1
            self.surveys[key] = body
        return 200, self.surveys.get(key, {}), ""

    def _detail(self, method: str, resource: str, number: int, body: Any) -> tuple[int, Any, str]:
        if method in ("PUT", "PATCH"):
            known = self.objects[resource][number]
            # The parent of a child cannot change.
            parents = {name: known[name] for name in PARENTS.values() if name in known}
            before = known if method == "PATCH" else parents
            values = self._validate(resource, {**before, **body}, number)
            if any(one.get("credential_type") == number for one in self.objects["credentials"].values()):
                check_in_use(known, values)
            self.writes += 1
            self.objects[resource][number] = values
        return 200, self.render_object(resource, number), "GET, PUT, PATCH, DELETE"

    def create(self, resource: str, values: Values) -> int:
        """Store an object; raise Refused if AWX would reject it."""
        validated = self._validate(resource, values, None)
        number = next(self._ids)
        self.writes += 1
        self.objects[resource][number] = validated
        return number

    def _validate(self, resource: str, values: Values, number: int | None) -> Values:
        shape = SHAPES[resource]
        referred = {}
        for name, value in values.items():
            if name not in shape.fields:
                raise Refused(name, "Unexpected field.")
            target = shape.fields[name].rstrip("*")
            if target in SHAPES and value is not None:
                targets = ("job_templates", "workflow_job_templates") if name == "unified_job_template" else (target,)
                known = [self.objects[one][value] for one in targets if value in self.objects[one]]
                if not known:
                    raise Refused(name, f'Invalid pk "{value}" - object does not exist.')
                referred[name] = known[0]
        for name, kind in shape.fields.items():
            if kind.endswith("*") and values.get(name) in (None, ""):
                raise Refused(name, "This field is required.")
        key = [values.get(name) for name in shape.unique]
        for other, existing in self.objects[resource].items():
            if other != number and [existing.get(name) for name in shape.unique] == key:
                raise Refused("__all__", f"{resource} with this {' and '.join(shape.unique)} already exists.")
        check(resource, values, referred)
        return normalize(resource, values)

    def render_object(self, resource: str, number: int) -> Values:
        """Return an object as AWX shows it, with links to its related resources."""
        shape = SHAPES[resource]
        values = self.objects[resource][number]
        url = f"{_API}{resource}/{number}/"
        related = {name: f"{url}{name}/" for name in shape.below}
        for name, kind in shape.fields.items():
            target = kind.rstrip("*")
            if target in SHAPES and values.get(name) is not None:
                if name == "unified_job_template" and values[name] in self.objects["workflow_job_templates"]:
                    target = "workflow_job_templates"
                related[name] = f"{_API}{target}/{values[name]}/"
        empty = {name: _EMPTY.get(kind.rstrip("*")) for name, kind in shape.fields.items()}
        own = {"id": number, "type": shape.kind, "url": url, "related": related, "summary_fields": {}}
        return {**empty, **shape.fixed, **values, **own}


_EMPTY: dict[str, Any] = {"string": "", "boolean": False, "json": ""}


def matches(number: int, values: Values, query: Values) -> bool:
    """Return whether an object matches the query."""
    return all(
        str(number if name == "id" else values.get(name)) == value
        for name, value in query.items()
        if name not in ("page", "page_size", "order_by")
    )


def options(resource: str, *, attach: bool) -> Values:
    """Return the OPTIONS response of a list."""
    fields = {
        name: {"type": "id" if kind.rstrip("*") in SHAPES else kind.rstrip("*"), "required": kind.endswith("*")}
        for name, kind in SHAPES[resource].fields.items()
    }
    if attach:
        fields["id"] = {"type": "id", "required": False}
    return {"name": resource, "description": "", "actions": {"POST": fields}, "search_fields": ["name"]}


@contextmanager
def serving() -> Iterator[tuple[str, Standin]]:
    """Run the simulated AWX on its own port; yields its URL and its store."""
    standin = Standin()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            if parts.path not in ("/api/", _API) and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, content, allow = 401, {"detail": "Authentication credentials were not provided."}, ""
            else:
                body = json.loads(data) if data else {}
                status, content, allow = standin.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body)
            text = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            if allow:
                self.send_header("Allow", allow)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_OPTIONS = _do

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - http.server calls it so
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", standin
    finally:
        server.shutdown()
        server.server_close()
