# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transition: a box in some state, and a declaration. The prediction must be correct, and no zone may break."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.box import State, names, zones
from tests.box.publishing import zone_inputs
from tests.box.routes import answer
from tests.box.zones import ZoneInputs
from tests.name_server import find, published, refused

REFUSED, CHANGED, SAME, LEFT = "refused", "changed", "nothing to do", "stopped at a zone that was broken before"
PARTIAL = "stopped where the prediction said that it ended"
# Words of warnings about boxes that can't list their records.
_UNLISTED = "could break the zone of the new domain"
_PARTIAL = "Everything else is planned after that"
# Words of messages about other administrators, of whom there are none.
_OTHERS = "nother administrator, or another run"

Run = Callable[[bool], dict[str, Any]]


def transition(state: State, run: Run, publishes: bool = True) -> tuple[str, list[ZoneInputs]]:
    """Predict, apply, and check that a second run changes nothing.

    :param run: makes the task's result, in check mode or not.
    :param publishes: whether the box publishes each change by itself.
    :return: the result, and the zones that were intact before or are new. They must be intact now.
    """
    before = {inputs.zone: zones.loads(inputs) for inputs in zone_inputs(state)}
    mail = {inputs.zone: inputs.mail for inputs in zone_inputs(state)}
    # A zone that comes brings along what was stored when it went.
    unreadable = [record.qname for record in state.dns_records if not zones.is_readable(record.rtype, record.value)]
    is_whole = all(before.values()) and not unreadable

    def was_whole(zone: str) -> bool:
        return before.get(zone, not any(names.is_within(name, zone) for name in unreadable))

    contents = _contents(state)
    is_listed = answer(state, "GET", "/dns/custom").status == 200
    predicted = run(True)
    assert _contents(state) == contents, "the prediction changed something"
    real = run(False)
    assert _OTHERS not in str([real.get("msg"), real.get("warnings")]), (
        "what the box did by itself was taken for others' work"
    )
    whole = [inputs for inputs in published(state) if was_whole(inputs.zone)]
    if predicted.get("failed"):
        assert real.get("failed"), "refused in check mode, and done all the same: %s" % predicted["msg"]
        assert _contents(state) == contents, "refused, and something was changed"
        return REFUSED, whole
    # Whether the box then lists its records, and what they are, can't be read before the addresses are there.
    is_partial = any(_PARTIAL in warning for warning in predicted.get("warnings", ()))
    assert not (is_partial and is_listed), "a partial prediction, although the box lists its records"
    if is_partial or any(_UNLISTED in warning for warning in predicted.get("warnings", ())):
        # Nobody could know what was stored where mail comes now.
        whole = [inputs for inputs in whole if mail.get(inputs.zone) == inputs.mail]
    if real.get("failed") and is_partial:
        return PARTIAL, whole
    if real.get("failed"):
        # What nobody declared may keep its zone from being published, and is there still.
        failed_there = real["failure"]["code"] == "box_failed" and not is_whole
        assert failed_there, "predicted as possible: %s" % real["msg"]
        return LEFT, whole
    for part in ("changes", "calls"):
        done = [item for item in real[part] if item in predicted[part]] if is_partial else real[part]
        assert predicted[part] == done
    again = run(False)
    assert not again.get("failed"), again["msg"]
    assert not again["changed"], "not done in one run: %s" % again["calls"]
    if is_whole and publishes:
        assert published(state) == zone_inputs(state), "something is stored and not published"
    return (CHANGED if real["changed"] else SAME), whole


def check_zones(whole: Sequence[ZoneInputs]) -> dict[str, int]:
    """Find them loaded by the rules of the simulated box, and by the program of a name server if there is one."""
    broken = {inputs.zone: zones.file_body(inputs) for program in (None, find()) for inputs in refused(whole, program)}
    assert not broken, "the name server would no longer load: %s" % broken
    return {"zones": len(set(whole)), "broken": len(broken)}


def _contents(state: State) -> dict[str, Any]:
    """The manually configured state of a box."""
    return {
        "users": {user.email: (user.password, tuple(user.privileges), user.quota) for user in state.users.values()},
        "aliases": {alias.address: tuple(alias.forwards_to) for alias in state.aliases.values()},
        "records": tuple(state.dns_records),
    }
