# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the number of tried inputs and their results at the end of pytest's output."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.records import recorded


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: Counter[str] = Counter()
    options: Counter[str] = Counter()
    for _passed, value in recorded(terminalreporter, "bad input"):
        options[value["module"]] += 1
        counts.update(value["ends"])
    if not options:
        return
    terminalreporter.section("bad input")
    terminalreporter.write_line(
        f"{sum(options.values())} options of {len(options)} tasks and doors: {sum(counts.values())} inputs tried"
    )
    for end, number in sorted(counts.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"{number:>7} {end}")
