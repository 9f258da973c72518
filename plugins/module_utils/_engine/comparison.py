# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare calls and objects with what was planned."""

from __future__ import annotations

from typing import Iterable, Mapping

from .._model.plan import Call, Change, Plan, PlannedCall
from .._values.errors import NotAsDeclared


def is_among(call: Call, planned: Iterable[PlannedCall]) -> bool:
    """Whether a call is planned. Secrets don't count, because a box may offer another one each time."""
    return call.as_result() in [item.call.as_result() for item in planned]


def by_key(plan: Plan) -> dict[tuple[str, str], Change]:
    return {(change.resource, change.key): change for change in plan.changes}


def deviation(planned: Change, found: Mapping[tuple[str, str], Change], in_the_end: bool) -> NotAsDeclared | None:
    """How an object differs from what was planned; None if it doesn't.

    :param found: the changes of a new plan, by resource and key. It tells what the box has now.
    :param in_the_end: compare what the object will be after the new plan, instead of what it is now.
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
        "%s: written, but the box now holds %s where %s was to be." % (planned.label, current, planned.after),
        planned=planned.after,
        found=now.before,
    )
