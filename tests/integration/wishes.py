# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the common promises of modules with a sequence of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.box import Box

from .playbooks import Outcome, play


@dataclass
class Wish:
    """The options of a task, and the expected result.

    :param changed: whether the task is expected to change the box.
    :param holds: checks the box's state after the task.
    :param warns: a part of the expected warning.
    """

    options: Mapping[str, Any]
    holds: Callable[[dict[str, Any]], bool]
    changed: bool = True
    warns: str = ""
    calls: int | None = field(default=None)


def in_check_mode(wish: Wish, door: str) -> tuple[bool, ...]:
    """The check mode of each run of a task: predict, apply, apply again (no change), predict again (no change).

    Tasks without a change don't need the second round. As a module, which is slow, one prediction is enough.
    """
    if not wish.changed:
        return (True, False)
    return (True, False, False, True) if door == "in-process" else (True, False, False)


def converge(box: Box, module: str, wishes: Sequence[Wish], folder: Path, door: str) -> None:
    """Run the tasks one after the other, and compare their results with the state of the box."""
    tasks = [
        {"mailinabox.admin." + module: dict(wish.options), "check_mode": check_mode, "diff": True}
        for wish in wishes
        for check_mode in in_check_mode(wish, door)
    ]
    run = play(box, tasks, folder, door)
    assert run.status == 0, run.output
    assert len(run.outcomes) == len(tasks), run.output
    left = iter(run.outcomes)
    before = None
    for wish in wishes:
        outcomes = [next(left) for _check_mode in in_check_mode(wish, door)]
        check_one(wish, outcomes, before)
        before = outcomes[-1].state
    reported = sum("[WARNING]" in line for line in run.output.splitlines())
    assert bool(reported) == any(wish.warns for wish in wishes), run.output


def check_one(wish: Wish, outcomes: Sequence[Outcome], before: dict[str, Any] | None) -> None:
    predicted, real, *later = outcomes
    for outcome in outcomes:
        assert not outcome.failed, (wish.options, outcome.result)
    assert predicted.result["changed"] == real.result["changed"] == wish.changed, (wish.options, real.result)
    assert predicted.result["diff"] == real.result["diff"]
    assert predicted.result["calls"] == real.result["calls"]
    assert (real.result["diff"]["before"] != real.result["diff"]["after"]) == wish.changed
    assert bool(real.result["calls"]) == wish.changed
    assert predicted.result["requests"]["writes"] == 0
    assert real.result["requests"]["writes"] == len(real.result["calls"])
    assert wish.calls is None or len(real.result["calls"]) == wish.calls
    assert before is None or predicted.state == before
    assert wish.holds(real.state), (wish.options, real.state)
    for outcome in later:
        assert not outcome.result["changed"], (wish.options, outcome.result)
        assert outcome.result["calls"] == []
        assert outcome.state == real.state
    if wish.warns:
        assert any(wish.warns in warning for warning in real.result["warnings"]), real.result
    else:
        assert "warnings" not in real.result
