# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domains that a box serves: for mail, as DNS zones, and as websites."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from . import names
from .state import Alias, State


@dataclass(frozen=True)
class ServedCertificate:
    """The domains of a box, derived from its users, aliases and custom records."""

    hostname: str
    mail: frozenset[str]
    # Mail domains that have users.
    users: frozenset[str]
    # Names whose custom records point to other machines.
    elsewhere: frozenset[str]
    # Prefixes of names that the box adds for domains with mail, and for domains with users.
    mail_prefixes: tuple[str, ...]
    user_prefixes: tuple[str, ...]

    @functools.cached_property
    def zones(self) -> tuple[str, ...]:
        apexes = names.topmost(self.mail | {self.hostname})
        return tuple(names.sort_domains(set(apexes.values()), self.hostname))

    @functools.cached_property
    def automatic(self) -> frozenset[str]:
        """Names that the box adds itself, wherever they point."""
        return frozenset(
            {"www." + zone for zone in self.zones}
            | {prefix + domain for domain in self.users for prefix in self.user_prefixes}
            | {prefix + domain for domain in self.mail for prefix in self.mail_prefixes}
        )

    @functools.cached_property
    def redirects(self) -> frozenset[str]:
        return frozenset("www." + zone for zone in self.zones) - self.mail

    @functools.cached_property
    def web_anywhere(self) -> frozenset[str]:
        """Names that would have a website, including those that point to other machines."""
        return self.mail | self.automatic | {self.hostname}

    @functools.cached_property
    def web(self) -> tuple[str, ...]:
        here = (self.web_anywhere - self.elsewhere) | {self.hostname}
        return tuple(names.sort_domains(here, self.hostname))


# Cached: sorting the names of a box with many domains is slow, and most changes don't affect them.
_served = functools.lru_cache(maxsize=64)(ServedCertificate)


def listed_aliases(state: State) -> dict[str, tuple[Alias, bool]]:
    """Each address with its alias, and whether the alias is automatic.

    The box reads manual and automatic rows with one UNION, sorted by address, receivers, senders (none first) and
    type, and uses the last row of each address. So if there are two, their receivers decide which one is visible.
    """
    rows = {address: (alias, False) for address, alias in state.aliases.items()}
    for address, receiver in state.automatic_aliases.items():
        if address in rows:
            alias = rows[address][0]
            senders = alias.permitted_senders
            if (",".join(alias.forwards_to), senders is not None) > (receiver, False):
                continue
        rows[address] = (Alias(address, [receiver]), True)
    return rows


def hand_made(state: State) -> list[str]:
    """The addresses whose visible alias is the manual one."""
    automatic = state.automatic_aliases
    if automatic.keys().isdisjoint(state.aliases):
        return list(state.aliases)
    return [address for address, (_unused, is_automatic) in listed_aliases(state).items() if not is_automatic]


def served(state: State) -> ServedCertificate:
    users = frozenset(map(names.domain_of, state.users))
    leading_elsewhere = frozenset(
        record.qname
        for record in state.dns_records
        if record.rtype == "CNAME" or (record.rtype in ("A", "AAAA") and record.value not in ("local", state.ipv4))
    )
    mail = (users | frozenset(map(names.domain_of, hand_made(state)))) - state.unserved
    prefixes = state.capabilities.mail_prefixes, state.capabilities.user_prefixes
    return _served(state.hostname, mail, users, leading_elsewhere, *prefixes)
