# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house as docs/architecture.md tells it: imports point one way, and nothing outgrows a reader."""

from __future__ import annotations

import ast
import fnmatch
import functools
import graphlib
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.tools.project import ROOT, project_files

COLLECTION = "ansible_collections.backup.audit."
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 50
MOST_LINES_OF_A_MAIN, MEDIAN_OF_MODULES = 10, 45
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}


def utils(*names: str) -> tuple[str, ...]:
    """Files of module_utils."""
    return tuple(f"plugins/module_utils/_{name}.py" for name in names)


# Room -> (its files, the rooms that it may import beside itself), from the ground up.
ROOMS: dict[str, tuple[tuple[str, ...], str]] = {
    "errors": (utils("errors"), ""),
    "model": (utils("times", "model"), "errors"),
    "words": (
        utils("failures", "secrets", "loose", "alike", "picking", "counters", "stop", "progress"),
        "errors model",
    ),
    "network": (utils("http", "patience", "wall"), "errors model words"),
    "log_in": (utils("auth"), "errors model words network"),
    "tools": (utils("command"), "errors model words"),
    "listings": (utils("paging", "ledger", "workers"), "errors model words"),
    "read": (utils("read", "blocks"), "errors model"),
    "summary": (utils("reading", "summary", "summary_groups", "calendar", "attest"), "errors model read"),
    "adapter_kinds": (
        utils("product", "source", "tool", "listing"),
        "errors model words network log_in tools listings summary",
    ),
    "adapters": (utils("sources/*"), "errors model words network log_in tools listings summary adapter_kinds"),
    "frame": (
        utils("frame", "info", "tool_info", "options", "reading_options"),
        "errors model words network tools listings summary read adapter_kinds",
    ),
    "policy": (utils("policy*", "references", "restores", "table"), "errors model read"),
    "documentation": (("plugins/doc_fragments/*.py",), ""),
    "modules": (("plugins/modules/*.py",), "adapters frame"),
    "plugin_utils": (
        ("plugins/plugin_utils/*.py",),
        "errors model words network read policy adapter_kinds adapters frame",
    ),
    "control_node": (
        (
            *(f"plugins/{kind}/*.py" for kind in ("action", "filter", "test", "inventory")),
            "extensions/eda/plugins/event_source/*.py",
        ),
        "errors model policy plugin_utils",
    ),
}
CONTROL_NODE = (*ROOMS["plugin_utils"][0], *ROOMS["control_node"][0])
# What is no part of Python, or starts processes -> the only files that may import it. The first that fits counts.
FOREIGN = {
    "requests": utils("http", "patience"),
    "urllib3": utils("http", "patience"),
    "xmltodict": utils("sources/veeam_enterprise_manager_wire"),
    "subprocess": utils("command"),
    "ansible.module_utils.basic.env_fallback": utils("sources/*"),
    "ansible.module_utils": (*utils("frame", "info", "tool_info"), *CONTROL_NODE),
    "ansible": CONTROL_NODE,
    "yaml": CONTROL_NODE,
    "jinja2": CONTROL_NODE,
    "markupsafe": CONTROL_NODE,
}


@functools.cache
def tree_of(file: PurePosixPath) -> ast.Module:
    return ast.parse((ROOT / file).read_text("utf-8"))


@functools.cache
def python_files() -> tuple[PurePosixPath, ...]:
    return tuple(file for file in project_files() if file.suffix == ".py" and (ROOT / file).is_file())


def files_of_the_collection() -> list[PurePosixPath]:
    return [file for file in python_files() if file.parts[0] in ("plugins", "extensions")]


def room_of(file: PurePosixPath) -> str | None:
    rooms = [name for name, (files, _may) in ROOMS.items() if any(fnmatch.fnmatch(str(file), one) for one in files)]
    assert len(rooms) < 2, (file, rooms)
    return rooms[0] if rooms else None


def may_import(room: str) -> set[str]:
    return {room, *ROOMS[room][1].split()}


def imported(file: PurePosixPath) -> Iterator[str]:
    """Whatever it imports anywhere, also in functions and for types only."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            # "from package import module" and "from module import name" look the same.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(file: PurePosixPath) -> set[PurePosixPath]:
    """The files of the collection that it imports."""
    found = set()
    for name in imported(file):
        if name.startswith(COLLECTION):
            path = PurePosixPath(name.removeprefix(COLLECTION).replace(".", "/"))
            found |= {one for one in (path.with_suffix(".py"), path.parent.with_suffix(".py")) if (ROOT / one).exists()}
    return found


def test_every_file_has_its_room() -> None:
    assert [str(file) for file in files_of_the_collection() if room_of(file) is None] == []
    for room, (files, _may) in ROOMS.items():
        for pattern in files:
            assert fnmatch.filter(map(str, files_of_the_collection()), pattern), f"{room}: there is no {pattern}"


def test_imports_point_one_way() -> None:
    wrong = [
        f"{file} ({room_of(file)}) imports {other} ({room_of(other)})"
        for file in files_of_the_collection()
        for other in sorted(own_imports(file))
        if room_of(other) not in may_import(str(room_of(file)))
    ]
    assert wrong == []


def test_rooms_stand_on_the_rooms_below() -> None:
    """So that the table itself has no circle."""
    names = list(ROOMS)
    for room in names:
        assert {names.index(other) for other in may_import(room)} <= set(range(names.index(room) + 1)), room


def test_there_is_no_circle() -> None:
    """Between files, imports for types included. graphlib raises CycleError."""
    order = list(
        graphlib.TopologicalSorter({file: own_imports(file) for file in files_of_the_collection()}).static_order()
    )
    assert len(order) >= len(files_of_the_collection())


def test_products_do_not_know_each_other() -> None:
    """An adapter imports its own files, and what products of one vendor share; that knows none of them."""
    modules = [file for file in files_of_the_collection() if file.parts[1] == "modules"]
    adapters = {other.stem for module in modules for other in own_imports(module) if other.parts[2] == "_sources"}
    assert len(adapters) > 9

    def product_of(stem: str) -> str | None:
        return max((one for one in adapters if stem == one or stem.startswith(f"{one}_")), key=len, default=None)

    for file in files_of_the_collection():
        if file.parts[2] != "_sources":
            continue
        others = {product_of(other.stem) for other in own_imports(file) if other.parts[2] == "_sources"}
        assert others <= {None, product_of(file.stem)}, file


def test_what_is_no_part_of_python_is_imported_where_it_belongs() -> None:
    wrong = []
    for file in files_of_the_collection():
        for name in imported(file):
            top = name.partition(".")[0]
            if top in ("ansible_collections", "__future__") or (top in sys.stdlib_module_names and top not in FOREIGN):
                continue
            rule = next((one for one in FOREIGN if name == one or name.startswith(f"{one}.")), None)
            if rule is None or not any(fnmatch.fnmatch(str(file), place) for place in FOREIGN[rule]):
                wrong.append(f"{file} imports {name}")
    assert wrong == []


def functions(file: PurePosixPath) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines, the docstring left out."""
    return span(function) - (span(function.body[0]) if is_docstring(function.body[0]) else 0)


def lines_of_file(file: PurePosixPath) -> int:
    """All lines, with what ansible-doc shows left out."""
    lines = len((ROOT / file).read_text("utf-8").splitlines())
    for node in tree_of(file).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in DOCUMENTATION
        ):
            lines -= span(node)
    return lines


def test_every_function_is_typed() -> None:
    """mypy holds what the types say; this, that they are said everywhere."""
    untyped = []
    for file in python_files():
        for function in functions(file):
            given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            given += [one for one in (function.args.vararg, function.args.kwarg) if one]
            if function.returns is None or any(
                one.annotation is None and one.arg not in ("self", "cls") for one in given
            ):
                untyped.append(f"{file}:{function.lineno} {function.name}")
    assert untyped == []


def test_no_file_is_too_long() -> None:
    lengths = {str(file): lines_of_file(file) for file in python_files()}
    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{file} {function.name}": lines_of(function)
        for file in python_files()
        for function in functions(file)
        if lines_of(function) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_modules_are_documentation_and_a_few_lines() -> None:
    modules = [file for file in files_of_the_collection() if file.parts[1] == "modules"]
    assert statistics.median(map(lines_of_file, modules)) <= MEDIAN_OF_MODULES
    mains = [function for file in modules for function in functions(file) if function.name == "main"]
    assert len(mains) >= len(modules) - 1
    assert max(span(main) for main in mains) <= MOST_LINES_OF_A_MAIN


def test_nothing_leads_out_of_the_project() -> None:
    """No link, and no path of the folder that it happens to lie in."""
    here = str(ROOT).encode()
    assert len(ROOT.parts) > 2
    for file in project_files():
        path = ROOT / file
        if path.is_symlink():
            assert path.resolve().is_relative_to(ROOT), file
        elif path.is_file():
            assert here not in path.read_bytes(), file


def test_the_page_names_every_file_once() -> None:
    """docs/architecture.md: each file of module_utils stands in one table of its rooms, and none that is gone."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = page[page.index("## The rooms") : page.index("Around them:")]
    # The second cell of a row names the files.
    rows = [line.split("|") for line in rooms.splitlines() if line.startswith("| ")]
    named = [name for row in rows for name in re.findall(r"`(_\w+)/?`", row[2])]
    files = [file for file in files_of_the_collection() if str(file).startswith("plugins/module_utils/_")]
    assert sorted(named) == sorted({file.parts[2].removesuffix(".py") for file in files})
