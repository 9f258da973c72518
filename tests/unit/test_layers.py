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

# Not in the standard library, and imported only by what needs them.
LIBRARIES = {
    "ansible",
    "cryptography",
    "dns",
    "idna",
    "jinja2",
    "markupsafe",
    "prometheus_client",
    "octodns",
    "pyotp",
    "requests",
    "urllib3",
}

# Which files of the same room, which rooms below it, and which libraries a file may import.
MAY_IMPORT = {
    "module_utils/_values/texts.py": set(),
    "module_utils/_values/errors.py": {"texts"},
    "module_utils/_values/secrets.py": {"texts"},
    "module_utils/_values/names.py": {"secrets", "idna"},
    "module_utils/_values/records.py": {"errors", "names", "dns"},
    "module_utils/_values/pem.py": {"errors", "cryptography"},
    "module_utils/_model/shape.py": set(),
    "module_utils/_model/plan.py": {"_values"},
    "module_utils/_model/wording.py": {"_values"},
    "module_utils/_model/approval.py": {"_values", "plan", "shape", "wording"},
    "module_utils/_model/reads.py": {"_values", "plan", "shape"},
    "module_utils/_model/forks.py": {"_values", "plan", "reads"},
    "module_utils/_model/snapshot.py": {"_values", "approval", "forks", "plan", "reads", "shape"},
    "module_utils/_model/publishing.py": {"_values", "forks", "plan", "reads"},
    "module_utils/_resources/*.py": {"_model", "_values"},
    # What it tells of an object is what the object's own module would show.
    "module_utils/_resources/info.py": {"_model", "_values", "aliases", "backup", "dns", "nameservers", "users"},
    # The planners of the single modules, one after the other.
    "module_utils/_resources/whole_box.py": {
        "_model",
        "_values",
        "aliases",
        "backup",
        "dns",
        "keep",
        "nameservers",
        "notes",
        "system",
        "users",
    },
    "module_utils/_box/connection.py": {"_values"},
    "module_utils/_box/interruption.py": set(),
    "module_utils/_box/state_folder.py": set(),
    "module_utils/_box/login_limit.py": {"_values", "state_folder"},
    "module_utils/_box/unpublished.py": {"state_folder"},
    "module_utils/_box/transport.py": {"requests", "urllib3"},
    "module_utils/_box/clock.py": set(),
    "module_utils/_box/answers.py": {"_model", "_values", "connection"},
    "module_utils/_box/https.py": {
        "_model",
        "_values",
        "answers",
        "connection",
        "login_limit",
        "transport",
        "requests",
    },
    "module_utils/_box/sign_in.py": {
        "_model",
        "_values",
        "answers",
        "clock",
        "connection",
        "interruption",
        "login_limit",
        "https",
        "pyotp",
    },
    "module_utils/_box/client.py": {
        "_model",
        "_values",
        "clock",
        "connection",
        "interruption",
        "login_limit",
        "https",
        "sign_in",
    },
    "module_utils/_engine/files.py": {"_values"},
    "module_utils/_engine/progress.py": set(),
    "module_utils/_engine/comparison.py": {"_model", "_values"},
    "module_utils/_engine/offline.py": {"_box", "_model", "_values"},
    "module_utils/_engine/report.py": {"_model", "_values"},
    "module_utils/_engine/ledger.py": {"_model", "_values"},
    "module_utils/_engine/planning.py": {"_box", "_model", "_values", "files", "progress"},
    "module_utils/_engine/publication.py": {"_box", "_model", "_values", "ledger"},
    "module_utils/_engine/recovery.py": {
        "_box",
        "_model",
        "_values",
        "comparison",
        "ledger",
        "planning",
        "publication",
    },
    "module_utils/_engine/execution.py": {
        "_box",
        "_model",
        "_values",
        "comparison",
        "ledger",
        "planning",
        "progress",
        "publication",
        "recovery",
    },
    "module_utils/_engine/task.py": {
        "_box",
        "_model",
        "_values",
        "execution",
        "offline",
        "planning",
        "progress",
        "report",
    },
    "module_utils/_engine/module.py": {"_box", "_model", "_values", "progress", "task", "ansible"},
    "modules/*.py": {"_engine", "_resources"},
    "plugin_utils/_arguments.py": {"_values", "_variables", "ansible"},
    "plugin_utils/_in_process.py": {
        "_arguments",
        "_box",
        "_engine",
        "_origins",
        "_progress",
        "_refused_logins",
        "_values",
        "ansible",
    },
    # The documentation of actions.
    "modules/dns_push.py": set(),
    "modules/dns_verify.py": set(),
    "plugin_utils/_progress.py": {"_engine", "_values"},
    "plugin_utils/_refused_logins.py": set(),
    # What filters know together.
    "plugin_utils/_boxes.py": set(),
    "plugin_utils/_digest.py": set(),
    "plugin_utils/_origins.py": {"_values", "ansible"},
    "plugin_utils/_parsing.py": set(),
    "plugin_utils/_variables.py": set(),
    "plugin_utils/_markdown.py": {"_values"},
    "plugin_utils/_controller.py": {"_values", "ansible"},
    # DNS hosted elsewhere: what is wanted, in the forms of others, compared with answers; who asks, and who writes.
    "plugin_utils/_dns_model.py": {"_values", "dns"},
    "plugin_utils/_dns_export.py": set(),
    "plugin_utils/_dns_compare.py": {"_dns_model"},
    "plugin_utils/_dns_ask.py": {"_values", "_dns_compare", "_dns_model", "dns"},
    "plugin_utils/_octodns.py": {"_values", "_dns_export"},
    "plugin_utils/_octodns_processor.py": {"octodns"},
    "plugin_utils/_version.py": set(),
    "action/*.py": {"modules", "plugin_utils"},
    "action/dns_push.py": {"plugin_utils", "_values"},
    "action/dns_verify.py": {"plugin_utils", "_values"},
    "filter/*.py": {"plugin_utils", "_values"},
    "filter/plan.py": {"_model", "plugin_utils", "_values"},
    "filter/plan_markdown.py": {"_model", "plugin_utils", "_values"},
    "filter/plan_text.py": {"_model", "_values"},
    "lookup/*.py": {"plugin_utils", "ansible"},
    "filter/doctor.py": {"_values"},
    "filter/box_name.py": {"plugin_utils", "ansible"},
    "filter/declaration.py": {"plugin_utils", "_values", "ansible"},
    "filter/box_address.py": {"plugin_utils", "ansible"},
    "filter/dns_markdown.py": {"_model", "plugin_utils"},
    "filter/dns_wanted.py": {"plugin_utils", "_values", "ansible"},
    "filter/dns_zone_file.py": {"plugin_utils", "ansible"},
    "filter/problems.py": {"plugin_utils", "_values", "ansible"},
    "filter/health_metrics.py": {"plugin_utils", "_values", "ansible", "prometheus_client"},
    "filter/health_page.py": {"plugin_utils", "_values", "jinja2", "markupsafe"},
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
