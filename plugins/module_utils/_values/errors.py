# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as values: each error carries a code and details that a playbook can test."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Sequence

from .texts import all_printable, printable

_OPTION = re.compile(r"([a-z0-9_]+(?:\.[a-z0-9_]+)*): ")


class BoxError(Exception):
    """A task can't be done.

    An error may quote a box, which is not trusted: its message is made one printable line here, and the texts
    of its details printable lines.

    :param message: one or two sentences for the person at the terminal: the option or the request,
        what the box said, what to do. Never a secret.
    :param details: plain values for a playbook (``result.failure.details``). Never a secret.
    """

    code = "failed"

    def __init__(self, message: str, **details: Any) -> None:
        self.message = printable(message)
        self.details = all_printable(details)
        super().__init__(self.message)

    def as_failure(self) -> dict[str, Any]:
        """The error as the ``failure`` of a task's result: ``{code, message, details}``."""
        return {"code": self.code, "message": self.message, "details": self.details}


class InvalidOption(BoxError):
    """An option has a value that no box would take; nothing was sent."""

    code = "invalid_option"

    def __init__(self, option: str, value: Any, why: str) -> None:
        # A value may be a whole file, and the reason may quote it.
        super().__init__("%s: %.200r: %.1500s" % (option, value, why), option=option, value=value)


class UnknownOption(BoxError):
    """There is no option of this name; nothing was sent."""

    code = "invalid_option"

    def __init__(self, option: str, why: str) -> None:
        super().__init__("%s: %s" % (option, why), option=option)


class Guarded(BoxError):
    """What was asked would lose mail or lock somebody out; ``force`` lets it through."""

    code = "guarded"


class Unsupported(BoxError):
    """This version of the box can't do it."""

    code = "unsupported"


class LosesData(BoxError):
    """The write would lose data on this fork; nothing was sent."""

    code = "loses_data"


class UnknownBox(BoxError):
    """The box is neither upstream nor a known fork; nothing was sent."""

    code = "unknown_box"


class MissingLibrary(BoxError):
    """A Python library is missing on the machine that runs the task."""

    code = "missing_library"

    def __init__(self, library: str, reason: str) -> None:
        super().__init__("The Python library %s is needed %s." % (library, reason), library=library, reason=reason)
        self.library = library
        self.reason = reason


class ConnectionFailed(BoxError):
    """No answer, and certainly nothing done: the request never reached the box."""

    code = "connection"


class AuthenticationFailed(BoxError):
    """The box refuses the credentials. Asking again would count towards a ban.

    :param cause: one of the constants below.
    """

    code = "authentication"

    WRONG_CREDENTIALS = "wrong_credentials"
    WRONG_CODE = "wrong_code"
    MISSING_CODE = "missing_code"
    NOT_AN_ADMINISTRATOR = "not_an_administrator"
    FORBIDDEN = "forbidden"
    """The credentials are right, and the request is refused for another reason."""

    def __init__(self, message: str, cause: str = WRONG_CREDENTIALS, **details: Any) -> None:
        super().__init__(message, **details)
        self.cause = cause


class Refused(BoxError):
    """The box took the request and said no (HTTP 400), in words of its own."""

    code = "refused"


class UnexpectedAnswer(BoxError):
    """The answer is none that a box gives: another status, type or shape."""

    code = "unexpected_answer"


class UnexpectedStatus(UnexpectedAnswer):
    """The HTTP status of an answer is not that of a result. A box may answer so; an answer of another shape is not a box's.

    :ivar box_failed: whether the box itself failed, and not a proxy.
    """

    def __init__(self, message: str, status: int, path: str) -> None:
        super().__init__(message, path=path, status=status)
        self.box_failed = status == 500


class OutcomeUnknown(BoxError):
    """A write was sent, and its answer doesn't say whether the box stored it.

    :param kind: how the answer failed: one of the constants below.
    :param status: the HTTP status, for people; None if there was no answer.
    """

    code = "outcome_unknown"

    LOST = "lost"
    """No answer of the box arrived: the connection broke, or a proxy gave up. The box may still be working."""

    FAILED = "failed"
    """The box itself answered that it failed. It has stopped working on the request."""

    CUT_OFF = "cut_off"
    """The answer is not complete, or is not one of a box. The box may still be working."""

    def __init__(self, message: str, kind: str, status: int | None = None, **details: Any) -> None:
        super().__init__(message, kind=kind, status=status, **details)
        self.kind = kind
        self.status = status

    @property
    def may_still_run(self) -> bool:
        """Whether the box may still be working on the request."""
        return self.kind != self.FAILED


class BoxFailed(BoxError):
    """The box failed at a write, and what it stored of it is known."""

    code = "box_failed"


class TimedOut(BoxError):
    """What was waited for did not come in time; it may come yet."""

    code = "timed_out"


class NotAsDeclared(BoxError):
    """What the box holds after the writes is not what was planned."""

    code = "not_as_declared"


class Mistake(NamedTuple):
    """One entry of a declaration that can't be fulfilled, in the words that name it, and why.

    :ivar why: begins with the name of the option and a colon, if it is about one.
    """

    where: str
    why: str

    @property
    def option(self) -> str:
        """The option of the task that is wrong, such as ``aliases[2].forwards_to``."""
        entry = self.where.partition(" ")[0]
        found = _OPTION.match(self.why)
        # The other sections are options themselves.
        return "%s.%s" % (entry, found[1]) if found and (entry.endswith("]") or entry == "backup") else entry


class InvalidDeclaration(BoxError):
    """Entries of a declaration ask for what no box takes, or contradict each other or the box; nothing was changed."""

    code = "invalid_declaration"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        first = "Mistakes in the declaration: %d. Nothing was changed." % len(mistakes)
        super().__init__(first, mistakes=[{**mistake._asdict(), "option": mistake.option} for mistake in mistakes])
        # The one message of many lines: each is one of ours.
        self.message = "\n".join([first, *(printable("%s: %s" % mistake) for mistake in mistakes)])
        self.args = (self.message,)


class InvalidPlan(BoxError):
    """A saved plan, or a snapshot, can't be read or used; nothing was sent."""

    code = "plan_invalid"


class PlanOfAnotherFormat(InvalidPlan):
    """A saved plan, or a snapshot, has a format that this version doesn't know; nothing was sent."""

    code = "plan_format"


class PlanAltered(InvalidPlan):
    """A saved plan isn't the one that its digest, or the approved digest, stands for; nothing was sent."""

    code = "plan_digest"


class PlanOfAnotherBox(InvalidPlan):
    """A saved plan, or a snapshot, is of another box; nothing was sent."""

    code = "plan_other_box"


class PlanExpired(InvalidPlan):
    """A saved plan is older than the task allows; nothing was sent."""

    code = "plan_expired"


class PlanDiffers(BoxError):
    """What is planned now isn't what was approved.

    :param differences: a line for each object.
    :param plan: what is planned now, as a result has it.
    :param number: how many there are, if not all of them are listed.
    :param what: what happened, as sentences without the last full stop.
    """

    code = "plan_differs"

    def __init__(
        self,
        differences: Sequence[str],
        plan: dict[str, Any],
        number: int = 0,
        what: str = "The plan is no longer the one that was approved, because the box or the declaration has changed."
        " Nothing was written",
    ) -> None:
        number = number or len(differences)
        first = "%s. Differences: %d." % (what, number)
        last = "Review the new plan, have it approved, and apply that one."
        super().__init__(first, differences=list(differences), number=number)
        self.plan = plan
        left = ["and %d more" % (number - len(differences))] if number > len(differences) else []
        # As in InvalidDeclaration, each line is printable by itself.
        self.message = "\n".join([self.message, *map(printable, differences), *left, last])
        self.args = (self.message,)
