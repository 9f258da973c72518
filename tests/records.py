# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect the values that tests record with ``record_property``, for the summary at the end of pytest's output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def recorded(terminalreporter: Any, name: str) -> Iterator[tuple[bool, Any]]:
    """The values that tests have recorded under a name, each with whether the test passed.

    This includes the values from all worker processes of pytest-xdist.
    """
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for key, value in getattr(report, "user_properties", ()):
                if key == name:
                    yield outcome == "passed", value
