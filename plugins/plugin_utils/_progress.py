# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines of long tasks, and their frequency.

A worker has no terminal. Its lines go through Ansible's queue to the process that has one, so the lines of many workers
are complete and in order. A line that is rewritten in place would be mixed up with the lines of other workers.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from ..module_utils._engine.progress import Step
from ..module_utils._values.texts import printable

# Tasks that finish within this time show no progress.
_QUIET_SECONDS = 3.0
# The interval between lines: on a terminal, and in a log.
_WATCHED_SECONDS = 2.0
_LOGGED_SECONDS = 30.0
# The maximum interval of a host, however many hosts take turns: some CI runners stop jobs without output.
_LONGEST_SECONDS = 120.0

_DOING = {"read": "reads", "send": "calls"}


def _somebody_watches(environment: Mapping[str, str]) -> bool:
    """Whether standard error is an interactive terminal.

    Some CI systems, and ansible-runner for AWX, give Ansible a terminal without a user.
    """
    return sys.stderr.isatty() and not environment.keys() & {"CI", "AWX_ISOLATED_DATA_DIR"}


# Determined at import, because Ansible loads actions before it forks its workers, which have no standard error.
IS_WATCHED = _somebody_watches(os.environ)


@dataclass(frozen=True)
class Pace:
    """How often a host shows progress.

    :param first: seconds from the start of a task to its first line.
    :param every: the minimum number of seconds between two lines.
    :param uses_estimates: whether to show a line early if it would be late after the next wait.
    """

    first: float
    every: float
    uses_estimates: bool


def pace(watched: bool, together: int = 1, position: int = 0) -> Pace:
    """The pace of one of the hosts that run at the same time. They take turns to limit the output.

    :param together: the number of hosts.
    :param position: the index of the host, from 0.
    """
    turn = _WATCHED_SECONDS if watched else _LOGGED_SECONDS
    every = min(turn * together, _LONGEST_SECONDS)
    return Pace(_QUIET_SECONDS + turn * position % every, every, watched)


class ProgressLines:
    """Shows progress lines while a task runs; nothing if the task is quick.

    :param title: the prefix of each line: the module and the host.
    :param show: called with each line.
    :param names: whether lines may name objects and reasons for waiting.
    :param now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        title: str,
        show: Callable[[str], None],
        pace: Pace,
        names: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._show = show
        self._pace = pace
        self._names = names
        self._now = now
        self._started = now()
        self._due = pace.first
        self._is_silent = True
        # The first step of the current kind, and its time since the start.
        self._base: tuple[Step, float] | None = None

    def __call__(self, step: Step) -> None:
        elapsed = self._now() - self._started
        if self._base is None or self._base[0].doing != step.doing or step.done < self._base[0].done:
            self._base = (step, elapsed)
        estimate = step.seconds if self._pace.uses_estimates or self._is_silent else 0
        if elapsed + estimate < self._due:
            return
        self._is_silent = False
        self._due = elapsed + self._pace.every
        self._show(printable("%s %s: %s" % (self._title, _duration(elapsed), self._line(step, elapsed))))

    def _line(self, step: Step, elapsed: float) -> str:
        parts = ["%d of %d %s made" % (step.done, step.done + step.left, _DOING[step.doing])]
        if self._base is not None:
            first, since = self._base
            made, seconds = step.done - first.done, elapsed - since
            if made > 0 and seconds > 0:
                rate = made / seconds
                rate_text = "%.1f a second" % rate if rate >= 1 else "%s each" % _duration(1 / rate)
                parts.append("%s, about %s left" % (rate_text, _duration(ceil(step.left / rate))))
        line = ", ".join(parts)
        if step.waits:
            line += "; waiting %s" % (_duration(step.seconds) if step.seconds >= 1 else "a moment")
            return "%s, because %s" % (line, " ".join(step.waits.split())) if self._names else line
        if not self._names:
            return line
        line = "%s; now %s" % (line, step.now)
        return line + ", which may take %s" % _duration(step.seconds) if step.seconds else line


def _duration(seconds: float) -> str:
    """Seconds as readable text: ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 100:
        return "%d s" % whole
    if whole < 6000:
        return "%d min %d s" % divmod(whole, 60)
    return "%d h %d min" % divmod(round(whole / 60), 60)
