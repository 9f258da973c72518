# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out whether a write with a failed or lost answer was stored, and repair the box if necessary."""

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

# How long to wait between reads while a write may still take effect: a proxy may time out while the box still works.
_LATE_SECONDS = (0.5, 1.0, 2.0)


# This many reads of users released the lock of the database each time in tests.
_READS_THAT_RELEASE = 5


class _Evidence(NamedTuple):
    """What reading shows about a call with an unknown outcome.

    :ivar waited: how many seconds the run waited for it.
    :ivar left: the calls that are still planned.
    :ivar deviation: how the object would differ from the plan after all calls that are still planned; None if it would not.
    """

    waited: float
    left: list[PlannedCall]
    deviation: NotAsDeclared | None


class Recovery:
    """Finds out the outcome of calls whose answers failed or were lost."""

    def __init__(self, client: Client, planning: Planning, ledger: Ledger, publication: Publication) -> None:
        self._client = client
        self._planning = planning
        self._ledger = ledger
        self._publication = publication
        # The calls that were sent a second time.
        self._tried: list[Call] = []

    def settle(self, item: PlannedCall, error: OutcomeUnknown) -> None:
        """Find out whether the box has stored a write, and publish it if so.

        A box first stores a change and then rebuilds DNS and web. If that fails, it reports an error although it stored the change.

        :param error: why the outcome is unknown.
        :raises BoxFailed: if the change was not stored, or the box can't publish it.
        :raises OutcomeUnknown: if the reads don't show the outcome.
        """
        call = item.call
        evidence = self._look_for(item, error)
        if evidence.deviation is not None and not is_among(call, evidence.left):
            self._ledger.left = [item, *evidence.left]
            details = evidence.deviation.details
            raise OutcomeUnknown(
                "%s It is unknown whether the change was made: the box now has %s instead of %s."
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
            later = " (checked for %g s)" % evidence.waited if evidence.waited else ""
            raise BoxFailed("%s The change was not stored%s." % (error.message, later), status=error.status) from error
        if call.undo and not error.may_still_run:
            # The value makes the box fail. The box may still answer the next write with 200, because it doesn't check an
            # unchanged zone again.
            self._take_out(item, error)
        if call.repairs:
            self._publication.postpone(call, error)
            if error.may_still_run:
                self._ledger.warnings.append("%s The change was stored anyway." % error.message)
        else:
            self._rebuild(item, error)
        self._ledger.confirm(call, True, evidence.left)

    def _may_be_locked(self, call: Call, error: OutcomeUnknown) -> bool:
        """Whether the database of users and aliases may have been locked, and the call was not sent again yet."""
        return error.kind == OutcomeUnknown.FAILED and call.path.startswith("/mail/") and call not in self._tried

    def _release_lock(self, call: Call, error: OutcomeUnknown) -> None:
        """Read several times, which releases a lock that the box left behind. The call stays planned and is sent again.

        With Python 3.11 and newer, the database may stay locked after a refused write until the box frees memory.
        """
        self._tried.append(call)
        for _read in range(_READS_THAT_RELEASE):
            self._planning.ask(USERS)
        self._ledger.warnings.append("%s The change was not stored, so it was sent again." % error.message)

    def _look_for(self, item: PlannedCall, error: OutcomeUnknown) -> _Evidence:
        """Plan again until the call is no longer planned, or can no longer take effect.

        :raises OutcomeUnknown: if no read shows the outcome, or a read fails.
        """
        call = item.call
        if not call.verifiable:
            raise OutcomeUnknown(
                "%s It is unknown whether the change was made, because no read shows it.%s"
                % (error.message, self._publication.diagnose(call)),
                error.kind,
                error.status,
                path=call.path,
            ) from error
        # A box that answered with an error has finished the call, but its restart takes a while.
        is_late = error.may_still_run or call.outage is not None
        waited = 0.0
        try:
            for seconds in (*(_LATE_SECONDS if is_late else ()), None):
                plan = self._planning.plan()
                left = list(plan.planned_calls)
                # A missing call alone does not show that it was made: the object may have been removed in the meantime. So
                # the new plan also has to lead to the same object.
                differs = deviation(item.change, by_key(plan), in_the_end=True)
                if seconds is None or not (is_among(call, left) or differs):
                    break
                self._client.pause(seconds)
                waited += seconds
        except BoxError as failure:
            raise OutcomeUnknown(
                "%s It is unknown whether the change was made, because reading failed: %s%s"
                % (error.message, failure.message, " If it was made, " + HOW_TO_PUBLISH if call.rebuild else ""),
                error.kind,
                error.status,
                path=call.path,
            ) from failure
        return _Evidence(waited, left, differs)

    def _rebuild(self, item: PlannedCall, error: OutcomeUnknown) -> None:
        """Rebuild DNS and web after a stored change. If its value makes that fail, remove the value."""
        call = item.call
        try:
            self._publication.rebuild(call, error)
        except BoxFailed:
            if call.undo:
                self._take_out(item, error)
            self._ledger.confirm(call, True, self._ledger.left)
            raise
        rebuilt = ", and then published" if call.rebuild else ""
        self._ledger.warnings.append("%s The change was stored anyway%s." % (error.message, rebuilt))

    def _take_out(self, item: PlannedCall, error: OutcomeUnknown) -> NoReturn:
        """Remove a value that the name server can't load, and raise an error."""
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
            outcome = "removing the value failed, too%s Until it is removed, no DNS write to its zone works." % (
                ": " + failures[-1].message if failures else "."
            )
        elif failures:
            outcome = "the value was removed again, but the box still fails: %s" % failures[-1].message
        else:
            outcome = "the value was removed again, and the zone was rebuilt."
        raise BoxFailed(
            "%s The box stored %r for %s, but could not publish it: %s%s"
            % (error.message, call.body, call.path, outcome, self._publication.diagnose(call)),
            status=error.status,
            value=call.body,
            path=call.path,
        ) from error

    def _undo(self, call: Call) -> list[BoxError]:
        """Undo a call, rebuild DNS and web, and return the errors.

        All steps are tried: a step that fails may have been carried out anyway, and later steps restore the old values.
        """
        failures: list[BoxError] = []
        for item in (*call.undo, *call.rebuild):
            try:
                self._client.send(item)
            except OutcomeUnknown as failure:
                failures.append(failure)
        return failures
