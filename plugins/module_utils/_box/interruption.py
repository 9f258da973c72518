# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a run early: when a signal asks for it, or when nobody is left to take its result.

A process that dies at once leaves its session on the box, for two days. One that nobody waits for any more would go on
writing to the box until its plan is done.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The run has to end now. Like ``KeyboardInterrupt``, it is no error that a task could handle."""


class Interruption:
    """Notices that a run has to end early, and raises ``Interrupted`` then, once.

    As a context manager it takes the place of the process's own signal handlers. When it ends, a signal that came is
    sent again, so that the process ends as it would have.

    :param is_abandoned: whether nobody is left to take the result.
    """

    def __init__(self, is_abandoned: Callable[[], bool] = lambda: False) -> None:
        self._is_abandoned = is_abandoned
        self._is_raised = False
        self._signal = 0
        self._shields = 0
        self._handlers: Dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        # Python lets only the main thread handle signals.
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                # What the process ignores, as nohup has it ignore SIGHUP, doesn't end it.
                if before is not signal.SIG_IGN:
                    self._handlers[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._handlers.items():
            # A handler that wasn't set from Python can't be set again from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self._signal:
            os.kill(os.getpid(), self._signal)

    @property
    def is_due(self) -> bool:
        """Whether the run has to end."""
        return bool(self._signal) or self._is_raised

    def check(self) -> None:
        """Raise ``Interrupted`` if the run has to end."""
        if not self._is_raised and (self._signal or self._is_abandoned()):
            self._is_raised = True
            raise Interrupted

    @contextmanager
    def defer_signals(self) -> Iterator[None]:
        """A time in which a signal waits: what is begun in it must not be left half done."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        if self._signal and not self._shields:
            self.check()

    @contextmanager
    def allow_signals(self) -> Iterator[None]:
        """A time within :meth:`defer_signals` in which nothing is begun yet, so that a signal need not wait."""
        shields, self._shields = self._shields, 0
        try:
            if self._signal:
                self.check()
            yield
        finally:
            self._shields = shields

    def _note(self, number: int, _frame: object) -> None:
        self._signal = number
        if not self._shields:
            self.check()
