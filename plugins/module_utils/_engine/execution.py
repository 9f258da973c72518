# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan: send its calls, find out about lost answers, and read back."""

from __future__ import annotations

import json
from typing import Any, Callable, Sequence

from .._box.client import Client
from .._box.turns import Turn
from .._model.objects import Difference
from .._model.plan import Call, Plan, PlannedCall, View
from .._model.wording import changed_beside, changed_first
from .._values.errors import BoxError, NotAsDeclared, OutcomeUnknown, UnexpectedAnswer
from .comparison import affected, by_key, deviation, part_done
from .ledger import Ledger
from .planning import Planning
from .progress import Reporter, Step
from .publication import Publication
from .recovery import Recovery

# How long to wait before reading again, if a change does not show immediately.
_SETTLE_SECONDS = 0.5

# How many times a run plans again at most, because somebody else keeps changing the same objects.
_MOST_PLANS = 5


class Execution:
    """Carries out plans on a box.

    :ivar ledger: which calls were sent, and which are left.
    :ivar carried_out: the plans whose calls were sent, in order. If the rest of a plan was planned again, only the part that
        was sent.
    :ivar revealed: values that results show in addition to the objects, such as a secret that the box generated.
    """

    def __init__(self, client: Client, planning: Planning, reporter: Reporter) -> None:
        self.ledger = Ledger()
        self.carried_out: list[Plan] = []
        self.revealed: dict[str, Any] = {}
        self._client = client
        self._planning = planning
        self._publication = Publication(client, self.ledger)
        self._turn = Turn(client.connection.url)
        self._turn.note()
        self._recovery = Recovery(client, planning, self.ledger, self._publication)
        self._reporter = reporter
        # The calls that were sent of the plan that is carried out now.
        self._sent: list[PlannedCall] = []
        # The number of differences by others that were known when the current plan was made.
        self._known_differences = 0
        # The differences by others that led to new plans, and the number of these plans.
        self._planned_again: list[Difference] = []
        self._times_planned_again = 0
        self._approved: set[str] | None = None
        self._refusal: Callable[[Plan], BoxError] = lambda _plan: BoxError("")

    def allow_only(self, plan: Plan, refusal: Callable[[Plan], BoxError]) -> None:
        """From now on, send only the calls of this plan.

        :param refusal: the error to raise for a plan with other calls.
        """
        self._approved = {_text(call) for call in plan.calls}
        self._refusal = refusal

    def _refuse_unapproved(self, calls: Sequence[Call], plan: Plan | None = None) -> None:
        """Refuse calls that are not approved.

        :param plan: the current plan, if it was just made.
        """
        if self._approved is not None and any(_text(call) not in self._approved for call in calls):
            raise self._refusal(plan or self._planning.plan())

    def close(self) -> None:
        self._publication.close()
        self._turn.close()

    def take_turn(self) -> bool:
        """Wait until no other run on this machine changes the box. Return whether the run has to plan again."""
        if not self._turn.take(self._wait_for_turn):
            return False
        self._planning.freshness.begin_anew()
        return True

    def _wait_for_turn(self, seconds: float) -> None:
        self._client.wait_for_turn(seconds)

    def find_left_over(self) -> Sequence[Call]:
        """The calls that publish what earlier runs may have left unpublished."""
        return self._publication.find_left_over()

    def publish_left_over(self, calls: Sequence[Call]) -> None:
        """Publish what earlier runs may have left unpublished, once everything else is done."""
        self._publication.publish_left_over(calls)

    def reveal(self, plan: Plan) -> None:
        for change in plan.changes:
            self.revealed.update(change.reveals)

    def carry_out(self, plan: Plan) -> Plan:
        """Send the calls of a plan, and of the plans that become possible only then. Return the last plan.

        If somebody else changes the objects of the calls that are left, the rest is planned again.
        """
        while True:
            # Before sending: the box may use a new secret from now on, and the user has to know it even if the run fails.
            self.reveal(plan)
            self.carried_out.append(plan)
            overtaken = self._send_all(plan)
            if not (overtaken or any(change.needs_replan for change in plan.changes)):
                return plan
            following = self._planning.plan()
            if overtaken:
                # The answers for the new plan may show more differences.
                self._planned_again += self._new_differences()
                self._keep_part_done(plan, following)
            self.ledger.warnings += [warning for warning in plan.warnings if warning not in following.warnings]
            if not following.calls:
                self.ledger.end()
                return following
            self._refuse_unapproved(following.calls, following)
            plan = following

    def _keep_part_done(self, plan: Plan, following: Plan) -> None:
        """In the list of carried out plans, replace this plan by the part of it that was carried out."""
        done = part_done(plan, self._sent, following)
        self.carried_out[-1:] = [done] if done.changes else []

    def _send_all(self, plan: Plan) -> bool:
        """Make the calls of a plan. Return whether the rest has to be planned again instead."""
        self.ledger.left = list(plan.planned_calls)
        self._sent = []
        self._known_differences = len(self._planning.freshness.by_others)
        while self.ledger.left:
            if not self.ledger.left[0].call.repairs:
                self._publication.rebuild_postponed()
            if self._must_plan_again():
                return True
            # After a failure, the rest has been planned again, from what the box had then. It may need other calls.
            self._refuse_unapproved([self.ledger.left[0].call])
            item = self.ledger.begin()
            self._sent.append(item)
            self._send(item)
        self._publication.rebuild_postponed()
        self.ledger.end()
        return False

    def _must_plan_again(self) -> bool:
        """Whether somebody else has changed the objects of the remaining calls since they were planned.

        If the next call could undo such a change, because it replaces or removes an object as a whole, and the latest answer
        about this object is too old, the object is read again first.

        :raises NotAsDeclared: if that happens again and again.
        """
        read = self.ledger.left[0].call.rests_on
        if read is not None and not self._planning.freshness.is_recent(read):
            self._planning.ask(read)
        found = self._new_differences()
        if not found:
            return False
        self._planned_again += found
        self._times_planned_again += 1
        if self._times_planned_again > _MOST_PLANS:
            raise NotAsDeclared(
                "%s: planned %d times, and each time another administrator, or another run, changed it before it could be"
                " written. Agree with the others on one value, and run the task again."
                % (found[0].label, self._times_planned_again)
            )
        return True

    def _new_differences(self) -> list[Difference]:
        """The changes by others to the objects of the remaining calls since they were planned."""
        return affected(self.ledger.left, self._planning.freshness.by_others[self._known_differences :])

    def _send(self, item: PlannedCall) -> None:
        """Send one call, and update the ledger."""
        call, ledger = item.call, self.ledger
        self._planning.freshness.note_write(item.change)
        self._reporter.begin(Step("send", len(ledger.sent), len(ledger.left), item.change.label, call.seconds))
        self._publication.begin(call)
        try:
            if call.wait:
                # Another run may have to change the box before the precondition is met.
                self._turn.close()
                self._client.wait_for(call.wait)
                self._turn.take(self._wait_for_turn)
            value = self._value(call)
        except OutcomeUnknown as error:
            ledger.in_doubt = True
            if call.outage and error.may_still_run:
                # The box may restart before it answers. Once it is back, the call has taken effect.
                self._publication.end()
                self._client.wait_for_restart(call.outage)
                ledger.confirm(call, True, ledger.left[1:])
                return
            self._recovery.settle(item, error)
            value = True
        except BoxError:
            # The box has not stored the change.
            self._publication.end()
            raise
        else:
            ledger.confirm(call, bool(value), ledger.left[1:])
            if call.name is not None:
                self._planning.remember(call.name, value)
        self._publication.end()
        if call.outage and value:
            self._client.wait_for_restart(call.outage)

    def _value(self, call: Call) -> Any:
        """Send a call, and return the value of its answer.

        :raises OutcomeUnknown: also if the answer is incomplete, because the change may have been made.
        """
        text = self._client.send(call)
        try:
            return call.parse(text) if call.parse else True
        except UnexpectedAnswer as error:
            raise OutcomeUnknown(error.message, OutcomeUnknown.CUT_OFF, 200, path=call.path) from error

    def read_back(self, plan: Plan) -> list[View]:
        """The current objects of a plan, read from the box.

        :raises NotAsDeclared: if they differ from the plan.
        """
        if self._client.signed_out or any(change.locks_out for change in plan.changes):
            self.ledger.warnings.append(
                "The change could not be read back, because the credentials of this run no longer have access."
            )
            return [change.after for change in plan.changes]
        left = max(change.settle_seconds for change in plan.changes)
        while True:
            found = self._planning.plan()
            current = by_key(found)
            has_written = self._planning.freshness.has_written
            differences = (
                deviation(planned, current, in_the_end=False, is_written=has_written(planned.object))
                for planned in plan.changes
            )
            difference = next((one for one in differences if one), None)
            if difference is None:
                return [change.before for change in found.changes]
            if left <= 0:
                raise difference
            self._reporter.wait(_SETTLE_SECONDS, "the box doesn't show the change yet")
            self._client.pause(_SETTLE_SECONDS)
            left -= _SETTLE_SECONDS

    def warnings_about_others(self, concerns: Callable[[str, str], bool]) -> list[str]:
        """Sentences about changes by others during the run.

        :param concerns: returns whether an object that the run doesn't write is of interest, from its resource and key.
        """
        freshness = self._planning.freshness
        # The run noticed these differences before it wrote the objects, and planned them again. Now it has written them.
        first = [*self._planned_again, *(one for one in freshness.by_others if freshness.has_written(one.object))]
        objects = {one.object for one in first}
        others = (one for one in freshness.by_others if one.object not in objects)
        beside = [one for one in others if concerns(one.resource, one.key)]
        return [*([changed_first(first)] if first else []), *([changed_beside(beside)] if beside else [])]


def _text(call: Call) -> str:
    """A call as text, for comparison. Secrets are masked, because a box may offer a new one each time."""
    return json.dumps(call.as_result(), sort_keys=True)
