# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export the wanted records of a zone to octoDNS, BIND and DNSControl. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Zone = Mapping[str, Any]
Record = Mapping[str, Any]

# The field names of octoDNS values by record type, in the order of the words of a value.
_FIELDS = {
    "CAA": ("flags", "tag", "value"),
    "MX": ("preference", "exchange"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "fingerprint_type", "fingerprint"),
    "TLSA": ("certificate_usage", "selector", "matching_type", "certificate_association_data"),
}
_PLAIN = ("A", "AAAA", "CNAME", "NS", "TXT")


def relative(name: str, zone: str) -> str:
    """A name within a zone; empty for the zone itself."""
    return "" if name == zone else name[: -len(zone) - 1]


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set('"\\')


def unfit_for_octodns(record: Record) -> str:
    """Why a record set can't be pushed with octoDNS; empty if it can."""
    if record["type"] not in (*_FIELDS, *_PLAIN):
        return "records of this type can't be pushed with octoDNS"
    values = record["values"]
    if record["type"] == "TXT" and not all(map(_is_plain, values)):
        return "octoDNS providers write values with quotes, backslashes or non-ASCII letters in different ways"
    if record["type"] == "CNAME" and len(values) > 1:
        return "a CNAME can have only one value"
    return ""


def _octodns_value(rtype: str, value: str) -> Any:
    if rtype == "TXT":
        return value.replace(";", "\\;")
    if rtype not in _FIELDS:
        return value
    words = value.split(" ", len(_FIELDS[rtype]) - 1)
    if rtype == "CAA":
        words[-1] = words[-1].strip('"')
    if rtype in ("SSHFP", "TLSA"):
        words[-1] = words[-1].replace(" ", "")
    *numbers, last = words
    if rtype == "CAA":
        return {"flags": int(words[0]), "tag": words[1], "value": last}
    return dict(zip(_FIELDS[rtype], [*map(int, numbers), last], strict=True))


def shown_value(rtype: str, value: Any) -> str:
    """An octoDNS value in the form of a zone file."""
    if isinstance(value, Mapping):
        # Record types that we don't know can have other fields.
        names = [name for name in _FIELDS.get(rtype, ()) if name in value] or sorted(value)
        return " ".join(str(value[name]) for name in names)
    return str(value).replace("\\;", ";")


def octodns_zone(zone: Zone) -> dict[str, Any]:
    """The content of octoDNS's file for a zone, as data."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in zone["records"]:
        if unfit_for_octodns(record):
            continue
        values = [_octodns_value(record["type"], value) for value in record["values"]]
        entry: dict[str, Any] = {"type": record["type"], "ttl": record["ttl"]}
        entry.update({"value": values[0]} if record["type"] == "CNAME" else {"values": values})
        found.setdefault(relative(record["name"], zone["zone"]), []).append(entry)
    return dict(sorted(found.items()))


def _octodns(zone: Zone) -> str:
    # JSON is valid YAML. One line for each record set is easier to read and compare than the usual layout.
    lines = ["---"]
    for name, entries in octodns_zone(zone).items():
        lines.append("%s:" % json.dumps(name))
        lines += ["  - %s" % json.dumps(entry) for entry in entries]
    return "\n".join(lines if len(lines) > 1 else ["--- {}"]) + "\n"


def _text(value: str) -> str:
    """A text in the form of a zone file: pieces of at most 255 bytes, each in quotes."""
    content = value.encode("utf-8")
    pieces = [content[start : start + 255] for start in range(0, len(content), 255)] or [b""]
    return " ".join(
        '"%s"'
        % "".join(
            "\\" + chr(byte) if chr(byte) in '"\\' else chr(byte) if 32 <= byte < 127 else "\\%03d" % byte
            for byte in piece
        )
        for piece in pieces
    )


def _bind(zone: Zone) -> str:
    """Records without SOA and NS, to be included in a zone file, or imported by a provider."""
    lines = ["; The records that the box needs in %s. The name server has its own SOA and NS records." % zone["zone"]]
    lines.append("$ORIGIN %s." % zone["zone"])
    for record in zone["records"]:
        name = relative(record["name"], zone["zone"]) or "@"
        for value in record["values"]:
            shown = _text(value) if record["type"] == "TXT" else value
            lines.append("%s\t%d\tIN\t%s\t%s" % (name, record["ttl"], record["type"], shown))
    return "\n".join(lines) + "\n"


def _dnscontrol_call(record: Record, name: str, value: str) -> str:
    rtype = record["type"]
    words: list[Any] = [value]
    if rtype in _FIELDS:
        words = list(_octodns_value(rtype, value).values())
    if rtype == "CAA":
        words = [words[1], words[2]]
    arguments = ", ".join(json.dumps(word) for word in (name, *words))
    return "%s(%s, TTL(%d))" % (rtype, arguments, record["ttl"])


def _dnscontrol(zone: Zone) -> str:
    """A function call that adds the records to a domain that is declared elsewhere."""
    lines = ["D_EXTEND(%s," % json.dumps(zone["zone"])]
    calls: list[str] = []
    for record in zone["records"]:
        if record["type"] in (*_FIELDS, *_PLAIN):
            name = relative(record["name"], zone["zone"]) or "@"
            calls += ["  " + _dnscontrol_call(record, name, value) for value in record["values"]]
    return "\n".join([*lines, ",\n".join(calls), ");"]) + "\n"


FORMATS: Mapping[str, Callable[[Zone], str]] = {"bind": _bind, "dnscontrol": _dnscontrol, "octodns": _octodns}
