# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the documentation site. `make docs` gathers the pages and runs it (tests/tools/site.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "backup.audit"
project_copyright = "2026, the backup.audit contributors"

# Pages are the Markdown files that GitHub shows as well; only the reference of plugins is made by antsibull-docs.
extensions = ["myst_parser", "sphinx_antsibull_ext"]
# The same anchors as on GitHub, for all levels of headings.
myst_heading_anchors = 4
# Examples contain Jinja in YAML.
highlight_language = "yaml+jinja"
pygments_style = "ansible"

html_theme = "sphinx_ansible_theme"
html_theme_options = {
    "topbar_links": {
        "Source": "https://github.com/backup-audit/backup.audit",
        "Issues": "https://github.com/backup-audit/backup.audit/issues",
    },
}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["products.js"]
html_title = "backup.audit"
html_short_title = "backup.audit"
html_show_sphinx = False
html_copy_source = False
html_use_index = False
html_domain_indices = False

CORE_DOCS = "https://docs.ansible.com/ansible/latest/"
# Pages of ansible-core that the reference of plugins links to. Its own list of labels would have to be downloaded for
# every build.
CORE_LABELS = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_collections.ansible.builtin.uri_module": "collections/ansible/builtin/uri_module.html",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}


def to_core_docs(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.reference | None:
    """Link to the documentation of ansible-core. A label that is not in the list remains an error."""
    page = CORE_LABELS.get(node["reftarget"])
    if node["reftype"] == "envvar" and node["reftarget"].startswith("ANSIBLE_"):
        page = f"reference_appendices/config.html#envvar-{node['reftarget']}"
    return None if page is None else nodes.reference("", "", shown, internal=False, refuri=CORE_DOCS + page)


REPOSITORY = "https://github.com/backup-audit/backup.audit/blob/main/"
PLUGIN_PAGE = re.compile(r"reference/(\w+)_(module|filter|inventory|role|test)")


def link_pages(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link names of plugins to the reference, and links to Markdown files on GitHub to the pages of the site."""
    plugins = {}
    for name in app.env.found_docs:
        if (match := PLUGIN_PAGE.fullmatch(name)) is not None:
            plugins[f"{project}.{match[1]}"] = name
    for literal in list(doctree.findall(nodes.literal)):
        target = plugins.get(literal.astext())
        if target not in (None, page) and not isinstance(literal.parent, nodes.reference):
            link = nodes.reference("", "", internal=True, refuri=app.builder.get_relative_uri(page, target))
            literal.replace_self(link)
            link += literal
    for link in doctree.findall(nodes.reference):
        file, separator, anchor = link.get("refuri", "").removeprefix(REPOSITORY).partition("#")
        target = "index" if file == "README.md" else file.removesuffix(".md")
        if link.get("refuri", "").startswith(REPOSITORY) and target in app.env.found_docs:
            link["refuri"] = app.builder.get_relative_uri(page, target) + separator + anchor
            link["internal"] = True


def to_search_text(node: nodes.Node) -> str:
    """Return the text of a page as HTML with the anchors of its sections."""
    if isinstance(node, nodes.Text):
        return node.astext().replace("&", "&amp;").replace("<", "&lt;")
    if isinstance(node, (nodes.raw, nodes.comment)):
        return ""
    text = "".join(map(to_search_text, node.children)) + ("" if isinstance(node, nodes.Inline) else " ")
    return f'<section id="{node["ids"][0]}">{text}</section>' if isinstance(node, nodes.section) else text


def write_search_texts(app: Sphinx, error: Exception | None) -> None:
    """Write the texts that the results of a search quote (templates/search.html)."""
    if error is None:
        texts = {
            f"./{page}.html": f'<div role="main">{to_search_text(app.env.get_doctree(page))}</div>'
            for page in sorted(app.env.found_docs)
        }
        script = f"const SEARCH_TEXTS = {json.dumps(texts, ensure_ascii=False)};\n"
        Path(app.outdir, "_static", "search_texts.js").write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", to_core_docs)
    app.connect("doctree-resolved", link_pages)
    app.connect("build-finished", write_search_texts)
