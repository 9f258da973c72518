# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the answers of name servers with the wanted records. Pure: the answers are values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._dns_model import CONSEQUENCES, RecordSet, text_kind

Key = tuple[str, str]

# The failures that a query can have.
NXDOMAIN, SERVFAIL, REFUSED, TIMEOUT, LAME, BROKEN = "nxdomain", "servfail", "refused", "timeout", "lame", "broken"

# The states of a record set, in ascending severity. The worst state of all servers counts.
STATUSES = ("right", "extra", "cut", "different", "missing", "cname", "unknown")

STATUS_WORDS = {
    "right": "is right",
    "extra": "has an additional value",
    "cut": "is truncated",
    "different": "has another value",
    "missing": "is missing",
    "cname": "conflicts with a CNAME",
    "unknown": "could not be checked",
}

_FAILURES = {
    SERVFAIL: "answers SERVFAIL: it can't load the zone, or can't transfer it from its primary server",
    REFUSED: "refuses to answer for the zone: it is delegated to this server, which does not have it",
    TIMEOUT: "does not answer",
    LAME: "is not authoritative for the zone: it is delegated to this server, which does not have it",
    NXDOMAIN: "says that the zone does not exist",
    BROKEN: "sends an invalid answer",
}


@dataclass(frozen=True)
class Answer:
    """The answer of a server to one query.

    :param values: each in the form of :func:`_dns_model.canonical`.
    :param failure: one of the words above; empty if the server answered.
    :param cname: the target of a CNAME at this name, or empty.
    """

    values: tuple[str, ...] = ()
    failure: str = ""
    cname: str = ""


@dataclass
class Server:
    """The answers of one server.

    :param name: the name of the server in reports.
    :param zone: its answer to the SOA query for the zone.
    :param serial: of that record.
    """

    name: str
    zone: Answer
    serial: int | None = None
    answers: dict[Key, Answer] = field(default_factory=dict)


def _missing_texts(wanted: Sequence[str], found: Sequence[str]) -> tuple[str, str]:
    """The status of a TXT record set with missing values, and the reason."""
    missing = [value for value in wanted if value not in found]
    for value in missing:
        for other in found:
            if len(other) >= 10 and other != value and value.startswith(other):
                return "cut", "the text ends after %d of %d characters" % (len(other), len(value))
            if other.strip('"') == value:
                return "different", "the value contains quotes; enter it without them"
            if "".join(other.split()) == "".join(value.split()):
                return "different", "the value differs in whitespace"
    kinds = {text_kind(value) for value in missing} - {""}
    if kinds.isdisjoint(map(text_kind, found)):
        return "missing", "this value is missing beside other TXT values"
    return "different", "another value is there"


def compare_one(wanted: RecordSet, answer: Answer) -> tuple[str, str]:
    """The status of a record set on one server, and a short reason, which is empty if it is right."""
    values, found = wanted["values"], list(answer.values)
    if answer.failure == NXDOMAIN:
        return "missing", "the name does not exist"
    if answer.failure:
        return "unknown", "the server %s" % _FAILURES[answer.failure]
    if answer.cname and wanted["type"] != "CNAME":
        return "cname", "the name has a CNAME to %s" % answer.cname
    if not found:
        return "missing", "there is no such record"
    if not set(values) <= set(found):
        if wanted["may_differ"]:
            return "right", ""
        return _missing_texts(values, found) if wanted["type"] == "TXT" else ("different", "another value is there")
    extra = [value for value in found if value not in values]
    if wanted["type"] == "TXT":
        kinds = {text_kind(value) for value in values} - {""}
        # TXT values of other kinds may share the name.
        extra = [value for value in extra if text_kind(value) in kinds]
    if extra and not wanted["may_differ"]:
        return "extra", "there is an additional value"
    return "right", ""


def _record(wanted: RecordSet, servers: Sequence[Server]) -> dict[str, Any]:
    key = (wanted["name"], wanted["type"])
    results = [(server, *compare_one(wanted, server.answers[key])) for server in servers if key in server.answers]
    fields = {name: wanted[name] for name in ("name", "type", "level", "category", "consequence")}
    if not results:
        return {
            **fields,
            "status": "unknown",
            "text": "no server answers",
            "wanted": wanted["values"],
            "found": [],
            "servers": [],
        }
    status = max((status for _server, status, _why in results), key=STATUSES.index)
    wrong = [(server, why) for server, one, why in results if one == status]
    server, why = wrong[0]
    return {
        **fields,
        "status": status,
        "text": why,
        "wanted": list(wanted["values"]),
        "found": list(server.answers[key].values),
        # The wrong servers, if others are right.
        "servers": [server.name for server, _why in wrong] if len(wrong) < len(servers) and status != "right" else [],
    }


def _server(server: Server, newest: int | None, records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if server.zone.failure:
        return {"server": server.name, "status": server.zone.failure, "text": _FAILURES[server.zone.failure]}
    if (
        server.serial is not None
        and newest is not None
        and server.serial < newest
        and any(server.name in record["servers"] for record in records)
    ):
        text = "has version %d of the zone, but others have %d: it does not have the changes yet" % (
            server.serial,
            newest,
        )
        return {"server": server.name, "status": "stale", "text": text}
    failed = next((answer for answer in server.answers.values() if answer.failure not in ("", NXDOMAIN)), None)
    if failed:
        return {"server": server.name, "status": failed.failure, "text": _FAILURES[failed.failure]}
    return {"server": server.name, "status": "ok", "text": ""}


def compare(zone: Mapping[str, Any], servers: Sequence[Server], problem: str = "") -> dict[str, Any]:
    """The state of a zone.

    :param zone: one of the zones that the filter dns_wanted returns.
    :param servers: the answers of its name servers.
    :param problem: why no servers were found; otherwise empty.
    :returns: ``zone``, ``ok``, ``text``, ``servers`` (``server``, ``status``, ``text``), ``records`` and ``counts``.
        A record has ``status``, one of STATUSES; ``text``; the ``wanted`` and ``found`` values; the ``servers`` with a
        wrong answer, if others are right; and ``name``, ``type``, ``level``, ``category`` and ``consequence``.
    """
    answering = [server for server in servers if not server.zone.failure]
    records = [_record(record, answering) for record in zone["records"]]
    newest = max((server.serial for server in answering if server.serial is not None), default=None)
    rows = [_server(server, newest, records) for server in servers]
    if not problem and servers and not answering:
        problem = "no name server answers for the zone"
    counts = {status: sum(record["status"] == status for record in records) for status in STATUSES}
    return {
        "zone": zone["zone"],
        "ok": not problem and counts["right"] == len(records) and all(server["status"] == "ok" for server in rows),
        "text": problem,
        "servers": rows,
        "records": records,
        "counts": {status: number for status, number in counts.items() if number},
    }


def problems(zone: Mapping[str, Any]) -> list[dict[str, str]]:
    """The problems of a zone, for people: one entry for each server, and one for each category of records.

    :param zone: as :func:`compare` returns it.
    :returns: each with ``zone``, ``level`` (that of the most important record; ``required`` for a server) and ``text``.
    """
    name = zone["zone"]
    if zone["text"]:
        return [{"zone": name, "level": "required", "text": "%s: %s." % (name, zone["text"].rstrip("."))}]
    found = [
        {"zone": name, "level": "required", "text": "%s: the name server %s %s." % (name, row["server"], row["text"])}
        for row in zone["servers"]
        if row["status"] != "ok"
    ]
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in zone["records"]:
        if record["status"] != "right":
            groups.setdefault((record["category"], record["status"]), []).append(record)
    for (category, status), records in sorted(groups.items(), key=lambda item: list(CONSEQUENCES).index(item[0][0])):
        first = records[0]
        text = "%s: %s %s %s" % (name, first["name"], first["type"], STATUS_WORDS[status])
        if len(records) > 1:
            text += " (and %d more of category %s)" % (len(records) - 1, category)
        if first["servers"]:
            text += ", on %s" % ", ".join(first["servers"])
        level = min(
            (record["level"] for record in records), key=("required", "recommended", "custom", "optional").index
        )
        found.append({"zone": name, "level": level, "text": "%s. %s" % (text, CONSEQUENCES[category])})
    return found
