# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, calls, changes and plans: the requests to a box, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generic,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from .._values.errors import BoxError
from .._values.secrets import MASK, in_url

Known = Dict[str, Any]
"""The known state: the name of a :class:`Read` or another question -> its value.

It always has ``url``, the URL of the admin API; ``caller``, the address that the run signs in with; and
``by_password``, whether the run has the caller's password and not only a key. After a :class:`Call` with a name was
made, it has the value of its answer.
"""

# Replaces a message that may repeat a secret.
WITHHELD = (
    "(text left out, because it may repeat a secret; to see it, make the same change in the control panel of the box)"
)

UNKNOWN = "(unknown until applied)"
"""The placeholder in views for a value that only the box knows, such as whether a password is the declared one."""

View = Dict[str, Any]
"""One object in the form of its module's options, as ``diff`` and results show it."""


_T = TypeVar("_T")


class _Asked(Generic[_T]):
    """A question, by which its value is found among what is known."""

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...

    def of(self, known: Known) -> _T:
        """Its value. It was asked before.

        :raises BoxError: if the question is an optional read, and the box failed at it.
        """
        value = known[self.name]
        if isinstance(value, BoxError):
            raise value
        found: _T = value
        return found


@dataclass(frozen=True)
class Read(_Asked[_T]):
    """A request that changes nothing.

    :param name: the key of its value in :data:`Known`.
    :param path: the path below ``/admin``, with the query.
    :param parse: turns the decoded answer (JSON, or a text) into a value, and raises
        ``UnexpectedAnswer`` if it has an unexpected format.
    :param optional: whether planners can do without it. If the read is unsupported or fails, its value is the
        error.
    :param once: whether it is read only once in a run, because the box needs long for it. The answers of calls that
        change it show the change.
    :param hint: the most likely reason for a failure, and what to do, as sentences.
    """

    name: str
    path: str
    parse: Callable[[Any], _T]
    method: str = "GET"
    form: Optional[Mapping[str, str]] = None
    json: bool = True
    optional: bool = False
    once: bool = False
    hint: str = ""


@dataclass(frozen=True)
class PasswordProof(_Asked[bool]):
    """The question whether a user has this password. Its value is a bool.

    :param admin: whether the user is an administrator, who may have MFA. The password is then checked in a way
        that does not count as a failed login.
    """

    email: str
    password: str = field(repr=False)
    admin: bool = False

    @property
    def name(self) -> str:
        return "password of " + self.email


@dataclass(frozen=True)
class ServedCertificate(_Asked[bytes]):
    """The question which certificate the box serves for a domain. Its value is the leaf certificate in DER.

    It needs no login, and only the name of the domain is sent to the box.
    """

    domain: str

    @property
    def name(self) -> str:
        return "certificate of " + self.domain


@dataclass(frozen=True)
class CurrentTime(_Asked[float]):
    """The question for the current time. Its value is the number of seconds since 1970."""

    name: str = "now"


@dataclass(frozen=True)
class FileText(_Asked[Optional[str]]):
    """The question for the text of a file on the machine that runs the task. Its value is None if there is no file."""

    path: str

    @property
    def name(self) -> str:
        return "file " + self.path


@dataclass(frozen=True)
class LogIn(_Asked[str]):
    """Starts a session that outlives the run. Its value is the key. It does not change the configuration of the box."""

    name: str = "api_key"


@dataclass(frozen=True)
class LogOut(_Asked[bool]):
    """Ends the session of the key that the run uses. Its value is whether the box supports that."""

    name: str = "logged_out"


BoxQuestion = Union[Read[Any], PasswordProof, ServedCertificate, CurrentTime, LogIn, LogOut]
Question = Union[BoxQuestion, FileText]


@dataclass(frozen=True)
class Wait:
    """A precondition of a call.

    :param over: a read whose value is true once the precondition is met.
    :param seconds: how many seconds to wait at most.
    :param what: what the run waits for, as the object of "waited for".
    :param option: the option with this limit.
    """

    over: Read[bool]
    seconds: float
    what: str
    option: str


@dataclass(frozen=True)
class Outage:
    """The downtime that a call causes. It ends every session.

    :param over: a read whose value is true only once the box is back.
    :param seconds: how many seconds to wait at most.
    :param option: the option with this limit.
    """

    over: Read[bool]
    seconds: float
    option: str


@dataclass(frozen=True)
class Call:
    """A request that changes something.

    :param path: the path below ``/admin``, quoted.
    :param form: sent as ``application/x-www-form-urlencoded``.
    :param body: sent as ``text/plain``. It is never empty, because for a box an empty body means "all" or "me".
    :param secret: names of the form fields that are never shown.
    :param known_messages: the messages with which a box refuses the call, with names of other fields in braces. If
        the call has secrets, no other messages of the box are shown.
    :param hint: what to check if the call fails or is refused, as sentences.
    :param password_of: the address whose password this call sets to ``form["password"]``.
    :param mfa_of: the address whose MFA this call changes, which ends its sessions. If there is a
        ``form["secret"]``, the client adds the current code as ``token``, and uses the secret to sign in from then on.
    :param in_session: whether it must be sent in the session in which the box was read, because another one-time code
        would change the ID in the call.
    :param wait: the precondition of the call.
    :param rebuild: calls that publish the change if the box stored it and then failed.
    :param undo: calls that remove the stored value if it makes the box fail.
    :param repairs: whether it removes a value that makes all other calls fail. The box may report a failure of this
        call too, if there are more such values.
    :param parse: turns the text of an answer with HTTP 200 into a value, which is false if nothing was changed.
        Raises ``Refused`` for an error. Without it, the call counts as a change.
    :param name: the key of that value in :data:`Known`.
    :param likely_noop: whether it will most likely change nothing, which is what check mode predicts.
    :param verifiable: whether a read shows if the box made the change, in case the answer is lost.
    :param seconds: the time limit, if it is longer than the timeout of the connection.
    :param outage: the downtime that the call causes.
    :param diagnosis: a read that finds stored values that may have made the call fail. Its value is a description of
        each.
    :param rests_on: the read with the object that the call replaces as a whole or removes. Sent too long after this read,
        the call would undo what somebody else has changed since.
    """

    method: str
    path: str
    form: Optional[Mapping[str, str]] = field(default=None, repr=False)
    body: Optional[str] = None
    secret: Tuple[str, ...] = ()
    known_messages: Tuple[str, ...] = field(default=(), compare=False)
    hint: str = field(default="", compare=False)
    password_of: Optional[str] = None
    mfa_of: Optional[str] = None
    in_session: bool = field(default=False, compare=False)
    wait: Optional[Wait] = field(default=None, compare=False)
    rebuild: Tuple[Call, ...] = field(default=(), compare=False)
    undo: Tuple[Call, ...] = field(default=(), compare=False)
    repairs: bool = field(default=False, compare=False)
    parse: Optional[Callable[[str], Any]] = field(default=None, compare=False)
    name: Optional[str] = None
    likely_noop: bool = False
    verifiable: bool = True
    seconds: float = 0
    outage: Optional[Outage] = None
    diagnosis: Optional[Read[Tuple[str, ...]]] = field(default=None, compare=False)
    rests_on: Optional[Read[Any]] = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # A box ignores non-ASCII characters.
        if self.body is not None and not (self.body.strip() and self.body.isascii()):
            raise ValueError("%s %s: the body must not be empty, and must be ASCII" % (self.method, self.path))
        if {".", ".."} & set(self.path.split("/")):
            raise ValueError("%s %s: the path must not have . or .. segments" % (self.method, self.path))

    @property
    def secrets(self) -> set[str]:
        """The secret values in the call."""
        values = [value for key, value in (self.form or {}).items() if key in self.secret and value]
        return {secret for value in values for secret in (value, *in_url(value))}

    def quotable(self, words: str) -> str:
        """A message of the box, unless it may repeat a secret in an unknown form."""
        fields = {key: value for key, value in (self.form or {}).items() if key not in self.secret}
        messages = (
            re.sub(r"\{(\w+)\}", lambda name: fields.get(name.group(1), ""), one) for one in self.known_messages
        )
        return words if not (words and self.secrets) or words in messages else WITHHELD

    def as_result(self) -> Dict[str, Any]:
        """The call without secrets: ``{method, path}``, and ``form`` or ``body`` where it has one."""
        result: Dict[str, Any] = {"method": self.method, "path": self.path}
        if self.form is not None:
            result["form"] = {key: MASK if key in self.secret else value for key, value in self.form.items()}
        if self.body is not None:
            result["body"] = self.body
        return result


RESOURCES = (
    "user",
    "alias",
    "dns_record",
    "secondary_nameservers",
    "backup",
    "system",
    "certificate",
    "signing_request",
    "mfa",
    "session",
    "dns",
    "web",
    "info",
)
"""The kinds of objects that changes are about. Results show these names, so they stay as they are."""

SINGLE = "box"
"""The key of an object of which each box has exactly one, such as its backup settings."""


def label(resource: str, key: str) -> str:
    """The name of an object, for people."""
    words = resource.replace("_", " ")
    return words if key == SINGLE else "%s %s" % (words, key)


@dataclass(frozen=True)
class Change:
    """One object before and after, and the calls that change it. There are no calls if it needs no change.

    :param resource: one of ``RESOURCES``.
    :param key: the name of the object: an address, a domain, a name and type, or ``SINGLE``.
    :param before: the current object. A view always has its ``state``.
    :param after: the object after the change, without keys that can't be predicted.
    :param reveals: values that results show in addition to the view, but diffs don't, such as a secret that the box
        generated. Without calls they are shown always, otherwise once the first call is sent, even if it fails.
    :param settle_seconds: how many seconds it may take until reads show the change.
    :param locks_out: whether the caller loses access through the change, so that it can't be read back.
    :param needs_replan: whether a new plan after the calls is needed to find the remaining changes.
    """

    resource: str
    key: str
    before: View
    after: View
    calls: Tuple[Call, ...] = ()
    warnings: Tuple[str, ...] = ()
    reveals: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settle_seconds: float = 0
    locks_out: bool = False
    needs_replan: bool = False

    @property
    def object(self) -> Tuple[str, str]:
        """What identifies the object on a box."""
        return (self.resource, self.key)

    @property
    def label(self) -> str:
        """The name of the object, for people."""
        return label(self.resource, self.key)

    @property
    def action(self) -> str:
        """``create``, ``update`` or ``remove``."""
        if self.after.get("state") == "absent":
            return "remove"
        return "create" if self.before.get("state") == "absent" else "update"

    def as_result(self) -> View:
        """The change in a list of many: ``{resource, key, action, before, after, calls}``."""
        return {
            "resource": self.resource,
            "key": self.key,
            "action": self.action,
            "before": self.before,
            "after": self.after,
            "calls": [call.as_result() for call in self.calls],
        }


class PlannedCall(NamedTuple):
    """A call and the change that it is part of."""

    call: Call
    change: Change


class Note(NamedTuple):
    """A remark on a plan for people.

    :ivar kind: the kind of note, such as ``new_domain``, for programs.
    :ivar about: the object of the note.
    :ivar text: one line for people.
    """

    kind: str
    about: str
    text: str


@dataclass(frozen=True)
class Plan:
    """Changes, in the order in which they are made, and notes for people.

    :param version: the version of the box, if it was read.
    """

    changes: Tuple[Change, ...]
    notes: Tuple[Note, ...] = ()
    version: Optional[str] = None

    @property
    def planned_calls(self) -> Tuple[PlannedCall, ...]:
        """The calls in the order in which they are made: repairs first, because until then every other call fails."""
        found = (PlannedCall(call, change) for change in self.changes for call in change.calls)
        return tuple(sorted(found, key=lambda planned: not planned.call.repairs))

    @property
    def calls(self) -> Tuple[Call, ...]:
        return tuple(planned.call for planned in self.planned_calls)

    @property
    def warnings(self) -> Tuple[str, ...]:
        return tuple(warning for change in self.changes for warning in change.warnings)


_Wanted = TypeVar("_Wanted")
_Planned = TypeVar("_Planned", Change, Plan)


@dataclass(frozen=True)
class Planner(Generic[_Wanted, _Planned]):
    """How objects of one kind are planned. All functions are pure.

    :param check: turns the options of one object into its declared state; raises ``InvalidOption``.
    :param needs: returns the questions that ``plan`` still needs answered; empty when ``plan`` can be called.
    :param plan: returns the change, or the plan of many changes, from the known state to the declared one.
    :param single_needs: like ``needs``, for a task with no other changes, if that needs more answers. A declaration
        checks the effects of all its changes together instead.
    :param single_plan: like ``plan``, for a task with no other changes.
    """

    check: Callable[[Mapping[str, Any]], _Wanted]
    needs: Callable[[_Wanted, Known], Sequence[Question]]
    plan: Callable[[_Wanted, Known], _Planned]
    single_needs: Optional[Callable[[_Wanted, Known], Sequence[Question]]] = None
    single_plan: Optional[Callable[[_Wanted, Known], _Planned]] = None

    def single(self) -> Planner[_Wanted, _Planned]:
        """The planner for a task with no other changes."""
        return Planner(self.check, self.single_needs or self.needs, self.single_plan or self.plan)
