# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of wrong answers of name servers, tested with real servers on loopback."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.plugin_utils import _dns_ask, _dns_compare, _dns_model
from ansible_collections.mailinabox.admin.plugins.plugin_utils._dns_ask import Address

from .name_server import Behaviour, NameServer

ZONE = "example.org"
KEY = "v=DKIM1; k=rsa; p=" + "A" * 392
WANTED = {
    "mx": ("example.org", "MX", ["10 box.example.com."]),
    "spf": ("example.org", "TXT", ["v=spf1 mx -all"]),
    "dkim": ("mail._domainkey.example.org", "TXT", [KEY]),
    "a": ("www.example.org", "A", ["203.0.113.10"]),
    "apex": ("example.org", "A", ["203.0.113.10"]),
    "tlsa": ("_25._tcp.box.example.org", "TLSA", ["3 1 1 " + "ab" * 32]),
    "srv": ("_caldavs._tcp.example.org", "SRV", ["0 0 443 box.example.com."]),
    "ns": ("sub.example.org", "NS", ["ns.example.net."]),
}
CHUNKED = f'"{KEY[:255]}" "{KEY[255:]}"'
RIGHT = {
    "mx": "example.org. 60 IN MX 10 BOX.example.com.",
    "spf": 'example.org. 60 IN TXT "v=spf1" " mx -all"\nexample.org. 60 IN TXT "google-site-verification=abc"',
    "dkim": f"mail._domainkey.example.org. 60 IN TXT {CHUNKED}",
    "a": "www.example.org. 60 IN A 203.0.113.10",
    "apex": "example.org. 60 IN A 198.51.100.80",
    "tlsa": "_25._tcp.box.example.org. 60 IN TLSA 3 1 1 " + "AB" * 32,
    "srv": "_caldavs._tcp.example.org. 60 IN SRV 0 0 443 box.example.com.",
    "ns": "sub.example.org. 60 IN NS ns.example.net.",
}
SOA = "example.org. 60 IN SOA ns.example.org. root.example.org. {} 60 60 60 60"


def zone(*names: str) -> dict[str, Any]:
    records = [
        {
            "name": WANTED[name][0],
            "type": WANTED[name][1],
            "ttl": 3600,
            "values": WANTED[name][2],
            "level": "required",
            "category": "mail",
            "may_differ": name == "apex",
            "explanation": "",
            "consequence": _dns_model.CONSEQUENCES["mail"],
        }
        for name in names or WANTED
    ]
    return {"zone": ZONE, "box": "box.example.com", "records": records, "left_out": []}


def content(serial: int = 7, **instead: str) -> str:
    """The content of a zone on a server. An empty text removes a record."""
    return "\n".join([SOA.format(serial), *{**RIGHT, **instead}.values()])


def verify(wanted: dict[str, Any], *servers: NameServer, timeout: float = 2.0) -> dict[str, Any]:
    addresses = [Address(server.name, "127.0.0.1", server.port) for server in servers]
    return _dns_compare.compare(wanted, _dns_ask.ask(wanted, addresses, timeout))


def states(result: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(row["name"], row["type"]): row["status"] for row in result["records"] if row["status"] != "right"}


def test_correct_records_pass() -> None:
    with NameServer(content()) as server:
        result = verify(zone(), server)
    assert result["ok"], result
    assert result["counts"] == {"right": len(WANTED)}
    assert result["servers"] == [{"server": server.name, "status": "ok", "text": ""}]
    assert _dns_compare.problems(result) == []


@pytest.mark.parametrize(
    ("name", "there", "status", "text"),
    [
        ("mx", "", "missing", "there is no such record"),
        ("a", "", "missing", "the name does not exist"),
        ("mx", "example.org. 60 IN MX 20 box.example.com.", "different", "another value is there"),
        ("mx", RIGHT["mx"] + "\nexample.org. 60 IN MX 20 mx.example.net.", "extra", "there is an additional value"),
        ("a", RIGHT["a"] + "\nwww.example.org. 60 IN A 192.0.2.1", "extra", "there is an additional value"),
        ("a", "www.example.org. 60 IN CNAME shop.example.net.", "cname", "the name has a CNAME to shop.example.net."),
        ("spf", 'example.org. 60 IN TXT "v=spf1 a -all"', "different", "another value is there"),
        ("spf", 'example.org. 60 IN TXT "google-site-verification=abc"', "missing", "this value is missing beside other TXT values"),
        ("spf", RIGHT["spf"] + '\nexample.org. 60 IN TXT "v=spf1 a -all"', "extra", "there is an additional value"),
        ("spf", r'example.org. 60 IN TXT "\"v=spf1 mx -all\""', "different", "the value contains quotes; enter it without them"),
        ("spf", 'example.org. 60 IN TXT "v=spf1  mx  -all"', "different", "the value differs in whitespace"),
        (
            "dkim",
            f'mail._domainkey.example.org. 60 IN TXT "{KEY[:255]}"',
            "cut",
            f"the text ends after 255 of {len(KEY)} characters",
        ),
        ("tlsa", "_25._tcp.box.example.org. 60 IN TLSA 3 1 1 " + "cd" * 32, "different", "another value is there"),
        ("ns", "sub.example.org. 60 IN NS other.example.net.", "different", "another value is there"),
        ("apex", "", "missing", "there is no such record"),
    ],
)  # fmt: skip
def test_a_record_that_is_wrong(name: str, there: str, status: str, text: str) -> None:
    with NameServer(content(**{name: there})) as server:
        result = verify(zone(name), server)
    assert [(row["status"], row["text"]) for row in result["records"]] == [(status, text)]
    assert not result["ok"]
    (problem,) = _dns_compare.problems(result)
    assert problem["level"] == "required"
    assert _dns_compare.STATUS_WORDS[status] in problem["text"]
    assert problem["text"].endswith("No mail arrives for the domain.")


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        (Behaviour.SERVFAIL, "servfail"),
        (Behaviour.REFUSED, "refused"),
        (Behaviour.LAME, "lame"),
        (Behaviour.REFERRAL, "lame"),
        (Behaviour.SILENT, "timeout"),
        # The server gets the whole timeout, because it may answer late.
        (Behaviour.GARBAGE, "timeout"),
        (Behaviour.FORMERR, "broken"),
        (Behaviour.NXDOMAIN, "nxdomain"),
    ],
)
def test_a_server_that_is_wrong(behaviour: Behaviour, status: str) -> None:
    """The failing server is named, and the answers of the other one count."""
    with NameServer(content(), behaviour) as bad, NameServer(content()) as good:
        result = verify(zone(), bad, good, timeout=0.3)
        alone = verify(zone(), bad, timeout=0.3)
    assert [row["status"] for row in result["servers"]] == [status, "ok"]
    assert result["counts"] == {"right": len(WANTED)}
    assert not result["ok"]
    assert bad.name in _dns_compare.problems(result)[0]["text"]
    assert alone["counts"] == {"unknown": len(WANTED)}
    assert alone["text"] == "no name server answers for the zone"


def test_a_server_that_does_not_answer() -> None:
    with NameServer(content()) as server:
        pass
    assert [row["status"] for row in verify(zone("mx"), server, timeout=0.2)["servers"]] == ["timeout"]


def test_a_secondary_server_that_is_behind() -> None:
    with NameServer(content(8)) as primary, NameServer(content(7, mx="")) as secondary:
        result = verify(zone(), primary, secondary)
    assert [row["status"] for row in result["servers"]] == ["ok", "stale"]
    (record,) = [row for row in result["records"] if row["status"] != "right"]
    assert (record["name"], record["type"], record["status"]) == ("example.org", "MX", "missing")
    assert record["servers"] == [secondary.name]
    # The server has an older version, but all wanted records are right, so there is nothing to wait for.
    with NameServer(content(8)) as primary, NameServer(content(7)) as secondary:
        assert verify(zone(), primary, secondary)["ok"]


def test_a_server_that_fails_at_some_questions() -> None:
    with NameServer(content(), failing={"www.example.org.": Behaviour.SERVFAIL}) as server:
        result = verify(zone("mx", "a"), server)
    assert states(result) == {("www.example.org", "A"): "unknown"}
    assert [row["status"] for row in result["servers"]] == ["servfail"]


def test_long_answers_are_fetched_over_tcp() -> None:
    with NameServer(content(), truncating=True) as server:
        assert verify(zone("dkim", "mx"), server)["ok"]
        assert server.tcp_questions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5300", ("192.0.2.53", 5300)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5300", ("2001:db8::53", 5300)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    found = _dns_ask.address("servers", text)
    assert (found.ip, found.port) == expected


@pytest.mark.parametrize("text", ["ns.example.net", "192.0.2.53:0", "192.0.2.53:x", "", "192.0.2.300", "1.2.3.4:70000"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(_dns_ask.InvalidOption, match="servers"):
        _dns_ask.address("servers", text)


def test_the_servers_of_a_zone_are_found_through_a_resolver() -> None:
    delegated = (
        "example.org. 60 IN NS ns1.example.net.\nns1.example.net. 60 IN A 192.0.2.1\n"
        "example.org. 60 IN NS ns2.example.net.\nns2.example.net. 60 IN AAAA 2001:db8::2\n"
        f"{SOA.format(1)}\n. 60 IN SOA ns. root. 1 60 60 60 60"
    )
    with NameServer(delegated, recursive=True) as resolver:
        address = Address(resolver.name, "127.0.0.1", resolver.port)
        found = _dns_ask.find_servers("example.org", [address], 1)
        assert [(server.name, server.ip) for server in found] == [
            ("ns1.example.net (192.0.2.1)", "192.0.2.1"),
            ("ns2.example.net (2001:db8::2)", "2001:db8::2"),
        ]
        # A zone that is part of a larger one is queried at the servers of the larger zone.
        assert _dns_ask.find_servers("box.example.org", [address], 1) == found
        with pytest.raises(_dns_ask.ZoneNotFound, match="not delegated"):
            _dns_ask.find_servers("example.test", [address], 1)
    with NameServer(delegated, Behaviour.SERVFAIL, recursive=True) as resolver:
        address = Address(resolver.name, "127.0.0.1", resolver.port)
        with pytest.raises(_dns_ask.ZoneNotFound, match="can't be found"):
            _dns_ask.find_servers("example.org", [address], 0.3)
