# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form of addresses, names and quotas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._values import names


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("ann@example.org", "ann@example.org"),
        (" Ann@Example.ORG ", "ann@example.org"),
        ("ann+tag@example.org", "ann+tag@example.org"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_address(text: str, canonical: str) -> None:
    assert names.address(text) == canonical


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "one @"),
        ("ann", "one @"),
        ("ann@bob@example.org", "one @"),
        ("@example.org", "before the @ is empty"),
        ("ann@", "two dots"),
        ("ann@example", "needs at least one dot"),
        ("ann@example..org", "two dots"),
        ("ann@.example.org", "two dots"),
        ("ann@-example.org", "'-example'"),
        ("ann@exa_mple.org", "'exa_mple'"),
        ("ann@example.1", "top-level"),
        ("an n@example.org", "'an n'"),
        ("ann,bob@example.org", "'ann,bob'"),
        ("ann\nbob@example.org", "not valid before the @"),
        ("ann@example.org\nbob@example.org", "one @"),
        (".ann@example.org", "not valid before the @"),
        ("änn@example.org", "not valid before the @"),
        ("\u212a@example.org", "not valid before the @"),
        ("ann@boo\u212a.example", "looks like 'k'"),
        ("ann@\uff45xample.org", "U+FF45"),
        ("ann@" + "a" * 64 + ".org", "63 characters"),
        ("a" * 65 + "@example.org", "64 characters"),
        ("ann@" + "\u00fc" * 100_000 + ".org", "63 characters"),
        ("ann@" + ".".join(["a" * 60] * 5) + ".org", "253 characters"),
        ("a" * 64 + "@" + ".".join(["a" * 62] * 3) + ".org", "254 characters"),
        ("ann@example.org1", "top-level"),
        ("ann@ab--c.example", "3rd and 4th"),
        ("ann@xn--bcher-kvb.example", "'xn--bcher-kvb'"),
        ("ann@xn--.example", "'xn--'"),
        ("********@example.org", "a masked secret"),
        ("a********b@example.org", "a masked secret"),
    ],
)
def test_no_address(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("+", r"\+")):
        names.address(text)


def test_catch_all() -> None:
    assert names.address("@Example.org", catch_all=True) == "@example.org"
    with pytest.raises(ValueError, match="one @"):
        names.address("example.org", catch_all=True)


@pytest.mark.parametrize("text", ["fay+tag@example.org", "o'hara@example.org"])
def test_no_user_address(text: str) -> None:
    assert names.address(text)
    with pytest.raises(ValueError, match="letters a-z"):
        names.user_address(text)


@pytest.mark.parametrize("top", ["local", "TEST", "invalid", "localhost", "onion", "arpa"])
def test_a_box_takes_no_mail_for_reserved_domains(top: str) -> None:
    canonical = names.address("ann@site.%s" % top)
    with pytest.raises(ValueError, match="'%s' is reserved" % top.lower()):
        names.check_accepted(canonical)
    names.check_accepted("ann@%s.example" % top.lower())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abuse@example.org", True),
        ("abuse+x@example.org", True),
        ("webmaster@example.org", True),
        ("abuses@example.org", False),
        ("ann@abuse.example.org", False),
    ],
)
def test_is_dcv(text: str, expected: bool) -> None:
    assert names.is_dcv(text) is expected


@pytest.mark.parametrize(
    ("canonical", "shown"),
    [
        ("ann@example.org", "ann@example.org"),
        ("info@xn--bcher-kva.example", "info@bücher.example"),
        ("@xn--bcher-kva.example", "@bücher.example"),
        ("a@xn--99999999999.example", "a@xn--99999999999.example"),
    ],
)
def test_display(canonical: str, shown: str) -> None:
    assert names.display(canonical) == shown


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("www.example.org", "www.example.org"),
        ("WWW.Example.Org.", "www.example.org"),
        ("*.example.org", "*.example.org"),
        ("_xmpp._tcp.example.org", "_xmpp._tcp.example.org"),
        # A box accepts these, too.
        ("a.-b.example.org", "a.-b.example.org"),
        ("_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"),
    ],
)
def test_dns_name(text: str, canonical: str) -> None:
    assert names.dns_name(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            "..",
            "*",
            "org",
            "example.org..",
            "a.b.123",
            "-a.example.org",
            "*.-a.example.org",
            "a-.example.org",
        ),
        *(f"a{sign}b.example.org" for sign in ("/", "%2f", "?", "#", "/../", " ", "\n", ".*.", ",")),
    ],
)
def test_no_dns_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        names.dns_name(text)


def test_a_host_with_two_hyphens_need_not_be_idna() -> None:
    assert names.domain("my--site.example.net") == "my--site.example.net"


def test_a_box_takes_no_records_under_a_top_level_domain_with_hyphens() -> None:
    assert names.dns_name("www.example.\u0440\u0444") == "www.example.xn--p1ai"
    with pytest.raises(ValueError, match="custom records under the top-level domain 'xn--p1ai'"):
        names.record_name("www.example.\u0440\u0444")


def test_zone_of_is_the_longest() -> None:
    zones = ("example.org", "sub.example.org")
    assert names.zone_of("www.sub.example.org", zones) == "sub.example.org"
    assert names.zone_of("example.org", zones) == "example.org"
    assert names.zone_of("notexample.org", zones) is None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("0G", "0"),
        ("2g", "2G"),
        ("2048M", "2G"),
        ("2147483648", "2G"),
        ("500m", "500M"),
        ("00500M", "500M"),
        ("1000", "1000"),
    ],
)
def test_quota(text: str, canonical: str) -> None:
    assert names.quota(text) == canonical


@pytest.mark.parametrize(
    ("text", "is_tiny"),
    [("0", False), ("5", True), ("1048575", True), ("1M", False), ("1048577", False), ("1G", False)],
)
def test_a_tiny_quota(text: str, is_tiny: bool) -> None:
    assert names.is_tiny_quota(names.quota(text)) is is_tiny


@pytest.mark.parametrize("text", ["", "1.5G", "1,5G", "1 G", "-1", "lots", "2T", "٣G", "1G\n2G", "9" * 19])
def test_no_quota(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        names.quota(text)


@pytest.mark.parametrize("form", [names.address, names.dns_name, names.quota])
@given(text=st.text(max_size=80))
def test_canonical_forms_are_stable(form: object, text: str) -> None:
    assert callable(form)
    try:
        canonical = form(text)
    except ValueError:
        return
    assert form(canonical) == canonical
    assert canonical.isascii()


@given(st.from_regex(r"[a-zäöü]{1,12}@[a-zäöü]{1,12}\.example", fullmatch=True))
def test_the_display_form_is_equivalent(text: str) -> None:
    try:
        canonical = names.address(text)
    except ValueError:
        return
    assert names.address(names.display(canonical)) == canonical
