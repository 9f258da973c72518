# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""End a run early: after a signal, or when nothing waits for its result any more.

A process that exits immediately leaves its session on the box for two days. A process whose caller is gone would
continue to write to the box until its plan is complete.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The run has to end now. Like ``KeyboardInterrupt``, it is not an error that a task could handle."""


class Interruption:
    """Detects that a run has to end early, and raises ``Interrupted`` once.

    As a context manager, it replaces the signal handlers of the process. On exit, it sends a received signal again, so
    that the process ends as it would have without it.

    :param is_abandoned: returns whether nothing waits for the result any more.
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
                # Keep ignoring what the process ignores, such as SIGHUP under nohup.
                if before is not signal.SIG_IGN:
                    self._handlers[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._handlers.items():
            # A handler that was not set from Python can't be restored.
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
        """Defer signals until the end of the block, because its work must not be left half done."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        if self._signal and not self._shields:
            self.check()

    @contextmanager
    def allow_signals(self) -> Iterator[None]:
        """Allow signals again within :meth:`defer_signals`, while nothing is half done."""
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
