# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Format the measurements as a table."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HEAD = ("work", "compared with", "takes", "against", "ratio", "goal", "", "by processor time", "remarks")


@dataclass(frozen=True)
class Row:
    """A comparison.

    :ivar takes: the cost of the collection; ``against`` is the cost of the alternative.
    :ivar processor: both in CPU time, which is more reliable than wall time on a busy machine.
    :ivar goal: the maximum ratio; with ``at_least``, the factor by which the collection must be better.
    """

    work: str
    compared: str
    takes: float
    against: float
    goal: float | None
    at_least: bool = False
    unit: str = "s"
    note: str = ""
    processor: tuple[float, float] | None = None

    @property
    def ratio(self) -> float:
        return self._ratio(self.takes, self.against)

    def _ratio(self, takes: float, against: float) -> float:
        return against / takes if self.at_least else takes / against

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        # Compare the rounded value that is printed: 1.10 meets a goal of 1.1.
        ratio = round(self.ratio, 2)
        return "met" if (ratio >= self.goal if self.at_least else ratio <= self.goal) else "**not met**"

    def cells(self) -> tuple[str, ...]:
        goal = "" if self.goal is None else f"{'at least' if self.at_least else 'at most'} {self.goal:g} x"
        return (
            self.work,
            self.compared,
            self._shown(self.takes),
            self._shown(self.against),
            _times(self.ratio),
            goal,
            self.verdict,
            _times(self._ratio(*self.processor)) if self.processor else "",
            self.note,
        )

    def _shown(self, value: float) -> str:
        if self.unit != "s":
            return f"{value:.0f} {self.unit}"
        return f"{value * 1000:.1f} ms" if value < 0.5 else f"{value:.2f} s"


def _times(ratio: float) -> str:
    return f"{ratio:.2f} x" if ratio < 10 else f"{ratio:.0f} x"


def markdown(rows: Sequence[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def machine() -> str:
    """The machine and the versions that were measured."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores ({model}), Python {platform.python_version()},"
        f" ansible-core {version('ansible-core')}, requests {version('requests')}. Load before: {load}."
    )
