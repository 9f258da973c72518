# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of DNS record_values."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._values import record_values
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import MissingLibrary

HEX64 = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("rtype", "text", "canonical"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("A", " 192.0.2.1\n", "192.0.2.1"),
        ("A", "local", "local"),
        ("AAAA", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("AAAA", "local", "local"),
        ("CNAME", "Host.Example.net", "host.example.net."),
        ("CNAME", "host.example.net.", "host.example.net."),
        ("CNAME", "bücher.example", "xn--bcher-kva.example."),
        ("NS", "ns.example.net", "ns.example.net."),
        ("TXT", "v=spf1 include:example.net -all", "v=spf1 include:example.net -all"),
        (
            "TXT",
            "v=DMARC1; p=none; rua=mailto:a@b.org,mailto:c@d.org",
            "v=DMARC1; p=none; rua=mailto:a@b.org,mailto:c@d.org",
        ),
        ("TXT", 'with "quotes" and \\', 'with "quotes" and \\'),
        ("MX", "10  MX.example.net.", "10 mx.example.net."),
        ("MX", "0 .", "0 ."),
        ("MX", "10\tmail.example.net.", "10 mail.example.net."),
        ("SRV", "5\t0 \t 5269\txmpp.example.net.", "5 0 5269 xmpp.example.net."),
        ("CAA", '0\tissue\t"letsencrypt.org"', '0 issue "letsencrypt.org"'),
        ("CAA", '0 abcdefghijklmno "x"', '0 abcdefghijklmno "x"'),
        # In a TXT value, a tab is part of the text.
        ("TXT", "a\tb", "a\tb"),
        ("SRV", "5 0 5269 XMPP.example.net.", "5 0 5269 xmpp.example.net."),
        ("CAA", "0 issue letsencrypt.org", '0 issue "letsencrypt.org"'),
        ("CAA", '0 iodef "mailto:Ann@example.org"', '0 iodef "mailto:Ann@example.org"'),
        ("SSHFP", "4 2 " + HEX64.upper(), "4 2 " + HEX64),
        ("SSHFP", "4\t2\t" + HEX64, "4 2 " + HEX64),
    ],
)
def test_value(rtype: str, text: str, canonical: str) -> None:
    assert record_values.canonical(rtype, text) == canonical
    assert record_values.canonical(rtype, canonical) == canonical
    assert record_values.is_publishable(rtype, text)


@pytest.mark.parametrize(
    ("rtype", "text", "why"),
    [
        ("A", "", "empty"),
        ("A", "2001:db8::1", "IPv4"),
        ("A", "not-an-ip", "IPv4"),
        ("A", "192.0.2.01", "IPv4"),
        ("AAAA", "192.0.2.1", "IPv6"),
        ("AAAA", "fe80::1%eth0", "scope"),
        ("CNAME", "not a name", "not a name"),
        ("CNAME", "host", "dot"),
        ("TXT", "   ", "empty"),
        ("TXT", "naïve café", "must be ASCII"),
        ("TXT", "two\nlines", "line break"),
        ("TXT", "a\x00b", "control"),
        ("TXT", "x" * 65535, "at most"),
        ("MX", "not an mx", "10 mail"),
        ("MX", "mx.example.net.", "10 mail"),
        ("MX", "70000 mx.example.net.", "10 mail"),
        ("MX", "10 mx..net.", "10 mail"),
        ("SRV", "5 0 xmpp.example.net.", "an SRV"),
        ("CAA", "0 is-sue letsencrypt.org", "a CAA"),
        ("CAA", "issue letsencrypt.org", "a CAA"),
        ("CAA", '0 ISSUE "x"', "lower-case letters and digits"),
        ("CAA", '0 abcdefghijklmnop "x"', "at most 15"),
        ("SSHFP", "4 2 0123", "an SSHFP"),
    ],
)
def test_no_value(rtype: str, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        record_values.canonical(rtype, text)
    assert not record_values.is_publishable(rtype, text)
    assert record_values.canonical_stored(rtype, text) == text


@pytest.mark.parametrize(
    ("rtype", "value", "needs"),
    [
        ("MX", "10 mx.example.net", True),
        ("MX", "10 @", True),
        ("MX", "10 mx.example.net.", False),
        ("SRV", "5 0 5269 xmpp", True),
        ("TXT", "no dot", False),
        ("CAA", '0 issue "a"', False),
    ],
)
def test_a_relative_host_name_is_told(rtype: str, value: str, needs: bool) -> None:
    assert record_values.needs_final_dot(rtype, value) is needs


def test_longest_text() -> None:
    assert record_values.canonical("TXT", "x" * 65279)


@pytest.mark.parametrize("rtype", record_values.RECORD_TYPES)
@given(text=st.text(max_size=60))
def test_any_text_has_a_stable_form_or_a_reason(rtype: str, text: str) -> None:
    try:
        canonical = record_values.canonical(rtype, text)
    except ValueError:
        return
    assert record_values.canonical(rtype, canonical) == canonical
    assert canonical.isascii()
    assert canonical.replace("\t", " ").isprintable()


@pytest.mark.parametrize("rtype", ["MX", "SRV", "CAA", "SSHFP"])
def test_only_these_types_ask_for_dnspython(rtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "dns"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "dns", None)
    with pytest.raises(MissingLibrary, match="dnspython"):
        record_values.canonical(rtype, "x")
    for other, value in (("A", "192.0.2.1"), ("CNAME", "a.example.org"), ("TXT", "x")):
        assert record_values.canonical(other, value)
