# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a run."""

from __future__ import annotations

import time
from typing import Callable


class Clock:
    """Returns the time, and waits.

    :param sleep: waits for a number of seconds.
    :param now: returns the time in seconds since 1970.
    :ivar on_wait: called before each wait with the number of seconds and the reason, as a clause after "because".
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.time) -> None:
        self.on_wait: Callable[[float, str], None] = lambda _seconds, _why: None
        self.now = now
        self.pause = sleep

    def wait(self, why: str, seconds: float) -> None:
        self.on_wait(seconds, why)
        self.pause(seconds)
