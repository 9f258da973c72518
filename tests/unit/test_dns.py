# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom DNS records: options, required reads, and the minimal calls for the declaration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call, Read
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    DNS_DUMP,
    DNS_RECORDS,
    DNS_ZONES,
    USERS,
    Alias,
    Published,
    Record,
    User,
    by_address,
    by_email,
    by_name_and_type,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import dns
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption, UnexpectedAnswer

ZONES = ("example.com", "example.org")


def wanted(name: str = "www.example.org", rtype: str = "A", **options: Any) -> dns.WantedRecord:
    defaults = {"value": None, "values": None, "exclusive": False, "state": "present"}
    return dns.check({"name": name, "type": rtype, **defaults, **options})


def known(*records: tuple[str, str, str], dump: tuple[Published, ...] | None = None) -> dict[str, Any]:
    read = {
        "caller": "me",
        DNS_ZONES.name: ZONES,
        USERS.name: by_email(User("me@" + zone, (), True, "0", None) for zone in ZONES),
        ALIASES.name: by_address([Alias("abuse@example.com", ("administrator@example.com",), (), automatic=True)]),
        DNS_RECORDS.name: by_name_and_type(Record(*record) for record in records),
    }
    return read if dump is None else {**read, DNS_DUMP.name: dump}


def www(*values: str) -> dict[str, Any]:
    return known(*(("www.example.org", "A", value) for value in values))


WWW = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


def sent(change: Any) -> list[tuple[str, str]]:
    return [(call.method, call.body) for call in change.calls]


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"name": "not a name", "value": "192.0.2.1"}, "name"),
        ({"name": "a/../b.example.org", "value": "192.0.2.1"}, "name"),
        ({"rtype": "TLSA", "value": "3 1 1 00"}, "type"),
        ({"rtype": "", "value": "x"}, "type"),
        ({}, "values"),
        ({"values": []}, "values"),
        ({"values": [], "state": "absent"}, "values"),
        ({"values": [True]}, "values"),
        ({"name": "www.example.\u0440\u0444", "value": "192.0.2.1"}, "name"),
        ({"rtype": "CNAME", "value": "www.example.\u0440\u0444"}, "value"),
        # In upper case, this character becomes an S.
        ({"rtype": "N\u017f", "value": "ns.example.net"}, "type"),
        ({"values": [1.5]}, "values"),
        ({"values": [None]}, "values"),
        ({"values": {"a": 1}}, "values"),
        ({"value": ""}, "value"),
        ({"value": "2001:db8::1"}, "value"),
        ({"rtype": "MX", "value": "not an mx"}, "value"),
        ({"rtype": "TXT", "value": "naïve"}, "value"),
        ({"rtype": "CNAME", "values": ["a.example.net", "b.example.net"]}, "values"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"value": "a, b"}, ("a, b",)),
        ({"values": "a, b"}, ("a, b",)),
        ({"values": ["a, b", "c"]}, ("a, b", "c")),
        ({"values": ["a", "a "]}, ("a",)),
        ({"values": [10]}, ("10",)),
    ],
)
def test_a_text_is_never_split(options: dict[str, Any], values: tuple[str, ...]) -> None:
    assert wanted(rtype="TXT", **options).values == values


def test_a_malformed_value_can_be_removed() -> None:
    declared = wanted(rtype="MX", value="not an mx", state="absent")
    change = dns.plan(declared, known(("www.example.org", "MX", "not an mx")))
    assert sent(change) == [("DELETE", "not an mx")]


def test_quotes_give_a_warning() -> None:
    assert "become part" in dns.plan(wanted(rtype="TXT", value='"quoted"'), known()).warnings[0]


@pytest.mark.parametrize(
    ("declared", "state", "calls"),
    [
        (wanted(value="192.0.2.1"), www(), [("POST", "192.0.2.1")]),
        (wanted(value="192.0.2.1"), www("192.0.2.1"), []),
        (wanted(value="192.0.2.1"), www("192.0.2.2"), [("POST", "192.0.2.1")]),
        (wanted(value="192.0.2.1", exclusive=True), www("192.0.2.2"), [("PUT", "192.0.2.1")]),
        (wanted(value="192.0.2.1", exclusive=True), www("192.0.2.1"), []),
        (
            wanted(value="192.0.2.1", exclusive=True),
            www("192.0.2.1", "192.0.2.2"),
            [("DELETE", "192.0.2.2")],
        ),
        (
            wanted(values=["192.0.2.1", "192.0.2.2"], exclusive=True),
            www("192.0.2.2", "192.0.2.3"),
            [("POST", "192.0.2.1"), ("DELETE", "192.0.2.3")],
        ),
        (
            wanted(values=["192.0.2.1", "192.0.2.2"], exclusive=True),
            www("192.0.2.2", "192.0.2.3", "192.0.2.4"),
            [("PUT", "192.0.2.2"), ("POST", "192.0.2.1")],
        ),
        (wanted(value="192.0.2.1", state="absent"), www("192.0.2.1", "192.0.2.2"), [("DELETE", "192.0.2.1")]),
        (wanted(value="192.0.2.1", state="absent"), www("192.0.2.2"), []),
        (wanted(state="absent"), www(), []),
        (wanted(state="absent"), www("192.0.2.1"), [("DELETE", "192.0.2.1")]),
        (
            wanted(state="absent"),
            www("192.0.2.1", "192.0.2.2", "192.0.2.3"),
            [("PUT", "192.0.2.1"), ("DELETE", "192.0.2.1")],
        ),
        # Undeclared values are never removed temporarily.
        (
            wanted(values=["192.0.2.%d" % number for number in range(1, 6)], state="absent"),
            www(*("192.0.2.%d" % number for number in range(1, 8))),
            [("DELETE", "192.0.2.%d" % number) for number in range(1, 6)],
        ),
        (
            wanted(values=["192.0.2.%d" % number for number in range(1, 6)], state="absent", exclusive=True),
            www(*("192.0.2.%d" % number for number in range(1, 8))),
            [("DELETE", "192.0.2.%d" % number) for number in range(1, 6)],
        ),
        (
            wanted(values=["192.0.2.%d" % number for number in range(1, 6)], state="absent"),
            www(*("192.0.2.%d" % number for number in range(1, 7))),
            [("PUT", "192.0.2.6")],
        ),
        # Other spellings of equal values are no change. They are removed by their stored text.
        (
            wanted(rtype="AAAA", value="2001:db8::1", exclusive=True),
            known(("www.example.org", "AAAA", "2001:0DB8::1"), ("www.example.org", "AAAA", "2001:db8::1")),
            [],
        ),
        (
            wanted(rtype="AAAA", value="2001:db8::1", state="absent"),
            known(("www.example.org", "AAAA", "2001:0DB8::1"), ("www.example.org", "AAAA", "2001:db8::1")),
            [("DELETE", "2001:0DB8::1"), ("DELETE", "2001:db8::1")],
        ),
        (
            wanted(rtype="CNAME", value="Host.Example.net", exclusive=True),
            known(("www.example.org", "CNAME", "host.example.net.")),
            [],
        ),
        # A name with capital letters is the same name, but PUT doesn't see it.
        (
            wanted(value="192.0.2.9", exclusive=True),
            known(("WWW.example.org", "A", "192.0.2.1")),
            [("POST", "192.0.2.9"), ("DELETE", "192.0.2.1")],
        ),
        (wanted("UP.example.org", "a", value="192.0.2.8"), known(("UP.example.org", "A", "192.0.2.8")), []),
        # A value that breaks the zone is removed with its own call.
        (
            wanted(rtype="MX", state="absent"),
            known(*(("www.example.org", "MX", value) for value in ("bad", "10 a.example.net.", "20 b.example.net."))),
            [("DELETE", "bad"), ("DELETE", "10 a.example.net."), ("DELETE", "20 b.example.net.")],
        ),
        # Tabs between fields count as spaces. The stored text is the one that is removed.
        (
            wanted(rtype="MX", value="10 mail.example.net."),
            known(("www.example.org", "MX", "10\tmail.example.net.")),
            [],
        ),
        (
            wanted(rtype="MX", value="10 mail.example.net.", state="absent"),
            known(("www.example.org", "MX", "10\tmail.example.net.")),
            [("DELETE", "10\tmail.example.net.")],
        ),
        (
            wanted("a.-b.example.org", state="absent"),
            known(("a.-b.example.org", "A", "192.0.2.3")),
            [("DELETE", "192.0.2.3")],
        ),
        # An existing relative host name is not changed.
        (wanted(rtype="MX", value="10 mail"), known(("www.example.org", "MX", "10 mail")), []),
        (
            wanted("*.example.org", value="192.0.2.9"),
            known(("www.example.org", "CNAME", "a.example.net.")),
            [("POST", "192.0.2.9")],
        ),
    ],
)
def test_calls(declared: dns.WantedRecord, state: dict[str, Any], calls: list[tuple[str, str]]) -> None:
    change = dns.plan(declared, state)
    assert sent(change) == calls
    assert (change.before != change.after) == bool(calls)


def test_the_path_has_the_stored_name() -> None:
    change = dns.plan(wanted(state="absent"), known(("WWW.example.org", "A", "192.0.2.1")))
    assert [call.path for call in change.calls] == ["/dns/custom/WWW.example.org/A"]
    change = dns.plan(wanted("*.example.org", value="192.0.2.1"), known())
    assert [call.path for call in change.calls] == ["/dns/custom/*.example.org/A"]


PUBLISHED = tuple(
    Published("example.org", *row, explanation="")
    for row in [
        ("example.org", "MX", "10 box.example.com."),
        ("www.example.org", "A", "203.0.113.10"),
        ("www.example.org", "AAAA", "2001:db8::10"),
        ("www.example.org", "MX", "0 ."),
        ("www.example.org", "TXT", "v=spf1 -all"),
        ("_dmarc.example.org", "TXT", "v=DMARC1; p=quarantine;"),
        ("mail.example.org", "A", "203.0.113.10"),
        ("mail.example.org", "MX", "10 box.example.com."),
        ("ns1.example.org", "TXT", "v=spf1 -all"),
    ]
)


def cname(name: str, value: str = "host.example.net", **options: Any) -> dns.WantedRecord:
    return wanted(name, "CNAME", value=value, **options)


@pytest.mark.parametrize(
    ("record", "held", "read"),
    [
        # Zones are read only for changes; published records only for a new CNAME.
        (cname("www.example.org"), [], [DNS_ZONES, USERS, ALIASES, DNS_DUMP]),
        (cname("www.example.org", exclusive=True), [("www.example.org", "CNAME", "x.example.net.")], [DNS_ZONES]),
        (wanted(value="192.0.2.1"), [("other.example.org", "CNAME", "x.example.net.")], [DNS_ZONES]),
        (
            wanted(value="192.0.2.1"),
            [("_dmarc.www.example.org", "CNAME", "x.example.net.")],
            [DNS_ZONES, USERS, ALIASES],
        ),
        (cname("www.example.org"), [("www.example.org", "CNAME", "host.example.net.")], []),
        (cname("www.example.org", state="absent"), [("www.example.org", "CNAME", "host.example.net.")], [DNS_ZONES]),
        (cname("www.example.org", state="absent"), [], []),
        # An empty list doesn't show what kind of box it is; the list of users does.
        (wanted(value="192.0.2.1"), [], [DNS_ZONES, USERS]),
        (wanted(value="192.0.2.1"), [("www.example.org", "A", "192.0.2.1")], []),
    ],
)
def test_only_the_required_reads_are_planned(
    record: dns.WantedRecord, held: list[tuple[str, str, str]], read: list[Read]
) -> None:
    assert dns.needs(record, {}) == [DNS_RECORDS]
    assert dns.needs(record, {DNS_RECORDS.name: known(*held)[DNS_RECORDS.name]}) == read
    assert dns.needs(record, known(*held, dump=())) == []


@pytest.mark.parametrize("name", ["www.example.org", "blog.example.org"])
def test_a_cname_where_the_box_drops_its_own_records(name: str) -> None:
    assert sent(dns.plan_alone(cname(name), known(dump=PUBLISHED))) == [("POST", "host.example.net.")]


@pytest.mark.parametrize(
    ("declared", "state", "words"),
    [
        (wanted("www.example.net", value="192.0.2.1"), known(), "example.com, example.org"),
        (
            wanted("www.example.net", state="absent"),
            known(("www.example.net", "A", "192.0.2.1")),
            "no longer in any zone",
        ),
        (wanted("example.org", "NS", value="ns.example.net"), known(), "be set only for subdomains"),
        (wanted(rtype="MX", value="10 mail"), known(), "final dot"),
        (wanted(rtype="SRV", value="5 0 5269 xmpp"), known(), "final dot"),
        (cname("example.org"), known(dump=PUBLISHED), "name of a zone"),
        (cname("www.example.org"), known(("www.example.org", "A", "192.0.2.1"), dump=PUBLISHED), r"\(A\)"),
        (
            wanted(value="192.0.2.1"),
            known(("www.example.org", "CNAME", "a.example.net.")),
            "the CNAME at www.example.org",
        ),
        # A box publishes for each name with an address that it sends no mail, and it publishes www.
        (
            wanted("news.example.org", value="192.0.2.1"),
            known(("_dmarc.news.example.org", "CNAME", "d.example.net.")),
            "CNAME at _dmarc.news.example.org: the box itself publishes TXT",
        ),
        (
            cname("www.example.org", state="absent"),
            known(
                ("www.example.org", "CNAME", "host.example.net."), ("_dmarc.www.example.org", "CNAME", "d.example.net.")
            ),
            "CNAME at _dmarc.www.example.org: the box itself publishes TXT",
        ),
        # A box would parse such a body as another value, or as no value, which removes all.
        (wanted(state="absent"), known(("www.example.org", "A", "\u00e9")), "non-ASCII"),
        (wanted(value="192.0.2.1", exclusive=True), known(("www.example.org", "A", "\u00e9")), "non-ASCII"),
        (cname("_mta-sts.example.org"), known(dump=()), "as soon as it has a certificate for mta-sts.example.org"),
        (wanted("www.gone.example", state="absent"), known(("www.gone.example", "A", "192.0.2.1")), "Add an address"),
        (cname("www.example.org"), known(("www.example.org", "CNAME", "a.example.net.")), "exclusive: true"),
        (cname("_dmarc.example.org"), known(dump=PUBLISHED), "publishes TXT"),
        (cname("mail.example.org"), known(dump=PUBLISHED), "publishes A, MX"),
        (cname("ns1.example.org"), known(dump=PUBLISHED), "publishes TXT"),
    ],
)
def test_refusals(declared: dns.WantedRecord, state: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        dns.plan_alone(declared, state)


def test_changes_that_the_box_cannot_publish_are_undone() -> None:
    change = dns.plan(wanted(value="192.0.2.1", exclusive=True), www("192.0.2.2"))
    path = "/dns/custom/www.example.org/A"
    assert change.calls[0].undo == (Call("DELETE", path, body="192.0.2.1"), Call("POST", path, body="192.0.2.2"))


def test_existing_values_are_never_undone() -> None:
    change = dns.plan(wanted(values=["192.0.2.1", "192.0.2.2"], state="absent"), www(*WWW))
    assert sent(change) == [("PUT", "192.0.2.3")]
    assert change.calls[0].undo == ()


@pytest.mark.parametrize("body", [" ", "\u00e9"])
def test_bodies_that_would_become_empty_are_rejected(body: str) -> None:
    with pytest.raises(ValueError, match="must be ASCII"):
        Call("DELETE", "/dns/custom/www.example.org/A", body=body)


@pytest.mark.parametrize(("name", "rtype"), [("..", "A"), ("www.example.org", ".."), ("", "A")])
def test_a_record_that_no_box_stores_is_an_unexpected_answer(name: str, rtype: str) -> None:
    state = known((name, rtype, "192.0.2.1"), ("www.example.org", "A", "192.0.2.1"))
    with pytest.raises(UnexpectedAnswer, match="unexpected format"):
        dns.plan(dns.WantedRecord(name, rtype, None, present=False), {**state, "dns_zones": (name, "example.org")})


def test_a_type_is_escaped_in_the_path() -> None:
    state = known(("www.example.org", "../../x?y", "192.0.2.1"))
    change = dns.plan(dns.WantedRecord("www.example.org", "../../x?y", None, present=False), state)
    assert [call.path for call in change.calls] == ["/dns/custom/www.example.org/..%2F..%2Fx%3Fy"]


# The search uses only the documented effects of a box's three writes, independently of the planner.

Values = frozenset[str]


def after(values: Values, write: tuple[str, str]) -> Values:
    method, value = write
    return {"POST": values | {value}, "PUT": frozenset({value}), "DELETE": values - {value}}[method]


def fewest_writes(start: Values, end: Values, staying: Values = frozenset()) -> int:
    """The smallest number of writes that is never without values in between, if there are values before and after.

    :param staying: what is there all the time.
    """
    keep = bool(start and end)
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        values, length = queue.popleft()
        if values == end:
            return length
        for following in ways(values, start | end):
            if following not in seen and (following or not keep) and staying <= following:
                seen.add(following)
                queue.append((following, length + 1))
    raise AssertionError("every set can be reached")


def ways(values: Values, all_values: Values) -> Iterator[Values]:
    for value in all_values:
        for method in ("POST", "PUT", "DELETE"):
            yield after(values, (method, value))


ADDRESSES = st.sets(st.sampled_from([f"192.0.2.{number}" for number in range(6)]), max_size=5)


@given(start=ADDRESSES, end=ADDRESSES)
def test_a_plan_has_the_fewest_possible_writes(start: set[str], end: set[str]) -> None:
    declared = wanted(values=sorted(end), exclusive=True) if end else wanted(state="absent")
    writes = sent(dns.plan(declared, www(*sorted(start))))
    values = frozenset(start)
    for write in writes:
        values = after(values, write)
        assert values or not (start and end)
    assert values == end
    assert len(writes) == fewest_writes(frozenset(start), frozenset(end))


@given(start=ADDRESSES, some=ADDRESSES.filter(bool))
def test_adding_and_removing_some(start: set[str], some: set[str]) -> None:
    for state, end in (("present", start | some), ("absent", start - some)):
        writes = sent(dns.plan(wanted(values=sorted(some), state=state), www(*sorted(start))))
        values = frozenset(start)
        staying = values & end
        for write in writes:
            values = after(values, write)
            assert staying <= values
        assert values == end
        assert len(writes) == fewest_writes(frozenset(start), frozenset(end), staying)
