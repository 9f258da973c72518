# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mailinabox-ldap: v75 with users and aliases in LDAP.

Each domain is an LDAP entry. The box creates it with the first address of the domain, together with automatic
aliases that are stored like manual ones, and removes it with the last address. It rebuilds zones and websites only when
domains are added or removed.
"""

from __future__ import annotations

import fnmatch
import zlib
from dataclasses import replace
from typing import Any

from .. import names
from ..answers import Answer, BrokenError, RefusedError, Request, data, text
from ..publishing import update_dns, update_web
from ..route import Route, Rule
from ..rules import aliases, mfa, users
from ..state import Alias, State, Totp, User
from ..versions import UPSTREAM

CAPABILITIES = replace(
    UPSTREAM["v75"],
    name="ldap-v75",
    version_text="v75",
    fork="ldap",
    names_unknown_users=True,
    codes_end_sessions=True,
)

_REQUIRED = "Required alias"
_REQUIRED_LOCAL_PARTS = ("abuse", "admin", "postmaster")


def _knowledge(state: State, name: str) -> dict[str, str]:
    found: dict[str, str] = state.of_fork.setdefault(name, {})
    return found


def _descriptions(state: State) -> dict[str, str]:
    """The description of each alias. The first request initializes the automatic aliases of a new box."""
    found = _knowledge(state, "descriptions")
    if not found:
        domain = state.hostname
        for local in (*_REQUIRED_LOCAL_PARTS, "hostmaster"):
            state.aliases.setdefault(f"{local}@{domain}", Alias(f"{local}@{domain}", [state.administrator]))
            found[f"{local}@{domain}"] = _REQUIRED
        found[state.administrator] = f"Mail alias {state.administrator}"
        update_dns(state)
        update_web(state)
    for address in state.aliases.keys() - found.keys():
        found[address] = f"Mail alias {address}"
    return found


def _is_automatic(state: State, address: str) -> bool:
    return _descriptions(state).get(address) == _REQUIRED


def _domains(state: State) -> set[str]:
    """The domains that have addresses other than automatic aliases."""
    descriptions = _descriptions(state)
    own = {address for address in state.aliases if descriptions[address] != _REQUIRED}
    return {names.domain_of(address) for address in (*state.users, *own)}


def _add_domain(state: State, domain: str) -> list[str]:
    said = []
    for local in _REQUIRED_LOCAL_PARTS:
        address = f"{local}@{domain}"
        if address not in state.aliases:
            state.aliases[address] = Alias(address, [state.administrator])
            _descriptions(state)[address] = _REQUIRED
            said.append(f"alias added: {names.to_unicode(address)}\n")
    return said


def _remove_domain(state: State, domain: str) -> list[str]:
    gone = sorted(address for address in state.aliases if names.domain_of(address) == domain)
    for address in gone:
        del state.aliases[address]
        _descriptions(state).pop(address, None)
    return [f"alias removed: {names.to_unicode(address)}\n" for address in gone]


def _changing_mail(change: Rule) -> Rule:
    """Change users or aliases: add and remove domains accordingly, then publish the changes."""

    def changed(state: State, request: Request) -> Answer:
        before = _domains(state)
        answer = change(state, request)
        after = _domains(state)
        said = [line for domain in sorted(after - before) for line in _add_domain(state, domain)]
        said += [line for domain in sorted(before - after) for line in _remove_domain(state, domain)]
        if not said:
            return answer
        return text("".join([*said, answer.body, "\n", update_dns(state), update_web(state)]))

    return changed


def _listed_users(state: State, request: Request) -> Answer:
    answer = users.listing(state, request)
    if request.query.get("format") != "json":
        return answer
    rows = answer.json()
    for user in (user for row in rows for user in row["users"] if user["status"] == "active"):
        email = user["email"]
        user["display_name"] = _knowledge(state, "display_names").get(email, email.partition("@")[0])
    return data(rows)


def _found(state: State, request: Request) -> str:
    """The first user that matches the address. It is an LDAP search, so a star matches any text."""
    email = request.form.get("email", "")
    found = next((known for known in sorted(state.users) if fnmatch.fnmatchcase(known, email)), None)
    return email if found is None else found


def _by_search(rule: Rule) -> Rule:
    def searched(state: State, request: Request) -> Answer:
        return rule(state, replace(request, form={**request.form, "email": _found(state, request)}))

    return searched


def _is_address(address: str, domain_only: bool = False) -> bool:
    """Addresses in .local are allowed."""
    local = address.endswith(".local")
    return names.is_address(address.removesuffix(".local") + ".example" if local else address, domain_only)


def _add_user(state: State, request: Request) -> Answer:
    """Privileges are ignored."""
    email = request.form.get("email", "")
    if email in state.users:
        raise RefusedError("User alreay exists.")
    user = users.checked_user(state, request, is_address=_is_address)
    if email in state.aliases:
        raise RefusedError("An alias exists with that address.")
    state.users[email] = replace(user, privileges=[])
    display_name = request.form.get("display_name", "")
    if display_name:
        _knowledge(state, "display_names")[email] = display_name
    return text("mail user added")


def _remove_user(state: State, request: Request) -> Answer:
    """The user is removed from the permitted senders of aliases."""
    email = _found(state, request)
    if email not in state.users:
        raise RefusedError(f"That's not a user ({email}).")
    del state.users[email]
    for alias in state.aliases.values():
        if alias.permitted_senders:
            alias.permitted_senders = [one for one in alias.permitted_senders if one != email] or None
    return text("mail user removed")


def _set_display_name(state: State, request: Request) -> Answer:
    email = _found(state, request)
    if email not in state.users:
        raise RefusedError(f"That's not a user ({email}).")
    _knowledge(state, "display_names")[email] = request.form.get("display_name", "")
    return text("OK")


def _listed_aliases(state: State, request: Request) -> Answer:
    descriptions = _descriptions(state)
    answer = aliases.listing(state, request)
    if request.query.get("format") != "json":
        return answer
    rows = answer.json()
    for row in rows:
        for alias in row["aliases"]:
            address = alias["address"]
            alias["auto"] = _is_automatic(state, address)
            alias["description"] = descriptions[address]
            alias["forwards_to"] = [one for one in alias["forwards_to"] if one]
        row["aliases"].sort(key=lambda alias: (alias["auto"], alias["address"]))
    return data(rows)


def _checked_senders(state: State, given: str) -> list[str] | None:
    senders: list[str] = []
    for sender in aliases.pieces(given):
        if names.to_ascii(sender) not in state.users:
            raise RefusedError(f"Invalid permitted sender: {sender} is not a user on this system.")
        # A domain in Unicode is stored in both forms.
        senders += dict.fromkeys([sender, names.to_ascii(sender)])
    return senders or None


def _add_alias(state: State, request: Request) -> Answer:
    form = request.form
    descriptions = _descriptions(state)
    address = names.to_ascii(form.get("address", "")).lower().strip()
    if not address:
        raise RefusedError("No email address provided.")
    if not _is_address(address, domain_only=True):
        raise RefusedError(f"Invalid email address ({address}).")
    receivers = aliases.receivers(state, address, form.get("forwards_to", ""), is_address=_is_address)
    senders = _checked_senders(state, form.get("permitted_senders", ""))
    if not receivers and not senders:
        raise RefusedError("The alias must either forward to an address or have a permitted sender.")
    exists = address in state.aliases
    if exists and form.get("update_if_exists") != "1":
        raise RefusedError(f"Alias already exists ({address}).")
    if len(set(receivers)) < len(receivers):
        raise BrokenError("An attribute can't have the same value twice.")
    if not exists and address.startswith("@") and len(receivers) == 1 and not form.get("description"):
        raise BrokenError("An attribute can't be empty.")
    if receivers:
        state.unserved.discard(names.domain_of(address))
    elif exists:
        # The box assumes that this was the last address of the domain.
        state.unserved.add(names.domain_of(address))
        update_dns(state)
    state.aliases[address] = Alias(address, receivers, senders)
    descriptions[address] = form.get("description") or (" " if exists else f"Mail alias {address}")
    return text("alias updated" if exists else "alias added")


def _remove_alias(state: State, request: Request) -> Answer:
    """Also removes automatic aliases, permanently."""
    _descriptions(state)
    given = request.form.get("address", "")
    address = names.to_ascii(given).lower()
    if address not in state.aliases:
        raise RefusedError(f"That's not an alias ({given}).")
    del state.aliases[address]
    _descriptions(state).pop(address, None)
    if address == state.administrator:
        for alias in state.aliases.values():
            alias.forwards_to = [one for one in alias.forwards_to if one != address]
    return text("alias removed")


def _scheme_id(scheme: Totp) -> str:
    """Changes with each used code."""
    return f"totp:{1_700_000_000_000_000_000 + zlib.crc32(f'{scheme.id} {scheme.last_code}'.encode())}"


def _mfa_status(state: State, request: Request) -> Answer:
    told: dict[str, Any] = mfa.status(state, request).json()
    user: User = state.users[request.form.get("user", request.caller)]
    for row, scheme in zip(told["enabled_mfa"], user.totp, strict=True):
        row["id"] = _scheme_id(scheme)
    return data(told)


def _disable_mfa(state: State, request: Request) -> Answer:
    user = state.users.get(request.form.get("user", request.caller))
    numbers = {_scheme_id(scheme): str(scheme.id) for scheme in user.totp} if user else {}
    wanted = request.form.get("mfa-id", "")
    form = {**request.form, "mfa-id": numbers.get(wanted, wanted and "unknown")}
    return mfa.disable(state, replace(request, form=form))


def _whitelist(state: State, request: Request) -> Answer:
    return data([])


ROUTES = (
    Route("GET", "/mail/users", _listed_users),
    Route("POST", "/mail/users/add", _changing_mail(_add_user)),
    Route("POST", "/mail/users/remove", _changing_mail(_remove_user)),
    Route("POST", "/mail/users/display_name", _set_display_name),
    Route("POST", "/mail/users/password", _by_search(users.set_password)),
    Route("POST", "/mail/users/privileges/add", _by_search(users.add_privilege)),
    Route("POST", "/mail/users/privileges/remove", _by_search(users.remove_privilege)),
    Route("POST", "/mail/users/quota", _by_search(users.set_quota)),
    Route("GET", "/mail/aliases", _listed_aliases),
    Route("POST", "/mail/aliases/add", _changing_mail(_add_alias)),
    Route("POST", "/mail/aliases/remove", _changing_mail(_remove_alias)),
    Route("POST", "/mfa/status", _mfa_status, only_asks=True),
    Route("POST", "/mfa/disable", _disable_mfa),
    Route("GET", "/system/postgrey-whitelist", _whitelist),
)
