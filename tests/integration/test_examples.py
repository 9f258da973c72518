# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documentation, run as they stand."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box
from tests.box.prepare import prepare

from .playbooks import ROOT, connection, run_playbook

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("miab_*.py"))

# A box on which every example has something to do, and the variables that examples name.
STATE: dict[str, Any] = {
    "users": [
        {"email": "ann@example.org", "password": "ann-old-password"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
        {"email": "carol@example.org", "password": "carol-password-1"},
    ],
    "aliases": [{"address": "info@example.org", "forwards_to": ["carol@example.org"]}],
    "dns_records": [{"qname": "blog.example.org", "rtype": "CNAME", "value": "host.example.net"}],
}
VARIABLES = {"ann_password": "ann-new-password", "bob_password": "bob-password-2"}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, newest_box: Box, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    tasks = yaml.safe_load(import_module("ansible_collections.mailinabox.admin.plugins.modules." + name).EXAMPLES)
    plays = [{"hosts": "box", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}]
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    environment = {"MIAB_" + option.upper(): value for option, value in connection(newest_box).items()}
    run = run_playbook(newest_box, tmp_path / "playbook.yml", tmp_path, environment=environment)
    assert run.status == 0, run.output
    assert len(run.outcomes) >= len(tasks)
    assert not [outcome.result for outcome in run.outcomes if outcome.failed]
