# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep track of the calls of a run: sent, left, or with an unknown outcome."""

from __future__ import annotations

from typing import Iterable

from .._model.plan import Call, PlannedCall
from .._values.errors import BoxError


class Ledger:
    """The calls of one run.

    :ivar sent: the calls that have succeeded, in order.
    :ivar left: the planned calls that have not succeeded. The current one is among them until its outcome is known.
    :ivar current: the call that is being sent; None before the first and after the last one.
    :ivar in_doubt: whether the box may have carried out the current call without confirming it.
    :ivar changed: whether any call has changed the box.
    :ivar warnings: warnings about the run, for users.
    """

    def __init__(self) -> None:
        self.sent: list[Call] = []
        self.left: list[PlannedCall] = []
        self.current: Call | None = None
        self.in_doubt = False
        self.changed = False
        self.warnings: list[str] = []

    def begin(self) -> PlannedCall:
        """Make the next call the current one, and return it."""
        self.current = self.left[0].call
        return self.left[0]

    def confirm(self, call: Call, has_changed: bool, left: Iterable[PlannedCall]) -> None:
        """Record that a call has succeeded."""
        self.sent.append(call)
        self.changed = self.changed or has_changed
        self.left = list(left)
        self.in_doubt = False

    def end(self) -> None:
        """Record that there are no more calls."""
        self.current = None

    def describe(self, error: BoxError) -> None:
        """Add to an error which calls succeeded and which did not, unless it came before the first call."""
        if self.current is None and not self.changed:
            return
        if error.message[-1:] not in ".!?":
            # A message of a box may end without a full stop.
            error.message += "."
        error.message += " " + self._summary()
        if self.current is not None:
            error.details.update(failed=self.current.as_result(), left=[item.call.as_result() for item in self.left])

    def _summary(self) -> str:
        doubtful = int(self.in_doubt)
        done, left = len(self.sent), len(self.left) - doubtful
        if done and not left + doubtful:
            return "All changes were made before this error: %s." % _number(done)
        if not done + doubtful:
            return "Nothing was changed."
        if not done + left:
            return "Run the task again to make sure."
        parts = ["%d done" % done, "%d not done" % left] + ["1 unknown"] * doubtful
        return "Of %s: %s. Run the task again to complete it." % (_number(done + left + doubtful), ", ".join(parts))


def _number(calls: int) -> str:
    return "%d call%s" % (calls, "" if calls == 1 else "s")
