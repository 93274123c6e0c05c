# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the documentation site. `make docs` gathers the pages and calls it (tests/tools/site.py)."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "backup.audit"
project_copyright = "2026, the backup.audit contributors"

# Pages are the Markdown files that GitHub shows as well; only the reference of plugins is made by antsibull-docs.
extensions = ["myst_parser", "sphinx_antsibull_ext"]
# As GitHub makes anchors of headings, and as deep as any page goes.
myst_heading_anchors = 4
# Examples hold Jinja inside of YAML.
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
html_title = "backup.audit"
html_short_title = "backup.audit"
html_show_sphinx = False
html_copy_source = False
html_use_index = False
html_domain_indices = False

CORE_DOCS = "https://docs.ansible.com/ansible/latest/"
# What the reference of plugins points at in the documentation of ansible-core, whose own list of labels would have to
# be fetched for every build.
CORE_LABELS = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_collections.ansible.builtin.uri_module": "collections/ansible/builtin/uri_module.html",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}


def to_core_docs(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.reference | None:
    """A link into the documentation of ansible-core; what is not in the list stays an error."""
    page = CORE_LABELS.get(node["reftarget"])
    if node["reftype"] == "envvar" and node["reftarget"].startswith("ANSIBLE_"):
        page = f"reference_appendices/config.html#envvar-{node['reftarget']}"
    return None if page is None else nodes.reference("", "", shown, internal=False, refuri=CORE_DOCS + page)


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", to_core_docs)
