# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_dns_update and miab_web_update as playbooks use them: four versions, both doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.box import Box
from tests.box.faults import Fault
from tests.tasks import run_task

from .playbooks import play

DNS = "mailinabox.admin.miab_dns_update"
WEB = "mailinabox.admin.miab_web_update"


def in_both_modes(module: str, **options: Any) -> list[dict[str, Any]]:
    return [{module: options, "check_mode": True}, {module: options}]


def test_dns(box: Box, door: str, tmp_path: Path) -> None:
    tasks = [*in_both_modes(DNS), *in_both_modes(DNS), *in_both_modes(DNS, force=True)]
    outcomes = play(box, tasks, tmp_path, door).outcomes
    # A new box has not written its zones yet.
    assert [outcome.result["changed"] for outcome in outcomes] == [False, True, False, False, True, True]
    assert outcomes[1].result["dns_update"] == {"force": False, "updated": ["box.example.com"]}
    assert outcomes[3].result["dns_update"] == {"force": False, "updated": []}
    assert outcomes[4].result["dns_update"] == {"force": True}
    assert outcomes[5].result["dns_update"] == {"force": True, "updated": ["box.example.com"]}
    for predicted, real in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert predicted.result["calls"] == real.result["calls"]
        assert predicted.result["diff"] == real.result["diff"]
        assert real.result["requests"] == {"reads": 1, "writes": 1}


def test_web(box: Box, door: str, tmp_path: Path) -> None:
    outcomes = play(box, [*in_both_modes(WEB), *in_both_modes(WEB)], tmp_path, door).outcomes
    assert [outcome.result["changed"] for outcome in outcomes] == [False, True, False, False]
    assert [outcome.result["web_update"] for outcome in outcomes] == [{}, {"updated": True}, {}, {"updated": False}]
    assert outcomes[0].result["calls"] == outcomes[1].result["calls"] == [{"method": "POST", "path": "/web/update"}]


@pytest.mark.parametrize("module", ["miab_dns_update", "miab_web_update"])
def test_check_mode_signs_in(newest_box: Box, module: str) -> None:
    result = run_task(newest_box, module, {"password": "not-the-password"}, check_mode=True)
    assert result["failure"]["code"] == "authentication"
    newest_box.faults.append(Fault("503", "GET /dns/zones", times=10))
    assert run_task(newest_box, module, {}, check_mode=True, sleep=lambda _seconds: None)["failed"]


@pytest.mark.parametrize(("module", "path"), [(DNS, "/dns/update"), (WEB, "/web/update")])
def test_a_failure_is_the_boxs_own(newest_box: Box, door: str, tmp_path: Path, module: str, path: str) -> None:
    newest_box.faults.append(Fault("500", "POST " + path))
    outcome = play(newest_box, [{module: {}}], tmp_path, door).outcomes[0]
    assert outcome.failed
    assert outcome.result["failure"]["code"] == "outcome_unknown"
    assert "POST %s: the box answered 500" % path in outcome.result["msg"]
