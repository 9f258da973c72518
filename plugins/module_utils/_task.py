# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, send or predict, read back, report: what every task does, whatever it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from ._client import Client, Connection
from ._errors import BoxError, BoxFailed, NotAsDeclared, OutcomeUnknown
from ._plan import Call, Change, Known, Plan, Question, View


@dataclass(frozen=True)
class Task:
    """One module, as data and pure functions.

    :param name: under which the result shows the object, in the form of the module's options.
    :param options: the argument spec, without the options of the connection.
    :param rules: what goes with what, as ``AnsibleModule`` takes it (``mutually_exclusive`` and so on).
    :param check: turns options into what is wanted; raises ``InvalidOption``.
    :param needs: what has yet to be read before ``plan`` can tell; empty in the end.
    :param plan: the change that leads from what was read to what is wanted.
    """

    name: str
    options: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], Any]
    needs: Callable[[Any, Known], Sequence[Question]]
    plan: Callable[[Any, Known], Change]
    rules: Mapping[str, Any] = field(default_factory=dict)


def run(
    task: Task,
    options: Mapping[str, Any],
    check_mode: bool,
    connect: Callable[[Connection], Client] = Client,
) -> dict[str, Any]:
    """A task's result, as Ansible takes it; a failure is one too, with ``failed`` and ``failure``.

    :param options: validated, those of the connection included.
    :param check_mode: whether to predict the calls instead of sending them.
    """
    try:
        wanted = task.check(options)
        connection = Connection.from_options(options)
    except BoxError as error:
        return _failed(error, [], 0, 0)
    client = connect(connection)
    conversation = _Conversation(task, wanted, client)
    try:
        with client:
            return conversation.hold(check_mode)
    except BoxError as error:
        return _failed(error, conversation.sent, client.reads, client.writes)


class _Conversation:
    """One task's talk with one box."""

    def __init__(self, task: Task, wanted: Any, client: Client) -> None:
        self.sent: list[Call] = []
        self._task = task
        self._wanted = wanted
        self._client = client
        self._warnings: list[str] = []

    def hold(self, check_mode: bool) -> dict[str, Any]:
        plan = self._plan()
        views = [change.after for change in plan.changes]
        if plan.calls and not check_mode:
            self._send(plan.calls)
            views = self._read_back(plan)
        result = {
            "changed": bool(plan.calls),
            "calls": [call.shown() for call in plan.calls],
            "diff": _diff(plan.changes[0], self._client.connection.url),
            self._task.name: views[0],
            "requests": {"reads": self._client.reads, "writes": self._client.writes},
        }
        warnings = [*plan.warnings, *self._warnings]
        if warnings:
            result["warnings"] = warnings
        return result

    def _plan(self) -> Plan:
        known: Known = {"caller": self._client.connection.username}
        while True:
            questions = self._task.needs(self._wanted, known)
            if not questions:
                return Plan((self._task.plan(self._wanted, known),))
            for question in questions:
                known[question.name] = self._client.ask(question)

    def _send(self, calls: Sequence[Call]) -> None:
        queue = list(calls)
        while queue:
            call = queue.pop(0)
            try:
                self._client.send(call)
            except OutcomeUnknown as error:
                queue = self._settle(call, error)
            self.sent.append(call)

    def _settle(self, call: Call, error: OutcomeUnknown) -> list[Call]:
        """Find out whether a write was stored, and bring the box in line if it was; return the calls that are left.

        A box stores first and rebuilds DNS and web after, so it may fail with the change made.
        """
        left = list(self._plan().calls)
        if call in left:
            raise BoxFailed(
                "%s Nothing of it was stored. What came before is done; run again for what is left." % error.message,
                status=error.status,
                left=[item.shown() for item in left],
            ) from error
        if call.undo and error.status == 500:
            # The next answer might well be 200, because the box doesn't look at a zone twice.
            self._take_out(call, error)
        try:
            for again in call.rebuild:
                self._client.send(again)
        except BoxError as failure:
            if call.undo:
                self._take_out(call, error)
            raise BoxFailed(
                "%s The change itself was stored; what the box rebuilds after it failed again: %s"
                % (error.message, failure.message),
                status=error.status,
                left=[item.shown() for item in left],
            ) from failure
        self._warnings.append("%s The change was stored all the same, and DNS and web were rebuilt." % error.message)
        return left

    def _take_out(self, call: Call, error: OutcomeUnknown) -> None:
        """Take a value out again that the name server can't live with, and fail."""
        told = "the value was taken out again, and the zone rebuilt"
        try:
            for item in (*call.undo, *call.rebuild):
                self._client.send(item)
        except BoxError as failure:
            told = (
                "taking the value out again failed too: %s Until it is gone, no DNS write to its zone works"
                % failure.message
            )
        raise BoxFailed(
            "%s The box had stored %r for %s, and could not publish it: %s."
            % (error.message, call.body, call.path, told),
            status=error.status,
            value=call.body,
            path=call.path,
        ) from error

    def _read_back(self, plan: Plan) -> list[View]:
        """The objects as the box holds them now.

        :raises NotAsDeclared: if that isn't what was planned.
        """
        if any(change.locks_out for change in plan.changes):
            self._warnings.append(
                "What was written could not be read back: the account of this run has no rights any more."
            )
            return [change.after for change in plan.changes]
        found = self._plan()
        for planned, now in zip(plan.changes, found.changes):
            held = {key: now.before.get(key) for key in planned.after}
            if held != planned.after:
                raise NotAsDeclared(
                    "%s %s: written, but the box now holds %s where %s was to be."
                    % (planned.resource, planned.key, held, planned.after),
                    planned=planned.after,
                    found=now.before,
                )
        return [change.before for change in found.changes]


def _diff(change: Change, url: str) -> dict[str, Any]:
    header = "%s %s on %s" % (change.resource, change.key, url)
    return {"before_header": header, "after_header": header, "before": change.before, "after": change.after}


def _failed(error: BoxError, sent: Sequence[Call], reads: int, writes: int) -> dict[str, Any]:
    return {
        "failed": True,
        "changed": bool(sent),
        "msg": error.message,
        "failure": error.as_failure(),
        "calls": [call.shown() for call in sent],
        "requests": {"reads": reads, "writes": writes},
    }
