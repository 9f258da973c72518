# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail users, their passwords, privileges and quotas."""

from __future__ import annotations

import re
from collections.abc import Callable

from .. import names
from ..answers import Answer, RefusedError, Request, data, text
from ..domains import served
from ..publishing import after_mail_change
from ..state import State, User

_UNITS = {"": 1, "M": 2**20, "G": 2**30}


def _user(state: State, email: str) -> User:
    try:
        return state.users[email]
    except KeyError:
        raise RefusedError(f"That's not a user ({email}).") from None


def _check_password(password: str) -> None:
    if not password.strip():
        raise RefusedError("No password provided.")
    if len(password) < 8:
        raise RefusedError("Passwords must be at least eight characters.")


def _check_privilege(privilege: str) -> None:
    if not privilege.strip() or "\n" in privilege:
        raise RefusedError(f"That's not a valid privilege ({privilege}).")


def checked_quota(given: str) -> str:
    quota = given.strip().upper()
    if not quota:
        raise RefusedError("No quota provided.")
    if re.search(r"[\s,.]", quota):
        raise RefusedError("Quotas cannot contain spaces, commas, or decimal points.")
    if not re.fullmatch(r"[0-9]+[GM]?", quota):
        raise RefusedError("Invalid quota.")
    return quota


def _readable_size(size: float) -> str:
    for unit in ("", "K", "M", "G"):
        if size < 1024:
            return f"{size:3.0f}{unit}" if size > 99 else f"{size:2.1f}{unit}"
        size /= 1024
    return f"{size:.1f}T"


def _usage(state: State, email: str, quota: str) -> dict[str, object]:
    """The usage of a mailbox. It is unknown until the first mail arrives."""
    unlimited = quota == "0"
    size = state.mailboxes.get(email)
    if size is None:
        return {"box_size": "?", "box_quota": "?", "percent": "" if unlimited else "?", "quota": quota}
    digits = quota.rstrip("GM")
    limit = int(digits) * _UNITS[quota[len(digits) :]]
    percent = "" if unlimited else f"{100 * size / limit:3.0f}%" if limit else "Error"
    return {"box_size": _readable_size(size), "box_quota": limit, "percent": percent, "quota": quota}


def listing(state: State, request: Request) -> Answer:
    if request.query.get("format") != "json":
        return text("".join(f"{email}\n" for email in names.sort_addresses(state.users, state.hostname)))
    by_domain: dict[str, list[dict[str, object]]] = {}
    for email in sorted(state.users):
        user = state.users[email]
        row: dict[str, object] = {"email": email, "privileges": user.privileges, "status": "active"}
        if state.capabilities.quotas:
            row |= _usage(state, email, user.quota)
        by_domain.setdefault(names.to_unicode(names.domain_of(email)), []).append(row)
    # Archived mailboxes of removed users.
    for email in sorted(state.mailboxes.keys() - state.users.keys()):
        local, _unused, domain = email.rpartition("@")
        mailbox = f"{state.storage}/mail/mailboxes/{domain}/{local}"
        row = {"email": email, "privileges": [], "status": "inactive", "mailbox": mailbox}
        if state.capabilities.quotas:
            row |= {"box_size": "?", "box_quota": "?", "percent": "?"}
        by_domain.setdefault(names.to_unicode(domain), []).append(row)
    order = names.sort_domains(by_domain, state.hostname)
    return data([{"domain": domain, "users": by_domain[domain]} for domain in order])


def domains(state: State, request: Request) -> Answer:
    return text("".join(f"{domain}\n" for domain in sorted(served(state).mail)))


def checked_user(state: State, request: Request, is_address: Callable[[str], bool] = names.is_address) -> User:
    """The user to add, after validation."""
    email = request.form.get("email", "")
    if not email.strip():
        raise RefusedError("No email address provided.")
    if not is_address(email):
        raise RefusedError("Invalid email address.")
    if not names.is_user_address(email):
        raise RefusedError(
            "User account email addresses may only use the lowercase ASCII letters a-z, "
            "the digits 0-9, underscore (_), hyphen (-), and period (.)."
        )
    # The first user, which is created during setup, can have a reserved name.
    if names.is_dcv_address(email, state.capabilities.reserved) and state.users:
        raise RefusedError(
            "You may not make a user account for that address because it is frequently used for "
            "domain control validation. Use an alias instead if necessary."
        )
    password = request.form.get("password", "")
    _check_password(password)
    given = request.form.get("privileges", "")
    privileges = given.split("\n") if given.strip() else []
    for privilege in privileges:
        _check_privilege(privilege)
    quota = checked_quota(request.form.get("quota", "0")) if state.capabilities.quotas else "0"
    return User(email, password, privileges, quota)


def add(state: State, request: Request) -> Answer:
    user = checked_user(state, request)
    if user.email in state.users:
        raise RefusedError("User already exists.")
    state.users[user.email] = user
    return text(after_mail_change(state, "mail user added"))


def remove(state: State, request: Request) -> Answer:
    del state.users[_user(state, request.form.get("email", "")).email]
    return text(after_mail_change(state, "mail user removed"))


def set_password(state: State, request: Request) -> Answer:
    password = request.form.get("password", "")
    _check_password(password)
    _user(state, request.form.get("email", "")).password = password
    return text("OK")


def privileges(state: State, request: Request) -> Answer:
    return text("\n".join(_user(state, request.query.get("email", "")).privileges))


def add_privilege(state: State, request: Request) -> Answer:
    privilege = request.form.get("privilege", "")
    _check_privilege(privilege)
    user = _user(state, request.form.get("email", ""))
    if privilege not in user.privileges:
        user.privileges.append(privilege)
    return text("OK")


def remove_privilege(state: State, request: Request) -> Answer:
    privilege = request.form.get("privilege", "")
    _check_privilege(privilege)
    user = _user(state, request.form.get("email", ""))
    user.privileges = [one for one in user.privileges if one != privilege]
    return text("OK")


def quota(state: State, request: Request) -> Answer:
    email = request.query.get("email", "")
    try:
        return data({"email": email, "quota": _user(state, email).quota})
    except RefusedError as error:
        # The box doesn't check whether reading the quota failed.
        return data({"email": email, "quota": [str(error), 400]})


def set_quota(state: State, request: Request) -> Answer:
    wanted = checked_quota(request.form.get("quota", ""))
    _user(state, request.form.get("email", "")).quota = wanted
    return text("OK")
