# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unitrends: parse the inventory, a tree of clients, applications and instances, into workloads."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.backup.audit.plugins.module_utils._adapters.unitrends.records import Row, parse_application
from ansible_collections.backup.audit.plugins.module_utils._core.model import Workload
from ansible_collections.backup.audit.plugins.module_utils._decoding.json_fields import as_list, as_object, as_text


def is_inventory(body: Row) -> bool:
    """Whether every node has a number, so that a workload that is not listed can be reported as gone."""
    clients = body.get("data")
    nodes = [clients]
    while nodes:
        group = nodes.pop()
        if not isinstance(group, list) or any(as_text(as_object(node).get("id")) is None for node in group):
            return False
        if group is not clients and any(_is_unknown_node(node) for node in group):
            return False
        nodes += [node["children"] for node in group if node.get("children") is not None]
    return True


def _is_unknown_node(node: Row) -> bool:
    """Whether the node is neither an instance (which names its parent) nor a container of instances."""
    groups = ("application", "esx")
    return node.get("parent_id") is None and not node.get("children") and node.get("type") not in groups


def parse_assets(body: Row, sid: int) -> Iterator[tuple[Workload, str | None]]:
    """Yield (workload, file-level instance) for the inventory of clients, applications and instances."""
    for client in map(as_object, as_list(body.get("data"))):
        ident = as_text(client.get("id"))
        kind = (as_text(client.get("asset_type")) or "").casefold()
        if ident is not None and "physical" in kind:
            name = as_text(client.get("name"))
            instance = as_text(client.get("file_level_instance_id"))
            yield Workload(id=f"{sid}/c{ident}", name=name, type="physical"), instance
        yield from _parse_instances(client, sid)


def _parse_instances(node: Row, sid: int) -> Iterator[tuple[Workload, str | None]]:
    for child in map(as_object, as_list(node.get("children"))):
        ident = as_text(child.get("id"))
        if ident is not None and child.get("parent_id") is not None:
            description = f"{as_text(child.get('type')) or ''} {as_text(child.get('asset_type')) or ''}"
            workload_type, platform = parse_application(description)
            name = as_text(child.get("name"))
            yield Workload(id=f"{sid}/{ident}", name=name, type=workload_type, platform=platform), None
        yield from _parse_instances(child, sid)
