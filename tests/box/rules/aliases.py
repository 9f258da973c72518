# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail aliases."""

from __future__ import annotations

import re
from collections.abc import Callable

from .. import names
from ..answers import Answer, RefusedError, Request, data, text
from ..domains import listed_aliases
from ..publishing import after_mail_change, required_aliases
from ..state import Alias, State


def pieces(given: str) -> list[str]:
    """The addresses in a text, separated by newlines, commas or both."""
    return [piece.strip() for piece in re.split("[\n,]", given) if piece.strip()]


def listing(state: State, request: Request) -> Answer:
    found = listed_aliases(state)
    order = names.sort_addresses(found, state.hostname)
    if request.query.get("format") != "json":
        lines = []
        for address in order:
            alias, _unused = found[address]
            lines.append(f"{address}\t{','.join(alias.forwards_to)}\t{','.join(alias.permitted_senders or [])}\n")
        return text("".join(lines))
    required = frozenset() if state.capabilities.automatic_aliases else required_aliases(state) | {state.administrator}
    by_domain: dict[str, list[dict[str, object]]] = {}
    for address in order:
        alias, automatic = found[address]
        if automatic and address.startswith("@"):
            # They are only needed for domains in Unicode.
            continue
        row: dict[str, object] = {
            "address": address,
            "address_display": names.to_unicode(address),
            "forwards_to": [names.to_unicode(receiver) for receiver in alias.forwards_to] or [""],
            "permitted_senders": alias.permitted_senders and [*map(names.to_unicode, alias.permitted_senders)],
        }
        if state.capabilities.automatic_aliases:
            row["auto"] = automatic
        else:
            row["required"] = address in required
        by_domain.setdefault(names.to_unicode(names.domain_of(address)), []).append(row)
    for rows in by_domain.values():
        rows.sort(key=lambda row: (bool(row.get("auto", row.get("required"))), str(row["address"])))
    return data(
        [{"domain": domain, "aliases": by_domain[domain]} for domain in names.sort_domains(by_domain, state.hostname)]
    )


def receivers(state: State, address: str, given: str, is_address: Callable[..., bool] = names.is_address) -> list[str]:
    """The receivers in a text, in their stored form."""
    reserved = state.capabilities.reserved
    is_dcv = names.is_dcv_address(address, reserved)
    whole = names.to_ascii(given.strip())
    if is_address(whole, domain_only=True) and not is_dcv:
        # A single receiver can be a whole domain.
        return [whole]
    found = []
    for receiver in map(names.to_ascii, pieces(given)):
        if not is_address(receiver):
            raise RefusedError(f"Invalid receiver email address ({receiver}).")
        # Mail to user+tag is delivered to the user.
        local, _unused, domain = receiver.partition("@")
        user = state.users.get(f"{local.partition('+')[0]}@{domain}")
        if is_dcv and not names.is_dcv_address(receiver, reserved) and (user is None or "admin" not in user.privileges):
            raise RefusedError(
                "This alias can only have administrators of this system as destinations because the "
                "address is frequently used for domain control validation."
            )
        found.append(receiver)
    return found


def _senders(state: State, given: str) -> list[str] | None:
    senders = pieces(given)
    for sender in senders:
        if sender not in state.users:
            raise RefusedError(f"Invalid permitted sender: {sender} is not a user on this system.")
    return senders or None


def add(state: State, request: Request) -> Answer:
    address = names.to_ascii(request.form.get("address", "")).lower().strip()
    if not address:
        raise RefusedError("No email address provided.")
    if not names.is_address(address, domain_only=True):
        raise RefusedError(f"Invalid email address ({address}).")
    forwards_to = receivers(state, address, request.form.get("forwards_to", ""))
    senders = _senders(state, request.form.get("permitted_senders", ""))
    if not forwards_to and not senders:
        raise RefusedError("The alias must either forward to an address or have a permitted sender.")
    exists = address in state.aliases
    if exists and request.form.get("update_if_exists") != "1":
        raise RefusedError(f"Alias already exists ({address}).")
    state.aliases[address] = Alias(address, forwards_to, senders)
    return text(after_mail_change(state, "alias updated" if exists else "alias added"))


def remove(state: State, request: Request) -> Answer:
    # Here addresses are case-sensitive.
    address = names.to_ascii(request.form.get("address", ""))
    if address not in state.aliases:
        raise RefusedError(f"That's not an alias ({address}).")
    del state.aliases[address]
    return text(after_mail_change(state, "alias removed"))
