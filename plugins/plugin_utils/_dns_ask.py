# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query the authoritative name servers of a zone with dnspython."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..module_utils._values.errors import BoxError, InvalidOption, MissingLibrary
from ..module_utils._values.texts import printable
from ._dns_compare import BROKEN, LAME, NXDOMAIN, REFUSED, SERVFAIL, TIMEOUT, Answer, Server
from ._dns_model import canonical

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver

    HAS_DNSPYTHON = True
except ImportError:
    HAS_DNSPYTHON = False

# A server may drop queries if there are too many at once.
_AT_ONCE = 8
_TRIES = 2
_DNS_PORT = 53


@dataclass(frozen=True)
class Address:
    """The address of a name server, and its name in reports."""

    name: str
    ip: str
    port: int = _DNS_PORT


class ZoneNotFound(BoxError):
    """The name servers of a zone can't be found."""

    code = "zone_not_found"


def address(option: str, text: str) -> Address:
    """An address with or without a port: 192.0.2.53, 192.0.2.53:5300, [2001:db8::53]:5300.

    :raises InvalidOption: if it is not a valid address.
    """
    host, port = text, ""
    if text.startswith("["):
        host, _bracket, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        host, _colon, port = text.partition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port or _DNS_PORT)
        if not 0 < number < 65536:
            raise ValueError("a port is a number from 1 to 65535")
    except ValueError as error:
        raise InvalidOption(option, text, "expected an IP address with or without a port: %s" % error) from error
    return Address(text, host, number)


def check() -> None:
    """:raises MissingLibrary: without dnspython."""
    if not HAS_DNSPYTHON:
        raise MissingLibrary("dnspython", "on the controller, to query name servers")


def find_servers(zone: str, resolvers: Sequence[Address], timeout: float) -> list[Address]:
    """The name servers of a zone.

    :param resolvers: the resolvers to use; those of the system if empty.
    :raises ZoneNotFound: if the zone is not delegated, or its servers have no address.
    """
    resolver = dns.resolver.Resolver(configure=not resolvers)
    resolver.lifetime = timeout * _TRIES
    if resolvers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(resolver.ip, resolver.port) for resolver in resolvers]
    try:
        cut = dns.resolver.zone_for_name(zone, resolver=resolver)
        # A zone can be part of a larger zone at the provider, but not of the zone of a registry.
        if len(cut.labels) < 3:
            raise ZoneNotFound("%s is not delegated: the DNS has no such zone" % zone)
        hosts = sorted(str(record.target) for record in resolver.resolve(cut, "NS"))
    except dns.exception.DNSException as error:
        raise ZoneNotFound("the name servers of %s can't be found: %s" % (zone, printable(str(error)))) from error
    found = [Address("%s (%s)" % (host.rstrip("."), ip), ip) for host in hosts for ip in _addresses(resolver, host)]
    if not found:
        raise ZoneNotFound("the name servers of %s have no address: %s" % (zone, ", ".join(hosts)))
    return found


def _addresses(resolver: Any, host: str) -> list[str]:
    # Many machines have no IPv6, so it is only used for servers that have nothing else.
    for rtype in ("A", "AAAA"):
        try:
            return [str(record) for record in resolver.resolve(host, rtype)]
        except dns.exception.DNSException:
            continue
    return []


def ask(zone: Mapping[str, Any], servers: Sequence[Address], timeout: float) -> list[Server]:
    """The answers of each server for the wanted records of a zone."""
    with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(servers)))) as pool:
        return list(pool.map(lambda server: _ask_server(zone, server, timeout), servers))


def _ask_server(zone: Mapping[str, Any], server: Address, timeout: float) -> Server:
    response, failure = _ask(server, zone["zone"], "SOA", timeout)
    serial = None
    if not failure:
        failure = _zone_failure(zone["zone"], response)
        serial = next(
            (record.serial for rrset in response.answer for record in rrset if record.rdtype == dns.rdatatype.SOA), None
        )
    result = Server(server.name, Answer(failure=failure), serial)
    if failure:
        return result
    keys = [(record["name"], record["type"]) for record in zone["records"]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = pool.map(lambda key: _answer(zone["zone"], server, key, timeout), keys)
        result.answers.update(zip(keys, answers, strict=True))
    return result


def _zone_failure(zone: str, response: Any) -> str:
    """Why a server does not serve a zone, from its answer to the SOA query."""
    rcode = response.rcode()
    if rcode == dns.rcode.SERVFAIL:
        return SERVFAIL
    if rcode == dns.rcode.REFUSED:
        return REFUSED
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return BROKEN
    if not response.flags & dns.flags.AA:
        return LAME
    # The server of a larger zone that contains this zone answers with the SOA record of the larger zone.
    return NXDOMAIN if rcode == dns.rcode.NXDOMAIN and not response.authority else ""


def _answer(zone: str, server: Address, key: tuple[str, str], timeout: float) -> Answer:
    name, rtype = key
    response, failure = _ask(server, name, rtype, timeout)
    if failure:
        return Answer(failure=failure)
    failures = {dns.rcode.NXDOMAIN: NXDOMAIN, dns.rcode.SERVFAIL: SERVFAIL, dns.rcode.REFUSED: REFUSED}
    if response.rcode() != dns.rcode.NOERROR:
        return Answer(failure=failures.get(response.rcode(), BROKEN))
    asked, wanted = dns.name.from_text(name), dns.rdatatype.from_text(rtype)
    # A delegation is in the authority section, without the flag for authoritative answers.
    sections = [*response.answer, *(response.authority if rtype == "NS" else ())]
    values: list[str] = []
    cname = ""
    for rrset in sections:
        if rrset.name != asked:
            continue
        for record in rrset:
            if rrset.rdtype == wanted:
                values.append(_value(rtype, record, zone))
            elif rrset.rdtype == dns.rdatatype.CNAME:
                cname = str(record.target)
    if not values and not cname and not response.flags & dns.flags.AA:
        return Answer(failure=LAME)
    return Answer(tuple(sorted(set(values))), cname=cname)


def _value(rtype: str, record: Any, zone: str) -> str:
    if rtype == "TXT":
        return b"".join(record.strings).decode("utf-8", "backslashreplace")
    return canonical(rtype, record.to_text(), zone)


def _ask(server: Address, name: str, rtype: str, timeout: float) -> tuple[Any, str]:
    """The response to one query, or a failure."""
    query = dns.message.make_query(name, rtype, use_edns=0, payload=1232)
    # The answer must be the server's own.
    query.flags &= ~dns.flags.RD
    for _try in range(_TRIES):
        query.id = random.SystemRandom().randrange(65536)
        try:
            response, _over_tcp = dns.query.udp_with_fallback(
                query, server.ip, timeout=timeout, port=server.port, ignore_unexpected=True, ignore_errors=True
            )
        except dns.exception.Timeout:
            continue
        except OSError:
            # No route, or the port is closed.
            return None, TIMEOUT
        except (dns.exception.DNSException, ValueError, EOFError):
            return None, BROKEN
        return response, ""
    return None, TIMEOUT
