# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and domain names: normalization, validation and the box's sort order."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

import email_validator
import idna

# Certificate authorities send mail to these to verify the owner of a domain.
_DCV_LOCAL_PARTS = frozenset({"abuse", "admin", "administrator", "hostmaster", "postmaster", "webmaster"})
_USER_CHARACTERS = re.compile(r"[a-z0-9_.@-]{1,255}")
_LABEL = re.compile(r"[A-Za-z0-9_-]{0,62}[A-Za-z0-9_]")
_LAST_LABEL = re.compile(r"(?![0-9])[A-Za-z0-9_]{1,63}")


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def to_ascii(address: str) -> str:
    """The address with its domain in IDNA form, or unchanged if that isn't possible."""
    local, at, domain = address.partition("@")
    try:
        return local + at + idna.encode(domain).decode("ascii")
    except idna.IDNAError:
        return address


@functools.lru_cache(maxsize=65536)
def to_unicode(name: str) -> str:
    """The readable form of a domain or an address: in Unicode and lower case."""
    local, at, domain = name.rpartition("@")
    try:
        return local + at + idna.decode(domain)
    except idna.IDNAError:
        return name


@functools.lru_cache(maxsize=65536)
def is_address(address: str, domain_only: bool = False) -> bool:
    """Whether it is a valid address. With domain_only, a whole domain (@example.org) is valid, too."""
    try:
        email_validator.validate_email(
            address, allow_smtputf8=False, check_deliverability=False, allow_empty_local=domain_only
        )
    except email_validator.EmailNotValidError:
        return False
    return True


def is_user_address(address: str) -> bool:
    """Whether a valid address can be a mailbox: Dovecot allows fewer characters."""
    return _USER_CHARACTERS.fullmatch(address) is not None


def is_dcv_address(address: str, reserved: frozenset[str] = frozenset()) -> bool:
    """Whether the local part is reserved, such as those that certificate authorities use."""
    local = address.lower().partition("@")[0]
    return local.partition("+")[0] in _DCV_LOCAL_PARTS | reserved


def is_dns_name(name: str) -> bool:
    """Whether the box accepts this as the name or the target of a custom record."""
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
    """The parent domains of a name, nearest first."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def topmost(domains: Iterable[str]) -> dict[str, str]:
    """For each domain, the topmost of these domains that contains it: its zone."""
    apexes: dict[str, str] = {}
    for domain in sorted(domains, key=len):
        apexes[domain] = next((apexes[parent] for parent in parents(domain) if parent in apexes), domain)
    return apexes


def sort_domains(domains: Iterable[str], hostname: str) -> list[str]:
    """Sort as the box does: by zone, its own first; in a zone the apex first, then by labels from right to left."""
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
    """Sort by domain in the box's order, then by address."""
    addresses = list(addresses)
    rank = {domain: place for place, domain in enumerate(sort_domains({domain_of(one) for one in addresses}, hostname))}
    return sorted(addresses, key=lambda address: (rank[domain_of(address)], address))
