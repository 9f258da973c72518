# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same over HTTPS, with complete tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.box import Box
from tests.box.zones import ZoneInputs
from tests.tasks import Clock, run_task

from ..integration.playbooks import VERSIONS
from .trial import check_zones, transition
from .world import Maker

NUMBER = 52
# Earlier numbers are tried in memory.
START = 10_000


@pytest.mark.parametrize("version", VERSIONS)
def test_any_declaration_on_any_box(version: str, record_property: Callable[[str, object], None]) -> None:
    ends: Counter[str] = Counter()
    whole: list[ZoneInputs] = []
    with Box(version, control=False) as box:
        for seed in range(START, START + NUMBER):
            maker, clock = Maker(seed), Clock()
            box.reset()
            box.state, declared = maker.state(version), maker.declaration()

            def run(
                check_mode: bool, declared: dict[str, object] = declared, clock: Clock = clock
            ) -> dict[str, object]:
                return run_task(box, "miab_config", declared, check_mode, clock.sleep, clock.now)

            try:
                end, zones = transition(box.state, run)
            except AssertionError as error:
                raise AssertionError(f"{error}\nversion {version}, seed {seed}: {declared}") from error
            ends[end] += 1
            whole += zones
    record_property("transitions", {"how": "over HTTPS", "ends": dict(ends), **check_zones(whole)})
