# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Privacy, packages and restart: the order of the calls, and what check mode can predict."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import PRIVACY, REBOOT_REQUIRED, UPDATES
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import system
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption, UnexpectedAnswer

OPENSSL = "openssl (3.0.2)"


def wanted(**options: Any) -> system.WantedSystem:
    return system.check({"privacy": None, "packages": None, "reboot": None, "reboot_timeout": 600, **options})


UP_TO_DATE = {"packages": "latest", "reboot": "if_required"}


def known(privacy: bool = True, updates: tuple[str, ...] = (), reboot: bool = False, **more: Any) -> dict[str, Any]:
    return {PRIVACY.name: privacy, UPDATES.name: updates, REBOOT_REQUIRED.name: reboot, **more}


@pytest.mark.parametrize(
    ("options", "state", "paths", "needs_replan", "after"),
    [
        ({"privacy": True}, known(), [], False, {"privacy": True}),
        ({"privacy": False}, known(), ["privacy"], False, {"privacy": False}),
        ({"packages": "latest"}, known(), [], False, {"updates": []}),
        ({"packages": "latest"}, known(updates=(OPENSSL,)), ["update-packages"], False, {"updates": []}),
        ({"reboot": "if_required"}, known(), [], False, {"reboot_required": False}),
        ({"reboot": "if_required"}, known(reboot=True), ["reboot"], False, {"reboot_required": False}),
        (UP_TO_DATE, known(updates=(OPENSSL,)), ["update-packages"], True, {"updates": []}),
        (
            {**UP_TO_DATE, "privacy": False},
            known(updates=(OPENSSL,), reboot=True),
            ["privacy", "update-packages", "reboot"],
            False,
            {"privacy": False, "updates": [], "reboot_required": False},
        ),
        # The box still lists the packages that were just upgraded.
        (
            UP_TO_DATE,
            known(updates=(OPENSSL,), reboot=True, upgraded=1),
            ["reboot"],
            False,
            {"updates": [], "reboot_required": False},
        ),
    ],
)
def test_calls(
    options: dict[str, Any], state: dict[str, Any], paths: list[str], needs_replan: bool, after: dict[str, Any]
) -> None:
    change = system.plan(wanted(**options), state)
    assert [call.path for call in change.calls] == ["/system/" + path for path in paths]
    assert change.needs_replan == needs_replan
    assert change.after == after
    assert (change.before != change.after) == bool(paths)


def test_only_the_requested_state_is_read() -> None:
    assert system.needs(wanted(privacy=True), {}) == [PRIVACY]
    assert system.needs(wanted(**UP_TO_DATE), {}) == [UPDATES, REBOOT_REQUIRED]
    assert system.needs(wanted(**UP_TO_DATE), {"upgraded": 0}) == [REBOOT_REQUIRED]
    assert system.needs(wanted(**UP_TO_DATE), known()) == []


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("Reading package lists...\n3 upgraded, 0 newly installed, 0 to remove and 1 not upgraded.\n", 3),
        ("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n", 0),
        ("Summary:\n  Upgrading: 12, Installing: 0, Removing: 0, Not Upgrading: 0\n", 12),
    ],
)
def test_how_many_were_upgraded(said: str, count: int) -> None:
    (call,) = system.plan(wanted(packages="latest"), known(updates=(OPENSSL,))).calls
    assert call.parse is not None
    assert call.parse(said) == count


def test_an_upgrade_with_an_empty_answer_is_an_error() -> None:
    (call,) = system.plan(wanted(packages="latest"), known(updates=(OPENSSL,))).calls
    assert call.parse is not None
    with pytest.raises(UnexpectedAnswer, match="how many packages"):
        call.parse("E: Could not get lock")


def test_a_restart_is_over_when_none_is_pending() -> None:
    (call,) = system.plan(wanted(reboot="if_required", reboot_timeout=60), known(reboot=True)).calls
    assert call.parse is not None
    assert call.outage is not None
    assert call.parse("") is True
    assert call.parse("No reboot is required, so it is not allowed.") is False
    assert call.outage.over.parse(False) is True
    assert call.outage.over.parse(True) is False
    assert (call.outage.seconds, call.outage.option) == (60, "reboot_timeout")


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(InvalidOption, match="reboot_timeout"):
        wanted(privacy=True, reboot_timeout=0)
