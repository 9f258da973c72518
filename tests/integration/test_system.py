# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_system as playbooks use it: four versions, both doors, packages and a box that goes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from tests.box import Box
from tests.box.faults import Fault
from tests.tasks import connection

from .expected import Expected, check_tasks
from .playbooks import play

MODULE = "miab_system"
UP_TO_DATE = {"packages": "latest", "reboot": "if_required"}


def task(check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return {"mailinabox.admin." + MODULE: options, "check_mode": check_mode, "diff": True}


def paths(outcome: Any) -> list[str]:
    return [call["path"] for call in outcome.result["calls"]]


TASKS = """
- name: Turn off the check for new versions, which is off already
  mailinabox.admin.miab_system:
    privacy: true

- name: Turn on the check for new versions
  mailinabox.admin.miab_system:
    privacy: false

- name: Upgrade the packages
  mailinabox.admin.miab_system:
    packages: latest

- name: Turn off the check again, upgrade, and restart if necessary
  mailinabox.admin.miab_system:
    privacy: true
    packages: latest
    reboot: if_required
"""


def test_one_thing_after_the_other(box: Box, door: str, tmp_path: Path) -> None:
    expected = {
        "Turn off the check for new versions, which is off already": Expected(
            lambda state: state["privacy"] is True, changed=False
        ),
        "Turn on the check for new versions": Expected(lambda state: state["privacy"] is False, calls=1),
        "Upgrade the packages": Expected(lambda state: state["updates"] == {}, calls=1),
        "Turn off the check again, upgrade, and restart if necessary": Expected(
            lambda state: state["privacy"] is True, calls=1
        ),
    }
    check_tasks(box, TASKS, expected, tmp_path, door)


def test_a_restart_that_is_due(box: Box, door: str, tmp_path: Path) -> None:
    box.state.reboot_required = True
    tasks = [task(True, privacy=False, **UP_TO_DATE), task(privacy=False, **UP_TO_DATE), task(**UP_TO_DATE)]
    predicted, real, again = play(box, tasks, tmp_path, door).outcomes
    assert paths(predicted) == ["/system/privacy", "/system/update-packages", "/system/reboot"]
    assert real.result["changed"], real.result
    assert predicted.result["calls"] == real.result["calls"]
    assert predicted.result["diff"] == real.result["diff"]
    assert real.result["system"] == {"privacy": False, "updates": [], "reboot_required": False}
    assert not again.result["changed"]
    assert box.is_up.is_set()


def test_a_restart_that_the_packages_call_for(box: Box, door: str, tmp_path: Path) -> None:
    box.state.updates["linux-image-generic"] = "5.15.0.130.128"
    predicted, real, again = play(
        box, [task(True, **UP_TO_DATE), task(**UP_TO_DATE), task(**UP_TO_DATE)], tmp_path, door
    ).outcomes
    # The restart becomes necessary only through the upgrade, so check mode can't predict it.
    assert paths(predicted) == ["/system/update-packages"]
    assert predicted.result["system"] == {"updates": []}
    assert paths(real) == ["/system/update-packages", "/system/reboot"]
    assert real.result["system"] == {"updates": [], "reboot_required": False}
    assert real.result["diff"]["before"]["updates"] == [
        "linux-image-generic (5.15.0.130.128)",
        "openssl (3.0.2-0ubuntu1.21)",
        "tzdata (2026b-0ubuntu0.22.04)",
    ]
    assert real.result["diff"]["after"] == {"updates": [], "reboot_required": False}
    assert not again.result["changed"]
    assert "warnings" not in real.result


def test_packages_that_call_for_no_restart(newest_box: Box, door: str, tmp_path: Path) -> None:
    predicted, real = play(newest_box, [task(True, **UP_TO_DATE), task(**UP_TO_DATE)], tmp_path, door).outcomes
    assert paths(predicted) == paths(real) == ["/system/update-packages"]
    assert real.result["system"] == {"updates": [], "reboot_required": False}


def test_a_list_of_packages_that_is_old(newest_box: Box, door: str, tmp_path: Path) -> None:
    """The box may list packages that were upgraded in the meantime. Its answer to the upgrade counts."""

    def upgraded_by_somebody_else(request: Any) -> bool:
        if request.path == "/system/update-packages":
            newest_box.state.updates = {}
        return False

    newest_box.faults.append(Fault("500", upgraded_by_somebody_else))
    outcome = play(newest_box, [task(packages="latest")], tmp_path, door).outcomes[0]
    assert paths(outcome) == ["/system/update-packages"]
    assert not outcome.result["changed"]
    assert outcome.result["system"] == {"updates": []}


def key(box: Box) -> str:
    """Sign in with the password, and return a key. The request depends on the version."""
    method, path = ("POST", "/login") if box.state.capabilities.sessions else ("GET", "/me")
    credentials = (box.username, box.password)
    answer = requests.request(method, box.url + path, auth=credentials, verify=box.cacert, timeout=10)
    return str(answer.json()["api_key"])


def test_a_key_ends_with_the_restart(box: Box, door: str, tmp_path: Path) -> None:
    box.state.reboot_required = True
    defaults = {**connection(box), "api_key": key(box)}
    outcome = play(box, [task(reboot="if_required")], tmp_path, door, defaults).outcomes[0]
    assert outcome.result["system"] == {"reboot_required": False}, outcome.result
    assert "warnings" not in outcome.result

    box.state.reboot_required = True
    assert box.is_up.wait(20)
    defaults = {**connection(box), "api_key": key(box)}
    del defaults["password"]
    outcome = play(box, [task(reboot="if_required")], tmp_path, door, defaults).outcomes[0]
    assert outcome.result["changed"], outcome.result
    assert "could not be read back" in outcome.result["warnings"][0]
    # One failed login for each key: this is how the run noticed that the key was no longer valid.
    assert len(box.failed_logins) == 2


@pytest.mark.parametrize("kind", ["reset", "502"])
def test_a_box_that_is_gone_before_it_answers(newest_box: Box, door: str, tmp_path: Path, kind: str) -> None:
    newest_box.state.reboot_required = True
    newest_box.faults.append(Fault(kind, "POST /system/reboot", after=True))
    outcome = play(newest_box, [task(reboot="if_required")], tmp_path, door).outcomes[0]
    assert outcome.result["changed"], outcome.result
    assert outcome.result["system"] == {"reboot_required": False}


def test_a_box_that_does_not_come_back(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.state.reboot_required = True
    # The box never restarts, so the flag that the task waits for stays set.
    newest_box.faults.append(Fault("502", "POST /system/reboot"))
    outcome = play(newest_box, [task(reboot="if_required", reboot_timeout=1)], tmp_path, door).outcomes[0]
    assert outcome.failed
    assert outcome.result["failure"]["code"] == "timed_out"
    assert outcome.result["msg"].startswith("reboot_timeout: the box is not back after 1 s.")
    assert outcome.result["msg"].endswith("Run the task again to make sure.")
    assert paths(outcome) == []


def test_an_upgrade_whose_answer_is_lost(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.faults.append(Fault("504", "POST /system/update-packages", after=True))
    outcome = play(newest_box, [task(packages="latest")], tmp_path, door).outcomes[0]
    assert outcome.result["failure"]["code"] == "outcome_unknown"
    assert "Run the task again to make sure." in outcome.result["msg"]


def test_bad_options(newest_box: Box, door: str, tmp_path: Path) -> None:
    nothing, limit = play(newest_box, [task(), task(privacy=True, reboot_timeout=0)], tmp_path, door).outcomes
    assert "one of the following is required: privacy, packages, reboot" in nothing.result["msg"]
    assert limit.result["failure"]["details"]["option"] == "reboot_timeout"
