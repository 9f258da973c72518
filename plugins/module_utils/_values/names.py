# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical forms of addresses, names and quotas. Equal values have the same canonical form.

All functions raise ``ValueError`` with a reason that fits after "option: value: ".
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from .secrets import MASK

_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_USER_ADDRESS = re.compile(r"[a-z0-9_.@-]+\Z")
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_DNS_LABEL = re.compile(r"[a-z0-9_-]*[a-z0-9_]\Z")
_TOP_LABEL = re.compile(r"[a-z][a-z0-9-]*[a-z]\Z")
_QUOTA = re.compile(r"(\d{1,18})([MG]?)\Z", re.ASCII)

# Local parts for domain control validation: anyone who receives their mail can obtain a certificate.
DCV_LOCAL_PARTS = ("admin", "administrator", "postmaster", "hostmaster", "webmaster", "abuse")

# Reserved top-level domains, which have no mail. Boxes reject addresses in them.
_RESERVED_TOP = ("local", "test", "invalid", "localhost", "onion", "arpa")


def _ascii_label(label: str) -> str:
    """A label of a domain in lower-case ASCII (IDNA 2008)."""
    if label.isascii() or len(label) > 63:
        return label.lower()
    # Some characters, such as the kelvin sign, become an ASCII letter in lower case.
    for character in label:
        if not character.isascii() and character.lower().isascii():
            raise ValueError("%r can't be part of a domain name: it looks like %r" % (character, character.lower()))
    label = label.lower()
    # Import idna only for non-ASCII names, because it loads large tables. requests depends on it, so it is installed.
    import idna

    try:
        return idna.encode(label).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError("%r can't be part of a domain name: %s" % (label, error)) from error


def _check_labels(labels: list[str], pattern: re.Pattern[str]) -> None:
    for label in labels:
        if not label:
            raise ValueError("a domain name can't have two dots in a row, or a dot at its start or end")
        if len(label) > 63:
            raise ValueError("a part of a domain name can have at most 63 characters")
        if not pattern.match(label):
            raise ValueError("%r can't be part of a domain name" % label)
    if len(labels) < 2:
        raise ValueError("a domain name needs at least one dot")
    if not _TOP_LABEL.match(labels[-1]):
        raise ValueError("%r is not a valid top-level domain" % labels[-1])
    if sum(len(label) + 1 for label in labels) > 254:
        raise ValueError("a domain name can have at most 253 characters")


# Cached, because thousands of addresses are in a few domains.
@lru_cache(maxsize=1024)
def domain(text: str) -> str:
    """A mail domain: lower case, IDNA, at least two labels."""
    labels = [_ascii_label(label) for label in text.split(".")]
    _check_labels(labels, _HOST_LABEL)
    return ".".join(labels)


def scope_domain(text: str) -> str:
    """A domain with its subdomains, as part of a scope. It may have a final dot."""
    if MASK in text:
        raise ValueError("%s replaces a masked secret; use the original value" % MASK)
    name = text.strip()
    return domain(name[:-1] if name.endswith(".") else name)


def host_of(text: str) -> str:
    """The host in the address of a box: a name, a name and a port, or a URL; empty if there is none."""
    try:
        return (urlsplit(text if "://" in text else "//" + text).hostname or "").rstrip(".")
    except ValueError:
        return ""


def address(text: str, catch_all: bool = False) -> str:
    """A mail address: lower case, its domain in IDNA.

    :param catch_all: whether the part before the @ may be missing, which stands for every address of the domain.
    """
    if MASK in text:
        raise ValueError("%s replaces a masked secret; use the original value" % MASK)
    local, at, rest = text.strip().partition("@")
    if not at or "@" in rest:
        raise ValueError("a mail address must have exactly one @")
    if not (local or catch_all):
        raise ValueError("the part before the @ is empty")
    if not local.isascii() or (local and not _LOCAL_PART.match(local.lower())):
        raise ValueError("%r is not valid before the @" % local)
    if len(local) > 64:
        raise ValueError("the part before the @ can have at most 64 characters")
    canonical = local.lower() + "@" + domain(rest)
    _check_reserved(canonical.partition("@")[2])
    if len(canonical) > 254:
        raise ValueError("a mail address can have at most 254 characters")
    return canonical


def receiver(text: str) -> str:
    """A receiver of an alias, an address or a whole domain, with a canonical domain and an unchanged local part.

    The mail server of the domain decides whether capitals in the local part matter. Receivers are compared in lower case.
    """
    local = text.strip().partition("@")[0]
    return local + "@" + address(text, catch_all=True).partition("@")[2]


def _check_reserved(canonical: str) -> None:
    """Refuse labels that look like IDNA but are invalid. A box accepts no mail for such domains."""
    for label in canonical.split("."):
        if label[2:4] != "--":
            continue
        import idna

        try:
            idna.ulabel(label)
        except idna.IDNAError as error:
            raise ValueError("%r can't be part of a mail domain: %s" % (label, error)) from error


def user_address(text: str) -> str:
    """The address of a user of the box, which also names its mailbox folder."""
    canonical = address(text)
    if not _USER_ADDRESS.match(canonical):
        raise ValueError("a user's address can have only the letters a-z, digits, and _ - . before the @")
    return canonical


def check_accepted(canonical: str) -> None:
    """Refuse a canonical address in a domain that boxes accept neither for users and aliases nor for receivers."""
    top = canonical.rpartition(".")[2]
    if top in _RESERVED_TOP:
        raise ValueError("the top-level domain %r is reserved, and boxes reject addresses in it" % top)


def is_dcv(canonical: str) -> bool:
    """Whether a canonical address is used for domain control validation, with or without a +tag."""
    return canonical.partition("@")[0].partition("+")[0] in DCV_LOCAL_PARTS


def without_tag(canonical: str) -> str:
    """A canonical address without its +tag, which is the user that gets the mail."""
    local, _at, rest = canonical.partition("@")
    return local.partition("+")[0] + "@" + rest


def display(canonical: str) -> str:
    """A canonical address or name for people: valid IDNA labels in Unicode."""
    if "xn--" not in canonical:
        return canonical
    import idna

    local, at, rest = canonical.rpartition("@")
    labels = []
    for label in rest.split("."):
        try:
            labels.append(idna.decode(label))
        except idna.IDNAError:
            labels.append(label)
    return local + at + ".".join(labels)


def dns_name(text: str) -> str:
    """A name in DNS: lower case, IDNA, no final dot; ``*`` may be its first label."""
    name = text.strip()
    name = name[:-1] if name.endswith(".") else name
    labels = [_ascii_label(label) for label in name.split(".")]
    labels_to_check = labels[1:] if labels[0] == "*" else labels
    _check_labels(labels_to_check, _DNS_LABEL)
    # A box accepts a leading hyphen in all labels except the first.
    if labels_to_check[0].startswith("-"):
        raise ValueError("a DNS name can't start with a hyphen")
    return ".".join(labels)


def record_name(text: str) -> str:
    """A DNS name that a box accepts as the name or the target of a custom record."""
    name = dns_name(text)
    top = name.rpartition(".")[2]
    if "-" in top:
        raise ValueError(
            "boxes reject custom records under the top-level domain %r, because it contains a hyphen" % top
        )
    return name


def zone_of(name: str, zones: tuple[str, ...]) -> str | None:
    """The zone of a canonical name, the longest if there are several; None if there is none."""
    found = [zone for zone in zones if name == zone or name.endswith("." + zone)]
    return max(found, key=len) if found else None


_UNITS = {"": 1, "M": 1 << 20, "G": 1 << 30}


def is_tiny_quota(canonical: str) -> bool:
    """Whether a canonical quota is below one megabyte, which is most likely a mistake."""
    return canonical.isdigit() and 0 < int(canonical) < _UNITS["M"]


def quota(text: str) -> str:
    """A quota in its shortest form: ``0`` (none), ``500M``, ``2G``, or a number of bytes."""
    found = _QUOTA.match(text.strip().upper())
    if not found:
        raise ValueError("a quota is a whole number of bytes, or a number followed by M or G; 0 means no limit")
    size = int(found.group(1)) * _UNITS[found.group(2)]
    for unit, bits in (("G", 30), ("M", 20)):
        if size and size % (1 << bits) == 0:
            return "%d%s" % (size >> bits, unit)
    return str(size)
