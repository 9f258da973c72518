# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes on a plan for people: domains that are added or removed, dangling aliases, mailboxes without mail, and undeclared
objects. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Iterable, Mapping, Sequence

from .._model import publishing
from .._model.delivery import without_mail
from .._model.plan import Known, Note
from .._model.reads import ALIASES, DNS_RECORDS, USERS, Aliases, Users
from .._model.scope import WHOLE, Scope
from .._values.errors import Mistake
from .._values.names import display, zone_of

# The objects of each section, in the singular and the plural.
_OBJECTS = {
    "users": ("user", "users"),
    "aliases": ("alias", "aliases"),
    "dns_records": ("DNS record", "DNS records"),
}


def domain_of(address: str) -> str:
    return address.partition("@")[2]


def about_domains(before: Known, after: Known, scope: Scope = WHOLE) -> list[Note]:
    """Notes on the domains that the plan adds to the box or removes from it. They name only domains in the scope."""
    if USERS.name not in before or ALIASES.name not in before:
        return []
    old, new = publishing.domains(before).mail, publishing.domains(after).mail
    notes = []
    for domain in sorted(new - old):
        zone = zone_of(domain, tuple(old))
        effect = "accept mail for it" if zone else "make a DNS zone and accept mail for it"
        meant = "" if zone else _nearest(domain, filter(scope.contains, old))
        text = "new domain %s: the box will %s%s" % (display(domain), effect, meant)
        notes.append(Note("new_domain", domain, text))
    for domain in sorted(old - new):
        records = after.get(DNS_RECORDS.name)
        left = 0
        if isinstance(records, Mapping):
            staying = tuple(new)
            ours = filter(scope.contains, [name for name, _type in records if zone_of(name, (domain,))])
            left = len([name for name in ours if not zone_of(name, staying)])
        text = "%s is no longer served: the box will refuse its mail" % display(domain)
        if left:
            text += "; %s" % ("1 custom record stays behind" if left == 1 else "%d custom records stay behind" % left)
        notes.append(Note("domain_removed", domain, text))
    return notes


def about_aliases(aliases: Iterable[Any], after: Known, scope: Scope = WHOLE) -> list[Note]:
    """Notes on declared aliases that forward to an address that does not exist, in a domain of the box.

    :param aliases: the declared aliases with ``state: present``.
    :param scope: nothing is said about addresses outside.
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
            if not scope.contains(address):
                continue
            if domain in served and address not in there and "@" + domain not in held and not address.startswith("@"):
                text = "alias %s forwards to %s, but the box has no such user or alias" % (
                    alias.address,
                    receiver,
                )
                notes.append(Note("dangling_alias", alias.address, text))
    return notes


def about_mailboxes(emails: Iterable[str], after: Known) -> list[Note]:
    """Notes on mailboxes that receive no mail, because an alias forwards it elsewhere.

    :param emails: the addresses of the declaration.
    """
    if USERS.name not in after or ALIASES.name not in after:
        return []
    there: Users = after[USERS.name]
    found = {
        email: without_mail(email, after[ALIASES.name])
        for email in dict.fromkeys(emails)
        if email in there and there[email].active
    }
    return [Note("mailbox_without_mail", email, text) for email, text in found.items() if text]


def about_undeclared(undeclared: Mapping[str, Sequence[str]], show: bool) -> list[Note]:
    """Notes on how many objects are not declared, by section, with their names if ``show`` is set."""
    notes = []
    for section, names in undeclared.items():
        if names:
            one, many = _OBJECTS[section]
            text = "not declared: %d %s" % (len(names), one if len(names) == 1 else many)
            notes.append(Note("undeclared", section, text + (": %s" % ", ".join(names) if show else "")))
    return notes


def outside(entries: Iterable[tuple[str, str]], domains: Sequence[str]) -> list[Mistake]:
    """The mistakes of entries whose domain is not in the list of allowed domains.

    :param entries: pairs of the name of an entry in messages, and its domain.
    """
    return [
        Mistake(
            where,
            "the domain %s is not in domains (the variable miab_domains)%s"
            % (display(domain), _nearest(domain, domains, "; did you mean %s?")),
        )
        for where, domain in entries
        if domain not in domains
    ]


def _nearest(domain: str, domains: Iterable[str], words: str = ". Did you mean %s?") -> str:
    near = get_close_matches(domain, sorted(domains), 1, 0.8)
    return words % display(near[0]) if near else ""
