# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and domain names: their forms, whether they are valid, how the box sorts them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

import email_validator
import idna

# Certificate authorities mail these to learn who owns a domain.
_DCV_LOCAL_PARTS = frozenset({"abuse", "admin", "administrator", "hostmaster", "postmaster", "webmaster"})
_USER_CHARACTERS = re.compile(r"[a-z0-9_.@-]{1,255}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{0,62}[A-Za-z0-9_]")
_LAST_LABEL = re.compile(r"(?![0-9])[A-Za-z0-9_]{1,63}")


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def to_ascii(address: str) -> str:
    """The address with its domain in IDNA form; as it is if that can't be."""
    local, at, domain = address.partition("@")
    try:
        return local + at + idna.encode(domain).decode("ascii")
    except idna.IDNAError:
        return address


@functools.lru_cache(maxsize=65536)
def to_unicode(name: str) -> str:
    """A domain, or an address with one, for people to read: in lower case."""
    local, at, domain = name.rpartition("@")
    try:
        return local + at + idna.decode(domain)
    except idna.IDNAError:
        return name


@functools.lru_cache(maxsize=65536)
def is_address(address: str, domain_only: bool = False) -> bool:
    """Whether mail can go there. domain_only also takes @example.org, a whole domain."""
    try:
        email_validator.validate_email(
            address, allow_smtputf8=False, check_deliverability=False, allow_empty_local=domain_only
        )
    except email_validator.EmailNotValidError:
        return False
    return True


def is_user_address(address: str) -> bool:
    """Whether a valid address can be a mailbox too: Dovecot takes fewer characters."""
    return _USER_CHARACTERS.fullmatch(address) is not None


def is_dcv_address(address: str, reserved: frozenset[str] = frozenset()) -> bool:
    """Whether authorities, or others whose local parts are reserved, mail there."""
    local = address.lower().partition("@")[0]
    return local.partition("+")[0] in _DCV_LOCAL_PARTS | reserved


def is_dns_name(name: str) -> bool:
    """Whether the box takes this as the name, or as the target, of a custom record."""
    name = name.removesuffix(".").removeprefix("*.")
    *labels, last = name.split(".")
    return (
        bool(labels)
        and not name.startswith("-")
        and all(_LABEL.fullmatch(label) for label in labels)
        and _LAST_LABEL.fullmatch(last) is not None
    )


def is_within(name: str, domain: str) -> bool:
    return name == domain or name.endswith("." + domain)


def parents(name: str) -> Iterator[str]:
    """The domains above a name, the nearest first."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def topmost(domains: Iterable[str]) -> dict[str, str]:
    """Each domain's topmost relative among them: the zone that it would be in."""
    apexes: dict[str, str] = {}
    for domain in sorted(domains, key=len):
        apexes[domain] = next((apexes[parent] for parent in parents(domain) if parent in apexes), domain)
    return apexes


def sort_domains(domains: Iterable[str], hostname: str) -> list[str]:
    """In the box's order: zone by zone, its own first; in a zone itself first, then right to left."""
    zone_of = topmost(set(domains))

    def key(domain: str) -> tuple[bool, str, bool, bool, list[str]]:
        zone = zone_of[domain]
        return (
            not is_within(hostname, zone),
            zone,
            domain != hostname,
            not domain.endswith("." + hostname),
            domain.split(".")[::-1],
        )

    return sorted(zone_of, key=key)


def sort_addresses(addresses: Iterable[str], hostname: str) -> list[str]:
    """By domain in the box's order, then by themselves."""
    addresses = list(addresses)
    rank = {domain: place for place, domain in enumerate(sort_domains({domain_of(one) for one in addresses}, hostname))}
    return sorted(addresses, key=lambda address: (rank[domain_of(address)], address))
