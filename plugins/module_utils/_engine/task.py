# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module is, and how it runs: plan, then predict or execute, then report."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from .._box.client import Client
from .._box.connection import Connection
from .._model import approval, forks, snapshot
from .._model.plan import Call, CurrentTime, Plan, Planner, Question, View
from .._values.errors import BoxError, PlanDiffers
from .._values.secrets import masked
from . import report
from .execution import Execution
from .offline import OfflineClient
from .planning import Planning
from .progress import Progress, Reporter

Gate = Callable[[Any, Plan, Callable[[Question], Any]], None]
"""A check before the first write, called with the declared state, the plan, and a function that asks the box a question.

It raises a ``BoxError`` to stop the run before anything is changed. It does not run in check mode.
"""


@dataclass(frozen=True)
class Task:
    """One module, as data and pure functions.

    :param name: the key in the result for the object, which has the form of the module's options. Empty if the module
        changes nothing and returns several facts, each under its own name.
    :param options: the argument spec, without the options of the connection.
    :param planner: turns the options into a plan.
    :param rules: more arguments of ``AnsibleModule``, such as ``mutually_exclusive``.
    :param many: whether a plan can have many objects. The result then lists the objects that change.
    :param file_key: the key of the view with the text that the action plugin writes to the file in the option ``path``.
        The task then also has Ansible's usual options for files.
    :param secrets: returns the secrets in options that are not secret as a whole.
    :param publishes: whether the box publishes the task's changes in DNS or web. Such a task also publishes changes that
        an earlier run may have left unpublished.
    :param gates: checks before the first write.
    :param not_null: options that can be left out, but not be null: their default allows more than any value.
    :param concerns: whether a task with these options is about an object that it doesn't write, by its resource and key.
        Then it warns if somebody else changes the object at the same time.
    :param validate: for the option ``validate_only``: raises an error for options that are invalid on any box.
    """

    name: str
    options: Mapping[str, Any]
    planner: Planner[Any, Any]
    rules: Mapping[str, Any] = field(default_factory=dict)
    many: bool = False
    file_key: Optional[str] = None
    secrets: Callable[[Mapping[str, Any]], Iterable[str]] = lambda _options: ()
    publishes: bool = False
    gates: Sequence[Gate] = ()
    not_null: Sequence[str] = ()
    concerns: Callable[[Any, str, str], bool] = lambda _wanted, _resource, _key: False
    validate: Callable[[Any], None] = lambda _wanted: None


def run(
    task: Task,
    options: Mapping[str, Any],
    check_mode: bool,
    connect: Callable[[Connection], Client] = Client,
    progress: Progress = lambda _step: None,
    secrets: Iterable[str] = (),
) -> dict[str, Any]:
    """The result of a task, in the form that Ansible expects. A failure is a result with ``failed`` and ``failure``.

    :param options: validated, including those of the connection.
    :param check_mode: whether to predict the calls instead of sending them.
    :param progress: called with each step. It doesn't change the result.
    :param secrets: secrets that Ansible masks in the result. Plans of many objects are masked here, before their digests
        are computed.
    """
    try:
        wanted = task.planner.check(options)
        if options.get("validate_only"):
            task.validate(wanted)
            return {**report.result(False, (), (), {task.name: []}), "requests": report.requests(0, 0)}
        connection = Connection.from_options(options)
        client, snapshot_made_at = connect(connection), None
        if options.get("snapshot") is not None:
            found = snapshot.read(options["snapshot"], connection.url)
            client, snapshot_made_at = OfflineClient(connection, found), found.made_at
        approved = approval.from_options(options.get("approved"), connection.url, lambda: client.ask(CurrentTime()))
    except BoxError as error:
        return {**report.failure(error), "requests": report.requests(0, 0)}
    description = approval.Description(connection.url, frozenset(secrets), snapshot_made_at)
    reporter = Reporter(progress)
    client.on_wait = reporter.wait
    planning = Planning(task.planner.single(), wanted, client, reporter)
    execution = Execution(client, planning, reporter)
    ledger = execution.ledger
    try:
        with client:
            result = _predict_or_execute(task, wanted, check_mode, client, planning, execution, description, approved)
    except BoxError as error:
        ledger.describe(error)
        error.message = " ".join([error.message, *execution.warnings_about_others(partial(task.concerns, wanted))])
        result = report.failure(error, ledger.sent, ledger.changed)
        # Ansible doesn't know these secrets, so it doesn't mask them. A message of the box may repeat them.
        result = dict(masked(result, planning.secrets | client.keys))
        if execution.revealed:
            result[task.name] = execution.revealed
        if isinstance(error, PlanDiffers):
            result.update(report.plan(error.plan))
    finally:
        execution.close()
    # Signing out is a request, too.
    result["requests"] = report.requests(client.reads, client.writes)
    return result


def _predict_or_execute(
    task: Task,
    wanted: Any,
    check_mode: bool,
    client: Client,
    planning: Planning,
    execution: Execution,
    description: approval.Description,
    approved: approval.Approval | None,
) -> dict[str, Any]:
    first, notes = _approved_plan(planning, execution, description, approved)
    last = first
    views = [change.after for change in first.changes]
    left_over = execution.find_left_over() if task.publishes else ()
    calls: Sequence[Call] = [*first.calls, *left_over]
    changed = bool(left_over) or not all(call.likely_noop for call in first.calls)
    writes_to_unknown = client.connection.unknown_box == "write"
    if calls and not check_mode:
        if not writes_to_unknown:
            forks.refuse_unknown(client.box)
        if execution.take_turn():
            first, notes = _approved_plan(planning, execution, description, approved)
        for gate in task.gates:
            gate(wanted, first, planning.ask)
        last = execution.carry_out(first)
        # A plan without calls was just read from the box.
        views = execution.read_back(last) if last.calls else [change.before for change in last.changes]
        execution.publish_left_over(left_over)
        calls, changed = execution.ledger.sent, execution.ledger.changed
    elif not first.calls:
        execution.reveal(first)
    known_box = forks.warnings(client.box, writes_to_unknown) if calls else ()
    by_others = execution.warnings_about_others(partial(task.concerns, wanted))
    warnings = [*client.warnings, *known_box, *notes, *last.warnings, *execution.ledger.warnings, *by_others]
    plans = execution.carried_out or [last]
    details = _details(task, plans, last, views, execution.revealed, description)
    return report.result(changed, calls, warnings, details)


def _approved_plan(
    planning: Planning,
    execution: Execution,
    description: approval.Description,
    approved: approval.Approval | None,
) -> tuple[Plan, Sequence[str]]:
    """A plan from what the box has now, and notes on it.

    :raises PlanDiffers: if it is not the approved one.
    """
    plan = planning.plan()
    if approved is None:
        return plan, ()
    notes = approved.confirm(plan, description)
    execution.allow_only(
        plan, lambda rest: approval.refusal_of_rest(description.box_plan(rest), description.box_plan(plan)["changes"])
    )
    return plan, notes


def _details(
    task: Task,
    plans: Sequence[Plan],
    last: Plan,
    views: Sequence[View],
    revealed: Mapping[str, Any],
    description: approval.Description,
) -> dict[str, Any]:
    """The values that the module itself returns.

    :param plans: the plans that were carried out, or the predicted one.
    :param last: the plan that shows the final objects.
    :param views: the objects of the last plan.
    """
    if not task.name:
        return dict(views[0])
    if task.many:
        first, *others = map(description.box_plan, plans)
        return {
            **report.plan(first),
            task.name: [change for planned in (first, *others) for change in planned["changes"]],
            "notes": [report.note(note) for note in plans[0].notes],
            "diff": [
                report.diff(change, change, description.url)
                for plan in plans
                for change in plan.changes
                if change.calls
            ],
        }
    return {
        task.name: {**views[0], **revealed},
        "diff": report.diff(plans[0].changes[0], last.changes[0], description.url),
    }
