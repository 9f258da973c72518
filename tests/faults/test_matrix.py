# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of fault at every kind of write, and at reads: nothing is lost.

A task that meets a fault has two acceptable results. It succeeds, and the box matches the declaration. Or it fails with
a message that says what was done and what wasn't, and the next run, without the fault, succeeds. Writes that are not
safe to repeat are never repeated.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.box import Box

from .conftest import ENDED
from .kinds import AT_READS, AT_SIGN_IN, AT_WRITES, CRASHES, Kind
from .scenarios import SCENARIOS, Scenario
from .trial import Baseline, Network, Trial

Record = Callable[[str, object], None]


def places(kind: Kind, scenario: Scenario, baseline: Baseline) -> list[int]:
    """The requests at which a fault is tried: the first, a middle and the last write, the first read, and reading back.

    A crash is tried at every write.
    """
    if kind in CRASHES:
        found = list(baseline.writes)
    elif kind in AT_SIGN_IN:
        found = [baseline.sign_in]
    elif kind in AT_READS:
        # All tasks begin in the same way, so one of them is enough.
        found = [baseline.first_read if scenario.name == "config" else None, baseline.read_back]
    else:
        writes = baseline.writes
        found = [writes[0], writes[len(writes) // 2], writes[-1]]
    if kind.fault["kind"] == "refuse":
        # The box stops after the previous request.
        found = [place - 1 for place in found if place]
    return sorted({place for place in found if place is not None})


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        pytest.param(kind, version, id=f"{kind.name} on {version}")
        for kind in (*AT_WRITES, *CRASHES, *AT_READS, *AT_SIGN_IN)
        for version in kind.versions
    ],
)
def test_nothing_is_lost(
    boxes: dict[str, Box], network: Network, record_property: Record, kind: Kind, version: str
) -> None:
    lost = []
    for scenario in SCENARIOS:
        trial = Trial(boxes[version], scenario, kind, network)
        if not trial.is_possible:
            continue
        baseline = trial.baseline()
        for place in places(kind, scenario, baseline):
            end, why = trial.run(place, baseline)
            record_property(ENDED, {"kind": kind.name, "end": end})
            if why:
                lost.append(f"{scenario.name}, request {place}: {why}")
    assert not lost, "\n".join(lost)
