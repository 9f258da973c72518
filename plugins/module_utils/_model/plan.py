# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, calls, changes and plans: values that say what to ask a box and what to tell it."""

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
"""What is known so far: the name of a :class:`Read` or :class:`PasswordProof` -> its value.

``url`` is always there: that of the box's admin API; ``caller``: the address that the run is signed in with; and
``by_password``: whether it has the caller's password, not only a key. What the box answered to a
:class:`Call` that has a name is there once the call was made.
"""

# What is shown instead of words that may repeat a secret.
WITHHELD = (
    "(text left out, because it may repeat a secret; to see it, make the same change in the control panel of the box)"
)

UNKNOWN = "(unknown until applied)"
"""What a view shows of a value that nobody can know without the box, such as whether a password is the declared one."""

View = Dict[str, Any]
"""One object in the form of its module's options; what ``diff`` and results show."""


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

    :param name: under which its value is known to planners.
    :param path: below ``/admin``, with its query.
    :param parse: turns the decoded answer (JSON, or a text) into a value, and raises
        ``UnexpectedAnswer`` if it has another shape.
    :param optional: whether planners can do without: if a box has no such thing, or fails at it, the
        error is the value.
    :param once: whether one answer does for the whole run, because the box takes long for it, and
        calls that change it tell so themselves.
    :param hint: why a box most likely fails at it, and what to do, as a sentence.
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
    """The question whether a user's password is this one; its value is a bool.

    :param admin: whether the user is an administrator, who may have MFA: a proof is then asked
        in a way that doesn't count as a failed login.
    """

    email: str
    password: str = field(repr=False)
    admin: bool = False

    @property
    def name(self) -> str:
        return "password of " + self.email


@dataclass(frozen=True)
class ServedCertificate(_Asked[bytes]):
    """The question which certificate the box shows to who asks for a name; its value is the leaf in DER.

    Nobody signs in for it, and nothing is sent to the box but the name.
    """

    domain: str

    @property
    def name(self) -> str:
        return "certificate of " + self.domain


@dataclass(frozen=True)
class CurrentTime(_Asked[float]):
    """The question what time it is; its value is the number of seconds since 1970."""

    name: str = "now"


@dataclass(frozen=True)
class FileText(_Asked[Optional[str]]):
    """The question what a file holds on the machine that runs the task; its value is None if there is none."""

    path: str

    @property
    def name(self) -> str:
        return "file " + self.path


@dataclass(frozen=True)
class LogIn(_Asked[str]):
    """The wish for a key that outlives the run; its value is the key. It changes nothing of what a box keeps."""

    name: str = "api_key"


@dataclass(frozen=True)
class LogOut(_Asked[bool]):
    """The wish that the key ends that the run is signed in with; its value is whether the box ends keys."""

    name: str = "logged_out"


BoxQuestion = Union[Read[Any], PasswordProof, ServedCertificate, CurrentTime, LogIn, LogOut]
Question = Union[BoxQuestion, FileText]


@dataclass(frozen=True)
class Wait:
    """What has to come before a call can be sent.

    :param over: its value is true once it has come.
    :param seconds: after how many the run doesn't wait any longer.
    :param what: what it waits for, behind "waited in vain for".
    :param option: which says how long.
    """

    over: Read[bool]
    seconds: float
    what: str
    option: str


@dataclass(frozen=True)
class Outage:
    """The time for which a call takes the box away. It ends every session.

    :param over: its value is true once the box is back; while the box is still going, or away, it isn't.
    :param seconds: after how many the run doesn't wait any longer.
    :param option: the module's option that says so.
    """

    over: Read[bool]
    seconds: float
    option: str


@dataclass(frozen=True)
class Call:
    """A request that changes something.

    :param path: below ``/admin``, quoted.
    :param form: sent as ``application/x-www-form-urlencoded``.
    :param body: sent as ``text/plain``; never empty, because to a box an empty body means "all" or "me".
    :param secret: names of the form's fields that are never shown.
    :param sentences: in which a box refuses it, with the names of other fields in braces. Of a call with secrets no
        other words of a box are shown.
    :param hint: what to check if the box fails at it or refuses it, as sentences.
    :param password_of: the address whose password this call sets to ``form["password"]``.
    :param mfa_of: the address whose MFA this call changes, which ends its sessions. If there is a
        ``form["secret"]``, the client adds its code of the moment as ``token``, and signs in with it from then on.
    :param in_session: whether it has to be sent in the session in which the box was read. Another one-time code would
        change what the call names.
    :param wait: what has to come before it is sent.
    :param rebuild: what brings the box's DNS and web in line if it stored this call and then failed.
    :param undo: what takes a stored value out again that makes the box fail.
    :param repairs: whether it takes away a value that makes the box fail at whatever it is told. The box may fail at this
        call too, if that was not the last such value.
    :param parse: turns what the box says, with HTTP 200, into a value: false if nothing was changed.
        Raises ``Refused`` for an error in disguise. Without it, the call changes something.
    :param name: under which that value is known to planners from then on.
    :param likely_noop: whether it will most likely change nothing; check mode predicts so.
    :param verifiable: whether reading tells if the box did it, should its answer be lost.
    :param seconds: how many it may take, if that is more than the connection allows a request.
    :param outage: if it takes the box away.
    :param diagnosis: what tells, after the box has failed at this, of what it holds that it may have failed at; its
        value are words on each.
    """

    method: str
    path: str
    form: Optional[Mapping[str, str]] = field(default=None, repr=False)
    body: Optional[str] = None
    secret: Tuple[str, ...] = ()
    sentences: Tuple[str, ...] = field(default=(), compare=False)
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

    def __post_init__(self) -> None:
        # A box ignores what isn't ASCII.
        if self.body is not None and not (self.body.strip() and self.body.isascii()):
            raise ValueError("%s %s: the body must not be empty, and must be ASCII" % (self.method, self.path))
        if {".", ".."} & set(self.path.split("/")):
            raise ValueError("%s %s: the path must not have . or .. segments" % (self.method, self.path))

    @property
    def secrets(self) -> set[str]:
        """What is secret in it."""
        values = [value for key, value in (self.form or {}).items() if key in self.secret and value]
        return {secret for value in values for secret in (value, *in_url(value))}

    def quotable(self, words: str) -> str:
        """What to show of the words of a box: nothing that may repeat a secret in a form that nobody knows."""
        fields = {key: value for key, value in (self.form or {}).items() if key not in self.secret}
        sentences = (re.sub(r"\{(\w+)\}", lambda name: fields.get(name.group(1), ""), one) for one in self.sentences)
        return words if not (words and self.secrets) or words in sentences else WITHHELD

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


@dataclass(frozen=True)
class Change:
    """One object, as it is and as it will be, and the calls that lead there; none if it is right already.

    :param resource: one of ``RESOURCES``.
    :param key: which object it is: an address, a domain, a name and type, or ``SINGLE``.
    :param before: the object as it is; a view always has its ``state``.
    :param after: the object as it will be. A key that is left out can't be foretold.
    :param reveals: what results show beyond the view, and diffs don't, such as a secret that the box made:
        at once if there are no calls, else as soon as the first is sent, even if it fails.
    :param settle_seconds: how many seconds it may take until the box shows what was written.
    :param locks_out: whether the caller loses its rights by this, so that it can't be read back.
    :param needs_replan: whether only a new plan, when the calls are made, can tell what else is to be done.
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
    def label(self) -> str:
        """The name of the object, for people."""
        words = self.resource.replace("_", " ")
        return words if self.key == SINGLE else "%s %s" % (words, self.key)

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
    """What a person should know of a plan beside its changes.

    :ivar kind: what a program can tell it by, such as ``new_domain``.
    :ivar about: the object that it is about.
    :ivar text: one line for people.
    """

    kind: str
    about: str
    text: str


@dataclass(frozen=True)
class Plan:
    """Changes, in the order in which they are made, and notes for people.

    :param version: that the box says it has, if it was asked.
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

    :param check: turns the options of one object into what is wanted; raises ``InvalidOption``.
    :param needs: the questions that are still open before ``plan`` can be called; empty in the end.
    :param plan: the change, or the plan of many changes, that leads from what is known to what is wanted.
    :param single_needs: the same for a task that changes nothing else, if it has to look at more than a task that
        checks the effects of all its changes together.
    :param single_plan: the same.
    """

    check: Callable[[Mapping[str, Any]], _Wanted]
    needs: Callable[[_Wanted, Known], Sequence[Question]]
    plan: Callable[[_Wanted, Known], _Planned]
    single_needs: Optional[Callable[[_Wanted, Known], Sequence[Question]]] = None
    single_plan: Optional[Callable[[_Wanted, Known], _Planned]] = None

    def single(self) -> Planner[_Wanted, _Planned]:
        """The planner for a task that changes nothing else."""
        return Planner(self.check, self.single_needs or self.needs, self.single_plan or self.plan)
