# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom records that prevent a box from publishing their zones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._model.publishing import (
    DIAGNOSIS,
    Collision,
    Content,
    collisions,
    conflicting,
    orphans,
    unpublishable,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._model.publishing import content as publishing_content
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    DNS_RECORDS,
    DNS_ZONES,
    USERS,
    Record,
    Records,
    by_name_and_type,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._values.names import zone_of
from tests.box.domains import served as served_by
from tests.box.prepare import prepare
from tests.box.publishing import update_dns
from tests.box.state import State
from tests.box.zones import CustomRecord

from .test_any_state import BOX, RulesClient


def records(*rows: tuple[str, str, str]) -> Records:
    return by_name_and_type(Record(*row) for row in rows)


@pytest.mark.parametrize(
    ("rtype", "value", "is_bad"),
    [
        ("A", "192.0.2.1", False),
        ("A", "local", False),
        ("AAAA", "2001:0DB8::1", False),
        ("CNAME", "host.example.net.", False),
        ("TXT", "anything, 'really'", False),
        ("MX", "10 mail.example.net.", False),
        # The value means something else than intended, but it is published.
        ("MX", "10 mail", False),
        ("MX", "10\tmail.example.net.", False),
        ("TXT", "a\tb", False),
        ("MX", "not an mx", True),
        ("CAA", '0 ISSUE "letsencrypt.org"', True),
        ("SRV", "0 5 xmpp.example.net.", True),
        ("CAA", "letsencrypt.org", True),
        ("SSHFP", "4 2 zz", True),
        ("TXT", "a\nb", True),
    ],
)
def test_values_that_cannot_be_written_into_a_zone(rtype: str, value: str, is_bad: bool) -> None:
    found = unpublishable(records(("x.example.org", rtype, value)))
    assert [(bad.name, bad.rtype, bad.value) for bad in found] == [("x.example.org", rtype, value)] * is_bad


CNAME = ("www.example.org", "CNAME", "host.example.net.")
MAIL = frozenset({"box.example.com", "example.org"})


def content(*rows: tuple[str, str, str], **parts: Any) -> Content:
    return replace(
        Content("box.example.com", MAIL, MAIL, frozenset({"box.example.com"}), True, records(*rows)), **parts
    )


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([CNAME], None),
        ([CNAME, ("other.example.org", "A", "192.0.2.1")], None),
        ([CNAME, ("WWW.example.org", "CNAME", "host.example.net.")], None),
        ([CNAME, ("WWW.example.org", "A", "192.0.2.1")], "the name has other records (A)"),
        (
            [CNAME, ("www.example.org", "TXT", "a"), ("www.example.org", "MX", "x")],
            "the name has other records (MX, TXT)",
        ),
        ([CNAME, ("www.example.org", "CNAME", "other.example.net.")], "a name can have only one CNAME"),
        ([("example.org", "CNAME", "host.example.net.")], "the name of a zone can't be a CNAME"),
        ([("_dmarc.example.org", "CNAME", "d.example.net.")], "the box itself publishes TXT records there"),
        ([("_dmarc.www.example.org", "CNAME", "d.example.net.")], "the box itself publishes TXT records there"),
        ([CNAME, ("_dmarc.www.example.org", "CNAME", "d.example.net.")], None),
        ([("_dmarc.news.example.org", "CNAME", "d.example.net.")], None),
        (
            [("_dmarc.news.example.org", "CNAME", "d.example.net."), ("news.example.org", "A", "192.0.2.1")],
            "the box itself publishes TXT records there",
        ),
        (
            [("_mta-sts.example.org", "CNAME", "m.example.net.")],
            "the box will publish a TXT record there as soon as it has a certificate for mta-sts.example.org",
        ),
        (
            [("ns1.box.example.com", "CNAME", "m.example.net.")],
            "the box itself publishes A, AAAA, MX, TXT records there",
        ),
        # A zone that was removed is not published.
        ([("www.gone.example", "CNAME", "a.example."), ("www.gone.example", "A", "192.0.2.1")], None),
    ],
)
def test_cnames_that_take_a_zone_down(rows: list[tuple[str, str, str]], why: str | None) -> None:
    assert {bad.why for bad in conflicting(content(*rows))} == ({why} if why else set())


def test_records_that_the_box_publishes_itself_can_collide() -> None:
    found = content(("x.example.org", "CNAME", "h.example.net."), unpredicted=frozenset({("x.example.org", "TXT")}))
    assert collisions(found) == {Collision("x.example.org", "TXT")}


def test_records_without_a_zone() -> None:
    rows = [("www.gone.example", "A", "192.0.2.1"), ("www.example.org", "A", "192.0.2.1")]
    assert orphans(content(*rows)) == (("www.gone.example", "A"),)


def seen(state: State) -> Content:
    """The known state of a box, as planners get it."""
    client = RulesClient(state)
    return publishing_content({read.name: client.ask(read) for read in (USERS, ALIASES, DNS_RECORDS, DNS_ZONES)})


SUFFIXES = ["example.org", "lists.example.org", "box.example.com", "www.example.org"]
PREFIXES = ["", "www.", "_dmarc.", "_dmarc.www.", "news.", "_dmarc.news.", "autoconfig.", "_dmarc.autoconfig."]
PREFIXES += ["mta-sts.", "_dmarc.mta-sts.", "mail._domainkey.", "_carddavs._tcp.", "_25._tcp.", "_dmarc.ns1."]
ROWS = st.tuples(
    st.sampled_from(PREFIXES),
    st.sampled_from(SUFFIXES),
    st.sampled_from([("CNAME", "h.example.net."), ("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("A", "local")]),
)


@settings(max_examples=60, deadline=None)
@given(
    state=BOX,
    users=st.sets(st.sampled_from(SUFFIXES), min_size=1),
    aliases=st.sets(st.sampled_from(SUFFIXES)),
    rows=st.lists(ROWS, max_size=5),
)
def test_the_rule_finds_the_zones_that_a_box_would_drop(
    state: State, users: set[str], aliases: set[str], rows: list[Any]
) -> None:
    me = "me@box.example.com"
    prepare(state, {"users": [{"email": "u@" + domain, "password": "some-password"} for domain in sorted(users)]})
    prepare(state, {"aliases": [{"address": "a@" + domain, "forwards_to": [me]} for domain in sorted(aliases)]})
    served = served_by(state).zones
    state.dns_records = [
        CustomRecord(prefix + suffix, *value)
        for prefix, suffix, value in dict.fromkeys(rows)
        if any((prefix + suffix).endswith(zone) for zone in served)
    ]
    update_dns(state)
    found = seen(state)
    assert set(found.zones) == set(served)
    now = [one.name for one in collisions(found) if not one.when]
    assert {zone_of(name, found.zones) for name in now} == set(state.dropped_zones())


def test_the_diagnosis_describes_broken_records() -> None:
    rows = [{"qname": "x.example.org", "rtype": "MX", "value": "not an mx"}]
    (words,) = DIAGNOSIS.parse(rows)
    assert words.startswith("x.example.org MX 'not an mx': not a valid value for an MX")
