# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other records in a zone are never changed, whatever records the box needs there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.plugin_utils import _dns_ask, _dns_compare, _dns_model, _octodns
from tests.box import State, new_state
from tests.box.prepare import ask
from tests.box.routes import answer

from . import octodns_here
from .conftest import USERS, ZONES
from .powerdns import API_KEY, PowerDns

ADDRESS = "192.0.2.80"
# Record sets at or near names that the box needs. The others have random names.
NEAR = [
    ("example.org", "TXT", ('"google-site-verification=abc"', '"MS=ms1"')),
    ("example.org", "CAA", ('0 issue "ca.example"',)),
    ("www.example.org", "CNAME", ("shop.example.net.",)),
    ("*.example.org", "A", (ADDRESS,)),
    ("autoconfig.example.org", "A", (ADDRESS,)),
    ("box.example.com", "TXT", ('"v=verification\\; x; y"',)),
    ("_dmarc.www.box.example.com", "TXT", ('"v=DMARC1; p=none"',)),
    ("xn--bcher-kva.example", "MX", ("10 mail.example.net.", "20 mail2.example.net.")),
    ("_miab-owner.a.shared.example.org", "TXT", ('"mailinabox.admin other.example.net"',)),
    ("shared.example.org", "A", (ADDRESS,)),
    ("delegated.example.org", "NS", ("ns1.example.net.",)),
]


def strange_sets() -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    """300 record sets that do not belong to the box, by zone."""
    sets: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {zone: [] for zone in ZONES}
    for near in NEAR:
        sets[next(zone for zone in ZONES if near[0].endswith(zone))].append(near)
    values = {
        "A": (ADDRESS, "192.0.2.81"),
        "AAAA": ("2001:db8::80",),
        "MX": ("5 mx.example.net.",),
        "TXT": ('"some text"', f'"{"long" * 100}"'),
        "SRV": ("1 2 5060 sip.example.net.",),
        "CNAME": ("elsewhere.example.net.",),
        "SSHFP": ("4 2 " + "ab" * 32,),
    }
    for number in range(300 - len(NEAR)):
        zone, rtype = ZONES[number % 3], list(values)[number % len(values)]
        name = f"_sip._tcp.host{number}.{zone}" if rtype == "SRV" else f"host{number}.{zone}"
        sets[zone].append((name, rtype, values[rtype]))
    assert sum(map(len, sets.values())) == 300
    return sets


def wanted(state: State, leave_out: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The records that a box needs, read without HTTP."""
    dump = json.loads(answer(state, "GET", "/dns/dump").body)
    rows = [
        {
            "zone": zone,
            "records": [
                {"name": row["qname"], "type": row["rtype"], "value": row["value"], "explanation": row["explanation"]}
                for row in records
            ],
        }
        for zone, records in dump
    ]
    return _dns_model.wanted(rows, ZONES, leave_out)


def change(state: State, chance: random.Random) -> None:
    """A random change by an administrator. The box may refuse it."""
    name = chance.choice(["a", "b", "www", "shared", "*", "host7", "_dmarc", "x.y"])
    qname = f"{name}.{chance.choice(ZONES)}"
    user = f"u{chance.randrange(4)}@{chance.choice(['', 'sub.', 'a.'])}{chance.choice(ZONES)}"
    rtype, value = chance.choice(
        [
            ("A", "192.0.2.7"),
            ("A", "local"),
            ("AAAA", "2001:db8::7"),
            ("TXT", "some text"),
            ("TXT", "v=spf1 a -all"),
            ("TXT", "v=DMARC1; p=none;"),
            ("MX", "10 mx.example.net."),
            ("CNAME", "www.example.net."),
            ("CAA", '0 issue "letsencrypt.org"'),
            ("SRV", "0 0 443 x.example.net."),
        ]
    )
    zone = chance.choice(ZONES)
    requests: list[tuple[str, str, dict[str, str] | None, str]] = [
        ("POST", f"/dns/custom/{qname}/{rtype}", None, value),
        ("POST", f"/dns/custom/{zone}/TXT", None, f"text {chance.randrange(5)}"),
        ("PUT", f"/dns/custom/{qname}/{rtype}", None, value),
        ("DELETE", f"/dns/custom/{qname}/{rtype}", None, ""),
        ("DELETE", f"/dns/custom/{zone}/TXT", None, ""),
        ("POST", "/mail/users/add", {"email": user, "password": "some-password-1", "privileges": ""}, ""),
        ("POST", "/mail/users/remove", {"email": user}, ""),
    ]
    method, path, form, body = chance.choice(requests)
    with suppress(ValueError):
        ask(state, method, path, form, body)


def others_of(provider: PowerDns, before: Mapping[str, Mapping[Any, Any]]) -> dict[str, dict[Any, Any]]:
    """The current record sets that do not belong to the box. In shared TXT sets, only the values from before."""
    now: dict[str, dict[Any, Any]] = {}
    for zone, sets in before.items():
        there = provider.records(zone)
        now[zone] = {}
        for key, (_ttl, values) in sets.items():
            if key in there:
                ttl, found = there[key]
                shared = tuple(value for value in found if value in values) if key[1] == "TXT" else found
                now[zone][key] = (ttl, shared)
    return now


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_octodns, "_run", octodns_here.run)
    monkeypatch.setenv("POWERDNS_API_KEY", API_KEY)


def push(provider: PowerDns, zones: list[dict[str, Any]], **more: Any) -> _octodns.Push:
    return _octodns.Push(zones, provider.provider, {}, "box.example.com", **more)


def wrong(provider: PowerDns, zones: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """The wanted records that are missing or different on the name server."""
    address = _dns_ask.address("servers", provider.dns)
    return {
        (record["name"], record["type"])
        for zone in zones
        for record in _dns_compare.compare(zone, _dns_ask.ask(zone, [address], 5))["records"]
        if record["status"] != "right"
    }


def filled_state() -> State:
    state = new_state("v75")
    for user in USERS:
        ask(state, "POST", "/mail/users/add", {**user, "privileges": ""})
    return state


# Hundreds of pushes take a while on a busy machine.
@pytest.mark.timeout(400)
def test_300_other_records_are_unchanged_after_100_changes(
    provider: PowerDns, here: None, record_property: Callable[[str, object], None]
) -> None:
    for zone, sets in strange_sets().items():
        provider.write_all(zone, sets)
    before = {zone: provider.records(zone) for zone in ZONES}
    assert sum(map(len, before.values())) == 300 + len(ZONES)
    state, chance = filled_state(), random.Random(17)  # noqa: S311 - the same changes each time
    changes = 0
    last: list[dict[str, Any]] = []
    for _number in range(100):
        while (zones := wanted(state)) == last:
            change(state, chance)
        changed = [zone for zone in zones if zone not in last]
        last = zones
        pushed = _octodns.apply(push(provider, changed, force=True))
        changes += len(pushed.changes)
        there = {zone["zone"]: before[zone["zone"]] for zone in changed}
        assert others_of(provider, there) == there
        # A wanted record is missing only if another record is in the way.
        assert wrong(provider, changed) == {(row["name"], row["type"]) for row in pushed.kept}
    assert _octodns.apply(push(provider, last)).changes == []
    assert others_of(provider, before) == before
    # After the box is gone, only the other records are left.
    _octodns.apply(push(provider, [{**zone, "records": []} for zone in last], force=True))
    assert {zone: provider.records(zone) for zone in ZONES} == before
    record_property(
        "others", f"100 changes of a box, {changes} changes of records, 300 record sets of others as before"
    )


def test_records_made_by_hand_are_adopted_if_they_are_right(provider: PowerDns, here: None) -> None:
    state = filled_state()
    provider.write("example.org", "example.org", "MX", "10 box.example.com.")
    provider.write("example.org", "_dmarc.example.org", "TXT", '"v=DMARC1; p=none"')
    first = _octodns.apply(push(provider, wanted(state)))
    assert [(row["name"], row["type"]) for row in first.kept] == [("_dmarc.example.org", "TXT")]
    again = _octodns.apply(push(provider, wanted(state), take_over=["_dmarc.* TXT"]))
    assert again.kept == []
    assert wrong(provider, wanted(state)) == set()
    # Adopted records are kept up to date.
    ask(state, "PUT", "/dns/custom/example.org/MX", body="10 other.example.net.")
    _octodns.apply(push(provider, wanted(state)))
    assert wrong(provider, wanted(state)) == set()


def test_two_boxes_share_a_zone(provider: PowerDns, here: None) -> None:
    zones = wanted(filled_state())
    _octodns.apply(push(provider, zones))
    before = {zone: provider.records(zone) for zone in ZONES}
    other = _octodns.Push(zones, provider.provider, {}, "other.example.net", take_over=["* *"])
    pushed = _octodns.apply(other)
    assert pushed.changes == []
    assert len(pushed.kept) == sum(len(zone["records"]) for zone in zones)
    assert {zone: provider.records(zone) for zone in ZONES} == before
