# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users: their options, and the calls that create, update and remove them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Optional, Sequence, Tuple

from .._model import forks, publishing
from .._model.delivery import dangling_alias_warnings, without_mail
from .._model.plan import UNKNOWN, Call, Change, Known, PasswordProof, Planner, Question, View
from .._model.publishing import REBUILD_DNS, REBUILD_WEB
from .._model.reads import ALIASES, USERS, Aliases, User, Users
from .._values import names
from .._values.errors import Guarded, InvalidOption, Unsupported
from .._values.secrets import MASK

ADMIN = "admin"

# In bytes. For a longer password, a box stores a hash that no password matches, and answers OK.
_LONGEST_PASSWORD = 511

# The messages with which a box refuses a user or a password.
_KNOWN_MESSAGES = (
    "Invalid email address.",
    "No email address provided.",
    "No password provided.",
    "Passwords must be at least eight characters.",
    "Quotas cannot contain spaces, commas, or decimal points.",
    "Invalid quota.",
    "That's not a user ({email}).",
    "That's not a valid privilege ({privileges}).",
    "User account email addresses may only use the lowercase ASCII letters a-z, the digits 0-9, underscore (_),"
    " hyphen (-), and period (.).",
    "User already exists.",
    # mailinabox-ldap
    "User alreay exists.",
    "An alias exists with that address.",
    "You may not make a user account for that address because it is frequently used for domain control validation."
    " Use an alias instead if necessary.",
)

# Placeholders for a password in views, so that a diff shows that it changes without showing it.
_DIFFERS = "(not the declared one)"
_AS_DECLARED = "(as declared)"

OPTIONS = {
    "email": {"type": "str", "required": True},
    "user_password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
    "privileges": {"type": "list", "elements": "str"},
    "quota": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "force": {"type": "bool", "default": False},
}
"""The options of one user."""


REMOVE_NEVER, REMOVE_SHARED, REMOVE_ALL = "never", "shared", "all"
DECLARED_OPTIONS = {
    **OPTIONS,
    "remove_from_aliases": {
        "type": "str",
        "choices": [REMOVE_NEVER, REMOVE_SHARED, REMOVE_ALL],
        "default": REMOVE_NEVER,
    },
}
"""The options of one user in a declaration, which can change aliases along with the user."""


@dataclass(frozen=True)
class WantedUser:
    """The declared state of one user. None leaves a property unchanged.

    :ivar remove_from_aliases: one of the choices of :data:`DECLARED_OPTIONS`.
    """

    email: str
    present: bool = True
    password: Optional[str] = field(default=None, repr=False)
    prove_password: bool = True
    privileges: Optional[Tuple[str, ...]] = None
    quota: Optional[str] = None
    force: bool = False
    remove_from_aliases: str = REMOVE_NEVER


def check(options: Mapping[str, Any]) -> WantedUser:
    """The options of ``miab_user``, or of a user in a declaration, in canonical form.

    :raises InvalidOption: for a value that no box accepts.
    """
    try:
        email = names.address(options["email"])
        if options["state"] == "present":
            email = names.user_address(options["email"])
            names.check_accepted(email)
    except ValueError as error:
        raise InvalidOption("email", options["email"], str(error)) from error
    password = options["user_password"]
    prove = options["update_password"] == "always"
    if password is not None:
        _check_password(password, prove)
    quota = options["quota"]
    if quota is not None:
        try:
            quota = names.quota(quota)
        except ValueError as error:
            raise InvalidOption("quota", quota, str(error)) from error
    remove = options.get("remove_from_aliases", REMOVE_NEVER)
    if remove != REMOVE_NEVER and options["state"] == "present":
        raise InvalidOption("remove_from_aliases", remove, "only a user with state: absent is removed from aliases")
    privileges = options["privileges"]
    return WantedUser(
        email=email,
        present=options["state"] == "present",
        password=password,
        prove_password=prove,
        privileges=None if privileges is None else tuple(sorted(set(privileges))),
        quota=quota,
        force=options["force"],
        remove_from_aliases=remove,
    )


def _check_password(password: str, prove: bool) -> None:
    # The value itself must not be in a message.
    if len(password) < 8 or not password.strip():
        raise InvalidOption("user_password", MASK, "must have at least eight characters")
    if len(password.encode("utf-8", "replace")) > _LONGEST_PASSWORD:
        raise InvalidOption(
            "user_password",
            MASK,
            "must have at most %d bytes; nobody can sign in with a longer one" % _LONGEST_PASSWORD,
        )
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise InvalidOption("user_password", MASK, "can't contain line breaks or other control characters")
    if prove and not (password.isascii() and password.isprintable()):
        raise InvalidOption(
            "user_password",
            MASK,
            "the task can't verify a password that is not printable ASCII; change it, or set update_password: on_create",
        )


def needs(wanted: WantedUser, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    if USERS.name not in known:
        return [USERS]
    user = _active(USERS.of(known), wanted.email)
    if user is None and not wanted.present:
        return []
    if user is None or not wanted.present:
        return [] if ALIASES.name in known else [ALIASES]
    proof = _proof(wanted, user)
    return [proof] if proof and proof.name not in known else []


def needs_alone(wanted: WantedUser, known: Known) -> Sequence[Question]:
    """Like :func:`needs`, for a task with no other changes: also covers a domain that is added or removed with the user."""
    open_questions = needs(wanted, known)
    if open_questions:
        return open_questions
    goes = not wanted.present
    if (_active(USERS.of(known), wanted.email) is not None) != goes or (goes and wanted.force):
        return []
    others = [email for email, user in USERS.of(known).items() if user.active and email != wanted.email]
    if goes:
        others += [address for address, alias in ALIASES.of(known).items() if not alias.automatic]
    domains = {address.partition("@")[2] for address in others}
    return publishing.questions(known, wanted.email.partition("@")[2], domains, goes)


def plan_alone(wanted: WantedUser, known: Known) -> Change:
    """Like :func:`plan`, for a task with no other changes: also checks the effects on DNS zones.

    :raises InvalidOption: also if a CNAME conflicts with a new domain.
    :raises Guarded: also if custom records would be left behind without a zone.
    """
    change = plan(wanted, known)
    if change.calls and publishing.content_is_known(known):
        before = publishing.content(known)
        users = dict(USERS.of(known))
        apply_change(users, change)
        after = publishing.content({**known, USERS.name: users}, before)
        publishing.refuse_harm(before, after, "email", wanted.email, wanted.force)
    return publishing.warn_if_unlisted(change, known)


def plan(wanted: WantedUser, known: Known) -> Change:
    """Plan the change from the current user to the declared one.

    :raises Guarded: if it would lock somebody out or create a mailbox that gets no mail, and ``force`` isn't set.
    :raises Unsupported: for a quota on a box without quotas.
    :raises InvalidOption: for values that are invalid in the current state of the box.
    """
    change = plan_among_others(wanted, known)
    found = ""
    if change.action == "create":
        guard_mail(wanted, ALIASES.of(known))
        found = without_mail(wanted.email, ALIASES.of(known))
    elif change.action == "remove" and change.calls:
        found = dangling_alias_warnings([wanted.email], ALIASES.of(known)).get(wanted.email, "")
    return replace(change, warnings=(*change.warnings, found)) if found else change


def guard_mail(wanted: WantedUser, aliases: Aliases) -> None:
    """Refuse a new user if an alias forwards all of the user's mail elsewhere.

    :param aliases: the aliases after the change.
    :raises Guarded: if ``force`` isn't set.
    """
    if wanted.force or not without_mail(wanted.email, aliases):
        return
    raise Guarded(
        "email: an alias forwards the mail of %s to %s, so the new mailbox would receive no mail. Add the user to"
        " forwards_to of the alias, remove the alias, or set force: true."
        % (wanted.email, ", ".join(map(names.display, aliases[wanted.email].forwards_to))),
        option="email",
        value=wanted.email,
    )


def plan_among_others(wanted: WantedUser, known: Known) -> Change:
    """Like :func:`plan`, but without the rules that depend on aliases: the rest of the declaration may change them.

    :raises Guarded: if it would lock somebody out and ``force`` isn't set.
    :raises Unsupported: for a quota on a box without quotas.
    :raises InvalidOption: for values that are invalid in the current state of the box.
    """
    users: Users = USERS.of(known)
    user = _active(users, wanted.email)
    if not wanted.present:
        return _plan_removal(wanted, user, users, known)
    if wanted.quota is not None and not any(other.quota is not None for other in users.values()):
        raise Unsupported(
            "quota: this box does not support quotas (Mail-in-a-Box v73 and newer do). Leave quota out.", option="quota"
        )
    if user is None:
        return _plan_creation(wanted, users, forks.of(known))
    return _plan_update(wanted, user, users, known)


def _plan_creation(wanted: WantedUser, users: Users, box: forks.Box) -> Change:
    # A box accepts any address for its first account, so such a user may exist already.
    if names.is_dcv(wanted.email):
        raise InvalidOption(
            "email",
            wanted.email,
            "certificate authorities check the owner of a domain by such an address (%s), so it can't be a user;"
            " create an alias that forwards to an administrator instead" % ", ".join(names.DCV_LOCAL_PARTS),
        )
    if wanted.email.partition("@")[0].partition("+")[0] in box.reserved:
        raise InvalidOption(
            "email",
            wanted.email,
            "this box reserves %s@ in every domain for its own reports; create an alias that forwards to an administrator"
            " instead" % wanted.email.partition("@")[0],
        )
    if wanted.password is None:
        raise InvalidOption("user_password", None, "required, because %s is not a user yet" % wanted.email)
    privileges = wanted.privileges or ()
    _check_privileges(privileges, ())
    separate = box.ignores_privileges_of_new_users
    given = () if separate else privileges
    form = {"email": wanted.email, "password": wanted.password, "privileges": "\n".join(given)}
    after: View = {"email": wanted.email, "state": "present", "privileges": list(privileges)}
    if wanted.quota is not None:
        form["quota"] = after["quota"] = wanted.quota
    if wanted.prove_password:
        after["user_password"] = _AS_DECLARED
    archived = users.get(wanted.email)
    warnings = [*_quota_warnings(wanted)]
    if archived is not None:
        warnings.append(
            "%s had a mailbox before, which is archived in %s. The new user gets the old mail."
            % (wanted.email, archived.mailbox)
        )
    later = [_privilege_call("add", wanted.email, word) for word in privileges] if separate else []
    call = Call(
        "POST",
        "/mail/users/add",
        form,
        secret=("password",),
        known_messages=_KNOWN_MESSAGES,
        rebuild=(REBUILD_DNS, REBUILD_WEB),
    )
    return Change("user", wanted.email, _absent(wanted.email), after, (call, *later), tuple(warnings))


def _plan_update(wanted: WantedUser, user: User, users: Users, known: Known) -> Change:
    calls = []
    before = view(user)
    after = dict(before)
    if wanted.privileges is not None:
        _check_privileges(wanted.privileges, user.privileges)
        if ADMIN in user.privileges and ADMIN not in wanted.privileges and not wanted.force:
            _guard_admin(user, users, known["caller"], "taking the admin privilege from")
        after["privileges"] = list(wanted.privileges)
        for path, words in (
            ("add", set(wanted.privileges) - set(user.privileges)),
            ("remove", set(user.privileges) - set(wanted.privileges)),
        ):
            for word in sorted(words):
                calls.append(_privilege_call(path, user.spelling, word))
    if wanted.quota is not None:
        after["quota"] = wanted.quota
        if wanted.quota != before["quota"]:
            calls.append(Call("POST", "/mail/users/quota", {"email": user.spelling, "quota": wanted.quota}))
    proof = _proof(wanted, user)
    if proof:
        # None if the box can't be asked, as with a snapshot.
        proved: Optional[bool] = known[proof.name]
        before["user_password"] = UNKNOWN if proved is None else _AS_DECLARED if proved else _DIFFERS
        after["user_password"] = _AS_DECLARED
        if proved is False:
            form = {"email": user.spelling, "password": proof.password}
            # Last, because changing your own password ends your session.
            calls.append(
                Call(
                    "POST",
                    "/mail/users/password",
                    form,
                    secret=("password",),
                    known_messages=_KNOWN_MESSAGES,
                    password_of=user.email,
                )
            )
    demoted = ADMIN in user.privileges and ADMIN not in after["privileges"]
    return Change(
        "user",
        user.email,
        before,
        after,
        tuple(calls),
        warnings=_quota_warnings(wanted),
        locks_out=demoted and user.email == known["caller"],
    )


def _privilege_call(what: str, email: str, word: str) -> Call:
    # Whether another administrator is left depends on the other users.
    rests_on = USERS if what == "remove" else None
    return Call("POST", "/mail/users/privileges/" + what, {"email": email, "privilege": word}, rests_on=rests_on)


def _quota_warnings(wanted: WantedUser) -> tuple[str, ...]:
    if wanted.quota is None or not names.is_tiny_quota(wanted.quota):
        return ()
    return (
        "quota: the mailbox of %s may hold only %s bytes, which is less than most messages. A number alone counts bytes;"
        " for megabytes or gigabytes, add M or G, such as 500M." % (wanted.email, wanted.quota),
    )


def _plan_removal(wanted: WantedUser, user: User | None, users: Users, known: Known) -> Change:
    after = _absent(wanted.email)
    if user is None:
        return Change("user", wanted.email, after, after)
    if not wanted.force:
        _guard_admin(user, users, known["caller"], "removing")
    before = view(user)
    call = Call(
        "POST", "/mail/users/remove", {"email": user.spelling}, rebuild=(REBUILD_DNS, REBUILD_WEB), rests_on=USERS
    )
    return Change("user", user.email, before, after, (call,), locks_out=user.email == known["caller"])


def _guard_admin(user: User, users: Users, caller: str, doing: str) -> None:
    if user.email == caller:
        raise Guarded(
            "email: %s %s would lock this task out, because it signs in with that account. To do it anyway, set force: true."
            % (doing, user.email),
            option="email",
            value=user.email,
        )
    if ADMIN in user.privileges and not any(
        other.active and ADMIN in other.privileges for other in users.values() if other.email != user.email
    ):
        raise Guarded(
            "email: %s %s would leave the box without an administrator. To do it anyway, set force: true."
            % (doing, user.email),
            option="email",
            value=user.email,
        )


def takes_admin(change: Change) -> bool:
    """Whether a change removes an administrator, or the admin privilege of one."""
    return ADMIN in change.before.get("privileges", ()) and ADMIN not in change.after.get("privileges", ())


def _check_privileges(wanted: tuple[str, ...], present: tuple[str, ...]) -> None:
    for word in wanted:
        # A box stores any word, but only one has an effect. A typo would go unnoticed.
        if word != ADMIN and word not in present:
            raise InvalidOption("privileges", word, "the only privilege that boxes support is %s" % ADMIN)


def _proof(wanted: WantedUser, user: User) -> PasswordProof | None:
    if wanted.password is None or not wanted.prove_password:
        return None
    return PasswordProof(user.spelling, wanted.password, admin=ADMIN in user.privileges)


def _active(users: Users, email: str) -> User | None:
    user = users.get(email)
    return user if user is not None and user.active else None


def _canonical_quota(stored: str) -> str:
    try:
        return names.quota(stored)
    except ValueError:
        return stored


def view(user: User) -> View:
    """A user in the form of the module's options."""
    shown: View = {"email": user.email, "state": "present", "privileges": list(user.privileges)}
    if user.quota is not None:
        shown["quota"] = _canonical_quota(user.quota)
    return shown


def _absent(email: str) -> View:
    return {"email": email, "state": "absent"}


def apply_change(users: Users, change: Change) -> None:
    """Update ``users`` in place to their state after a change."""
    after = change.after
    if after["state"] == "absent":
        users.pop(change.key, None)
        return
    user = _active(users, change.key)
    stored = user.stored if user else None
    users[change.key] = User(change.key, tuple(after["privileges"]), True, after.get("quota"), None, stored=stored)


PLANNER = Planner(check, needs, plan_among_others, needs_alone, plan_alone)
