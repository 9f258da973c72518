# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report each step of a run to people who watch it. Reporting never changes the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable


@dataclass(frozen=True)
class Step:
    """One step of a run, reported before it begins.

    :param doing: ``read`` or ``send``.
    :param done: how many reads or calls are done.
    :param left: how many are left, as far as known, including the one that begins now.
    :param now: the name of the read, or of the object that is written. Never a secret.
    :param seconds: how long the step may take, if it is known to be slow.
    :param waits: why the run waits before it continues, as a clause after "because"; empty if it doesn't wait. If it
        waits, ``seconds`` is the time.
    """

    doing: str
    done: int
    left: int
    now: str
    seconds: float = 0
    waits: str = ""


Progress = Callable[[Step], None]


class Reporter:
    """Reports steps, and the waits in them.

    :param progress: called with each step.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._step = Step("read", 0, 0, "")

    def begin(self, step: Step) -> None:
        self._step = step
        self._progress(step)

    def wait(self, seconds: float, why: str) -> None:
        """Report that the current step waits."""
        self._progress(replace(self._step, seconds=seconds, waits=why))
