# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the documentation site of these guides and of what antsibull-docs writes in docs/reference."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

DOCS = Path(__file__).parent
sys.path.append(str(DOCS.parent / "tools"))
from links import absolute  # noqa: E402 - found through the line above

GALAXY: dict[str, Any] = yaml.safe_load((DOCS.parent / "galaxy.yml").read_text(encoding="utf-8"))

project = f"{GALAXY['namespace']}.{GALAXY['name']}"
version = release = GALAXY["version"]
author = "the mailinabox.admin contributors"
project_copyright = f"2026, {author}"

extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
# Copy the commands of a block, without their prompts and without what they print.
copybutton_prompt_text = "$ "
exclude_patterns = ["build", "docsite", "schemas"]
default_role = "any"
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
# A heading of a guide can be linked to as on GitHub.
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_static_path = ["static"]
html_css_files = ["site.css"]
pygments_style = "ansible"
pygments_dark_style = "github-dark"

# Where Ansible's own documentation has what antsibull-docs refers to. It is told here so that no build needs the
# network, or depends on what it finds there.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ANSIBLE_LABELS = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_collections.ansible.builtin.copy_module": "collections/ansible/builtin/copy_module.html",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}

# What antsibull-docs makes a page for.
KINDS = ("module", "role", "filter")


def link_to_ansible(app: Sphinx, env: Any, node: nodes.Element, content: nodes.Node) -> nodes.Node | None:
    """Resolve a reference to a label that is in Ansible's documentation, and in no page here."""
    path = ANSIBLE_LABELS.get(node.get("reftarget", ""))
    return path and nodes.reference("", "", content, refuri=ANSIBLE + path, internal=False)


def find_labels() -> dict[str, str]:
    """The label of each page that antsibull-docs has written, by what guides call the module or role."""
    found = {}
    for page in (DOCS / "reference").glob("*_*.rst"):
        name, kind = page.stem.rsplit("_", 1)
        if kind in KINDS:
            label = f"ansible_collections.{project}.{page.stem}"
            found[f"{project}.{name}"] = label
            if kind == "module":
                found[name] = label
    return found


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Make the name of a module, role or playbook a link, so that guides can write `miab_user` and read well elsewhere."""
    known = find_labels()
    # A playbook can have the name of a role or a filter. Guides call those by their short names.
    playbooks = {f"{project}.{path.stem}" for path in (DOCS.parent / "playbooks").glob("*.yml")}
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if isinstance(literal.parent, (nodes.reference, nodes.title, addnodes.pending_xref)):
            continue
        if name in playbooks and app.env.docname != "playbooks":
            reference = addnodes.pending_xref(
                "", reftype="doc", refdomain="std", reftarget="/playbooks", refexplicit=True, refwarn=True
            )
        elif name in known and name not in playbooks:
            reference = addnodes.pending_xref(
                "", reftype="ref", refdomain="std", reftarget=known[name], refexplicit=True, refwarn=True
            )
        else:
            continue
        literal.replace_self(reference)
        reference += literal


def tidy_reference(app: Sphinx, doctree: nodes.document) -> None:
    """Leave out the tables of contents of antsibull-docs: the theme has one beside each page."""
    for contents in [topic for topic in doctree.findall(nodes.topic) if "contents" in topic["classes"]]:
        contents.parent.remove(contents)
    for title in doctree.findall(nodes.title):
        # It leads back to where the title stood in that table.
        title.attributes.pop("refid", None)


def shorten_titles(app: Sphinx, env: Any) -> list[str]:
    """Call a page of the reference by the name alone where there is a list of pages."""
    for page, contents in env.tocs.items():
        if page.startswith("reference/") and page.endswith(KINDS):
            title = next(iter(contents.findall(nodes.reference)))
            title.clear()
            title += nodes.Text(page.removeprefix("reference/").rsplit("_", 1)[0])
    return []


def link_to_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Make links that leave docs/ lead to the repository: the site has only the guides."""
    source[0] = absolute(source[0], PurePosixPath(f"docs/{page}.md"), "main", only_outside="docs")


def setup(app: Sphinx) -> None:
    app.connect("source-read", link_to_repository)
    app.connect("doctree-read", link_names)
    app.connect("doctree-read", tidy_reference)
    app.connect("env-updated", shorten_titles)
    app.connect("missing-reference", link_to_ansible)
