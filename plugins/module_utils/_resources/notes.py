# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person should know of a plan beside its changes: domains that come and go, and what nobody declares. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Iterable, Mapping, Sequence

from .._model import publishing
from .._model.plan import Known, Note
from .._model.reads import ALIASES, DNS_RECORDS, USERS, Aliases, Users
from .._values import names as _names
from .._values.errors import Mistake

# What the objects of a section are called: one, and several.
_OBJECTS = {
    "users": ("user", "users"),
    "aliases": ("alias", "aliases"),
    "dns_records": ("DNS record", "DNS records"),
}


def domain_of(address: str) -> str:
    return address.partition("@")[2]


def about_domains(before: Known, after: Known) -> list[Note]:
    """The domains that the box comes to serve, and those that it no longer serves."""
    if USERS.name not in before or ALIASES.name not in before:
        return []
    old, new = publishing.domains(before).mail, publishing.domains(after).mail
    notes = []
    for domain in sorted(new - old):
        zone = _names.zone_of(domain, tuple(old))
        effect = "accept mail for it" if zone else "make a DNS zone and accept mail for it"
        meant = "" if zone else _nearest(domain, old)
        text = "new domain %s: the box will %s%s" % (_names.display(domain), effect, meant)
        notes.append(Note("new_domain", domain, text))
    for domain in sorted(old - new):
        records = after.get(DNS_RECORDS.name)
        left = 0
        if isinstance(records, Mapping):
            staying = tuple(new)
            left = len(
                [
                    name
                    for name, _type in records
                    if _names.zone_of(name, (domain,)) and not _names.zone_of(name, staying)
                ]
            )
        text = "%s is no longer served: the box will refuse its mail" % _names.display(domain)
        if left:
            text += "; %s" % ("1 custom record stays behind" if left == 1 else "%d custom records stay behind" % left)
        notes.append(Note("domain_removed", domain, text))
    return notes


def about_aliases(aliases: Iterable[Any], after: Known) -> list[Note]:
    """Declared aliases that forward to an address of a served domain that nobody has.

    :param aliases: what is wanted of each alias that is to be there.
    """
    if USERS.name not in after or ALIASES.name not in after:
        return []
    served = publishing.domains(after).mail
    users: Users = after[USERS.name]
    held: Aliases = after[ALIASES.name]
    there = {email for email, user in users.items() if user.active} | set(held)
    notes = []
    for alias in aliases:
        for receiver in alias.forwards_to or ():
            address = receiver.lower()
            domain = domain_of(address)
            if domain in served and address not in there and "@" + domain not in held and not address.startswith("@"):
                text = "alias %s forwards to %s, but the box has no such user or alias" % (
                    alias.address,
                    receiver,
                )
                notes.append(Note("dangling_alias", alias.address, text))
    return notes


def about_undeclared(undeclared: Mapping[str, Sequence[str]], show: bool) -> list[Note]:
    """How many objects nobody declares, by section; and which, if they are to be shown."""
    notes = []
    for section, names in undeclared.items():
        if names:
            one, many = _OBJECTS[section]
            text = "not declared: %d %s" % (len(names), one if len(names) == 1 else many)
            notes.append(Note("undeclared", section, text + (": %s" % ", ".join(names) if show else "")))
    return notes


def outside(entries: Iterable[tuple[str, str]], domains: Sequence[str]) -> list[Mistake]:
    """The mistakes of entries whose domain isn't one of those that the box may serve.

    :param entries: the words that name each, and its domain.
    """
    return [
        Mistake(
            where,
            "the domain %s is not in domains (the variable miab_domains)%s"
            % (_names.display(domain), _nearest(domain, domains, "; did you mean %s?")),
        )
        for where, domain in entries
        if domain not in domains
    ]


def _nearest(domain: str, domains: Iterable[str], words: str = ". Did you mean %s?") -> str:
    near = get_close_matches(domain, sorted(domains), 1, 0.8)
    return words % _names.display(near[0]) if near else ""
