# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print at the end of pytest's output how many steps match the recordings, and which module uses each route."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.records import recorded


def pytest_terminal_summary(terminalreporter: Any) -> None:
    _print_contract(terminalreporter)
    _print_routes(terminalreporter)


def _print_contract(terminalreporter: Any) -> None:
    kept: Counter[tuple[str, str, str]] = Counter()
    asked: Counter[tuple[str, str, str]] = Counter()
    for passed, (scenario, version, section) in recorded(terminalreporter, "contract"):
        asked[scenario, version, section] += 1
        kept[scenario, version, section] += passed
    if not asked:
        return
    terminalreporter.section("contract: steps answered as recorded")
    for scenario, version in sorted({key[:2] for key in asked}):
        sections = sorted(key for key in asked if key[:2] == (scenario, version))
        counts = " · ".join(f"{key[2]} {kept[key]}/{asked[key]}" for key in sections)
        total = sum(kept[key] for key in sections), sum(asked[key] for key in sections)
        terminalreporter.write_line(f"{scenario} {version}: {total[0]} of {total[1]} ({counts})")


def _print_routes(terminalreporter: Any) -> None:
    """Each route that a module uses, by name."""
    routes = sorted(value for passed, value in recorded(terminalreporter, "route") if passed)
    if routes:
        terminalreporter.section("routes of the API, and the modules that use them")
    for route, modules, note in routes:
        terminalreporter.write_line(f"{route}: {modules}{' (' + note + ')' if note else ''}")
