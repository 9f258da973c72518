# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare calls and objects with what was planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Mapping, Sequence

from .._model.objects import Difference
from .._model.plan import Call, Change, Plan, PlannedCall
from .._model.reads import USERS
from .._values.errors import NotAsDeclared


def is_among(call: Call, planned: Iterable[PlannedCall]) -> bool:
    """Whether a call is planned. Secrets are not compared, because a box may offer a new one each time."""
    return call.as_result() in [item.call.as_result() for item in planned]


def by_key(plan: Plan) -> dict[tuple[str, str], Change]:
    return {change.object: change for change in plan.changes}


def affected(left: Sequence[PlannedCall], differences: Iterable[Difference]) -> list[Difference]:
    """The differences after which the calls that are left have to be planned again.

    These are differences of the objects that the calls change. A call that takes away an administrator also depends on
    the other administrators.
    """
    objects = {item.change.object for item in left}
    takes_admin = any(
        item.call.rests_on == USERS and "admin" in item.change.before.get("privileges", ()) for item in left
    )
    return [one for one in differences if one.object in objects or (takes_admin and one.takes_admin)]


def deviation(
    planned: Change, found: Mapping[tuple[str, str], Change], in_the_end: bool, is_written: bool = True
) -> NotAsDeclared | None:
    """The error for an object that differs from the plan; None if it does not differ.

    :param found: the changes of a new plan, by resource and key, which contain the current objects.
    :param in_the_end: compare the object after the new plan, instead of the current one.
    :param is_written: whether the run has written the object.
    """
    now = found.get(planned.object)
    if now is None:
        # An object that isn't declared is missing from the plan once it is removed.
        return None
    if not (is_written or now.calls):
        # Somebody else may have changed what isn't declared of it.
        return None
    view = now.after if in_the_end else now.before
    current = {key: view.get(key) for key in planned.after}
    if current == planned.after:
        return None
    if is_written:
        message = (
            "%s: the change was sent, but the box now has %s instead of %s. Another administrator, or another run, may have"
            " changed it after that. Run again. If the message comes again, compare the object with the control panel of the"
            " box."
        )
    else:
        message = (
            "%s: another administrator, or another run, has changed it while this task ran: the box now has %s instead of %s."
            " Agree with the others on one value, and run again."
        )
    return NotAsDeclared(
        message % (planned.label, current, planned.after),
        planned=planned.after,
        found=now.before,
    )


def part_done(plan: Plan, sent: Sequence[PlannedCall], now: Plan) -> Plan:
    """The part of a plan that was carried out before the rest was planned again.

    :param sent: those of its calls that were sent.
    :param now: the new plan, which tells what the box has now.
    """
    current = by_key(now)
    done = []
    for change in plan.changes:
        calls = tuple(item.call for item in sent if item.change.object == change.object)
        if calls:
            after = current[change.object].before if change.object in current else change.after
            done.append(replace(change, calls=calls, after=after))
    return replace(plan, changes=tuple(done))
