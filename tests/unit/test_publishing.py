# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom records that keep a box from publishing their zones."""

from __future__ import annotations

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._answers import Record, Records, by_name_and_type
from ansible_collections.mailinabox.admin.plugins.module_utils._publishing import SUSPECTS, conflicting, unpublishable

ZONES = ("example.org",)


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
        # It leads elsewhere than was meant, and is published all the same.
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
def test_what_cannot_be_written_into_a_zone(rtype: str, value: str, is_bad: bool) -> None:
    found = unpublishable(records(("x.example.org", rtype, value)))
    assert [(bad.name, bad.rtype, bad.value) for bad in found] == [("x.example.org", rtype, value)] * is_bad


CNAME = ("www.example.org", "CNAME", "host.example.net.")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([CNAME], None),
        ([CNAME, ("other.example.org", "A", "192.0.2.1")], None),
        ([CNAME, ("WWW.example.org", "CNAME", "host.example.net.")], None),
        ([CNAME, ("WWW.example.org", "A", "192.0.2.1")], "beside it stands other data (A)"),
        (
            [CNAME, ("www.example.org", "TXT", "a"), ("www.example.org", "MX", "x")],
            "beside it stands other data (MX, TXT)",
        ),
        ([CNAME, ("www.example.org", "CNAME", "other.example.net.")], "a name has one CNAME at most"),
        ([("example.org", "CNAME", "host.example.net.")], "a zone's own name can't be a CNAME"),
    ],
)
def test_cnames_that_take_a_zone_down(rows: list[tuple[str, str, str]], why: str | None) -> None:
    assert {bad.why for bad in conflicting(records(*rows), ZONES)} == ({why} if why else set())


def test_suspects_are_told_in_words() -> None:
    rows = [{"qname": "x.example.org", "rtype": "MX", "value": "not an mx"}]
    (words,) = SUSPECTS.parse(rows)
    assert words.startswith("x.example.org MX 'not an mx': not the form of an MX")
