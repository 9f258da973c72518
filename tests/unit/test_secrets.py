# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and masking secrets in texts."""

from __future__ import annotations

import base64
import html
import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import mfa, users
from ansible_collections.mailinabox.admin.plugins.module_utils._values import secrets
from tests.box import Answer, Box, Fault, is_write, prepare
from tests.tasks import run_task

DATA = Path(__file__).parents[1] / "contract" / "data"

# At least as long as any password that a box accepts.
TEXTS = st.text(min_size=8, max_size=40)
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


@given(TEXTS, st.text("abc:/", max_size=6), st.text("xyz=", max_size=6))
def test_a_secret_is_found_in_what_shows_it(secret: str, before: str, after: str) -> None:
    for shown in (secret, repr({before: secret}), json.dumps([secret]), json.dumps(secret, ensure_ascii=False)):
        assert secrets.MASK in secrets.masked(shown, [secret])


@given(PRINTABLE, PRINTABLE)
def test_a_secret_is_found_in_what_was_sent(secret: str, user: str) -> None:
    header = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
    assert secrets.MASK in secrets.masked(header, [secret])
    form = urlencode({"target": "b2://id:%s@bucket" % quote(secret, safe="")})
    for shown in (
        urlencode({"password": secret}),
        form,
        repr(form),
        json.dumps(repr(secret)),
        repr(json.dumps(secret)),
    ):
        assert secrets.MASK in secrets.masked(shown, [secret])


WORD = "ZqWord<&\"'/+=é\\n%2F?>~ ZqRest"
ESCAPED = {
    "html": html.escape(WORD),
    "html, decimal": "".join("&#%d;" % ord(sign) for sign in WORD),
    "html, hex": "".join("&#x%X;" % ord(sign) for sign in WORD),
    "html with names": html.escape(WORD).replace("é", "&eacute;"),
    "python of far codes": "".join("\\U%08x" % ord(sign) for sign in WORD),
    "base64 for URLs": base64.urlsafe_b64encode(b"x" * 55 + WORD.encode()).decode(),
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
    reported = secrets.masked({"msg": "before %s after" % shown}, [WORD])["msg"]
    assert secrets.MASK in reported
    assert reported.startswith("before ")
    assert reported.endswith(" after")
    assert not {"ZqWord", "ZqRest", base64.b64encode(b"xZqWord").decode()[4:]} & set(
        re.findall("[A-Za-z0-9]+", reported)
    )


def test_short_or_blank_secrets_mask_only_exact_matches() -> None:
    text = "a b % & a%20b 1 + 1 \\ %25 it's 3c"
    for secret in ("<", "+++", "\\" * 8, "+" * 8, "%20" * 5):
        assert secrets.masked(text, [secret]) == text.replace(secret, secrets.MASK)


def test_the_whole_of_a_result_is_masked_and_nothing_else() -> None:
    result = {"msg": "it is s3cret!", "calls": [{"form": {"a": "s3cret", "b": "other"}}], "n": 1, "none": None}
    assert secrets.masked(result, ["s3cret", ""]) == {
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
    assert list(secrets.in_url(text)) == found


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
    assert list(secrets.private_keys(text)) == found


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
    assert secrets.without_url_passwords(text) == (shown or text)
    assert secrets.without_url_passwords({text: [{"a": (text, 1)}, None]}) == {
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
        reported = run_task(box, "miab_info", {"gather_subset": subsets})
    assert "rsync://id:********@example-bucket" in reported["backup_status"]["error"]
    found = problems(reported)
    assert "b2://id:********@example-bucket fails." in str(found)
    page = health_page({"box": reported}, {"box": found}, "2026-11-22T06:30:00Z")
    assert "s3://id:********@example-bucket" in page
    for shown in (str(reported), str(found), page):
        assert "ZqHeld" not in shown


def test_values_to_declare_or_compare_are_returned_unmasked() -> None:
    value = "see https://me:word@host"
    with Box("v75") as box:
        prepare(box.state, {"dns_records": [{"qname": "www.box.example.com", "rtype": "TXT", "value": value}]})
        reported = run_task(box, "miab_info", {"gather_subset": ["dns_records", "config"]})
    assert value in str(reported["dns_records"])
    assert value in str(reported["config"]["dns_records"])


@dataclass
class FixedAnswer(Fault):
    """A text in place of the answer."""

    kind: str = "500"
    status: int = 400
    words: str = ""

    def disguise(self, answer: Answer | None) -> Answer:
        return Answer(self.status, "text/plain", self.words, {})


def message_of(words: str, name: str, options: dict[str, Any], status: int = 400) -> str:
    """The message of a task if the box answers a write with this text."""
    with Box("v75") as box:
        prepare(box.state, {})
        box.faults.append(
            FixedAnswer(match=lambda request: is_write(request.method, request.path), status=status, words=words)
        )
        return str(run_task(box, name, options))


def test_secrets_are_masked_before_messages_are_shortened() -> None:
    with Box("v75") as box:
        password = box.password
    for cut in range(1, len(password)):
        reported = message_of(
            "x" * (1000 - cut) + password, "miab_alias", {"address": "a@example.org", "forwards_to": ["b@x.org"]}
        )
        assert "xxx" + password[:cut] not in reported


USER = {"email": "ann@example.org", "user_password": "ZqWordA1-ZqWordB2"}
BUCKET = {
    "target": "s3://s3.eu-central-1.amazonaws.com/one",
    "target_user": "KEY",
    "target_password": "ZqWordA1-ZqWordB2",
}


@pytest.mark.parametrize("status", [400, 401])
def test_of_answers_to_secrets_only_known_messages_are_shown(status: int) -> None:
    backwards = "2BdroWqZ"
    assert "left out" in message_of(backwards, "miab_user", USER, status)
    assert backwards not in message_of(backwards, "miab_user", USER, status)
    assert backwards in message_of(
        backwards, "miab_alias", {"address": "a@example.org", "forwards_to": ["b@x.org"]}, status
    )
    assert "That's not a user (ann@example.org)." in message_of(
        "That's not a user (ann@example.org).", "miab_user", USER
    )
    assert "You are not an administrator." in message_of("You are not an administrator.", "miab_user", USER, 401)


def test_of_answers_to_backup_credentials_only_known_messages_are_shown() -> None:
    for words, shown in (("Enter an S3 bucket name.", True), (BUCKET["target"], True), ("2BdroWqZ", False)):
        assert (
            words in message_of(json.dumps(words), "miab_backup_config", BUCKET, 200).partition("'calls'")[0]
        ) is shown


def test_every_refusal_that_was_recorded_is_a_known_sentence() -> None:
    known = {"/mail/users/add": users, "/mail/users/password": users, "/mfa/totp/enable": mfa}
    steps = yaml.safe_load((DATA / "scenario.yml").read_text(encoding="utf-8"))
    seen = 0
    for path in (DATA / "recordings").glob("*.json"):
        recorded = json.loads(path.read_text(encoding="utf-8"))
        for step in steps:
            reported = recorded.get(step["id"], {})
            if step.get("method") == "POST" and step.get("path") in known and reported.get("status") == 400:
                form = {key: str(value) for key, value in step["form"].items()}
                secret = tuple({"password", "secret"} & set(form))
                call = Call(
                    "POST", step["path"], form, secret=secret, known_messages=known[step["path"]]._KNOWN_MESSAGES
                )
                assert call.quotable(reported["body"]) == reported["body"]
                seen += 1
    assert seen > 40


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("pass", "user_password: 'pass': passwords", "user_password: '********': passwords"),
        ("admin", "You are not an administrator.", "You are not an administrator."),
        ("admin", "the password is admin.", "the password is ********."),
        ("!a", "x!a!b", "x********!b"),
        ("e", ["e", {"key": "here"}], ["********", {"key": "here"}]),
        # A box accepts passwords of this length.
        ("password", "user_password", "user_********"),
    ],
)
def test_a_short_secret_is_masked_as_a_word(secret: str, text: Any, shown: Any) -> None:
    assert secrets.masked(text, {secret}) == shown
