# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forty boxes in one inventory, in parallel: two that fail don't block the others."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import Any

import yaml

from tests.box import Box
from tests.tasks import connection

from .playbooks import run_on_hosts

RECAP = re.compile(r"^(box-\d\d) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)

PLAYBOOK: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "mailinabox.admin.miab_config": {
                    "host": "{{ miab_host }}",
                    "username": "{{ miab_username }}",
                    "password": "{{ miab_password }}",
                    "ca_path": "{{ miab_ca_path }}",
                    "users": [{"email": "ann@example.org", "user_password": "ann-password-1"}],
                    "aliases": [
                        {"address": "{{ inventory_hostname }}@example.org", "forwards_to": ["ann@example.org"]}
                    ],
                    "privacy": False,
                }
            }
        ],
    }
]


def test_forty_boxes(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump(PLAYBOOK), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        boxes = {"box-%02d" % number: stack.enter_context(Box()) for number in range(1, 41)}
        hosts = {
            name: {
                "ansible_connection": "local",
                **{"miab_" + option: value for option, value in connection(box).items()},
            }
            for name, box in boxes.items()
        }
        hosts["box-23"]["miab_password"] = "not-the-password"
        stack.enter_context(boxes["box-07"].refusing())
        started = time.monotonic()
        run = run_on_hosts(hosts, tmp_path / "playbook.yml", tmp_path, ["--forks", "10"])
        seconds = time.monotonic() - started
        with capsys.disabled():
            print(f" {len(boxes)} boxes in {seconds:.1f} s ", end="")

        assert run.status == 2, run.output
        failures = {outcome.host: outcome.result["failure"]["code"] for outcome in run.outcomes if outcome.failed}
        assert failures == {"box-07": "connection", "box-23": "authentication"}
        recap = {name: tuple(map(int, counts)) for name, *counts in RECAP.findall(run.output)}
        assert set(recap) == set(boxes)
        for name, box in boxes.items():
            is_well = name not in failures
            assert recap[name] == ((1, 1, 0, 0) if is_well else (0, 0, 0, 1))
            assert (f"{name}@example.org" in box.state.aliases) == is_well
            assert ("ann@example.org" in box.state.users) == is_well
            assert box.state.privacy != is_well
