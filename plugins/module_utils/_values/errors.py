# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of tasks. Each has a code and details that a playbook can test."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Sequence

from .texts import all_printable, printable

_OPTION = re.compile(r"([a-z0-9_]+(?:\.[a-z0-9_]+)*): ")


class BoxError(Exception):
    """A task failed.

    An error may quote a box, which is not trusted. So the message is converted to one printable line here, and the
    texts of the details to printable lines.

    :param message: one or two sentences for people: the option or the request, the message of the box, and what
        to do. It never contains a secret.
    :param details: plain values for playbooks (``result.failure.details``). They never contain a secret.
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
    """An option has a value that no box accepts. Nothing was sent."""

    code = "invalid_option"

    def __init__(self, option: str, value: Any, why: str) -> None:
        # Shorten both: the value may be a whole file, and the reason may quote it.
        shown = option if value is None else "%s: %.200r" % (option, value)
        super().__init__("%s: %.1500s" % (shown, why), option=option, value=value)


class UnknownOption(BoxError):
    """There is no option with this name. Nothing was sent."""

    code = "invalid_option"

    def __init__(self, option: str, why: str) -> None:
        super().__init__("%s: %s" % (option, why), option=option)


class Guarded(BoxError):
    """The change would lose mail or lock somebody out, and ``force`` isn't set."""

    code = "guarded"


class Unsupported(BoxError):
    """This version of the box does not support the request."""

    code = "unsupported"


class LosesData(BoxError):
    """The write would lose data on this fork. Nothing was sent."""

    code = "loses_data"


class UnknownBox(BoxError):
    """The box is neither upstream nor a known fork. Nothing was sent."""

    code = "unknown_box"


class MissingLibrary(BoxError):
    """A Python library is missing on the machine that runs the task."""

    code = "missing_library"

    def __init__(self, library: str, reason: str) -> None:
        super().__init__("The Python library %s is needed %s." % (library, reason), library=library, reason=reason)
        self.library = library
        self.reason = reason


class ConnectionFailed(BoxError):
    """The request never reached the box, so nothing was changed."""

    code = "connection"


class AuthenticationFailed(BoxError):
    """The box rejected the credentials. Trying again would count towards a ban.

    :param cause: one of the constants below.
    """

    code = "authentication"

    WRONG_CREDENTIALS = "wrong_credentials"
    WRONG_CODE = "wrong_code"
    MISSING_CODE = "missing_code"
    NOT_AN_ADMINISTRATOR = "not_an_administrator"
    FORBIDDEN = "forbidden"
    """The credentials are right, but the request was refused for another reason."""

    def __init__(self, message: str, cause: str = WRONG_CREDENTIALS, **details: Any) -> None:
        super().__init__(message, **details)
        self.cause = cause


class Refused(BoxError):
    """The box refused the request (HTTP 400). The message has its reason."""

    code = "refused"


class UnexpectedAnswer(BoxError):
    """The answer has a status, type or format that is not expected from a box."""

    code = "unexpected_answer"


class UnexpectedStatus(UnexpectedAnswer):
    """The HTTP status of an answer is an error. Unlike an answer with an unexpected format, it may come from a box.

    :ivar box_failed: whether the box itself failed, and not a proxy.
    """

    def __init__(self, message: str, status: int, path: str) -> None:
        super().__init__(message, path=path, status=status)
        self.box_failed = status == 500


class OutcomeUnknown(BoxError):
    """A write was sent, but it is unknown whether the box stored the change.

    :param kind: what is wrong with the answer: one of the constants below.
    :param status: the HTTP status, for people; None if there was no answer.
    """

    code = "outcome_unknown"

    LOST = "lost"
    """No answer of the box arrived: the connection broke, or a proxy gave up. The box may still be working."""

    FAILED = "failed"
    """The box itself answered with an error. It has stopped working on the request."""

    CUT_OFF = "cut_off"
    """The answer is incomplete, or not from a box. The box may still be working."""

    def __init__(self, message: str, kind: str, status: int | None = None, **details: Any) -> None:
        super().__init__(message, kind=kind, status=status, **details)
        self.kind = kind
        self.status = status

    @property
    def may_still_run(self) -> bool:
        """Whether the box may still be working on the request."""
        return self.kind != self.FAILED


class BoxFailed(BoxError):
    """A write failed on the box, and it is known whether the box stored the change."""

    code = "box_failed"


class TimedOut(BoxError):
    """A condition was not met in time. It may still be met later."""

    code = "timed_out"


class NotAsDeclared(BoxError):
    """After the writes, the state of the box is not the planned state."""

    code = "not_as_declared"


class Mistake(NamedTuple):
    """An invalid entry of a declaration: its name in messages, and the reason.

    :ivar why: the reason. If it concerns an option, it starts with the name of the option and a colon.
    """

    where: str
    why: str

    @property
    def option(self) -> str:
        """The option of the task that is wrong, such as ``aliases[2].forwards_to``."""
        entry = self.where.partition(" ")[0]
        found = _OPTION.match(self.why)
        # Other sections are options of the task themselves.
        return "%s.%s" % (entry, found[1]) if found and (entry.endswith("]") or entry == "backup") else entry


class InvalidDeclaration(BoxError):
    """Entries of a declaration are invalid, or conflict with each other or with the box. Nothing was changed."""

    code = "invalid_declaration"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        first = "Mistakes in the declaration: %d. Nothing was changed." % len(mistakes)
        super().__init__(first, mistakes=[{**mistake._asdict(), "option": mistake.option} for mistake in mistakes])
        # The message has several lines, so each line is made printable by itself.
        self.message = "\n".join([first, *(printable("%s: %s" % mistake) for mistake in mistakes)])
        self.args = (self.message,)


class InvalidPlan(BoxError):
    """A saved plan or a snapshot can't be read or used. Nothing was sent."""

    code = "plan_invalid"


class PlanOfAnotherFormat(InvalidPlan):
    """A saved plan or a snapshot has a format that this version does not support. Nothing was sent."""

    code = "plan_format"


class PlanAltered(InvalidPlan):
    """A saved plan does not match its own digest, or the approved digest. Nothing was sent."""

    code = "plan_digest"


class PlanOfAnotherBox(InvalidPlan):
    """A saved plan or a snapshot is for another box. Nothing was sent."""

    code = "plan_other_box"


class PlanExpired(InvalidPlan):
    """A saved plan is older than the task allows. Nothing was sent."""

    code = "plan_expired"


class PlanDiffers(BoxError):
    """The current plan differs from the approved plan.

    :param differences: one line for each object.
    :param plan: the current plan, in the form of a result.
    :param number: the number of differences, if not all of them are listed.
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
