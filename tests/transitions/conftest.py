# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the number of tried transitions and their results at the end of pytest's output."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.name_server import find
from tests.records import recorded


def pytest_terminal_summary(terminalreporter: Any) -> None:
    _print_approved(terminalreporter)
    _print_scopes(terminalreporter)
    ends: dict[str, Counter[str]] = {}
    zones: dict[str, Counter[str]] = {}
    for _passed, value in recorded(terminalreporter, "transitions"):
        ends.setdefault(value["how"], Counter()).update(value["ends"])
        zones.setdefault(value["how"], Counter()).update({name: value[name] for name in ("zones", "broken")})
    if not ends:
        return
    terminalreporter.section("transitions")
    for how in sorted(ends):
        counts = ", ".join(f"{number} {end}" for end, number in sorted(ends[how].items()))
        terminalreporter.write_line(
            f"{sum(ends[how].values())} transitions {how}: {counts}; "
            f"{zones[how]['zones']} zones looked at, zones broken: {zones[how]['broken']}"
        )
    terminalreporter.write_line(f"the zones were read by {find()}")


def _print_approved(terminalreporter: Any) -> None:
    """The number of boxes that changed between plan and apply, and the results of the approved plans."""
    lines = []
    for name, how in (("approved", "in memory"), ("approved by playbooks", "with whole playbooks")):
        found: Counter[str] = Counter()
        for _passed, value in recorded(terminalreporter, name):
            found.update(value)
        if found:
            lines.append(
                f"{found['drifts']} drifts {how}: {found['applied']} applied, {found['refused']} refused,"
                f" {found['failed']} failed otherwise; calls outside the plan: {found['outside']}"
            )
    if lines:
        terminalreporter.section("approved plans")
    for line in lines:
        terminalreporter.write_line(line)


def _print_scopes(terminalreporter: Any) -> None:
    """How many declarations with scopes there were, and how they ended."""
    lines = []
    found = [value for _passed, value in recorded(terminalreporter, "scopes")]
    if found:
        ends: Counter[str] = Counter()
        for value in found:
            ends.update(value["ends"])
        counts = ", ".join(f"{number} {end}" for end, number in sorted(ends.items()))
        calls = sum(value["calls"] for value in found)
        lines.append(f"{sum(ends.values())} declarations with scopes: {counts}; {calls} calls, outside their scopes: 0")
    runs: Counter[str] = Counter()
    for _passed, value in recorded(terminalreporter, "scopes on boxes"):
        runs.update(value)
    if runs:
        counts = ", ".join(f"{number} {end}" for end, number in sorted(runs.items()))
        lines.append(f"{sum(runs.values())} runs with scopes: {counts}; objects of others that changed: 0")
    if lines:
        terminalreporter.section("scopes")
        for line in lines:
            terminalreporter.write_line(line)
