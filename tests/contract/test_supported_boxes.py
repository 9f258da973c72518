# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the table of supported boxes, on each box."""

from __future__ import annotations

import pytest

from tests.box import KNOWN, Box, CustomRecord, new_state, prepare
from tests.tasks import Clock, run_task

from .supported_boxes import BOXES, PAGE, RECORDS, ROWS, STATE, Row, page


@pytest.mark.parametrize("name", BOXES)
def test_each_row_of_the_table(name: str) -> None:
    assert BOXES.keys() == KNOWN.keys()
    clock = Clock()
    state = new_state(name)
    state.clock = clock.now
    prepare(state, STATE)
    state.dns_records = [CustomRecord(record["qname"], record["rtype"], record["value"]) for record in RECORDS]
    state.of_fork["target_rsync_port"] = 2222
    with Box(state=state) as box:
        for row in ROWS:
            box.reset()
            ended = _end(box, row, clock)
            expected = "loses_data" if name in row.loses else "unsupported" if name in row.lacks else ""
            # A declaration reports all mistakes together.
            declared = expected and row.tasks[0][0] == "config"
            assert ended == ("invalid_declaration" if declared else expected), row.what
            assert box.state.of_fork.get("target_rsync_port") == 2222, row.what


def _end(box: Box, row: Row, clock: Clock) -> str:
    """The failure code of a task, if it fails. In that case, nothing was sent."""
    for module, options in row.tasks:
        before = sum(entry.is_write for entry in box.log)
        result = run_task(box, "miab_" + module, options, sleep=clock.sleep, now=clock.now)
        if result.get("failed"):
            assert sum(entry.is_write for entry in box.log) == before
            return str(result["failure"]["code"])
        box.is_up.wait(20)
    return ""


def test_the_page_is_written_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make supported-boxes"
