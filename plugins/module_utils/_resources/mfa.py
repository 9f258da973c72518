# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time codes (TOTP) as a second factor of users."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple

from .._model.plan import Call, Change, Known, Planner, Question, View
from .._model.reads import USERS, Mfa, Scheme, mfa_status
from .._values import names
from .._values.errors import InvalidOption, UnexpectedAnswer
from .._values.secrets import MASK

# The messages with which a box refuses a scheme.
_KNOWN_MESSAGES = (
    "Bad Input",
    "Invalid token.",
    "No secret provided.",
    "Secret should be a 32 characters base32 string",
    "User does not exist.",
)
_SECRET = re.compile(r"[A-Z2-7]{32}\Z")


@dataclass(frozen=True)
class WantedScheme:
    """The declared state of one scheme.

    :param user: the owner; None for the account that the task signs in with.
    :param label: its name; None for all schemes of the user.
    :param secret: the TOTP secret; None if the box generates one.
    """

    user: Optional[str]
    label: Optional[str]
    present: bool = True
    secret: Optional[str] = field(default=None, repr=False)


def check(options: Mapping[str, Any]) -> WantedScheme:
    """The options of ``miab_mfa`` in canonical form.

    :raises InvalidOption: for a value that no box accepts.
    """
    user = options["user"]
    if user is not None:
        try:
            user = names.address(user)
        except ValueError as error:
            raise InvalidOption("user", options["user"], str(error)) from error
    label = options["label"]
    present = options["state"] == "present"
    # For Ansible, an option without a value counts as given.
    if (label is None and present) or (label is not None and not label.strip()):
        raise InvalidOption("label", label, "give the scheme a name, such as the name of your device")
    secret = options["secret"]
    if secret is not None and not present:
        raise InvalidOption("secret", MASK, "not used with state: absent; leave it out")
    if secret is not None:
        # Some non-ASCII letters become ASCII letters in upper case.
        is_ascii = secret.isascii()
        secret = _canonical(secret)
        if not (is_ascii and _SECRET.match(secret)):
            raise InvalidOption("secret", MASK, "must have 32 base32 characters (A to Z and 2 to 7)")
    return WantedScheme(user, label, present, secret)


def secrets(options: Mapping[str, Any]) -> Iterable[str]:
    """The secret in the form that a box expects."""
    return [_canonical(options["secret"])] if options["secret"] else []


def _canonical(secret: str) -> str:
    return "".join(secret.split()).upper()


def needs(wanted: WantedScheme, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    if wanted.user not in (None, known["caller"]):
        if wanted.present:
            return []
        if USERS.name not in known:
            return [USERS]
        if not _is_there(wanted, known):
            return []
    read = mfa_status(_stored(_user(wanted, known), known))
    return [] if read.name in known else [read]


def plan(wanted: WantedScheme, known: Known) -> Change:
    """Plan the change that adds or removes the scheme.

    :raises InvalidOption: for a new scheme for another user, or if the task could not sign in again after the change.
    """
    user = _user(wanted, known)
    if wanted.present and user != known["caller"]:
        raise InvalidOption(
            "user",
            user,
            "you can set up codes only for the account that the task signs in with, which is %s" % known["caller"],
        )
    absent = _view(wanted, user, ())
    if user != known["caller"] and not _is_there(wanted, known):
        return Change("mfa", _key(wanted, user), absent, absent)
    stored = _stored(user, known)
    mfa: Mfa = mfa_status(stored).of(known)
    schemes = tuple(scheme for scheme in mfa.schemes if wanted.label in (None, scheme.label))
    before = _view(wanted, user, schemes)
    if bool(schemes) == wanted.present:
        return Change("mfa", _key(wanted, user), before, before)
    if user == known["caller"] and not known["by_password"]:
        raise InvalidOption(
            "password",
            None,
            "required in addition to api_key: the change ends all sessions of %s, so the task has to sign in again"
            % user,
        )
    if not wanted.present:
        # Without an ID, the box removes all schemes.
        forms = [{"user": stored}] if wanted.label is None else [_by_id(stored, scheme) for scheme in schemes]
        # An ID that is a string changes with each one-time code that is used.
        in_session = any(isinstance(scheme.id, str) for scheme in schemes)
        calls = tuple(Call("POST", "/mfa/disable", form, mfa_of=user, in_session=in_session) for form in forms)
        return Change("mfa", _key(wanted, user), before, absent, calls)
    secret = wanted.secret or mfa.new_secret
    if secret is None:
        raise UnexpectedAnswer("POST /mfa/status: the answer has no new secret for %s." % user, path="/mfa/status")
    form = {"secret": secret, "label": wanted.label or ""}
    call = Call("POST", "/mfa/totp/enable", form, secret=("secret",), known_messages=_KNOWN_MESSAGES, mfa_of=user)
    after = {**before, "state": "present"}
    # A declared secret is not returned, because the user already has it.
    reveals = {} if wanted.secret else {"secret": secret}
    return Change("mfa", _key(wanted, user), before, after, (call,), reveals=reveals)


def _by_id(user: str, scheme: Scheme) -> dict[str, str]:
    return {"user": user, "mfa-id": str(scheme.id)}


def _is_there(wanted: WantedScheme, known: Known) -> bool:
    """Whether the declared user exists on the box."""
    user = USERS.of(known).get(_user(wanted, known))
    return user is not None and user.active


def _user(wanted: WantedScheme, known: Known) -> str:
    return wanted.user or str(known["caller"])


def _stored(user: str, known: Known) -> str:
    """A user's address as the box stores it, if the list of users was read; otherwise the canonical address."""
    row = known.get(USERS.name, {}).get(user)
    return user if row is None else str(row.spelling)


def _key(wanted: WantedScheme, user: str) -> str:
    return user if wanted.label is None else "%s %s" % (user, wanted.label)


def _view(wanted: WantedScheme, user: str, schemes: Tuple[Scheme, ...]) -> View:
    view: View = {"user": user, "state": "present" if schemes else "absent"}
    if wanted.label is not None:
        view["label"] = wanted.label
    elif schemes:
        view["labels"] = [scheme.label for scheme in schemes]
    return view


PLANNER = Planner(check, needs, plan)
