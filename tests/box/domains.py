# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domains a box serves: for mail, as DNS zones, on the web."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from . import names
from .state import Alias, State


@dataclass(frozen=True)
class ServedCertificate:
    """The domains of a box, as they follow from its users, its aliases and its custom records."""

    hostname: str
    mail: frozenset[str]
    # Those of them that have users.
    users: frozenset[str]
    # Names whose custom records lead to other machines.
    elsewhere: frozenset[str]
    # What stands before domains with mail, and with users, in names that the box makes up.
    mail_prefixes: tuple[str, ...]
    user_prefixes: tuple[str, ...]

    @functools.cached_property
    def zones(self) -> tuple[str, ...]:
        apexes = names.topmost(self.mail | {self.hostname})
        return tuple(names.sort_domains(set(apexes.values()), self.hostname))

    @functools.cached_property
    def automatic(self) -> frozenset[str]:
        """Names that the box makes up itself, wherever they lead."""
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
        """Names that would have a web site, were they not elsewhere."""
        return self.mail | self.automatic | {self.hostname}

    @functools.cached_property
    def web(self) -> tuple[str, ...]:
        here = (self.web_anywhere - self.elsewhere) | {self.hostname}
        return tuple(names.sort_domains(here, self.hostname))


# Sorting the names of a box with many domains is slow, and most changes leave them as they are.
_served = functools.lru_cache(maxsize=64)(ServedCertificate)


def listed_aliases(state: State) -> dict[str, tuple[Alias, bool]]:
    """Each address with its alias, and whether that is an automatic one.

    The box asks for hand-made and automatic rows in one UNION, which comes sorted by address,
    receivers, senders (none first) and automatic or not, and keeps the last row of an address. So
    which of two is seen depends on how their receivers are spelt.
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
    """The addresses whose hand-made alias is the one that is seen."""
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
