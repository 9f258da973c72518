# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated name servers on the loopback interface, which can give wrong answers in many ways, over UDP and TCP."""

from __future__ import annotations

import enum
import socketserver
import threading
from collections.abc import Mapping
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from .powerdns import free_port


class Behaviour(enum.Enum):
    RIGHT = enum.auto()
    SERVFAIL = enum.auto()
    REFUSED = enum.auto()
    NXDOMAIN = enum.auto()
    # The answer is not authoritative, as from a cache.
    LAME = enum.auto()
    # No answer, but a referral to the root servers.
    REFERRAL = enum.auto()
    FORMERR = enum.auto()
    SILENT = enum.auto()
    GARBAGE = enum.auto()


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class NameServer:
    """A name server.

    :param content: its records, one on each line.
    :param behaviour: how it answers queries.
    :param failing: names whose queries get another behaviour.
    :param truncating: whether it truncates all UDP answers.
    :param recursive: whether it acts as a resolver, which answers for all zones.
    """

    def __init__(
        self,
        content: str,
        behaviour: Behaviour = Behaviour.RIGHT,
        failing: Mapping[str, Behaviour] | None = None,
        truncating: bool = False,
        recursive: bool = False,
    ) -> None:
        self._sets: dict[tuple[dns.name.Name, Any], Any] = {}
        for line in filter(None, content.splitlines()):
            name, ttl, _class, rtype, value = line.split(" ", 4)
            rrset = dns.rrset.from_text(name, int(ttl), "IN", rtype, value)
            self._sets.setdefault((rrset.name, rrset.rdtype), rrset).update(rrset)
        self._behaviour = behaviour
        self._failing = dict(failing or {})
        self._truncating = truncating
        self._recursive = recursive
        self.tcp_questions = 0
        self.port = free_port()
        self.name = f"ns.test:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _answer(self, data: bytes, over_tcp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        behaviour = self._failing.get(str(question.name), self._behaviour)
        if over_tcp:
            self.tcp_questions += 1
        if behaviour is Behaviour.SILENT:
            return None
        response = dns.message.make_response(query)
        if behaviour is Behaviour.GARBAGE:
            return data[:2] + b"\x81\x80\xff\xff"
        rcodes = {
            Behaviour.SERVFAIL: dns.rcode.SERVFAIL,
            Behaviour.REFUSED: dns.rcode.REFUSED,
            Behaviour.NXDOMAIN: dns.rcode.NXDOMAIN,
            Behaviour.FORMERR: dns.rcode.FORMERR,
        }
        if behaviour in rcodes:
            response.set_rcode(rcodes[behaviour])
            response.flags |= dns.flags.AA
            return response.to_wire()
        if behaviour is Behaviour.REFERRAL:
            response.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "a.root-servers.net."))
            return response.to_wire()
        if self._truncating and not over_tcp:
            response.flags |= dns.flags.TC
            return response.to_wire()
        self._fill(response, question)
        if behaviour is Behaviour.RIGHT and not self._recursive:
            response.flags |= dns.flags.AA if not response.authority or response.rcode() else 0
        if self._recursive:
            response.flags |= dns.flags.RA
        return response.to_wire()

    def _fill(self, response: dns.message.Message, question: Any) -> None:
        there = {rtype: rrset for (name, rtype), rrset in self._sets.items() if name == question.name}
        zones = [rrset for (_name, rtype), rrset in self._sets.items() if rtype == dns.rdatatype.SOA]
        soa = next((rrset for rrset in zones if question.name.is_subdomain(rrset.name)), None)
        if question.rdtype in there:
            rrset = there[question.rdtype]
            is_delegation = question.rdtype == dns.rdatatype.NS and soa is not None and rrset.name != soa.name
            (response.authority if is_delegation else response.answer).append(rrset)
        elif dns.rdatatype.CNAME in there:
            response.answer.append(there[dns.rdatatype.CNAME])
        else:
            if not there:
                response.set_rcode(dns.rcode.NXDOMAIN)
            if soa is not None:
                response.authority.append(soa)
                response.flags |= dns.flags.AA

    def __enter__(self) -> NameServer:
        server = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                answer = server._answer(data, over_tcp=False)
                if answer is not None:
                    sock.sendto(answer, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                length = int.from_bytes(self.request.recv(2), "big")
                answer = server._answer(self.request.recv(length), over_tcp=True)
                if answer is not None:
                    self.request.sendall(len(answer).to_bytes(2, "big") + answer)

        self._servers = (_Udp(("127.0.0.1", self.port), Udp), _Tcp(("127.0.0.1", self.port), Tcp))
        for one in self._servers:
            threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_unused: object) -> None:
        for one in self._servers:
            one.shutdown()
            one.server_close()
