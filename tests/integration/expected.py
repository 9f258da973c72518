# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tasks of a YAML text, each in check mode, for real and again, and compare the results with the box."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.box import Box

from .playbooks import Outcome, play

State = dict[str, Any]


@dataclass
class Expected:
    """The expected result of a task.

    :param state: checks the state of the box after the task.
    :param changed: whether the task is expected to change the box.
    :param warning: a part of the expected warning.
    :param calls: the expected number of writes; None for any number.
    """

    state: Callable[[State], bool]
    changed: bool = True
    warning: str = ""
    calls: int | None = None


def check_modes(expected: Expected, door: str) -> tuple[bool, ...]:
    """The check mode of each run of a task: predict, apply, apply again (no change), predict again (no change).

    A task without a change doesn't need the second round. As a module, which is slow, one prediction is enough.
    """
    if not expected.changed:
        return (True, False)
    return (True, False, False, True) if door == "in-process" else (True, False, False)


def check_tasks(
    box: Box,
    text: str,
    expected: Mapping[str, Expected | None],
    folder: Path,
    door: str,
    variables: Mapping[str, Any] | None = None,
) -> None:
    """Run tasks one after the other, and compare each result with the expected one and with the state of the box.

    :param text: the tasks in YAML.
    :param expected: the expected results by the names of the tasks, in their order. A task with None is left out,
        because the version of the box doesn't support it.
    :param variables: the variables of the play.
    """
    tasks = {task["name"]: task for task in yaml.safe_load(text)}
    assert list(tasks) == list(expected)
    steps = [(tasks[name], result) for name, result in expected.items() if result is not None]
    runs = [
        {**task, "check_mode": check_mode, "diff": True}
        for task, result in steps
        for check_mode in check_modes(result, door)
    ]
    run = play(box, runs, folder, door, vars=dict(variables or {}))
    assert run.status == 0, run.output
    assert len(run.outcomes) == len(runs), run.output
    left = iter(run.outcomes)
    before = None
    for task, result in steps:
        outcomes = [next(left) for _check_mode in check_modes(result, door)]
        _compare(task["name"], result, outcomes, before)
        before = outcomes[-1].state
    has_warnings = any("[WARNING]" in line for line in run.output.splitlines())
    assert has_warnings == any(result.warning for _task, result in steps), run.output


def _compare(name: str, expected: Expected, outcomes: Sequence[Outcome], before: State | None) -> None:
    predicted, real, *later = outcomes
    for outcome in outcomes:
        assert not outcome.failed, (name, outcome.result)
    assert predicted.result["changed"] == real.result["changed"] == expected.changed, (name, real.result)
    assert predicted.result["diff"] == real.result["diff"], name
    assert predicted.result["calls"] == real.result["calls"], name
    assert (real.result["diff"]["before"] != real.result["diff"]["after"]) == expected.changed, name
    assert bool(real.result["calls"]) == expected.changed, name
    assert predicted.result["requests"]["writes"] == 0, name
    assert real.result["requests"]["writes"] == len(real.result["calls"]), name
    assert expected.calls is None or len(real.result["calls"]) == expected.calls, name
    assert before is None or predicted.state == before, name
    assert expected.state(real.state), (name, real.state)
    for outcome in later:
        assert not outcome.result["changed"], (name, outcome.result)
        assert outcome.result["calls"] == [], name
        assert outcome.state == real.state, name
    if expected.warning:
        assert any(expected.warning in warning for warning in real.result["warnings"]), (name, real.result)
    else:
        assert "warnings" not in real.result, name
