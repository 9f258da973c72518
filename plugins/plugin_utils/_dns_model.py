# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record sets that a box needs in the DNS: the model for verifying, pushing and exporting. Pure.

A record set is a dictionary with ``name`` (lower-case ASCII, no final dot), ``type``, ``ttl``, ``values`` (each in the form
that :func:`canonical` returns), ``level``, ``category``, ``may_differ``, ``explanation`` and ``consequence``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..module_utils._values.errors import InvalidOption, MissingLibrary
from ..module_utils._values.texts import printable

RecordSet = dict[str, Any]
Zone = dict[str, Any]

# What does not work without the records of a category, in the order of reports.
CONSEQUENCES = {
    "box": "The box can't be reached by its name, so neither mail nor web mail works.",
    "mail": "No mail arrives for the domain.",
    "spf": "Other servers can't check who may send mail for the domain, and reject its mail or treat it as spam.",
    "dkim": "Other servers can't verify the signatures of the box, and reject the domain's mail or treat it as spam.",
    "dmarc": "Forged mail from the domain is not rejected.",
    "mta-sts": "An attacker in the network can make other servers send mail to the box without encryption.",
    "tlsa": "Mail servers and web clients that use DANE can't verify the box. A wrong value makes them refuse to connect.",
    "autoconfig": "Mail programs can't configure themselves. Users have to enter the server names.",
    "caldav": "Calendar and contact programs can't find the box. Users have to enter its URL.",
    "no-mail": "Forged mail from the name is not rejected, and mail sent to it by mistake is retried for days.",
    "website": "The domain's website on the box can't be reached. Mail is not affected.",
    "custom": "The service that uses this custom record does not work.",
    "other": "See the explanation of the record.",
}
# Records of the box's own name servers, which other name servers don't need.
NAMESERVER = "nameserver"
CATEGORIES = (*CONSEQUENCES, NAMESERVER)

LEVELS = ("required", "recommended", "optional", "custom")

# Prefixes of TXT values of which a name can have only one.
_ONE_OF_A_KIND = ("v=spf1", "v=dkim1", "v=dmarc1", "v=stsv1", "v=tlsrptv1")


def text_kind(value: str) -> str:
    """The kind of a TXT value; empty if a name can have several."""
    start = value.lower()
    return next((kind for kind in _ONE_OF_A_KIND if start.startswith(kind)), "")


def canonical(rtype: str, text: str, zone: str) -> str:
    """The canonical form of a value. A TXT value is one string without quotes.

    :param zone: the zone to which a name without a final dot is relative.
    :raises ValueError: if it is not a valid value of this type.
    :raises MissingLibrary: without dnspython.
    """
    if rtype == "TXT":
        return text
    try:
        import dns.exception
        import dns.name
        import dns.rdata
        import dns.rdataclass
        import dns.rdatatype
    except ImportError as error:
        raise MissingLibrary("dnspython", "to compare DNS records") from error
    try:
        data = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.from_text(rtype),
            text,
            origin=dns.name.from_text(zone),
            relativize=False,
        )
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        raise ValueError("not a value of type %s: %s" % (rtype, error)) from error
    form = data.to_text()
    # In these types all letters are host names or hexadecimal digits; a CAA value may be case-sensitive.
    return form if rtype == "CAA" else form.lower()


# The characters of a name. Zone names are used as file names, too.
_NAME = re.compile(r"[a-z0-9_*.-]+\Z")


def _check_name(name: str) -> None:
    """:raises ValueError: if the name can't be queried."""
    labels = name.split(".")
    if len(name) > 253 or not _NAME.match(name):
        raise ValueError("not a valid DNS name")
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError("not a valid DNS name: each label must have 1 to 63 characters")
    if "*" in name.removeprefix("*."):
        raise ValueError("a * is only allowed as the first label of a name")


def _ascii(name: str) -> str:
    return name.rstrip(".").lower()


def _is_within(name: str, zone: str) -> bool:
    return name == zone or name.endswith("." + zone)


def _box_name(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """The host name of the box: the only name with a TLSA record for its mail server; None if there is none."""
    start = "_25._tcp."
    return next(
        (_ascii(row["name"])[len(start) :] for row in rows if row["type"] == "TLSA" and row["name"].startswith(start)),
        None,
    )


def _level(explanation: str) -> str:
    if explanation.startswith("(Set by user.)"):
        return "custom"
    word = explanation.split(".")[0].split(" ")[0].lower()
    return word if word in LEVELS else "optional"


def _category(row: Mapping[str, Any], box: str | None, zone: str) -> str:
    name, rtype, value = _ascii(row["name"]), row["type"], row["value"]
    if box and any(_is_within(name, "%s.%s" % (label, box)) for label in ("ns1", "ns2")):
        return NAMESERVER
    if rtype == "SOA" or (rtype == "NS" and name == zone):
        return NAMESERVER
    if _level(row["explanation"]) == "custom":
        return "custom"
    first = name.split(".")[0]
    kind = text_kind(value) if rtype == "TXT" else ""
    if rtype == "TLSA":
        return "tlsa"
    if kind == "v=dkim1":
        return "dkim"
    if kind == "v=stsv1" or (first == "mta-sts" and rtype in ("A", "AAAA")):
        return "mta-sts"
    if rtype == "MX":
        return "no-mail" if value.split()[-1] == "." else "mail"
    if kind == "v=spf1":
        return "no-mail" if value.lower().split() == ["v=spf1", "-all"] else "spf"
    if kind == "v=dmarc1":
        return "no-mail" if "p=reject" in value.lower().replace(" ", "") else "dmarc"
    if rtype == "SRV" and first in ("_caldavs", "_carddavs"):
        return "caldav"
    if rtype in ("A", "AAAA"):
        if name == box:
            return "box"
        return "autoconfig" if first in ("autoconfig", "autodiscover") else "website"
    return "other"


def _leaves_out(pattern: str, name: str, rtype: str, category: str) -> bool:
    pattern_name, _blank, pattern_type = pattern.partition(" ")
    if not pattern_type:
        return pattern == category or fnmatchcase(name, _ascii(pattern))
    return fnmatchcase(name, _ascii(pattern_name)) and fnmatchcase(rtype, pattern_type.strip().upper())


def check_patterns(option: str, patterns: Sequence[str]) -> None:
    """:raises InvalidOption: for a pattern that is neither a category nor a name pattern."""
    for pattern in patterns:
        if pattern not in CATEGORIES and not set(pattern) & set(".*?"):
            why = "neither a category (%s) nor a name with a dot" % ", ".join(CATEGORIES)
            raise InvalidOption(option, pattern, why)


def _home(name: str, zones: Sequence[str]) -> str | None:
    """The zone of a name: the longest zone that contains it."""
    return max((zone for zone in zones if _is_within(name, zone)), key=len, default=None)


def wanted(
    dump: Sequence[Mapping[str, Any]], zones: Sequence[str] = (), leave_out: Sequence[str] = (), ttl: int = 3600
) -> list[Zone]:
    """The wanted records of each zone.

    :param dump: the subset ``dns_dump`` of miab_info.
    :param zones: the zones at the provider, if they are not those of the box. Names outside of these zones are left out.
    :param leave_out: categories, patterns of names, or patterns of a name and a type: ``www.* A``.
    :returns: for each zone ``zone``, ``box`` (its name, or None), ``records`` and ``left_out``, whose entries have ``name``, ``type`` and ``reason``.
    :raises InvalidOption: for a pattern that can't match.
    """
    check_patterns("leave_out", leave_out)
    if not 1 <= ttl <= 2**31 - 1:
        raise InvalidOption("ttl", ttl, "must be a number of seconds")
    homes = [_ascii(zone) for zone in zones] or [_ascii(zone["zone"]) for zone in dump]
    for zone in homes:
        try:
            _check_name(zone)
        except ValueError as error:
            raise InvalidOption("zones", zone, str(error)) from error
    found: dict[str, dict[tuple[str, str], RecordSet]] = {zone: {} for zone in homes}
    left_out: dict[str, dict[tuple[str, str], str]] = {zone: {} for zone in homes}
    box = _box_name(row for zone in dump for row in zone["records"])
    for of_box in dump:
        for row in of_box["records"]:
            name, rtype = _ascii(row["name"]), row["type"]
            home = _home(name, homes)
            if home is None:
                continue
            category = _category(row, box, _ascii(of_box["zone"]))
            if category == NAMESERVER:
                left_out[home][name, rtype] = "belongs to the box's own name server"
                continue
            if any(_leaves_out(pattern, name, rtype, category) for pattern in leave_out):
                left_out[home][name, rtype] = "left out because of leave_out"
                continue
            try:
                _check_name(name)
                value = canonical(rtype, row["value"], _ascii(of_box["zone"]))
            except ValueError as error:
                left_out[home][name, rtype] = printable(str(error))
                continue
            entry = found[home].setdefault(
                (name, rtype),
                {
                    "name": name,
                    "type": rtype,
                    "ttl": ttl,
                    "values": [],
                    "level": _level(row["explanation"]),
                    "category": category,
                    "may_differ": "may have a different value" in row["explanation"].lower(),
                    "explanation": printable(row["explanation"]),
                    "consequence": CONSEQUENCES[category],
                },
            )
            if value not in entry["values"]:
                entry["values"].append(value)
            # If values of several categories share a name and a type, the most important category counts.
            if list(CONSEQUENCES).index(category) < list(CONSEQUENCES).index(entry["category"]):
                entry.update(category=category, level=_level(row["explanation"]), consequence=CONSEQUENCES[category])
    for zone, sets in found.items():
        for name, reason in _impossible_cnames(sets):
            del sets[name, "CNAME"]
            left_out[zone][name, "CNAME"] = reason
    return [
        {
            "zone": zone,
            "box": box,
            "records": sorted(sets.values(), key=_order),
            "left_out": [
                {"name": name, "type": rtype, "reason": reason}
                for (name, rtype), reason in sorted(left_out[zone].items())
                if (name, rtype) not in sets
            ],
        }
        for zone, sets in found.items()
    ]


def _impossible_cnames(sets: Mapping[tuple[str, str], RecordSet]) -> list[tuple[str, str]]:
    """Names with an impossible CNAME, and why. A box accepts such custom records, but its zone does not load."""
    types: dict[str, set[str]] = {}
    for name, rtype in sets:
        types.setdefault(name, set()).add(rtype)
    return [
        (name, "a CNAME must be the only record of its name and have one value")
        for (name, rtype), record in sets.items()
        if rtype == "CNAME" and (len(types[name]) > 1 or len(record["values"]) > 1)
    ]


def _order(record: RecordSet) -> tuple[list[str], str]:
    """Sort by labels from right to left, so that subdomains follow their domain."""
    return record["name"].split(".")[::-1], record["type"]
