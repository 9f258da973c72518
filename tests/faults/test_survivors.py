# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undeclared DNS values survive any fault at any write to the same record set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.box import VERSIONS, Box, Fault, prepare
from tests.tasks import Clock, run_task

from .trial import AtRequest

NAME, RTYPE = "www.example.org", "A"
VALUES = ["192.0.2.%d" % number for number in range(1, 8)]
GONE, SURVIVORS = VALUES[:5], set(VALUES[5:])
WISH = {"name": NAME, "type": RTYPE, "values": GONE, "state": "absent"}
START: dict[str, Any] = {
    "users": [{"email": "ann@example.org", "password": "ann-password-1"}],
    "dns_records": [{"qname": NAME, "rtype": RTYPE, "value": value} for value in VALUES],
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["reset", "500", "504"])
@pytest.mark.parametrize("version", VERSIONS)
def test_undeclared_values_survive(version: str, kind: str, after: bool) -> None:
    clock = Clock()
    with Box(version, control=False) as box:

        def run() -> tuple[dict[str, Any], set[str]]:
            result = run_task(box, "miab_dns_record", WISH, sleep=clock.sleep, now=clock.now)
            return result, {record.value for record in box.state.dns_records}

        prepare(box.state, START)
        run()
        writes = [place for place, entry in enumerate(box.log) if entry.is_write]
        assert len(writes) > 1
        for place in writes:
            box.reset()
            prepare(box.state, START)
            box.faults.append(Fault(kind, match=AtRequest(place, lasts=False), after=after))
            result, held = run()
            assert held >= SURVIVORS, result
            box.faults.clear()
            result, held = run()
            assert not result.get("failed"), result
            assert held == SURVIVORS
