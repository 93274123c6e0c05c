# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages import only lower layers (docs/development/architecture.md), and files and functions are short."""

from __future__ import annotations

import ast
import fnmatch
import functools
import graphlib
import itertools
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.tools.project import ROOT, project_files

COLLECTION = "ansible_collections.backup.audit."
MODULE_UTILS = "plugins/module_utils/"
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 50
MOST_LINES_OF_A_MAIN, MEDIAN_OF_MODULES = 10, 45
MOST_PAIRS = 16
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
_BELOW_MODULE = "_core _decoding _collect _transport _adapters"
_POLICY = "_policy _policy/rules _policy/language"
_PLUGIN_UTILS = "plugins/plugin_utils plugins/plugin_utils/_evidence"

# Package -> the packages that it may import, from bottom to top. Packages of module_utils are named without that path.
PACKAGES: dict[str, str] = {
    "_core": "",
    "_decoding": "_core",
    "_history": "_core",
    "_collect": "_core",
    "_transport": "_core _decoding",
    "_adapters": "_core _decoding _collect _transport",
    "_module": f"{_BELOW_MODULE} _history",
    "_policy/rules": "_core _collect",
    "_policy/language": "_core _collect _policy/rules",
    "_policy": "_core _collect _policy/rules _policy/language",
    "plugins/doc_fragments": "",
    "plugins/modules": "_adapters _module",
    "plugins/plugin_utils": f"{_BELOW_MODULE} _module {_POLICY}",
    "plugins/plugin_utils/_evidence": f"_core _history {_POLICY} plugins/plugin_utils",
    "plugins/action": f"_core _history _module {_POLICY} {_PLUGIN_UTILS}",
    **{f"plugins/{kind}": f"_core {_POLICY} {_PLUGIN_UTILS}" for kind in ("filter", "inventory", "test")},
    "extensions/eda/plugins/event_source": f"_core {_PLUGIN_UTILS}",
}
CONTROL_NODE = (
    *(f"plugins/{kind}/*" for kind in ("plugin_utils", "action", "filter", "inventory", "test")),
    "extensions/eda/*",
)
# Files of the collector that the policy may import: only the read result.
READ_RESULT = {f"{MODULE_UTILS}_collect/{name}.py" for name in ("blocks", "point_class", "result")}
# Third-party packages and modules that start processes -> files that may import them. The first match applies.
FOREIGN: dict[str, tuple[str, ...]] = {
    "requests": (f"{MODULE_UTILS}_transport/client.py", f"{MODULE_UTILS}_transport/deadlines.py"),
    "urllib3": (f"{MODULE_UTILS}_transport/client.py", f"{MODULE_UTILS}_transport/deadlines.py"),
    "botocore": (f"{MODULE_UTILS}_transport/aws_auth.py",),
    "xmltodict": (f"{MODULE_UTILS}_adapters/veeam/enterprise_manager/decoding.py",),
    "subprocess": (f"{MODULE_UTILS}_transport/command.py",),
    "ansible.module_utils.basic.env_fallback": (f"{MODULE_UTILS}_adapters/*",),
    "ansible.module_utils": (f"{MODULE_UTILS}_module/*", *CONTROL_NODE),
    "ansible": CONTROL_NODE,
    "yaml": CONTROL_NODE,
    "jinja2": CONTROL_NODE,
    "markupsafe": CONTROL_NODE,
}


@functools.cache
def parse_file(file: PurePosixPath) -> ast.Module:
    return ast.parse((ROOT / file).read_text("utf-8"))


@functools.cache
def python_files() -> tuple[PurePosixPath, ...]:
    return tuple(file for file in project_files() if file.suffix == ".py" and (ROOT / file).is_file())


def files_of_the_collection() -> list[PurePosixPath]:
    return [file for file in python_files() if file.parts[0] in ("plugins", "extensions")]


def get_package(file: PurePosixPath) -> str:
    """Return the package of a file: the innermost of its folders that is in PACKAGES, else its folder."""
    folders = [str(folder).removeprefix(MODULE_UTILS) for folder in file.parents]
    return next((folder for folder in folders if folder in PACKAGES), str(file.parent))


def may_import(package: str) -> set[str]:
    return {package, *PACKAGES.get(package, "").split()}


def imported(file: PurePosixPath) -> Iterator[str]:
    """Yield all imports, including imports in functions and for types."""
    for node in ast.walk(parse_file(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            # "from package import module" and "from module import name" look the same.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(file: PurePosixPath) -> set[PurePosixPath]:
    """Yield the files of the collection that a file imports."""
    found = set()
    for name in imported(file):
        if name.startswith(COLLECTION):
            path = PurePosixPath(name.removeprefix(COLLECTION).replace(".", "/"))
            found |= {one for one in (path.with_suffix(".py"), path.parent.with_suffix(".py")) if (ROOT / one).exists()}
    return found


def package_imports() -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Yield (file, imported file of another package)."""
    for file in files_of_the_collection():
        yield from ((file, other) for other in sorted(own_imports(file)) if get_package(other) != get_package(file))


def test_every_file_is_in_a_package() -> None:
    assert [str(file) for file in files_of_the_collection() if get_package(file) not in PACKAGES] == []
    used = {get_package(file) for file in files_of_the_collection()}
    assert set(PACKAGES) - used == set()


def test_packages_import_only_lower_layers() -> None:
    wrong = [
        f"{file} imports {other}"
        for file, other in package_imports()
        if get_package(other) not in may_import(get_package(file))
    ]
    assert wrong == []


def test_the_policy_imports_only_the_read_result() -> None:
    """A result from a file is evaluated like a new one."""
    imports = {(str(file), str(other)) for file, other in package_imports() if get_package(other) == "_collect"}
    wrong = {pair for pair in imports if "/_policy/" in pair[0]} - {pair for pair in imports if pair[1] in READ_RESULT}
    assert wrong == set()


def test_the_table_of_packages_has_no_cycle() -> None:
    """A package may import only packages above it in the table, which are the layers below it."""
    names = list(PACKAGES)
    for package in names:
        assert {names.index(other) for other in may_import(package)} <= set(range(names.index(package) + 1)), package


def test_few_packages_of_module_utils_import_each_other() -> None:
    def name(file: PurePosixPath) -> str:
        return file.parts[2]

    pairs = {
        (name(file), name(other))
        for file, other in package_imports()
        if all(str(each).startswith(MODULE_UTILS) for each in (file, other)) and name(file) != name(other)
    }
    assert 0 < len(pairs) <= MOST_PAIRS, sorted(pairs)


def test_file_names_are_unambiguous() -> None:
    """They are not names of standard library modules, and a file and a folder do not have the same name."""
    files = [
        file
        for file in files_of_the_collection()
        if str(file).startswith(("plugins/module_utils/", "plugins/plugin_utils/"))
    ]
    assert [str(file) for file in files if file.stem in sys.stdlib_module_names] == []
    folders = set(itertools.chain.from_iterable(file.parents for file in files))
    assert [str(file) for file in files if file.with_suffix("") in folders] == []


def test_imports_have_no_cycle() -> None:
    """This includes imports for types. graphlib raises CycleError."""
    order = list(
        graphlib.TopologicalSorter({file: own_imports(file) for file in files_of_the_collection()}).static_order()
    )
    assert len(order) >= len(files_of_the_collection())


def test_products_do_not_import_each_other() -> None:
    """Adapters import their own files and shared files. Shared files import no adapter."""
    modules = [file for file in files_of_the_collection() if file.parts[1] == "modules"]
    adapters = {other for module in modules for other in own_imports(module) if get_package(other) == "_adapters"}
    assert len(adapters) > 9
    # The folder of a product, or its only file.
    products = {adapter.parent if adapter.name == "adapter.py" else adapter for adapter in adapters}

    def get_product(file: PurePosixPath) -> PurePosixPath | None:
        return next((product for product in products if product in (file, *file.parents)), None)

    for file in files_of_the_collection():
        if get_package(file) == "_adapters":
            others = {get_product(other) for other in own_imports(file) if get_package(other) == "_adapters"}
            assert others <= {None, get_product(file)}, file


def test_third_party_packages_are_imported_only_by_listed_files() -> None:
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
    for node in ast.walk(parse_file(file)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def count_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of a function without its docstring."""
    return span(function) - (span(function.body[0]) if is_docstring(function.body[0]) else 0)


def count_file_lines(file: PurePosixPath) -> int:
    """Return the number of lines of a file without the documentation for ansible-doc."""
    lines = len((ROOT / file).read_text("utf-8").splitlines())
    for node in parse_file(file).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in DOCUMENTATION
        ):
            lines -= span(node)
    return lines


def test_every_function_is_typed() -> None:
    """mypy checks types. This test checks that all functions have them."""
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
    lengths = {str(file): count_file_lines(file) for file in python_files()}
    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{file} {function.name}": count_lines(function)
        for file in python_files()
        for function in functions(file)
        if count_lines(function) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_modules_have_little_code() -> None:
    modules = [file for file in files_of_the_collection() if file.parts[1] == "modules"]
    assert statistics.median(map(count_file_lines, modules)) <= MEDIAN_OF_MODULES
    mains = [function for file in modules for function in functions(file) if function.name == "main"]
    # Modules for managed hosts must be valid in older Pythons, which do not support annotations.
    others = sum("\nmain = make_main(" in (ROOT / file).read_text("utf-8") for file in modules)
    assert len(mains) + others >= len(modules) - 1
    assert max(span(main) for main in mains) <= MOST_LINES_OF_A_MAIN


def test_names_of_documentation_fragments_are_unambiguous() -> None:
    """Ansible reads the part ``attributes.tool`` from a fragment ``tool``, if there is one."""
    files = list((ROOT / "plugins" / "doc_fragments").glob("*.py"))
    parts = {part.lower() for file in files for part in re.findall(r"^    ([A-Z_]+) = ", file.read_text("utf-8"), re.M)}
    assert "documentation" in parts
    assert not parts & {file.stem for file in files}


def test_links_and_paths_stay_in_the_project() -> None:
    """There are no symbolic links to other folders, and no absolute paths of the project folder."""
    here = str(ROOT).encode()
    assert len(ROOT.parts) > 2
    for file in project_files():
        path = ROOT / file
        if path.is_symlink():
            assert path.resolve().is_relative_to(ROOT), file
        elif path.is_file():
            assert here not in path.read_bytes(), file


def test_the_architecture_page_lists_every_file_once() -> None:
    """Its tables list each existing file of module_utils once, and no others."""
    page = (ROOT / "docs" / "development" / "architecture.md").read_text("utf-8")
    tables = page[page.index("## Packages") : page.index("## Other folders")]
    named: list[str] = []
    for section in tables.split("\n### ")[1:]:
        folder = section[section.index("`") + 1 : section.index("/`")]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        named += [f"{folder}/{name}.py" for row in rows for name in re.findall(r"`([\w/]+)`", row)]
    files = [
        str(file).removeprefix(MODULE_UTILS) for file in files_of_the_collection() if str(file).startswith(MODULE_UTILS)
    ]
    assert sorted(named) == sorted(files)
