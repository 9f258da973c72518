# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare calls and objects with what was planned."""

from __future__ import annotations

from typing import Iterable, Mapping

from .._model.plan import Call, Change, Plan, PlannedCall
from .._values.errors import NotAsDeclared


def is_among(call: Call, planned: Iterable[PlannedCall]) -> bool:
    """Whether a call is planned. Secrets are not compared, because a box may offer a new one each time."""
    return call.as_result() in [item.call.as_result() for item in planned]


def by_key(plan: Plan) -> dict[tuple[str, str], Change]:
    return {(change.resource, change.key): change for change in plan.changes}


def deviation(planned: Change, found: Mapping[tuple[str, str], Change], in_the_end: bool) -> NotAsDeclared | None:
    """The error for an object that differs from the plan; None if it does not differ.

    :param found: the changes of a new plan, by resource and key, which contain the current objects.
    :param in_the_end: compare the object after the new plan, instead of the current one.
    """
    now = found.get((planned.resource, planned.key))
    if now is None:
        # An object that isn't declared is missing from the plan once it is removed.
        return None
    view = now.after if in_the_end else now.before
    current = {key: view.get(key) for key in planned.after}
    if current == planned.after:
        return None
    return NotAsDeclared(
        "%s: the change was sent, but the box now has %s instead of %s." % (planned.label, current, planned.after),
        planned=planned.after,
        found=now.before,
    )
