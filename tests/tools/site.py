# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site: python -m tests.tools.site ENVIRONMENT FOLDER

ENVIRONMENT is a virtual environment with the packages in tests/requirements-docs.txt, FOLDER is the target. The pages
are the project's Markdown files at their own paths, so that their links work in both places. Each gets a link to its
source, the first page gets a list of products, and the changelog is grouped. Every warning is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from tests.tools.changelog_page import format_changelog
from tests.tools.links import markdown_page
from tests.tools.project import ROOT

SITE = ROOT / "docs" / "site"
SOURCE = ROOT / "build" / "docs-source"
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REFERENCE = "reference"
EDIT = "https://github.com/backup-audit/backup.audit/edit/main/"
# Pages that are generated, with their sources.
GENERATED = {"CHANGELOG.md": "changelogs/changelog.yaml"}
# A row of the table of products in the README. Rows such as "the same with `product: x`" have the module above.
PRODUCT = re.compile(r"^\| (\[[^]]+\]\(docs/products/\w+\.md\))[^|]*\| (?:`(backup\.audit\.\w+)`)?.*\|$", re.MULTILINE)
FIRST_SECTION = "\n## "
TITLE_OF_REFERENCE = "Modules, plugins and roles"
PLUGIN_PAGE = re.compile(r"^    (\w+)_(module|filter|inventory|role|test)$", re.MULTILINE)


def list_pages(index: str) -> list[str]:
    """List the pages of the sidebar, in its order, without suffix and without those that antsibull-docs generates."""
    entries = [line for block in TOCTREE.findall(index) for line in block.splitlines()]
    named = [re.sub(r"^.*<(.*)>$", r"\1", entry) for entry in entries if entry and not entry.startswith(":")]
    return [page for page in named if not page.startswith(f"{REFERENCE}/")]


def linked_files(page: Path) -> Iterator[Path]:
    """List the files other than pages, such as pictures, that a page shows or offers."""
    for link in markdown_page(page.read_text(encoding="utf-8")).links:
        parts = urlsplit(link)
        if parts.path and not parts.scheme:
            file = (page.parent / unquote(parts.path)).resolve()
            if file.is_file():
                yield file


def edit_link(page: str) -> str:
    """Return the address on GitHub at which a page can be edited."""
    return EDIT + GENERATED.get(page, page)


def product_list(readme: str) -> str:
    """Return the products with their pages and modules as a list. The script of the site adds a menu to it."""
    lines, module = [], ""
    for page, named in PRODUCT.findall(readme):
        module = named or module
        lines.append(f"- {page}: `{module}`")
    return "\n".join(["", '<div class="products">', "", *lines, "", "</div>", ""])


def render_page(root: Path, file: Path) -> str:
    """Return the text of a page of the site."""
    path = file.relative_to(root).as_posix()
    if path == "CHANGELOG.md":
        text = format_changelog(yaml.safe_load((root / GENERATED[path]).read_text(encoding="utf-8")))
    else:
        text = file.read_text(encoding="utf-8")
    if path == "README.md":
        text = text.replace(FIRST_SECTION, product_list(text) + FIRST_SECTION, 1)
    link = os.path.relpath(root / "README.md", file.parent)
    text = text.replace(f"]({link}", f"]({link.replace('README', 'index')}")
    # The theme shows this link on each page.
    return f"---\ngithub_url: {edit_link(path)}\n---\n\n{text}"


def gather(root: Path, source: Path) -> None:
    """Copy everything that Sphinx needs into an empty folder."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    index = (root / SITE.relative_to(ROOT) / "index.md").read_text(encoding="utf-8")
    pages = [root / "README.md", *(root / f"{page}.md" for page in list_pages(index))]
    for file in dict.fromkeys(file for page in pages for file in (page, *linked_files(page))):
        target = source / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            target.write_text(render_page(root, file), encoding="utf-8")
        else:
            shutil.copyfile(file, target)
    # The README is the first page, followed by the sidebar.
    (source / "README.md").rename(source / "index.md")
    with (source / "index.md").open("a", encoding="utf-8") as first:
        first.write("\n" + index)


def shorten_sidebar(index: str) -> str:
    """Return the index of the reference with a title in words, and with names in the sidebar instead of sentences."""
    index = re.sub(r"^Backup\.Audit\n=+$", f"{TITLE_OF_REFERENCE}\n{'=' * 60}", index, count=1, flags=re.MULTILINE)
    return PLUGIN_PAGE.sub(r"    \1 <\1_\2>", index)


def main(environment: Path, site: Path) -> int:
    gather(ROOT, SOURCE)
    reference = SOURCE / REFERENCE
    reference.mkdir()
    # antsibull-docs rejects a folder that others may write to, and finds the programs of ansible-core through PATH.
    reference.chmod(0o755)
    programs = environment.resolve() / "bin"
    settings = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
    }
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    plugins = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--cleanup", "everything")
    strict = ("-q", "-E", "-W", "--keep-going", "-b", "html")

    def run(program: str, *arguments: str) -> int:
        return subprocess.run([str(programs / program), *arguments], env=settings, check=False).returncode

    status = run("antsibull-docs", "collection", *plugins, "--dest-dir", str(reference), "backup.audit")
    if status != 0:
        return status
    index = reference / "index.rst"
    index.write_text(shorten_sidebar(index.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(site, ignore_errors=True)
    status = run("sphinx-build", *strict, "-c", str(SITE), "-D", f"release={version}", str(SOURCE), str(site))
    if status != 0:
        return status
    print(f"The site is in {site}: open index.html.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:3])))
