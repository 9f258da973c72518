# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any box, any declaration, and any drift between plan and apply: nothing is sent that wasn't approved."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.plan import plan as saved_plan
from ansible_collections.mailinabox.admin.plugins.module_utils._box import unpublished
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call
from tests.box import State
from tests.box.routes import answer
from tests.tasks import CONNECTION, task, validated
from tests.unit.test_any_state import RulesClient

from ..integration.playbooks import VERSIONS
from .world import Maker

NUMBER = 20
DRIFTS = 500
# Of the same box and plan.
TRIES = 10
START = 50_000


class Recorder(RulesClient):
    """Asks the box's rules, and remembers the calls."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.calls: list[Call] = []

    def send(self, call: Call) -> str:
        self.calls.append(call)
        return super().send(call)


def outcome(state: State, options: dict[str, Any], check_mode: bool) -> tuple[dict[str, Any], list[Call]]:
    """The result of miab_config, and the calls that it sent."""
    client = Recorder(state)
    result = run(task("miab_config"), options, check_mode, connect=lambda _connection: client)
    return result, client.calls


@dataclass
class Case:
    """A box, the options of a task for it, its saved plan, and the calls that the task makes."""

    state: State
    options: dict[str, Any]
    saved: dict[str, Any]
    calls: list[Call]


def cases(start: int) -> Iterator[Case]:
    """Boxes and declarations that can be planned, and have something to change."""
    for seed in range(start, start + DRIFTS):
        maker = Maker(seed)
        state = maker.state(VERSIONS[seed % len(VERSIONS)])
        options = validated("miab_config", {**CONNECTION, **maker.declaration()})
        planned, sent = outcome(state, options, True)
        assert not sent
        if not planned.get("failed") and planned["calls"]:
            saved = json.loads(json.dumps(saved_plan({"box": planned})))
            yield Case(state, options, saved, outcome(copy.deepcopy(state), options, False)[1])


def drift(chosen: random.Random, state: State, planned: list[Call], others: list[Call]) -> str:
    """Change a box as somebody might do between plan and apply.

    :param planned: calls of the plan.
    :param others: calls of other plans, about the same domains.
    """
    kind = chosen.choice(["none", "planned", "other", "both"])
    calls = [call for call in planned if chosen.random() < 0.5] if kind in ("planned", "both") else []
    if kind in ("other", "both"):
        calls += chosen.choices(others, k=chosen.randint(1, 4))
    for call in calls:
        answer(state, call.method, call.path, form=call.form, body=call.body)
    return kind


def outside(calls: list[Call], approved: list[dict[str, Any]]) -> list[Call]:
    """The calls that were not approved, and don't belong to an approved one at which the box failed."""
    recovery = [call for one in calls if one.as_result() in approved for call in (*one.rebuild, *one.undo)]
    return [call for call in calls if call.as_result() not in approved and call not in recovery]


@pytest.fixture(autouse=True)
def no_memory_of_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run left unpublished is published with any plan, so these runs leave nothing behind."""
    monkeypatch.setattr(unpublished, "state_folder", lambda _url: None)


@pytest.mark.parametrize("number", range(NUMBER))
def test_only_approved_calls_are_sent(number: int, record_property: Callable[[str, object], None]) -> None:
    found: Counter[str] = Counter()
    others: list[Call] = []
    for case in cases(START + number * DRIFTS):
        others += case.calls
        approved = [call for change in case.saved["boxes"][0]["changes"] for call in change["calls"]]
        given = {"plan": case.saved, "host": None, "digest": None, "max_age": None}
        for attempt in range(TRIES):
            chosen = random.Random(f"{number} {found['drifts']} {attempt}")  # noqa: S311 - the same each time
            drifted = copy.deepcopy(case.state)
            kind = drift(chosen, drifted, case.calls, others)
            result, sent = outcome(drifted, {**case.options, "approved": given}, False)
            code = result["failure"]["code"] if result.get("failed") else ""
            said = f"{kind}, {code}: {case.options}, {result}"
            found["drifts"] += 1
            found["outside"] += len(outside(sent, approved))
            assert not outside(sent, approved), said
            if code == "plan_differs" and "could be planned only now" not in result["msg"]:
                assert not sent, said
                assert not result["changed"]
                found["refused"] += 1
            elif code in ("", "plan_differs"):
                assert code == "" or sent
                found["applied"] += 1
                if kind == "none" and not code:
                    assert [call.as_result() for call in sent if call.as_result() in approved] == result["calls"]
            else:
                # The declaration is impossible, maybe only after some calls, or the box fails at a zone that was broken before.
                assert kind != "none" or code == "box_failed" or sent, said
                found["failed"] += 1
            if kind == "none":
                assert code != "plan_differs" or sent, said
        if found["drifts"] >= DRIFTS:
            break
    assert found["drifts"] == DRIFTS
    assert found["refused"]
    assert found["applied"]
    record_property("approved", dict(found))
