# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The direction of imports, which keeps planning pure and Ansible at the doors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
UTILS = PLUGINS / "module_utils"

VALUES = {"_errors", "_names", "_pem", "_records", "_plan", "_secrets", "_shape", "_texts"}
FACTS = VALUES | {"_answers", "_publishing"}
# Not in the standard library, and imported only by what needs them.
LIBRARIES = {"ansible", "cryptography", "dns", "idna", "jinja2", "markupsafe", "pyotp", "requests", "urllib3"}

# Which parts of the collection, and which libraries, a file may import.
MAY_IMPORT = {
    "module_utils/_texts.py": set(),
    "module_utils/_errors.py": {"_texts"},
    "module_utils/_names.py": {"_secrets", "idna"},
    "module_utils/_records.py": {"_errors", "_names", "dns"},
    "module_utils/_pem.py": {"_errors", "cryptography"},
    "module_utils/_files.py": {"_errors"},
    "module_utils/_secrets.py": {"_texts"},
    "module_utils/_shape.py": set(),
    "module_utils/_plan.py": {"_secrets"},
    "module_utils/_answers.py": VALUES,
    "module_utils/_publishing.py": VALUES | {"_answers"},
    "module_utils/_resources/*.py": FACTS,
    # What it tells of an object is what the object's own module would show.
    "module_utils/_resources/info.py": FACTS | {"aliases", "backup", "dns", "nameservers", "users"},
    # The planners of the single modules, one after the other.
    "module_utils/_config.py": FACTS | {"_resources"},
    "module_utils/_connection.py": VALUES,
    "module_utils/_interruption.py": set(),
    "module_utils/_state_folder.py": set(),
    "module_utils/_login_limit.py": VALUES | {"_state_folder"},
    "module_utils/_unpublished.py": {"_state_folder"},
    "module_utils/_transport.py": {"requests", "urllib3"},
    "module_utils/_http.py": VALUES | {"_connection", "_login_limit", "_transport", "requests"},
    "module_utils/_sign_in.py": VALUES | {"_connection", "_interruption", "_login_limit", "_http", "pyotp"},
    "module_utils/_client.py": VALUES | {"_connection", "_interruption", "_login_limit", "_http", "_sign_in"},
    "module_utils/_task.py": VALUES | {"_client", "_connection", "_files", "_publishing", "_unpublished"},
    "module_utils/_module.py": VALUES | {"_client", "_http", "_interruption", "_task", "ansible"},
    "modules/*.py": {"_module", "_task", "_resources"},
    "modules/miab_config.py": {"_config", "_module", "_task", "_resources"},
    "plugin_utils/_arguments.py": {"_errors", "ansible"},
    "plugin_utils/_in_process.py": {"_arguments", "_errors", "_http", "_module", "_progress", "_task", "ansible"},
    "plugin_utils/_progress.py": {"_task", "_texts"},
    # What filters know together.
    "plugin_utils/_digest.py": set(),
    "plugin_utils/_told.py": set(),
    "action/*.py": {"modules", "plugin_utils"},
    "filter/*.py": {"plugin_utils", "_texts"},
    "filter/box_name.py": {"ansible"},
    "filter/declaration.py": {"_secrets", "plugin_utils", "ansible"},
    "filter/box_address.py": {"ansible"},
    "filter/health_page.py": {"plugin_utils", "_texts", "jinja2", "markupsafe"},
    "doc_fragments/*.py": set(),
}

FILES = {path: pattern for pattern in MAY_IMPORT for path in sorted(PLUGINS.glob(pattern))}


def imported(path: Path) -> set[str]:
    """The parts of the collection and the libraries that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names} & LIBRARIES
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {(node.module or "").split(".")[0]} & (LIBRARIES | {"ansible_collections"})
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").removeprefix("module_utils").strip(".")
            found |= {parts.split(".")[0]} if parts else {alias.name for alias in node.names}
    return found


def test_every_file_has_a_rule() -> None:
    assert set(FILES) == set(PLUGINS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_imports(path: Path) -> None:
    assert imported(path) <= MAY_IMPORT[FILES[path]]


def test_check_mode_is_asked_for_once() -> None:
    lines = [line for path in UTILS.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len([line for line in lines if "if" in line.split() and "check_mode" in line]) == 1
