# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out what became of a write whose answer doesn't say, and put the box in order."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from .._box.client import Client
from .._model.plan import Call, PlannedCall
from .._model.reads import USERS
from .._values.errors import BoxError, BoxFailed, NotAsDeclared, OutcomeUnknown
from .comparison import by_key, deviation, is_among
from .ledger import Ledger
from .planning import Planning
from .publication import HOW_TO_PUBLISH, Publication

# How long to wait between reads while a write may still take effect: a proxy may give up before its box does.
_LATE_SECONDS = (0.5, 1.0, 2.0)


# How many reads of users released the lock of the database each time that it was seen.
_READS_THAT_RELEASE = 5


class _Evidence(NamedTuple):
    """What reading shows of a call in doubt.

    :ivar waited: how many seconds that took.
    :ivar left: the calls that are left now.
    :ivar deviation: how the object differs from what it would be with this call and all after it.
    """

    waited: float
    left: list[PlannedCall]
    deviation: NotAsDeclared | None


class Recovery:
    """Settles calls in doubt."""

    def __init__(self, client: Client, planning: Planning, ledger: Ledger, publication: Publication) -> None:
        self._client = client
        self._planning = planning
        self._ledger = ledger
        self._publication = publication
        # The calls that were sent a second time.
        self._tried: list[Call] = []

    def settle(self, item: PlannedCall, error: OutcomeUnknown) -> None:
        """Find out whether the box has stored a write, and bring DNS and web in line if it has.

        A box stores first and rebuilds DNS and web after that, so it may fail although the change is made.

        :param error: why the outcome is unknown.
        :raises BoxFailed: if nothing was stored, or the box can't go on with what it stored.
        :raises OutcomeUnknown: if reading doesn't tell.
        """
        call = item.call
        evidence = self._look_for(item, error)
        if evidence.deviation is not None and not is_among(call, evidence.left):
            self._ledger.left = [item, *evidence.left]
            details = evidence.deviation.details
            raise OutcomeUnknown(
                "%s Reading doesn't show that it was done: the box now holds %s, and %s was to be."
                % (error.message, details["found"], details["planned"]),
                error.kind,
                error.status,
                path=call.path,
            ) from error
        self._ledger.in_doubt = False
        self._ledger.left = evidence.left
        if is_among(call, evidence.left):
            self._publication.end()
            if self._may_be_locked(call, error):
                self._release_lock(call, error)
                return
            later = " after %g s" % evidence.waited if evidence.waited else ""
            raise BoxFailed("%s Nothing of it was stored%s." % (error.message, later), status=error.status) from error
        if call.undo and not error.may_still_run:
            # The box fails at this value. It may answer the next write with 200 all the same, because it doesn't look at
            # a zone twice.
            self._take_out(item, error)
        if call.repairs:
            self._publication.postpone(call, error)
            if error.may_still_run:
                self._ledger.warnings.append("%s The change was stored all the same." % error.message)
        else:
            self._rebuild(item, error)
        self._ledger.confirm(call, True, evidence.left)

    def _may_be_locked(self, call: Call, error: OutcomeUnknown) -> bool:
        """Whether the database of users and aliases may have been locked, and the call was not tried again yet."""
        return error.kind == OutcomeUnknown.FAILED and call.path.startswith("/mail/") and call not in self._tried

    def _release_lock(self, call: Call, error: OutcomeUnknown) -> None:
        """Read until a lock that the box forgot to release is gone; the call is still among those that are left.

        With Python 3.11 and newer, the database may stay locked after a refused write until the box frees memory.
        """
        self._tried.append(call)
        for _read in range(_READS_THAT_RELEASE):
            self._planning.ask(USERS)
        self._ledger.warnings.append("%s Nothing of it was stored, so it was sent once more." % error.message)

    def _look_for(self, item: PlannedCall, error: OutcomeUnknown) -> _Evidence:
        """Plan anew, until the call is not planned any more or can't come into effect any more.

        :raises OutcomeUnknown: if reading can't tell, or fails.
        """
        call = item.call
        if not call.verifiable:
            raise OutcomeUnknown(
                "%s Nothing that can be read tells whether it was done.%s"
                % (error.message, self._publication.diagnose(call)),
                error.kind,
                error.status,
                path=call.path,
            ) from error
        # A box that has failed has ended, but its restart goes on for a while.
        is_late = error.may_still_run or call.outage is not None
        waited = 0.0
        try:
            for seconds in (*(_LATE_SECONDS if is_late else ()), None):
                plan = self._planning.plan()
                left = list(plan.planned_calls)
                # A new plan also does without a call if the box has lost what the call was needed for. So the plan has
                # to lead to the same object.
                differs = deviation(item.change, by_key(plan), in_the_end=True)
                if seconds is None or not (is_among(call, left) or differs):
                    break
                self._client.pause(seconds)
                waited += seconds
        except BoxError as failure:
            raise OutcomeUnknown(
                "%s Whether it was done could not be seen: %s%s"
                % (error.message, failure.message, " If it was, " + HOW_TO_PUBLISH if call.rebuild else ""),
                error.kind,
                error.status,
                path=call.path,
            ) from failure
        return _Evidence(waited, left, differs)

    def _rebuild(self, item: PlannedCall, error: OutcomeUnknown) -> None:
        """Rebuild DNS and web after a call that is stored. If the box fails because of its value, take it out again."""
        call = item.call
        try:
            self._publication.rebuild(call, error)
        except BoxFailed:
            if call.undo:
                self._take_out(item, error)
            self._ledger.confirm(call, True, self._ledger.left)
            raise
        rebuilt = ", and what the box rebuilds after it was rebuilt" if call.rebuild else ""
        self._ledger.warnings.append("%s The change was stored all the same%s." % (error.message, rebuilt))

    def _take_out(self, item: PlannedCall, error: OutcomeUnknown) -> NoReturn:
        """Remove a value again that the name server can't load, and fail."""
        call, ledger = item.call, self._ledger
        ledger.in_doubt = True
        try:
            failures = self._undo(call)
            ledger.left = list(self._planning.plan().planned_calls)
            gone = is_among(call, ledger.left)
        except BoxError as failure:
            failures, gone = [failure], False
        if gone and not failures:
            self._publication.end()
        if gone:
            ledger.in_doubt = False
        else:
            ledger.left = [item, *(other for other in ledger.left if other != item)]
        if not gone:
            outcome = "taking the value out again failed too%s Until it is gone, no DNS write to its zone works." % (
                ": " + failures[-1].message if failures else "."
            )
        elif failures:
            outcome = "the value was taken out again, and that didn't help: %s" % failures[-1].message
        else:
            outcome = "the value was taken out again, and the zone rebuilt."
        raise BoxFailed(
            "%s The box had stored %r for %s, and could not publish it: %s%s"
            % (error.message, call.body, call.path, outcome, self._publication.diagnose(call)),
            status=error.status,
            value=call.body,
            path=call.path,
        ) from error

    def _undo(self, call: Call) -> list[BoxError]:
        """Undo a call and rebuild DNS and web; return what failed.

        All steps are tried: one that fails may be done all the same, and the steps after it bring back what was there.
        """
        failures: list[BoxError] = []
        for item in (*call.undo, *call.rebuild):
            try:
                self._client.send(item)
            except OutcomeUnknown as failure:
                failures.append(failure)
        return failures
