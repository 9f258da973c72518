# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, send or predict, read back, report: what every task does, whatever it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Union

from .._box.client import Client
from .._box.connection import Connection
from .._box.unpublished import Unpublished
from .._model.plan import Call, Change, FileText, Known, Plan, Question, Read, View
from .._model.publishing import REBUILD_DNS, REBUILD_WEB
from .._values import secrets as _secrets
from .._values.errors import BoxError, BoxFailed, NotAsDeclared, OutcomeUnknown, UnexpectedAnswer, Unsupported
from .._values.texts import printable
from . import files

# How long to wait before it is read again what was written, where that takes a moment to show.
_SETTLE_SECONDS = 0.5
# What to do about a change that was stored, if nobody knows whether it was published.
_PUBLISH = "run again on this machine to publish it, or run miab_dns_update with force, and miab_web_update."
# What has a box publish all that it holds.
_PUBLISH_CALLS = (REBUILD_DNS, REBUILD_WEB)
_LEFT_UNPUBLISHED = (
    "An earlier run from this machine ended before the box had published all that it had stored, so DNS and web are"
    " published again."
)
# How long to wait before it is looked again whether a write was stored: a proxy may give up before its box does.
_LATE_SECONDS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Task:
    """One module, as data and pure functions.

    :param name: under which the result shows the object, in the form of the module's options; empty if
        the task changes nothing and the result is what it has found, each thing under its own name.
    :param options: the argument spec, without the options of the connection.
    :param rules: what goes with what, as ``AnsibleModule`` takes it (``mutually_exclusive`` and so on).
    :param check: turns options into what is wanted; raises ``InvalidOption``.
    :param needs: what has yet to be read before ``plan`` can tell; empty in the end.
    :param plan: the change that leads from what was read to what is wanted; or a plan of many of them.
    :param many: whether it is a plan of many. The result then tells those that have something to change, as a list.
    :param file_key: the key of the view whose text is kept in the file that the option ``path`` names, with
        Ansible's usual options for files; it is the action plugin that sees to it.
    :param secrets: texts that are secret although they are part of an option that isn't.
    :param publishes: whether the box publishes what the task writes. Such a task also has the box publish what an earlier
        run may have left unpublished.
    """

    name: str
    options: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], Any]
    needs: Callable[[Any, Known], Sequence[Question]]
    plan: Callable[[Any, Known], Union[Change, Plan]]
    rules: Mapping[str, Any] = field(default_factory=dict)
    many: bool = False
    file_key: Optional[str] = None
    secrets: Callable[[Mapping[str, Any]], Iterable[str]] = lambda _options: ()
    publishes: bool = False


@dataclass(frozen=True)
class Step:
    """How far a run is: told before each thing that it does, and that may take a while.

    :param doing: ``read`` or ``send``.
    :param done: how many reads, or calls, are done.
    :param left: how many are known to be left, with the one that comes now.
    :param now: what comes now: an object that is written, or what is read. No secret, but a name.
    :param seconds: how many it may take, if that is known to be many.
    :param waits: why the run waits before it goes on, behind "because"; empty if it doesn't. ``seconds`` is
        then how long.
    """

    doing: str
    done: int
    left: int
    now: str
    seconds: float = 0
    waits: str = ""


Progress = Callable[[Step], None]


def run(
    task: Task,
    options: Mapping[str, Any],
    check_mode: bool,
    connect: Callable[[Connection], Client] = Client,
    progress: Progress = lambda _step: None,
) -> dict[str, Any]:
    """A task's result, as Ansible takes it; a failure is one too, with ``failed`` and ``failure``.

    :param options: validated, those of the connection included.
    :param check_mode: whether to predict the calls instead of sending them.
    :param progress: told each step; it has no say in the result.
    """
    try:
        wanted = task.check(options)
        connection = Connection.from_options(options)
    except BoxError as error:
        return _failed(error, [], False, 0, 0)
    client = connect(connection)
    conversation = _Conversation(task, wanted, client, progress)
    try:
        with client:
            result = conversation.hold(check_mode)
    except BoxError as error:
        conversation.take_stock(error)
        result = _failed(error, conversation.sent, conversation.changed, client.reads, client.writes)
        # Nobody declared these, so nobody else masks them: what the box says may repeat what it was sent.
        result = dict(_secrets.masked(result, conversation.secrets() | client.keys))
        if conversation.revealed:
            # The box may go by it already, and then nobody else knows it.
            result[task.name] = conversation.revealed
        return result
    finally:
        conversation.unpublished.close()
    # Only now, because signing out is a request, too.
    result["requests"] = {"reads": client.reads, "writes": client.writes}
    return result


class _Conversation:
    """One task's talk with one box."""

    def __init__(self, task: Task, wanted: Any, client: Client, progress: Progress) -> None:
        self.sent: list[Call] = []
        self.changed = False
        self.revealed: dict[str, Any] = {}
        self.unpublished = Unpublished(client.connection.url)
        # The plans whose calls were made, the first one first.
        self._carried_out: list[Plan] = []
        # The call that is being made, whether the box may have done it all the same, and what is not done.
        self._current: Call | None = None
        self._in_doubt = False
        self._left: list[Call] = []
        # The latest call that mends and was stored, and how the box failed at it: what it rebuilds is due after the last.
        self._due: tuple[Call, OutcomeUnknown] | None = None
        self._task = task
        self._wanted = wanted
        self._client = client
        self._warnings: list[str] = []
        self._progress = progress
        self._step = Step("read", 0, 0, "")
        # What each call of the latest plan is part of, by its id: calls can't be hashed, and may be equal.
        self._objects: dict[int, Change] = {}
        client.on_wait = self._tell_wait
        if client.connection.verify is False:
            self._warnings.append(
                "validate_certs is false: the box is whoever answers, and may read the password and change every answer."
            )
        self._calls: list[Call] = []
        # What stays known when the box is read again.
        self._lasting: Known = {
            "caller": client.connection.username,
            "by_password": client.connection.password is not None,
        }

    def secrets(self) -> set[str]:
        """What is secret in the calls that were to be sent."""
        return {secret for call in self._calls for secret in call.secrets}

    def hold(self, check_mode: bool) -> dict[str, Any]:
        first = last = self._plan()
        views = [change.after for change in first.changes]
        left = _PUBLISH_CALLS if self._task.publishes and self.unpublished.find() else ()
        calls, changed = [*first.calls, *left], bool(left) or not all(call.likely_noop for call in first.calls)
        if left:
            self._warnings.append(_LEFT_UNPUBLISHED)
        if calls and not check_mode:
            last = self._carry_out(first)
            # A plan without calls has just been read.
            views = self._read_back(last) if last.calls else [change.before for change in last.changes]
            self._publish(left)
            calls, changed = self.sent, self.changed
        elif not first.calls:
            self._reveal(first)
        result = {
            "changed": changed,
            "calls": [call.as_result() for call in calls],
        }
        if not self._task.name:
            result.update(views[0])
        elif self._task.many:
            made = [change for plan in (self._carried_out or [first]) for change in plan.changes if change.calls]
            result[self._task.name] = [change.as_result() for change in made]
            result["diff"] = [_diff(change, change, self._client.connection.url) for change in made]
        else:
            result[self._task.name] = {**views[0], **self.revealed}
            result["diff"] = _diff(first.changes[0], last.changes[0], self._client.connection.url)
        warnings = [*last.warnings, *self._warnings, *self._client.warnings]
        if warnings:
            result["warnings"] = [printable(warning) for warning in warnings]
        return result

    def take_stock(self, error: BoxError) -> None:
        """Add to an error what is done and what isn't, if it came after the first call was planned to be made."""
        if self._current is None and not self.changed:
            return
        if error.message[-1:] not in ".!?":
            # The words of a box may end anyhow.
            error.message += "."
        doubtful = int(self._in_doubt)
        done, left = len(self.sent), len(self._left) - doubtful
        if done and not left + doubtful:
            error.message += " Everything was written before this: %s." % _number(done)
        elif not done + doubtful:
            error.message += " Nothing was changed."
        elif not done + left:
            error.message += " Run again to make sure."
        else:
            parts = ["%d done" % done, "%d not done" % left] + ["1 in doubt"] * doubtful
            error.message += " Of %s: %s. Run again for what is left." % (
                _number(done + left + doubtful),
                ", ".join(parts),
            )
        if self._current is not None:
            error.details.update(failed=self._current.as_result(), left=[call.as_result() for call in self._left])

    def _tell(self, step: Step) -> None:
        self._step = step
        self._progress(step)

    def _tell_call(self, call: Call, behind: int) -> None:
        change = self._objects[id(call)]
        name = "%s %s" % (change.resource, change.key)
        self._tell(Step("send", len(self.sent), behind + 1, name, call.seconds))

    def _tell_wait(self, seconds: float, why: str) -> None:
        self._progress(replace(self._step, seconds=seconds, waits=why))

    def _plan(self) -> Plan:
        known = dict(self._lasting)
        while True:
            questions = self._task.needs(self._wanted, known)
            if not questions:
                planned = self._task.plan(self._wanted, known)
                plan = planned if isinstance(planned, Plan) else Plan((planned,))
                self._objects = {id(call): change for change in plan.changes for call in change.calls}
                self._calls += plan.calls
                return plan
            for done, question in enumerate(questions):
                self._tell(Step("read", done, len(questions) - done, question.name))
                known[question.name] = self._ask(question)

    def _reveal(self, plan: Plan) -> None:
        for change in plan.changes:
            self.revealed.update(change.reveals)

    def _ask(self, question: Question) -> Any:
        if isinstance(question, FileText):
            return files.text(question.path)
        if not isinstance(question, Read):
            return self._client.ask(question)
        try:
            value = self._client.ask(question)
        except (Unsupported, UnexpectedAnswer) as error:
            # An answer with another shape is no box's; one with another status may be.
            if not question.optional or (isinstance(error, UnexpectedAnswer) and "status" not in error.details):
                raise
            value = error
        if question.once:
            self._lasting[question.name] = value
        return value

    def _carry_out(self, plan: Plan) -> Plan:
        """Make the calls, and those that only they lead to; return the plan that came last."""
        while True:
            self._reveal(plan)
            self._carried_out.append(plan)
            self._send(plan.calls)
            if not any(change.needs_replan for change in plan.changes):
                return plan
            following = self._plan()
            self._warnings += plan.warnings
            if not following.calls:
                return following
            plan = following

    def _publish(self, calls: Sequence[Call]) -> None:
        """Have the box publish what an earlier run may have left unpublished."""
        for call in calls:
            try:
                self._client.send(call)
            except OutcomeUnknown as failure:
                raise BoxFailed(
                    "%s The box could not publish what it holds.%s Once that is mended, %s"
                    % (failure.message, self._suspects(call), _PUBLISH),
                    status=failure.status,
                ) from failure
            self._note(call, True, answered=True)
        self.unpublished.forget()

    def _send(self, calls: Sequence[Call]) -> None:
        self._left = list(calls)
        while self._left:
            if not self._left[0].repairs:
                self._rebuild_what_is_due()
            call = self._current = self._left[0]
            self._tell_call(call, len(self._left) - 1)
            answered, value = True, True
            if call.rebuild:
                self.unpublished.begin()
            try:
                if call.wait:
                    self._client.wait_for(call.wait)
                value = self._make(call)
                self._left = self._left[1:]
            except OutcomeUnknown as error:
                answered, self._in_doubt = False, True
                # A box that goes away may do so before it answers.
                if not (call.outage and error.status != 500):
                    self._settle(call, error)
            except BoxError:
                # The box has not done it.
                self._end_doubt()
                raise
            self._end_doubt()
            if not self._in_doubt:
                self._note(call, value, answered)
            if call.outage and value:
                self._client.wait_for_restart(call.outage)
            if self._in_doubt:
                self._left, self._in_doubt = self._left[1:], False
                self._note(call, value, answered)
        self._rebuild_what_is_due()
        self._current = None

    def _make(self, call: Call) -> Any:
        """Make a call; return its value.

        :raises OutcomeUnknown: also if the answer is no whole one, for what was cut off may be that it was done.
        """
        said = self._client.send(call)
        try:
            return call.parse(said) if call.parse else True
        except UnexpectedAnswer as error:
            raise OutcomeUnknown(error.message, 200, path=call.path) from error

    def _note(self, call: Call, value: Any, answered: bool) -> None:
        """Keep in mind that a call was made, and what the box said if its answer came."""
        self.sent.append(call)
        self.changed = self.changed or bool(value)
        if call.name is not None and answered:
            self._lasting[call.name] = value

    def _settle(self, call: Call, error: OutcomeUnknown) -> None:
        """Find out whether a write was stored, and bring the box in line if it was; what is left is known then.

        A box stores first and rebuilds DNS and web after, so it may fail with the change made.
        """
        if not call.verifiable:
            raise OutcomeUnknown(
                "%s Nothing that can be read tells whether it was done.%s" % (error.message, self._suspects(call)),
                error.status,
                path=call.path,
            ) from error
        try:
            # Who fails has ended, but a restart is under way for a while.
            waited, left, deviation = self._look_for(call, late=error.status != 500 or call.outage is not None)
        except BoxError as failure:
            raise OutcomeUnknown(
                "%s Whether it was done could not be seen: %s%s"
                % (error.message, failure.message, " If it was, " + _PUBLISH if call.rebuild else ""),
                error.status,
                path=call.path,
            ) from failure
        if deviation is not None and not _is_among(call, left):
            self._left = [call, *left]
            raise OutcomeUnknown(
                "%s Reading doesn't show that it was done: the box now holds %s, and %s was to be."
                % (error.message, deviation.details["found"], deviation.details["planned"]),
                error.status,
                path=call.path,
            ) from error
        self._in_doubt = False
        self._left = left
        if _is_among(call, left):
            self._end_doubt()
            later = " after %g s" % waited if waited else ""
            raise BoxFailed("%s Nothing of it was stored%s." % (error.message, later), status=error.status) from error
        if call.undo and error.status == 500:
            # The next answer might well be 200, because the box doesn't look at a zone twice.
            self._take_out(call, error)
        if call.repairs:
            # The zone is broken until the last such call, so that rebuilding it now would fail, too.
            self._due = (call, error)
            if error.status != 500:
                self._warnings.append("%s The change was stored all the same." % error.message)
            return
        try:
            self._rebuild(call, error)
        except BoxFailed:
            if call.undo:
                self._take_out(call, error)
            self._note(call, True, answered=False)
            raise
        rebuilt = ", and what the box rebuilds after it was rebuilt" if call.rebuild else ""
        self._warnings.append("%s The change was stored all the same%s." % (error.message, rebuilt))

    def _rebuild_what_is_due(self) -> None:
        """Rebuild what the box failed at as long as not all calls were made that mend it."""
        if self._due is not None:
            self._rebuild(*self._due)
            self._due = None
            self._end_doubt()

    def _end_doubt(self) -> None:
        """The latest write is published, or was not stored; those before it are published, too, unless that is still due."""
        if self._due is None:
            self.unpublished.end()

    def _rebuild(self, call: Call, error: OutcomeUnknown) -> None:
        """Have the box rebuild what follows from a call that it stored before it failed.

        :param error: how it failed.
        :raises BoxFailed: if it fails again.
        """
        try:
            for again in call.rebuild:
                self._client.send(again)
        except BoxError as failure:
            raise BoxFailed(
                "%s The change itself was stored; what the box rebuilds after it failed again: %s%s"
                " Once that is mended, %s" % (error.message, failure.message, self._suspects(call), _PUBLISH),
                status=error.status,
            ) from failure

    def _look_for(self, call: Call, late: bool) -> tuple[float, list[Call], NotAsDeclared | None]:
        """What is left, once reading shows that a call was stored, or doesn't; how long that took; and what stands against it.

        A call that a new plan does without was stored only if the way still leads where it led before: a plan doesn't
        miss what is not there any more.

        :param late: whether the box may still be at it.
        """
        planned = self._objects[id(call)]
        waited = 0.0
        for seconds in (*(_LATE_SECONDS if late else ()), None):
            found = self._plan()
            left, deviation = list(found.calls), _deviation(planned, _by_key(found), in_the_end=True)
            if seconds is None or not (_is_among(call, left) or deviation):
                break
            self._client.pause(seconds)
            waited += seconds
        return waited, left, deviation

    def _take_out(self, call: Call, error: OutcomeUnknown) -> None:
        """Take a value out again that the name server can't live with, and fail."""
        told = "the value was taken out again, and the zone rebuilt."
        self._in_doubt = True
        try:
            failures = self._undo(call)
            self._left = list(self._plan().calls)
            gone = _is_among(call, self._left)
        except BoxError as failure:
            failures, gone = [failure], False
            self._left = [call, *(item for item in self._left if item != call)]
        self._in_doubt = not gone
        if gone and not failures:
            self._end_doubt()
        if failures and gone:
            told = "the value was taken out again, and that didn't help: %s" % failures[-1].message
        elif not gone:
            told = "taking the value out again failed too%s Until it is gone, no DNS write to its zone works." % (
                ": " + failures[-1].message if failures else "."
            )
        raise BoxFailed(
            "%s The box had stored %r for %s, and could not publish it: %s%s"
            % (error.message, call.body, call.path, told, self._suspects(call)),
            status=error.status,
            value=call.body,
            path=call.path,
        ) from error

    def _undo(self, call: Call) -> list[BoxError]:
        """Undo a call, and rebuild what follows from it; return what failed.

        A step that fails may be done all the same, and the steps after it matter as much: they bring back what was there.
        """
        failures: list[BoxError] = []
        for item in (*call.undo, *call.rebuild):
            try:
                self._client.send(item)
            except OutcomeUnknown as failure:
                failures.append(failure)
        return failures

    def _suspects(self, call: Call) -> str:
        """What the box holds that it most likely fails at, as a sentence with a blank before it."""
        for read in (item.diagnosis for item in (call, *call.rebuild) if item.diagnosis):
            try:
                found = self._client.ask(read)
            except BoxError:
                continue
            if found:
                return " It most likely fails at what it holds already: %s." % "; ".join(found)
        return ""

    def _read_back(self, plan: Plan) -> list[View]:
        """The objects as the box holds them now.

        :raises NotAsDeclared: if that isn't what was planned.
        """
        if self._client.signed_out or any(change.locks_out for change in plan.changes):
            self._warnings.append(
                "What was written could not be read back: the credentials of this run have no rights any more."
            )
            return [change.after for change in plan.changes]
        left = max(change.settle_seconds for change in plan.changes)
        while True:
            found = self._plan()
            by_key = _by_key(found)
            deviations = (_deviation(planned, by_key, in_the_end=False) for planned in plan.changes)
            deviation = next((one for one in deviations if one), None)
            if deviation is None:
                return [change.before for change in found.changes]
            if left <= 0:
                raise deviation
            self._tell_wait(_SETTLE_SECONDS, "the box doesn't show yet what was written")
            self._client.pause(_SETTLE_SECONDS)
            left -= _SETTLE_SECONDS


def _number(calls: int) -> str:
    return "%d call%s" % (calls, "" if calls == 1 else "s")


def _is_among(call: Call, calls: Iterable[Call]) -> bool:
    """Whether a call is among others; secrets don't count, because a box may offer another each time."""
    return call.as_result() in [other.as_result() for other in calls]


def _by_key(plan: Plan) -> dict[tuple[str, str], Change]:
    return {(change.resource, change.key): change for change in plan.changes}


def _deviation(planned: Change, found: Mapping[tuple[str, str], Change], in_the_end: bool) -> NotAsDeclared | None:
    """What is otherwise with an object than it was planned to be.

    :param found: what was planned of what the box holds now.
    :param in_the_end: whether to compare what the object will be then, and not what it is now.
    """
    now = found.get((planned.resource, planned.key))
    if now is None:
        # What nobody declares isn't planned any more once it is gone.
        return None
    view = now.after if in_the_end else now.before
    held = {key: view.get(key) for key in planned.after}
    if held == planned.after:
        return None
    return NotAsDeclared(
        "%s %s: written, but the box now holds %s where %s was to be."
        % (planned.resource, planned.key, held, planned.after),
        planned=planned.after,
        found=now.before,
    )


def _diff(first: Change, last: Change, url: str) -> dict[str, Any]:
    header = printable("%s %s on %s" % (first.resource, first.key, url))
    return {"before_header": header, "after_header": header, "before": first.before, "after": last.after}


def _failed(error: BoxError, sent: Sequence[Call], changed: bool, reads: int, writes: int) -> dict[str, Any]:
    return {
        "failed": True,
        "changed": changed,
        "msg": error.message,
        "failure": error.as_failure(),
        "calls": [call.as_result() for call in sent],
        "requests": {"reads": reads, "writes": writes},
    }
