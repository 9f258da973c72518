# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that tell how far a long task is, and how often they come.

A worker has no terminal. What it displays goes through Ansible's queue to the process that has one,
so lines of many workers come out whole and in order; a line that is rewritten would get mixed with theirs.
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

# Which task needs no more than this has nothing to tell.
_QUIET_SECONDS = 3.0
# How long it is from one line to the next: for somebody who watches, and in a log.
_WATCHED_SECONDS = 2.0
_LOGGED_SECONDS = 30.0
# However many hosts take turns, each is heard of again after this: some runners end what is silent for minutes.
_LONGEST_SECONDS = 120.0

_DOING = {"read": "reads", "send": "calls"}


def _somebody_watches(environment: Mapping[str, str]) -> bool:
    """Whether what goes to standard error is read while it comes.

    Some CI systems, and ansible-runner for AWX, give Ansible a terminal that nobody sits at.
    """
    return sys.stderr.isatty() and not environment.keys() & {"CI", "AWX_ISOLATED_DATA_DIR"}


# Found out here, because Ansible loads its actions before it forks its workers, which have no standard error.
IS_WATCHED = _somebody_watches(os.environ)


@dataclass(frozen=True)
class Pace:
    """How often a host tells how far it is.

    :param first: seconds from the start of a task to its first line.
    :param every: seconds from there to the next, at least.
    :param uses_estimates: whether a line comes early if after the next wait it would be late.
    """

    first: float
    every: float
    uses_estimates: bool


def pace(watched: bool, together: int = 1, position: int = 0) -> Pace:
    """The pace of one host among those that run at the same time: they take turns, so that many don't flood.

    :param together: how many there are.
    :param position: which of them the host is, from 0.
    """
    turn = _WATCHED_SECONDS if watched else _LOGGED_SECONDS
    every = min(turn * together, _LONGEST_SECONDS)
    return Pace(_QUIET_SECONDS + turn * position % every, every, watched)


class ProgressLines:
    """Shows lines while a task tells its steps; nothing if the task is quick.

    :param title: what each line begins with: the module and the host.
    :param show: takes a line.
    :param names: whether lines may name objects and tell what is waited for.
    :param now: seconds on a clock that only goes forward.
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
        # The first step of what it is doing, and when that was.
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
    """Seconds as people say them: ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 100:
        return "%d s" % whole
    if whole < 6000:
        return "%d min %d s" % divmod(whole, 60)
    return "%d h %d min" % divmod(round(whole / 60), 60)
