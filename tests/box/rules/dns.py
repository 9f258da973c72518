# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom DNS records, secondary nameservers, and published zones."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from .. import names, zones
from ..answers import PLAIN, Answer, BadValueError, BrokenError, RefusedError, Request, data, text
from ..domains import served
from ..publishing import update_dns, zone_inputs
from ..state import State
from ..zones import CustomRecord

_UNCHECKED = frozenset({"TXT", "SRV", "MX", "SSHFP", "CAA"})


def _zone_of(zone_names: Collection[str], qname: str) -> str | None:
    return next((zone for zone in (qname, *names.parents(qname)) if zone in zone_names), None)


def _zone_for_change(state: State, qname: str) -> str:
    zone = _zone_of(served(state).zones, qname)
    if zone is None:
        raise RefusedError(f"{qname} is not a domain name or a subdomain of a domain name managed by this box.")
    return zone


def _checked(zone: str, qname: str, rtype: str, value: str) -> str:
    """The value in its stored form. Most types are not validated."""
    if not names.is_dns_name(qname):
        raise RefusedError("Invalid name.")
    if rtype in ("A", "AAAA"):
        if value != "local":
            try:
                version = ipaddress.ip_address(value).version
            except ValueError as error:
                raise RefusedError(str(error)) from None
            if version != (4 if rtype == "A" else 6):
                raise RefusedError(f"That's an IPv{version} address.")
        return value
    if rtype in ("CNAME", "NS"):
        if rtype == "NS" and qname == zone:
            raise RefusedError("NS records can only be set for subdomains.")
        value = value.removesuffix(".") + "."
        if not names.is_dns_name(value):
            raise RefusedError("Invalid value.")
        return value
    if rtype not in _UNCHECKED:
        raise RefusedError(f"Unknown record type '{rtype}'.")
    return value


def _in_stored_order(records: list[CustomRecord]) -> list[CustomRecord]:
    """Group records by name and type, in order of first occurrence, as in the box's nested file."""
    by_name: dict[str, dict[str, list[CustomRecord]]] = {}
    for record in records:
        by_name.setdefault(record.qname, {}).setdefault(record.rtype, []).append(record)
    return [record for by_type in by_name.values() for found in by_type.values() for record in found]


def _store(state: State, records: list[CustomRecord]) -> Answer:
    """First store, then publish: values that the zone signer can't read are stored anyway."""
    records = _in_stored_order(records)
    if records == state.dns_records:
        return text("OK")
    state.dns_records = records
    return text(update_dns(state) or "Something isn't right.")


def _name_and_type(request: Request) -> tuple[str, str]:
    return request.parts["qname"], request.parts.get("rtype", "A").upper()


def _body(request: Request) -> str:
    """Characters outside ASCII are dropped silently."""
    return request.body.decode("ascii", "ignore").strip()


def _value_to_add(state: State, request: Request, qname: str, rtype: str) -> CustomRecord:
    value = _body(request)
    if not value and rtype in ("A", "AAAA"):
        # For dynamic DNS clients: without a value, the client's address is used.
        value = request.remote
    if not value:
        raise RefusedError("No value for the record provided.")
    return CustomRecord(qname, rtype, _checked(_zone_for_change(state, qname), qname, rtype, value))


def add_record(state: State, request: Request) -> Answer:
    record = _value_to_add(state, request, *_name_and_type(request))
    if record in state.dns_records:
        return text("OK")
    return _store(state, [*state.dns_records, record])


def set_record(state: State, request: Request) -> Answer:
    """Replace all values of this name and type."""
    record = _value_to_add(state, request, *_name_and_type(request))
    kept = [one for one in state.dns_records if one[:2] != record[:2] or one == record]
    return _store(state, kept if record in kept else [*kept, record])


def remove_record(state: State, request: Request) -> Answer:
    return remove(state, request)


def remove(state: State, request: Request, checks: bool = True) -> Answer:
    """Remove a value or, without one, all values of this name and type."""
    qname, rtype = _name_and_type(request)
    zone = _zone_for_change(state, qname) if checks else ""
    value = _body(request)
    if value and checks:
        value = _checked(zone, qname, rtype, value)
    kept = [one for one in state.dns_records if one[:2] != (qname, rtype) or value not in ("", one.value)]
    return _store(state, kept)


def _described(state: State, records: list[CustomRecord]) -> Answer:
    rows: list[dict[str, object]] = [record._asdict() for record in records]
    if not state.capabilities.sortable_records:
        return data(rows)
    zone_rank = {zone: rank for rank, zone in enumerate(served(state).zones)}
    order = names.sort_domains({record.qname for record in records}, state.hostname)
    name_rank = {qname: rank for rank, qname in enumerate(order)}
    keys = []
    for created, (record, row) in enumerate(zip(records, rows, strict=True)):
        zone = _zone_of(zone_rank, record.qname)
        if zone is not None:
            row["zone"] = zone
        elif not state.capabilities.lists_orphans:
            raise BrokenError("KeyError: 'zone'")
        keys.append((zone_rank.get(zone or "", 0), name_rank[record.qname], record.rtype, created))
    for place, key in enumerate(sorted(keys)):
        rows[key[-1]]["sort-order"] = {"created": key[-1], "qname": place}
    return data(rows)


def records(state: State, request: Request) -> Answer:
    return _described(state, state.dns_records)


def record_set(state: State, request: Request) -> Answer:
    wanted = _name_and_type(request)
    return _described(state, [record for record in state.dns_records if record[:2] == wanted])


def secondary_nameservers(state: State, request: Request) -> Answer:
    return data({"hostnames": state.secondary_nameservers})


def _check_nameserver(state: State, given: str) -> None:
    if given.startswith("xfr:"):
        address = given.removeprefix("xfr:")
        try:
            if "/" in address:
                ipaddress.ip_network(address)
            else:
                ipaddress.ip_address(address)
        except ValueError:
            raise RefusedError(f"'{address}' is not an IPv4 or IPv6 address or subnet.") from None
    elif not state.resolves(given):
        raise RefusedError(f"Could not resolve the IP address of {given}.")


def set_secondary_nameservers(state: State, request: Request) -> Answer:
    """Replace the list."""
    wanted = [piece.strip() for piece in re.split("[, ]+", request.form.get("hostnames", "")) if piece.strip()]
    for given in wanted:
        _check_nameserver(state, given)
    state.secondary_nameservers = wanted
    return text(update_dns(state))


def zone_names(state: State, request: Request) -> Answer:
    return data(served(state).zones)


def dump(state: State, request: Request) -> Answer:
    """The records that users must set up if they host their zones elsewhere."""
    reply = []
    for inputs in zone_inputs(state):
        rows = [
            {
                "qname": f"{name}.{inputs.zone}" if name else inputs.zone,
                "rtype": rtype,
                "value": value,
                "explanation": note,
            }
            for name, rtype, value, note in zones.records(inputs)
            if note
        ]
        reply.append((inputs.zone, rows))
    return data(reply)


def zone_file(state: State, request: Request) -> Answer:
    zone = request.parts["zone"]
    file = state.zone_files.get(zone)
    if file is None or zone not in served(state).zones:
        raise BadValueError(f"{zone} is not a domain name that corresponds to a zone.")
    return Answer(200, PLAIN, file.text)


def update(state: State, request: Request) -> Answer:
    return text(update_dns(state, force=request.form.get("force", "") == "1"))
