# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile box and whole playbooks: what it says is text, from the export to the page of health."""

from __future__ import annotations

from pathlib import Path

from tests.box import Box
from tests.box.prepare import prepare
from tests.hostile import values

from .test_playbooks import run, writes


def test_no_playbook_runs_what_a_box_says(newest_box: Box, tmp_path: Path) -> None:
    canary, host = tmp_path / "canary", {"box.example.com": newest_box}
    texts = [
        text for text in dict.fromkeys(map(str.strip, values(700, canary))) if text.isascii() and text.isprintable()
    ]
    records = [{"qname": "x.example.org", "rtype": "TXT", "value": text} for text in texts]
    prepare(
        newest_box.state,
        {"users": [{"email": "ann@example.org", "password": "ann-password-1"}], "dns_records": records},
    )
    into = (
        "-e",
        f"miab_export_folder={tmp_path}",
        "-e",
        f"miab_plan_folder={tmp_path}",
        "-e",
        f"miab_health_folder={tmp_path}",
    )
    exported = run("export", host, tmp_path, *into)
    assert exported.status == 0, exported.output
    declared = ("-e", f"@{tmp_path / 'box.example.com.yml'}")
    for name in ("plan", "apply"):
        done = run(name, host, tmp_path, *into, *declared)
        assert done.status == 0, done.output[-3000:]
    run("health", host, tmp_path, *into)
    assert len(texts) > 200
    assert not writes(newest_box)
    assert not canary.exists()


def test_an_address_that_ends_its_quotes_is_refused(newest_box: Box, tmp_path: Path) -> None:
    canary, host = tmp_path / "canary", {"box.example.com": newest_box}
    prepare(newest_box.state, {"users": [{"email": "ann@example.org", "password": "ann-password-1"}]})
    hostile = next(values(1, canary)).lower()
    newest_box.state.users[hostile] = newest_box.state.users["ann@example.org"]
    newest_box.state.users[hostile].email = hostile
    into = ("-e", f"miab_export_folder={tmp_path}", "-e", f"miab_health_folder={tmp_path}")
    done = run("export", host, tmp_path, *into)
    assert done.status != 0
    assert "export again" in done.output
    assert not (tmp_path / "box.example.com.yml").exists()
    run("health", host, tmp_path, *into)
    assert not canary.exists()
