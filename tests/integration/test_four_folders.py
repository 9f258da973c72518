# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks, roles and modules work without any file outside meta, playbooks, plugins and roles, as Ansible requires."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from artifact import USED

from ansible_collections.mailinabox.admin.plugins.plugin_utils._version import VERSION
from tests.box import Box
from tests.tasks import connection

from .playbooks import DOORS, ROOT, run_on_hosts

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
# It asks for the new account's password.
AT_A_TERMINAL = "bootstrap"
FILES = {
    "box.example.com.json",
    "box.example.com.yml",
    "dns.json",
    "dns.md",
    "health.html",
    "health.prom",
    "plan.json",
    "plan.md",
}


@pytest.mark.timeout(200)
def test_every_playbook_role_and_module_runs(newest_box: Box, tmp_path: Path) -> None:
    collection = tmp_path / "collections/ansible_collections/mailinabox/admin"
    for name in sorted(USED):
        shutil.copytree(ROOT / name, collection / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        # The virtual environment contains the checkout.
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
    }
    files = tmp_path / "files"
    kinds = ("export", "plan", "snapshot", "health", "metrics", "dns")
    variables = {
        **{f"miab_{name}": value for name, value in connection(newest_box).items()},
        **{f"miab_{kind}_folder": str(files) for kind in kinds if kind != "snapshot"},
        "miab_users": [{"email": "ann@example.org", "user_password": "ann-password-1"}],
        "miab_dns_verify": False,
    }
    tasks = [{"mailinabox.admin.miab_dns_update": {}, "vars": {"ansible_connection": way}} for way in DOORS.values()]
    roles = [{"ansible.builtin.include_role": {"name": f"mailinabox.admin.{name}"}} for name in ("box", "dns")]
    defaults = {"group/mailinabox.admin.box": connection(newest_box)}
    play = {
        "hosts": "all",
        "gather_facts": False,
        "connection": "local",
        "module_defaults": defaults,
        "tasks": [*tasks, *roles],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")

    playbooks = [f"mailinabox.admin.{name}" for name in PLAYBOOKS if name not in (AT_A_TERMINAL, "snapshot")]
    hosts = {"box.example.com": variables}
    run = run_on_hosts(hosts, tmp_path / "play.yml", tmp_path, playbooks, environment, seconds=180)
    assert run.status == 0, run.output
    # `plan` would read the snapshots of its folder.
    snapshots = ["-e", f"miab_snapshot_folder={files}"]
    run = run_on_hosts(hosts, Path("mailinabox.admin.snapshot"), tmp_path, snapshots, environment)
    assert run.status == 0, run.output
    assert {path.name for path in files.iterdir()} == FILES
    assert json.loads((files / "plan.json").read_text(encoding="utf-8"))["collection"] == VERSION
    assert "ann@example.org" in newest_box.state.users
    assert not [path for path in collection.iterdir() if path.name not in USED]
