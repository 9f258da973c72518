# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the values of DNS records, and convert them to a canonical form.

A box validates only A, AAAA, CNAME and NS records. It stores any value of other types, and one value that the name
server can't parse breaks the whole zone. So all values are validated here before they are sent.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .errors import MissingLibrary
from .names import record_name

RECORD_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "SSHFP", "TXT")

# A box stores this word for its own address.
LOCAL = "local"

# The zone signer accepts other tags, but the name server does not and drops the zone.
_CAA_TAG = re.compile(r"[a-z0-9]{1,15}\Z")


def canonical(rtype: str, text: str) -> str:
    """The canonical form of a value, in which it is also sent.

    :param rtype: one of RECORD_TYPES. Values of other types, which a fork may store, are not validated.
    :raises ValueError: if a zone with this value can't be published, with the reason.
    :raises MissingLibrary: if the type needs dnspython, and dnspython is missing.
    """
    value = text.strip()
    if not value:
        raise ValueError("the value is empty")
    if rtype in ("CNAME", "NS"):
        return record_name(value) + "."
    if not value.isascii():
        raise ValueError("must be ASCII (names in IDNA), because a box silently drops all other characters")
    # A tab is allowed: between fields it counts as a space, and in a TXT value it is part of the text.
    if not value.replace("\t", " ").isprintable():
        raise ValueError("a value can't contain line breaks or other control characters")
    if rtype in ("A", "AAAA"):
        return value if value == LOCAL else _ip(rtype, value)
    if rtype == "TXT":
        # In DNS messages, a text is split into strings of 255 bytes, each with a length byte.
        if len(value) + (len(value) + 254) // 255 > 65535:
            raise ValueError("a TXT record can have at most 65,279 characters")
        return value
    return _by_grammar(rtype, value) if rtype in RECORD_TYPES else value


def canonical_stored(rtype: str, text: str) -> str:
    """The canonical form of a stored value, or the value itself if it is malformed."""
    try:
        return canonical(rtype, text)
    except ValueError:
        return text


def is_publishable(rtype: str, text: str) -> bool:
    """Whether a zone with this value can be published."""
    try:
        canonical(rtype, text)
    except ValueError:
        return False
    return True


def needs_final_dot(rtype: str, value: str) -> bool:
    """Whether a canonical value has a host name without a final dot, to which the name server would append the zone."""
    return rtype in ("MX", "SRV") and not value.endswith(".")


def _ip(rtype: str, value: str) -> str:
    kind: Any = ipaddress.IPv4Address if rtype == "A" else ipaddress.IPv6Address
    try:
        found = kind(value)
    except ValueError as error:
        raise ValueError(
            "%s; an %s record needs an %s address, or %s for the address of the box"
            % (error, rtype, "IPv4" if rtype == "A" else "IPv6", LOCAL)
        ) from error
    if "%" in str(found):
        raise ValueError("an address in DNS can't have a scope")
    return str(found)


def _by_grammar(rtype: str, value: str) -> str:
    """The canonical form of an MX, SRV, SSHFP or CAA value, from dnspython."""
    try:
        import dns.exception
        import dns.rdata
        import dns.rdataclass
        import dns.rdatatype
    except ImportError as error:
        raise MissingLibrary("dnspython", "to check %s records" % rtype) from error
    try:
        data: Any = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), value, relativize=False)
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        raise ValueError("not a valid value for %s: %s" % (_EXAMPLES[rtype], error)) from error
    # dnspython before 2.9 accepts fingerprints of any length.
    digits = {1: 40, 2: 64}.get(data.fp_type) if rtype == "SSHFP" else None
    if digits and len(data.fingerprint) * 2 != digits:
        raise ValueError(
            "not a valid value for %s: a fingerprint of this type has %d digits" % (_EXAMPLES[rtype], digits)
        )
    form = str(data.to_text())
    if rtype == "CAA" and not _CAA_TAG.match(data.tag.decode("ascii", "replace")):
        raise ValueError(
            "not a valid value for %s: its tag (such as issue) can have only lower-case letters and digits, at most 15"
            % _EXAMPLES[rtype]
        )
    # MX, SRV and SSHFP values are case-insensitive. A CAA value may be case-sensitive.
    return form if rtype == "CAA" else form.lower()


_EXAMPLES = {
    "CAA": 'a CAA record (such as 0 issue "letsencrypt.org")',
    "MX": "an MX record (such as 10 mail.example.net.)",
    "SRV": "an SRV record (such as 0 5 5269 xmpp.example.net.)",
    "SSHFP": "an SSHFP record (such as 4 2, followed by 64 hexadecimal digits)",
}
