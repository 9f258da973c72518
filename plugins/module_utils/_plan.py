# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, calls, changes and plans: values that say what to ask a box and what to tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

Known = Dict[str, Any]
"""What has been read so far: the name of a :class:`Read` or :class:`Proof` -> its value.

``caller`` is always there: the address that the run is signed in with.
"""

View = Dict[str, Any]
"""One object in the form of its module's options; what ``diff`` and results show."""


@dataclass(frozen=True)
class Read:
    """A request that changes nothing.

    :param name: under which its value is known to planners.
    :param path: below ``/admin``, with its query.
    :param parse: turns the decoded answer (JSON, or a text) into a value, and raises
        ``UnexpectedAnswer`` if it has another shape.
    """

    name: str
    path: str
    parse: Callable[[Any], Any]
    method: str = "GET"
    form: Optional[Mapping[str, str]] = None
    json: bool = True


@dataclass(frozen=True)
class Proof:
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


Question = Union[Read, Proof]


@dataclass(frozen=True)
class Call:
    """A request that changes something.

    :param path: below ``/admin``, quoted.
    :param form: sent as ``application/x-www-form-urlencoded``.
    :param body: sent as ``text/plain``; never empty, because to a box an empty body means "all" or "me".
    :param secret: names of the form's fields that are never shown.
    :param password_of: the address whose password this call sets to ``form["password"]``.
    :param rebuild: what brings the box's DNS and web in line if it stored this call and then failed.
    :param undo: what takes a stored value out again that makes the box fail.
    """

    method: str
    path: str
    form: Optional[Mapping[str, str]] = field(default=None, repr=False)
    body: Optional[str] = None
    secret: Tuple[str, ...] = ()
    password_of: Optional[str] = None
    rebuild: Tuple[Call, ...] = field(default=(), compare=False)
    undo: Tuple[Call, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.body is not None and not self.body.strip():
            raise ValueError("%s %s: an empty body destroys" % (self.method, self.path))

    def shown(self) -> Dict[str, Any]:
        """The call without secrets: ``{method, path}``, and ``form`` or ``body`` where it has one."""
        told: Dict[str, Any] = {"method": self.method, "path": self.path}
        if self.form is not None:
            told["form"] = {key: "********" if key in self.secret else value for key, value in self.form.items()}
        if self.body is not None:
            told["body"] = self.body
        return told


REBUILD_DNS = Call("POST", "/dns/update", {"force": "1"})
REBUILD_WEB = Call("POST", "/web/update")


@dataclass(frozen=True)
class Change:
    """One object, as it is and as it will be, and the calls that lead there; none if it is right already.

    :param key: what the object is called: an address, a name and type.
    :param before: the object as it is; a view always has its ``state``.
    :param after: the object as it will be. A key that is left out can't be foretold.
    :param locks_out: whether the caller loses its rights by this, so that it can't be read back.
    """

    resource: str
    key: str
    before: View
    after: View
    calls: Tuple[Call, ...] = ()
    warnings: Tuple[str, ...] = ()
    locks_out: bool = False


@dataclass(frozen=True)
class Plan:
    """Changes, in the order in which they are to be made."""

    changes: Tuple[Change, ...]

    @property
    def calls(self) -> Tuple[Call, ...]:
        return tuple(call for change in self.changes for call in change.calls)

    @property
    def warnings(self) -> Tuple[str, ...]:
        return tuple(warning for change in self.changes for warning in change.warnings)
