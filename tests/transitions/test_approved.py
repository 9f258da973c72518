# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random boxes, declarations, and drift between plan and apply: only approved calls are sent."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.plan import plan as saved_plan
from ansible_collections.mailinabox.admin.plugins.module_utils._box import unpublished
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call
from tests.box import Box, State
from tests.box.routes import answer
from tests.tasks import CONNECTION, connection, task, validated
from tests.unit.test_any_state import RulesClient

from ..integration.playbooks import VERSIONS, Run, run_on_hosts
from .world import Maker

NUMBER = 20
DRIFTS = 500
# Runs for the same box and plan.
TRIES = 10
START = 50_000
# With whole playbooks: so many plans, each for so many boxes, which drift and are applied to so many times.
PLANS, BOXES, APPLIES = 2, 25, 2


class Recorder(RulesClient):
    """Calls the box's rules, and records the calls."""

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
    """A box, its declaration, the options of the task, its saved plan, and the calls of the task."""

    state: State
    declared: dict[str, Any]
    options: dict[str, Any]
    saved: dict[str, Any]
    calls: list[Call]


def cases(start: int) -> Iterator[Case]:
    """Boxes and declarations that can be planned, and have something to change."""
    for seed in range(start, start + DRIFTS):
        maker = Maker(seed)
        state = maker.state(VERSIONS[seed % len(VERSIONS)])
        declared = maker.declaration()
        options = validated("miab_config", {**CONNECTION, **declared})
        planned, sent = outcome(state, options, True)
        assert not sent
        if not planned.get("failed") and planned["calls"]:
            saved = json.loads(json.dumps(saved_plan({"box": planned})))
            yield Case(state, declared, options, saved, outcome(copy.deepcopy(state), options, False)[1])


def drift(chosen: random.Random, state: State, planned: list[Call], others: list[Call]) -> str:
    """Change a box as another administrator could between plan and apply.

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
    """The calls that were not approved and are not repairs after an approved call failed."""
    recovery = [call for one in calls if one.as_result() in approved for call in (*one.rebuild, *one.undo)]
    return [call for call in calls if call.as_result() not in approved and call not in recovery]


@pytest.fixture(autouse=True)
def no_memory_of_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later run publishes unpublished changes in addition to any plan, so these runs must not leave any."""
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
            if code == "plan_differs" and "had to be planned again" not in result["msg"]:
                assert not sent, said
                assert not result["changed"]
                found["refused"] += 1
            elif code in ("", "plan_differs"):
                assert code == "" or sent
                found["applied"] += 1
                if kind == "none" and not code:
                    assert [call.as_result() for call in sent if call.as_result() in approved] == result["calls"]
            else:
                # The declaration is impossible, possibly only after some calls, or a zone was broken before.
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


Request = tuple[str, str, str]


def requests_of(calls: Iterable[Call]) -> set[Request]:
    """Calls in the form of the log of a box."""
    bodies = ((call, call.body if call.body is not None else urlencode(call.form or {})) for call in calls)
    return {(call.method, call.path, hashlib.sha256(body.encode()).hexdigest()[:16]) for call, body in bodies}


def calls_of(saved_box: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls in the plan of one box."""
    return [call for change in saved_box["changes"] for call in change["calls"]]


def failed_hosts(run: Run) -> dict[str, str]:
    """The hosts that failed according to the recap, each with what the last task printed about it."""
    tasks, _title, recap = run.output.partition("PLAY RECAP")
    last = dict(re.findall(r"^fatal: \[(\S+)\]: FAILED! => (.*)$", tasks.rpartition("TASK [")[2], re.MULTILINE))
    return {host: last[host] for host in re.findall(r"^(\S+) .* failed=1 ", recap, re.MULTILINE)}


@pytest.mark.parametrize("number", range(PLANS))
def test_only_approved_calls_are_sent_by_playbooks(
    number: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """This checks the logs of the boxes, and which hosts failed."""
    found: Counter[str] = Counter()
    # Boxes on which no call fails, so that all calls are known.
    known = (
        case
        for case in cases(START + (NUMBER + number) * DRIFTS)
        if all(call in [one.as_result() for one in case.calls] for call in calls_of(case.saved["boxes"][0]))
    )
    tried = {f"box-{place}.example": case for place, case in enumerate(itertools.islice(known, BOXES))}
    with ExitStack() as stack:
        boxes = {host: stack.enter_context(Box(state=case.state, control=False)) for host, case in tried.items()}
        hosts = {
            host: {
                "miab_" + name: value
                for name, value in {**case.declared, **connection(boxes[host])}.items()
                if value is not None
            }
            for host, case in tried.items()
        }
        planned = playbook("plan", hosts, tmp_path)
        assert planned.status == 0, planned.output[-3000:]
        assert not [entry for box in boxes.values() for entry in box.log if entry.is_write]
        plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
        approved = {box["host"]: calls_of(box) for box in plan["boxes"]}
        assert approved == {host: calls_of(case.saved["boxes"][0]) for host, case in tried.items()}

        others = [call for case in tried.values() for call in case.calls]
        for attempt in range(APPLIES):
            # The state folder of one run must not affect the next one, which has another box.
            folder = tmp_path / str(attempt)
            folder.mkdir()
            chosen = random.Random(f"{number} {attempt}")  # noqa: S311 - the same each time
            kinds = {}
            for host, case in tried.items():
                boxes[host].reset()
                kinds[host] = drift(chosen, boxes[host].state, case.calls, others)
            applied = playbook("apply", hosts, folder, "-e", f"miab_plan={tmp_path / 'plan.json'}")
            failed = failed_hosts(applied)
            assert applied.status == (2 if failed else 0), applied.output[-3000:]
            for host, case in tried.items():
                said = failed.get(host, "")
                sent = {(entry.method, entry.path, entry.content) for entry in boxes[host].log if entry.is_write}
                allowed = [call for call in case.calls if call.as_result() in approved[host]]
                # If a call fails on the box, the task may publish again or remove the value.
                made = [call for call in allowed if requests_of([call]) <= sent]
                recovery = [one for call in made for one in (*call.rebuild, *call.undo)]
                outside = sent - requests_of([*made, *recovery])
                end = how_it_ended(said)
                found.update(["drifts", end])
                found["outside"] += len(outside)
                assert not outside, (host, kinds[host], said, outside)
                if end == "refused":
                    assert not sent, (host, said)
                    assert kinds[host] != "none", said
                elif end == "applied" and kinds[host] == "none" and not said:
                    assert made == allowed, host
    assert found["drifts"] == BOXES * APPLIES
    assert found["refused"]
    assert found["applied"]
    record_property("approved by playbooks", dict(found))


def playbook(name: str, hosts: dict[str, dict[str, Any]], folder: Path, *arguments: str) -> Run:
    """Run a playbook of the collection, whose own plans are written into the folder."""
    arguments = ("--forks", "4", "-e", f"miab_plan_folder={folder}", *arguments)
    return run_on_hosts(hosts, Path("mailinabox.admin." + name), folder, arguments)


def how_it_ended(said: str) -> str:
    """How an apply ended for a host.

    :param said: what the last task printed about it, if it failed.
    """
    if "no longer the one that was approved" in said:
        return "refused"
    # All approved changes are made before the task finds changes that could not be planned earlier.
    return "applied" if not said or "had to be planned again" in said else "failed"
