# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated box and a real name server's checker agree on which zones can't be loaded."""

from __future__ import annotations

import pytest

from tests.box import VERSIONS, CustomRecord, State, new_state, zones
from tests.box.prepare import prepare
from tests.box.publishing import zone_inputs
from tests.box.zones import ZoneInputs
from tests.name_server import DNSPYTHON, find, refused

GOOD = [
    [("www", "A", "192.0.2.1"), ("www", "A", "192.0.2.2"), ("www", "AAAA", "2001:db8::1")],
    [("www", "CNAME", "h.example.net.")],
    [("*", "CNAME", "h.example.net.")],
    [("_dmarc.other", "CNAME", "d.example.net.")],
    [("a.-b", "A", "192.0.2.3")],
    [("_a._b_c", "TXT", "x")],
    [("t", "MX", "10\tmail.example.net.")],
    [("t", "TXT", "a\tb")],
    [("t", "TXT", 'with "quotes", \\ and ;')],
    [("t", "TXT", "x" * 600)],
    [("s", "SRV", "0 0 5222 xmpp.example.net."), ("s", "MX", "0 .")],
    [("c", "CAA", '0 issue "letsencrypt.org"'), ("c", "CAA", "128 iodef mailto:a@example.org")],
    [("q", "SSHFP", "1 1 " + 40 * "a")],
    [("sub", "NS", "ns1.example.net.")],
    [("", "MX", "20 mx.example.net.")],
]
BROKEN = [
    [("", "CNAME", "h.example.net.")],
    [("t", "CNAME", "h.example.net."), ("t", "A", "192.0.2.1")],
    [("t", "CNAME", "h.example.net."), ("t", "TXT", "x")],
    [("t", "CNAME", "h.example.net."), ("t", "CNAME", "i.example.net.")],
    [("T", "CNAME", "h.example.net."), ("t", "A", "192.0.2.1")],
    [("_dmarc", "CNAME", "d.example.net.")],
    [("mail._domainkey", "CNAME", "d.example.net.")],
    [("_dmarc.shop", "CNAME", "d.example.net."), ("shop", "A", "192.0.2.5")],
    [("lists", "CNAME", "h.example.net.")],
    [("p", "MX", "not an mx")],
    [("p", "MX", "mx.example.net.")],
    [("p", "SRV", "5 0 xmpp.example.net.")],
    [("p", "SSHFP", "x y z")],
    [("p", "CAA", "issue letsencrypt.org")],
]
# A box signs a zone with one program and loads it with NSD. A value that either rejects breaks the zone.
ONLY_SIGNING_REFUSES = [
    [("p", "MX", "70000 mx.example.net.")],
    [("p", "TXT", "one\ntwo")],
]
ONLY_NSD_REFUSES = [
    [("r", "CAA", '0 ISSUE "x"')],
    [("r", "CAA", '0 abcdefghijklmnopq "x"')],
]
TABLE = [(rows, True) for rows in GOOD] + [(rows, False) for rows in BROKEN]


def zone_of(state: State, rows: list[tuple[str, str, str]]) -> ZoneInputs:
    """The zone example.org of a box with users in example.org and lists.example.org, and these records."""
    people = ["ann@example.org", "bob@lists.example.org"]
    prepare(state, {"users": [{"email": email, "password": "password-1"} for email in people]})
    state.dns_records = [CustomRecord(f"{name}.example.org".removeprefix("."), *more) for name, *more in rows]
    (found,) = (inputs for inputs in zone_inputs(state) if inputs.zone == "example.org")
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("rows", "is_loaded"), [*TABLE, *((rows, False) for rows in ONLY_SIGNING_REFUSES + ONLY_NSD_REFUSES)]
)
def test_rules_of_the_box(version: str, rows: list[tuple[str, str, str]], is_loaded: bool) -> None:
    inputs = zone_of(new_state(version), rows)
    assert zones.loads(inputs) == is_loaded
    assert refused([inputs], None) == ([] if is_loaded else [inputs])


@pytest.mark.parametrize("program", sorted({find(), DNSPYTHON}))
@pytest.mark.parametrize("version", VERSIONS)
def test_program_of_a_name_server_agrees(version: str, program: str) -> None:
    table = [(zone_of(new_state(version), rows), is_loaded) for rows, is_loaded in TABLE]
    said = refused([inputs for inputs, _unused in table], program)
    assert said == [inputs for inputs, is_loaded in table if not is_loaded]


def test_zones_of_a_new_box_are_loaded() -> None:
    for version in VERSIONS:
        assert refused(zone_inputs(new_state(version)), find()) == []
