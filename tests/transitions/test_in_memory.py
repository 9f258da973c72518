# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random states and declarations without HTTP: the planners against the rules of the simulated box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from tests.box import State
from tests.box.zones import ZoneInputs
from tests.tasks import CONNECTION, task, validated
from tests.unit.test_any_state import RulesClient

from ..integration.playbooks import VERSIONS
from .trial import check_zones, transition
from .world import Maker

SIZE = 50
NUMBER = 26


# Longer than any answer counts as recent, so each is read again before a call that rests on it.
SLOW = 2.0


def runner(state: State, declared: dict[str, Any]) -> Callable[[bool], dict[str, Any]]:
    options = validated("miab_config", {**CONNECTION, **declared})
    return lambda check_mode: run(
        task("miab_config"), options, check_mode, connect=lambda _connection: RulesClient(state, SLOW)
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", range(NUMBER))
def test_any_declaration_on_any_box(version: str, number: int, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()
    whole: list[ZoneInputs] = []
    for seed in range(number * SIZE, (number + 1) * SIZE):
        maker = Maker(seed)
        state, declared = maker.state(version), maker.declaration()
        try:
            end, zones = transition(state, runner(state, declared))
        except AssertionError as error:
            raise AssertionError(f"{error}\nversion {version}, seed {seed}: {declared}") from error
        ends[end] += 1
        whole += zones
    record_property("transitions", {"how": "in memory", "ends": dict(ends), **check_zones(whole)})
