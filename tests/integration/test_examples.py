# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the examples of the documentation unchanged."""

from __future__ import annotations

import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.box import Box, crypto
from tests.box.prepare import prepare
from tests.tasks import connection

from .playbooks import ROOT, run_playbook

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("miab_*.py"))

# A box on which every example changes something, and the variables of the examples.
STATE: dict[str, Any] = {
    "users": [
        {"email": "ann@example.org", "password": "ann-old-password"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
        {"email": "carol@example.org", "password": "carol-password-1"},
        {"email": "dan@example.org", "password": "dan-password-1", "privileges": ["admin"]},
    ],
    "aliases": [{"address": "info@example.org", "forwards_to": ["carol@example.org"]}],
    "dns_records": [{"qname": "blog.example.org", "rtype": "CNAME", "value": "host.example.net"}],
}
BACKUP_TARGETS = {
    "rsync://box@backup.example.net//srv/box",
    "s3://s3.eu-central-1.amazonaws.com/example-backups/box",
}
VARIABLES = {
    "ann_password": "ann-new-password",
    "bob_password": "bob-password-2",
    "dan_password": "dan-password-1",
    "backup_access_key": "ACCESSKEY",
    "backup_secret_key": "secret-key-of-s3",
    "automation_totp_secret": "JBSWY3DPEHPK3PXP" * 2,
    "miab_totp_secret": "JBSWY3DPEHPK3PXP" * 2,
}


def write_files(folder: Path) -> None:
    """Write the files that the examples read: a certificate for the box, and the certificate of the authority."""
    now = datetime.datetime.now(datetime.timezone.utc)
    key = crypto.box_key().public_key()
    pem = crypto.sign(["box.example.com"], key, now, now + datetime.timedelta(days=365))
    (folder / "box.example.com.pem").write_text(pem, encoding="ascii")
    (folder / "chain.pem").write_text(crypto.authority().pem, encoding="ascii")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, newest_box: Box, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    newest_box.state.backup_targets |= BACKUP_TARGETS
    write_files(tmp_path)
    tasks = yaml.safe_load(import_module("ansible_collections.mailinabox.admin.plugins.modules." + name).EXAMPLES)
    variables = {**VARIABLES, **{"miab_" + option: value for option, value in connection(newest_box).items()}}
    plays = [{"hosts": "box", "gather_facts": False, "vars": variables, "tasks": tasks}]
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
    environment = {"MIAB_" + option.upper(): value for option, value in connection(newest_box).items()}
    run = run_playbook(newest_box, tmp_path / "playbook.yml", tmp_path, environment=environment)
    assert run.status == 0, run.output
    assert len(run.outcomes) >= len(tasks)
    assert not [outcome.result for outcome in run.outcomes if outcome.failed]
