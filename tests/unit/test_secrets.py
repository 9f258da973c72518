# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret looks like in texts, and what is a secret."""

from __future__ import annotations

import base64
import html
import json
import re
import textwrap
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from ansible_collections.mailinabox.admin.plugins.module_utils import _secrets
from tests.box import Box, prepare
from tests.tasks import run_task

# At least as long as any password that a box takes.
TEXTS = st.text(min_size=8, max_size=40)
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


@given(TEXTS, st.text("abc:/", max_size=6), st.text("xyz=", max_size=6))
def test_a_secret_is_found_in_what_shows_it(secret: str, before: str, after: str) -> None:
    for shown in (secret, repr({before: secret}), json.dumps([secret]), json.dumps(secret, ensure_ascii=False)):
        assert _secrets.MASK in _secrets.masked(shown, [secret])


@given(PRINTABLE, PRINTABLE)
def test_a_secret_is_found_in_what_was_sent(secret: str, user: str) -> None:
    header = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
    assert _secrets.MASK in _secrets.masked(header, [secret])
    form = urlencode({"target": "b2://id:%s@bucket" % quote(secret, safe="")})
    for shown in (
        urlencode({"password": secret}),
        form,
        repr(form),
        json.dumps(repr(secret)),
        repr(json.dumps(secret)),
    ):
        assert _secrets.MASK in _secrets.masked(shown, [secret])


WORD = "ZqWord<&\"'/+=é\\n%2F ZqRest"
ESCAPED = {
    "html": html.escape(WORD),
    "html, decimal": "".join("&#%d;" % ord(sign) for sign in WORD),
    "html, hex": "".join("&#x%X;" % ord(sign) for sign in WORD),
    "html twice": html.escape(html.escape(WORD)),
    "json with slashes": json.dumps(WORD).replace("/", "\\/"),
    "json of codes": "".join("\\u%04x" % ord(sign) for sign in WORD),
    "python of bytes": "".join("\\x%02x" % byte for byte in WORD.encode()),
    "url in lower case": re.sub("%..", lambda found: found.group().lower(), quote(WORD, safe="")),
    "html in a url": quote(html.escape(WORD)),
    "hex": WORD.encode().hex(),
    "HEX": WORD.encode().hex().upper(),
    **{
        "base64 in lines of %d" % width: "\n".join(
            textwrap.wrap(base64.b64encode(b"x" * 55 + WORD.encode()).decode(), width)
        )
        for width in (64, 76)
    },
}


@pytest.mark.parametrize("shown", ESCAPED.values(), ids=ESCAPED)
def test_a_secret_is_found_however_it_is_escaped(shown: str) -> None:
    told = _secrets.masked({"msg": "before %s after" % shown}, [WORD])["msg"]
    assert _secrets.MASK in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    assert not {"ZqWord", "ZqRest", base64.b64encode(b"xZqWord").decode()[4:]} & set(re.findall("[A-Za-z0-9]+", told))


def test_what_is_short_or_all_blanks_without_its_escapes_masks_nothing_else() -> None:
    text = "a b % & a%20b 1 + 1 \\ %25 it's 3c"
    for secret in ("<", "+++", "\\" * 8, "+" * 8, "%20" * 5):
        assert _secrets.masked(text, [secret]) == text.replace(secret, _secrets.MASK)


def test_the_whole_of_a_result_is_masked_and_nothing_else() -> None:
    result = {"msg": "it is s3cret!", "calls": [{"form": {"a": "s3cret", "b": "other"}}], "n": 1, "none": None}
    assert _secrets.masked(result, ["s3cret", ""]) == {
        "msg": "it is ********!",
        "calls": [{"form": {"a": "********", "b": "other"}}],
        "n": 1,
        "none": None,
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("box.example.com", []),
        ("box.example.com:8443", []),
        ("me@box.example.com", []),
        ("https://box.example.com:8443/admin", []),
        ("https://me:pw@box.example.com", ["pw"]),
        ("https://me:p@w@box.example.com:8443", ["p@w"]),
        ("me:pw@box.example.com", ["pw"]),
        ("https:/me:pw@box", ["/me:pw", "pw"]),
        ("https://me:@box", []),
    ],
)
def test_passwords_in_urls(text: str, found: list[str]) -> None:
    assert list(_secrets.in_url(text)) == found


KEY = "-----BEGIN %sPRIVATE KEY-----\nMIGH\nAgEA\n-----END %sPRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-----BEGIN CERTIFICATE-----\nMIGH\n-----END CERTIFICATE-----\n", []),
        ("-----BEGIN CERTIFICATE-----\nMIGI\n-----END CERTIFICATE-----\n" + KEY % ("", ""), ["MIGH\nAgEA"]),
        (KEY % ("EC ", "EC ") + KEY % ("ENCRYPTED ", "ENCRYPTED "), ["MIGH\nAgEA"] * 2),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIGH", ["MIGH"]),
    ],
)
def test_private_keys(text: str, found: list[str]) -> None:
    assert list(_secrets.private_keys(text)) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no URL: a@b", "no URL: a@b"),
        ("see https://mailinabox.email/guide and rsync://me@host/srv", None),
        (
            "to b2://id:ZqKey/+=@bucket/ and s3://id:ZqKey@host/b",
            "to b2://id:********@bucket/ and s3://id:********@host/b",
        ),
        ('{"url": "https:\\/\\/me:ZqK@y@host\\/x"}', '{"url": "https:\\/\\/me:********@host\\/x"}'),
    ],
)
def test_urls_without_passwords(text: str, shown: str | None) -> None:
    assert _secrets.without_url_passwords(text) == (shown or text)
    assert _secrets.without_url_passwords({text: [{"a": (text, 1)}, None]}) == {
        shown or text: [{"a": [shown or text, 1]}, None]
    }


def test_no_password_of_a_url_is_in_what_a_box_tells_of_itself() -> None:
    urls = [scheme + "://id:ZqHeldKey/+=Word@example-bucket" for scheme in ("b2", "s3", "rsync", "https")]
    subsets = ["backup_status", "status_checks", "certificates", "web_domains", "version", "latest_version", "updates"]
    with Box("v75") as box:
        prepare(box.state, {})
        box.state.backup_error = "duplicity failed for %s" % ", ".join(urls)
        box.state.status_checks = [
            {"type": "heading", "text": "Backups to " + urls[0]},
            *(
                {"type": "error", "text": "%s fails." % url, "extra": [{"text": url, "monospace": True}]}
                for url in urls
            ),
        ]
        box.state.upstream_version = "v75 of " + urls[3]
        box.state.updates = {"one": urls[2]}
        told = run_task(box, "miab_info", {"gather_subset": subsets})
    assert "rsync://id:********@example-bucket" in told["backup_status"]["error"]
    found = problems(told)
    assert "b2://id:********@example-bucket fails." in str(found)
    page = health_page({"box": told}, {"box": found}, "2026-11-22T06:30:00Z")
    assert "s3://id:********@example-bucket" in page
    for shown in (str(told), str(found), page):
        assert "ZqHeld" not in shown


def test_what_is_declared_or_compared_is_told_as_the_box_has_it() -> None:
    value = "see https://me:word@host"
    with Box("v75") as box:
        prepare(box.state, {"dns_records": [{"qname": "www.box.example.com", "rtype": "TXT", "value": value}]})
        told = run_task(box, "miab_info", {"gather_subset": ["dns_records", "config"]})
    assert value in str(told["dns_records"])
    assert value in str(told["config"]["dns_records"])
