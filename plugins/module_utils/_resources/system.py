# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System settings: privacy, package updates and reboot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

from .._model.plan import SINGLE, Call, Change, Known, Outage, Planner, Question, Read, View
from .._model.reads import PRIVACY, REBOOT_REQUIRED, UPDATES
from .._values.errors import InvalidOption, UnexpectedAnswer

_UPGRADED = "upgraded"
# The output of apt before version 3, and from version 3 on.
_COUNT = re.compile(r"^(?:(?=\d+ upgraded)|\s*Upgrading: )(\d+)", re.MULTILINE)
_NO_REBOOT = "No reboot is required"

# A large upgrade can take this long on a small machine. The timeout of the connection is meant for other requests.
_UPGRADE_SECONDS = 1800

# The flag is cleared by the restart, and not before.
_BACK = Read("back", REBOOT_REQUIRED.path, lambda required: required is False)


@dataclass(frozen=True)
class WantedSystem:
    """The declared system settings. None or False leaves a setting unchanged."""

    private: Optional[bool] = None
    upgrade: bool = False
    reboot: bool = False
    reboot_timeout: int = 600


def check(options: Mapping[str, Any]) -> WantedSystem:
    """The options of ``miab_system``.

    :raises InvalidOption: for an invalid time limit.
    """
    if options["reboot_timeout"] < 1:
        raise InvalidOption("reboot_timeout", options["reboot_timeout"], "must be a number of seconds greater than 0")
    return WantedSystem(
        private=options["privacy"],
        upgrade=options["packages"] is not None,
        reboot=options["reboot"] is not None,
        reboot_timeout=options["reboot_timeout"],
    )


def needs(wanted: WantedSystem, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    questions: list[Question] = []
    if wanted.private is not None:
        questions.append(PRIVACY)
    if wanted.upgrade and _UPGRADED not in known:
        questions.append(UPDATES)
    if wanted.reboot:
        questions.append(REBOOT_REQUIRED)
    return [question for question in questions if question.name not in known]


def plan(wanted: WantedSystem, known: Known) -> Change:
    """Plan the changes: first privacy, which is quick; then packages; then the reboot that they may require."""
    before: View = {}
    after: View = {}
    calls = []
    needs_replan = False
    if wanted.private is not None:
        before["privacy"], after["privacy"] = PRIVACY.of(known), wanted.private
        if before["privacy"] != wanted.private:
            calls.append(Call("POST", "/system/privacy", {"value": "private" if wanted.private else "off"}))
    upgrades = False
    if wanted.upgrade:
        before["updates"], after["updates"] = [] if _UPGRADED in known else list(UPDATES.of(known)), []
        upgrades = bool(before["updates"])
    if upgrades:
        calls.append(
            Call(
                "POST",
                "/system/update-packages",
                parse=_parse_upgrade,
                name=_UPGRADED,
                verifiable=False,
                seconds=_UPGRADE_SECONDS,
            )
        )
    if wanted.reboot:
        before["reboot_required"] = REBOOT_REQUIRED.of(known)
        needs_replan = upgrades and not before["reboot_required"]
        if not needs_replan:
            after["reboot_required"] = False
        if before["reboot_required"]:
            outage = Outage(_BACK, wanted.reboot_timeout, "reboot_timeout")
            calls.append(Call("POST", "/system/reboot", parse=_parse_reboot, outage=outage))
    return Change("system", SINGLE, before, after, tuple(calls), needs_replan=needs_replan)


def _parse_upgrade(answer: str) -> int:
    """How many packages were upgraded."""
    found = _COUNT.search(answer)
    if not found:
        raise UnexpectedAnswer(
            "POST /system/update-packages: the answer does not say how many packages were upgraded: %.200r" % answer,
            path="/system/update-packages",
        )
    return int(found.group(1))


def _parse_reboot(answer: str) -> bool:
    """Whether the box restarts. It does not if it was restarted by somebody else in the meantime."""
    return not answer.startswith(_NO_REBOOT)


PLANNER = Planner(check, needs, plan)
