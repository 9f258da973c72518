# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret looks like in texts, and what is a secret."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils import _secrets

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
