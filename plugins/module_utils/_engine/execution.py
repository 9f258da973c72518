# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan: send its calls, find out about lost answers, and read back."""

from __future__ import annotations

import json
from typing import Any, Callable, Sequence

from .._box.client import Client
from .._model.plan import Call, Plan, PlannedCall, View
from .._values.errors import BoxError, OutcomeUnknown, UnexpectedAnswer
from .comparison import by_key, deviation
from .ledger import Ledger
from .planning import Planning
from .progress import Reporter, Step
from .publication import Publication
from .recovery import Recovery

# How long to wait before reading again, if a change does not show immediately.
_SETTLE_SECONDS = 0.5


class Execution:
    """Carries out plans on a box.

    :ivar ledger: which calls were sent, and which are left.
    :ivar carried_out: the plans whose calls were sent, in order.
    :ivar revealed: values that results show in addition to the objects, such as a secret that the box generated.
    """

    def __init__(self, client: Client, planning: Planning, reporter: Reporter) -> None:
        self.ledger = Ledger()
        self.carried_out: list[Plan] = []
        self.revealed: dict[str, Any] = {}
        self._client = client
        self._planning = planning
        self._publication = Publication(client, self.ledger)
        self._recovery = Recovery(client, planning, self.ledger, self._publication)
        self._reporter = reporter
        self._approved: set[str] | None = None
        self._refusal: Callable[[Plan], BoxError] = lambda _plan: BoxError("")

    def allow_only(self, plan: Plan, refusal: Callable[[Plan], BoxError]) -> None:
        """From now on, send only the calls of this plan.

        :param refusal: the error to raise for a plan with other calls.
        """
        self._approved = {_text(call) for call in plan.calls}
        self._refusal = refusal

    def _refuse_others(self, calls: Sequence[Call]) -> None:
        if self._approved is not None and any(_text(call) not in self._approved for call in calls):
            raise self._refusal(self._planning.plan())

    def close(self) -> None:
        self._publication.close()

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
        """Send the calls of a plan, and of the plans that become possible only then. Return the last plan."""
        while True:
            # Before sending: the box may use a new secret from now on, and the user has to know it even if the run fails.
            self.reveal(plan)
            self.carried_out.append(plan)
            self._send_all(plan)
            if not any(change.needs_replan for change in plan.changes):
                return plan
            following = self._planning.plan()
            self.ledger.warnings += plan.warnings
            if not following.calls:
                return following
            self._refuse_others(following.calls)
            plan = following

    def _send_all(self, plan: Plan) -> None:
        self.ledger.left = list(plan.planned_calls)
        while self.ledger.left:
            if not self.ledger.left[0].call.repairs:
                self._publication.rebuild_postponed()
            # After a failure, the rest was planned again, and somebody else may have changed the box in the meantime.
            self._refuse_others([self.ledger.left[0].call])
            self._send(self.ledger.begin())
        self._publication.rebuild_postponed()
        self.ledger.end()

    def _send(self, item: PlannedCall) -> None:
        """Send one call, and update the ledger."""
        call, ledger = item.call, self.ledger
        self._reporter.begin(Step("send", len(ledger.sent), len(ledger.left), item.change.label, call.seconds))
        self._publication.begin(call)
        try:
            if call.wait:
                self._client.wait_for(call.wait)
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
            differences = (deviation(planned, current, in_the_end=False) for planned in plan.changes)
            difference = next((one for one in differences if one), None)
            if difference is None:
                return [change.before for change in found.changes]
            if left <= 0:
                raise difference
            self._reporter.wait(_SETTLE_SECONDS, "the box doesn't show the change yet")
            self._client.pause(_SETTLE_SECONDS)
            left -= _SETTLE_SECONDS


def _text(call: Call) -> str:
    """A call as text, for comparison. Secrets are masked, because a box may offer a new one each time."""
    return json.dumps(call.as_result(), sort_keys=True)
