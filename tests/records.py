# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests record with ``record_property``, for what is told at the end of pytest's output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def recorded(terminalreporter: Any, name: str) -> Iterator[tuple[bool, Any]]:
    """Each value that a test has recorded under a name, and whether that test has passed.

    Reports come from every worker, and what a test has recorded comes with them.
    """
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for key, value in getattr(report, "user_properties", ()):
                if key == name:
                    yield outcome == "passed", value
