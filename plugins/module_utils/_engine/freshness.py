# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The age of each answer of the box, and the changes that others made between two answers."""

from __future__ import annotations

from typing import Any, Callable

from .._model.objects import Difference, Key, differences
from .._model.plan import Change, Read
from .._values.errors import BoxError

RECENT_SECONDS = 1.0
"""The maximum age of an answer on which a call may depend. docs/guarantees.md promises it."""


class Freshness:
    """Compares each answer with the one before it.

    :ivar by_others: the changes by others between two answers, in the order in which the run noticed them. A difference
        is left out if the run had begun to write the object before it noticed the difference, because then it is unknown who
        made it.

    :param now: returns the time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.by_others: list[Difference] = []
        self.now = now
        self._answers: dict[str, tuple[float, Any]] = {}
        self._touched: set[Key] = set()

    def note_answer(self, read: str, asked_at: float, value: Any) -> None:
        """Record the answer to a read.

        :param asked_at: the time of the request. The answer is at least as new.
        """
        if isinstance(value, BoxError):
            self._answers.pop(read, None)
            return
        if read in self._answers:
            _asked_at, before = self._answers[read]
            self.by_others += differences(read, before, value, self._touched)
        self._answers[read] = (asked_at, value)

    def begin_anew(self) -> None:
        """Forget all answers, because the run plans anew, and has written nothing yet."""
        self.by_others.clear()
        self._answers.clear()

    def note_write(self, change: Change) -> None:
        """Record that a call of a change is about to be sent."""
        self._touched.add(change.object)

    def has_written(self, key: Key) -> bool:
        return key in self._touched

    def is_recent(self, read: Read[Any]) -> bool:
        """Whether the latest answer to a read is recent enough for a call that depends on it."""
        asked_at, _value = self._answers.get(read.name, (float("-inf"), None))
        # A negative age means that the clock was set back.
        return 0 <= self.now() - asked_at <= RECENT_SECONDS
