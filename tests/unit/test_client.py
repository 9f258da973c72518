# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client: authentication, repeated requests, and the interpretation of answers."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pyotp
import pytest
import requests
from requests.adapters import BaseAdapter

from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection, admin_url
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import (
    Call,
    CurrentTime,
    LogIn,
    LogOut,
    Outage,
    PasswordProof,
    Read,
    ServedCertificate,
    Wait,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import DNS_ZONES
from ansible_collections.mailinabox.admin.plugins.module_utils._values import errors
from tests.tasks import CONNECTION, Clock

SECRET = "JBSWY3DPEHPK3PXP" * 2
OPTIONS = {**CONNECTION, "username": "Me@box.example.com"}
WRITE = Call("POST", "/mail/users/add", {"email": "ann@example.org"})


CHANGE_OWN = Call(
    "POST",
    "/mail/users/password",
    {"email": "me@box.example.com", "password": "new-password"},
    password_of="me@box.example.com",
)
ME = "me@box.example.com"
ENABLE = Call("POST", "/mfa/totp/enable", {"secret": SECRET, "label": "phone"}, mfa_of=ME)
DISABLE = Call("POST", "/mfa/disable", {"user": ME, "mfa-id": "1"}, mfa_of=ME)
LOST = requests.ConnectionError(ConnectionResetError(104, "reset"))


class Answer:
    """The answer of the scripted server to one request."""

    def __init__(self, status: int = 200, body: Any = "OK", reason: str = "", **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, str) else json.dumps(body)
        self.headers = {"Content-Type": "text/html" if isinstance(body, str) else "application/json", **headers}
        if reason:
            self.headers["X-Reason"] = reason

    def __repr__(self) -> str:
        return f"Answer({self.status})"


class Script(BaseAdapter):
    """Answers requests from a list, and records the requests with their credentials."""

    def __init__(self, *steps: Answer | Exception) -> None:
        super().__init__()
        self.steps = list(steps)
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Any] = []
        self.bodies: list[Any] = []
        self.verify: list[Any] = []
        self.timeouts: list[Any] = []

    def send(self, request: Any, **options: Any) -> requests.Response:
        self.asked.append((request.method, request.path_url.removeprefix("/admin")))
        self.headers.append(request.headers)
        self.bodies.append(request.body)
        self.verify.append(options["verify"])
        self.timeouts.append(options["timeout"])
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        response = requests.Response()
        response.status_code = step.status
        response.headers.update(step.headers)
        response._content = step.body.encode()
        response.url = request.url
        response.request = request
        return response

    def close(self) -> None:
        pass

    def credentials(self) -> list[str]:
        return [base64.b64decode(headers["Authorization"].partition(" ")[2]).decode() for headers in self.headers]


def scripted(script: Script, options: dict[str, Any], sleep: Any, now: Any) -> Client:
    """A client whose connection is scripted."""
    connection = Connection.from_options({**OPTIONS, **options})
    session = requests.Session()
    session.mount("https://", script)
    return Client(connection, sleep, now, idle={(connection.url, connection.verify): session})


def codes_at(*moments: int) -> list[str]:
    return [pyotp.TOTP(SECRET).at(moment) for moment in moments]


@pytest.fixture
def talk() -> Iterator[Callable[..., tuple[Client, Script, list[float]]]]:
    waits: list[tuple[list[float], list[float]]] = []

    def start(*steps: Answer | Exception, now: float = 1000.0, **options: Any) -> tuple[Client, Script, list[float]]:
        script, slept = Script(*steps), []
        client = scripted(script, options, sleep=slept.append, now=lambda: now)
        reply: list[float] = []
        client.on_wait = lambda seconds, _why: reply.append(seconds)
        waits.append((slept, reply))
        return client, script, slept

    yield start
    # Each wait is reported.
    for slept, reply in waits:
        assert reply == slept


Talk = Callable[..., tuple[Client, Script, list[float]]]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("box.example.com", "https://box.example.com/admin"),
        ("box.example.com:8443", "https://box.example.com:8443/admin"),
        ("https://box.example.com", "https://box.example.com/admin"),
        ("https://Box.example.com:8443/admin/", "https://box.example.com:8443/admin"),
        ("box.example.com:443", "https://box.example.com/admin"),
        ("Box.Example.Com.", "https://box.example.com/admin"),
        ("BOX.example.com.:443", "https://box.example.com/admin"),
        ("http://127.0.0.1:80", "http://127.0.0.1/admin"),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443/admin"),
        ("[2001:DB8:0::1]:443", "https://[2001:db8::1]/admin"),
        ("http://127.0.0.1:10222", "http://127.0.0.1:10222/admin"),
        ("http://localhost", "http://localhost/admin"),
        ("http://[::1]:1", "http://[::1]:1/admin"),
    ],
)
def test_host(host: str, url: str) -> None:
    assert admin_url(host) == url


@pytest.mark.parametrize(
    "host",
    [
        *("", " ", "a b", "box\n.example.com", "box.example.com:port", "box.example.com:99999"),
        *("http://box.example.com", "ftp://box.example.com"),
        *("box.example.com/mail", "box.example.com?x", "https://box.example.com/#x"),
    ],
)
def test_no_host(host: str) -> None:
    with pytest.raises(errors.InvalidOption, match=r"^host: "):
        admin_url(host)


def test_credentials_in_the_host_are_not_repeated() -> None:
    with pytest.raises(errors.InvalidOption) as caught:
        admin_url("https://me:s3cret@box.example.com")
    assert "s3cret" not in str(caught.value.as_failure())


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"password": "pässword"}, "password"),
        ({"password": ""}, "password"),
        ({"api_key": "a\nb"}, "api_key"),
        ({"username": ""}, "username"),
        ({"username": "me:you"}, "username"),
        ({"timeout": 0}, "timeout"),
        ({"ca_path": "/no/such/file"}, "ca_path"),
    ],
)
def test_bad_connection(options: dict[str, Any], option: str) -> None:
    with pytest.raises(errors.InvalidOption) as caught:
        Connection.from_options({**OPTIONS, **options})
    assert caught.value.details["option"] == option


def test_credentials_are_sent_at_once_and_verified_with_each_request(talk: Talk, tmp_path: Path) -> None:
    client, script, _slept = talk(Answer(body=["example.org"]), Answer(), ca_path=str(tmp_path))
    with client:
        assert client.ask(DNS_ZONES) == ("example.org",)
        assert client.send(WRITE) == "OK"
    assert script.credentials() == ["me@box.example.com:adminpass123"] * 2
    assert script.verify == [str(tmp_path)] * 2
    assert (client.reads, client.writes) == (1, 1)


def test_a_key_takes_precedence_over_a_password(talk: Talk) -> None:
    client, script, _slept = talk(Answer(body=[]), api_key="key", totp_secret=SECRET)
    with client:
        client.ask(DNS_ZONES)
    assert script.credentials() == ["me@box.example.com:key"]


PASSING = [
    requests.ConnectionError(ConnectionRefusedError(111, "Connection refused")),
    requests.ConnectionError(ConnectionResetError(104, "Connection reset by peer")),
    requests.exceptions.ChunkedEncodingError("cut"),
    Answer(502),
    Answer(503),
    Answer(504),
]


@pytest.mark.parametrize("failure", PASSING, ids=repr)
def test_a_read_is_asked_again_three_times(talk: Talk, failure: Any) -> None:
    client, script, slept = talk(failure, failure, failure, Answer(body=["example.org"]))
    with client:
        assert client.ask(DNS_ZONES) == ("example.org",)
    assert slept == [0.5, 1.0, 2.0]
    assert client.reads == 4
    client, script, slept = talk(*[failure] * 4)
    with client, pytest.raises(errors.BoxError):
        client.ask(DNS_ZONES)
    assert len(script.asked) == 4


FINAL = [
    (
        requests.ConnectionError(socket.gaierror(-2, "Name or service not known")),
        errors.ConnectionFailed,
        "can't be resolved",
    ),
    (requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")), errors.ConnectionFailed, "ca_path"),
    (requests.exceptions.ReadTimeout("timed out"), errors.ConnectionFailed, "longer than timeout, which is 120 s"),
    (Answer(401, "", "Incorrect email address or password."), errors.AuthenticationFailed, "Check username"),
    (Answer(401, "", "missing-totp-token"), errors.AuthenticationFailed, "totp_secret"),
    (Answer(401, "", "You are not an administrator."), errors.AuthenticationFailed, "Only an administrator"),
    (
        Answer(403, "no"),
        errors.AuthenticationFailed,
        "the box https://box.example.com rejected the credentials of me@box.example.com: no",
    ),
    (
        Answer(301, "", Location="https://other.example/?token=x"),
        errors.UnexpectedAnswer,
        r"redirects to https://other\.example/\.",
    ),
    (Answer(404), errors.UnexpectedAnswer, "every Mail-in-a-Box does"),
    (Answer(400, "Bad Input"), errors.Refused, "refused the request: Bad Input"),
    (Answer(500, "<html>"), errors.UnexpectedAnswer, "500"),
    (Answer(200, "<!DOCTYPE html><html></html>"), errors.UnexpectedAnswer, "Check that host is a Mail-in-a-Box"),
    (Answer(200, "OK"), errors.UnexpectedAnswer, "expected JSON"),
    (Answer(200, {"zones": []}), errors.UnexpectedAnswer, "unexpected format"),
    (Answer(200, [1]), errors.UnexpectedAnswer, "unexpected format"),
    (Answer(200, "[", **{"Content-Type": "application/json"}), errors.UnexpectedAnswer, "not valid JSON"),
    (Answer(200, "[" * 200_000, **{"Content-Type": "application/json"}), errors.UnexpectedAnswer, "nested too deeply"),
    (
        Answer(200, "[" * 60 + "]" * 60, **{"Content-Type": "application/json"}),
        errors.UnexpectedAnswer,
        "nested too deeply",
    ),
]


def test_only_certificate_errors_say_that_no_credentials_were_sent(talk: Talk) -> None:
    client, _script, _slept = talk(*[requests.exceptions.SSLError(ssl.SSLEOFError("eof"))] * 4)
    with client, pytest.raises(errors.ConnectionFailed) as caught:
        client.ask(DNS_ZONES)
    assert "No credentials were sent" not in caught.value.message


@pytest.mark.parametrize(("step", "error", "words"), FINAL)
def test_errors_after_which_a_read_is_not_repeated(talk: Talk, step: Any, error: type[Exception], words: str) -> None:
    client, script, slept = talk(step)
    with client, pytest.raises(error, match="(?i)" + words):
        client.ask(DNS_ZONES)
    assert len(script.asked) == 1
    assert slept == []


@pytest.mark.parametrize("question", [LogIn(), LogOut()])
def test_a_login_rejects_json_that_is_nested_too_deeply(talk: Talk, question: Any) -> None:
    deep = Answer(200, "[" * 200_000, **{"Content-Type": "application/json"})
    client, _script, _slept = talk(deep, **({"api_key": "own-key"} if isinstance(question, LogOut) else {}))
    with client, pytest.raises(errors.UnexpectedAnswer, match="nested too deeply"):
        client.ask(question)


_WRONG = (None, 5, True, [], {}, [["admin"]], "\u20ac")


@pytest.mark.parametrize("path", ["/login", "/me"])
@pytest.mark.parametrize(
    "reply",
    [
        *({"status": "ok", "api_key": "key", "privileges": value} for value in _WRONG if value != []),
        *({"status": "ok", "api_key": value, "privileges": ["admin"]} for value in _WRONG if value is not None),
        *({"status": value} for value in _WRONG if not isinstance(value, str)),
        *({"status": "invalid", "reason": value} for value in _WRONG if not (value is None or isinstance(value, str))),
        *(value for value in _WRONG if value != {}),
    ],
    ids=repr,
)
def test_a_login_rejects_answers_of_the_wrong_shape(talk: Talk, path: str, reply: Any) -> None:
    steps = [Answer(200, json.dumps(reply), **{"Content-Type": "application/json"})]
    client, _script, _slept = talk(*([Answer(404)] if path == "/me" else []), *steps, totp_secret=SECRET)
    with client, pytest.raises(errors.UnexpectedAnswer, match="%s: unexpected answer to a login" % path):
        client.ask(DNS_ZONES)


def test_a_failed_write_tells_what_to_check(talk: Talk) -> None:
    client, _script, _slept = talk(Answer(500, "<html>"))
    with client, pytest.raises(errors.OutcomeUnknown, match=r"500 Internal Server Error\. Check the bucket\."):
        client.send(replace(WRITE, hint="Check the bucket."))


def test_an_answer_with_a_lone_surrogate_is_invalid(talk: Talk) -> None:
    half = Answer(200, r'["\ud800"]', **{"Content-Type": "application/json"})
    client, _script, _slept = talk(half)
    with client, pytest.raises(errors.UnexpectedAnswer, match="not valid JSON"):
        client.ask(DNS_ZONES)


def test_a_text_answer(talk: Talk) -> None:
    read = Read("version", "/system/version", str, json=False)
    client, _script, _slept = talk(Answer(body="v75"), Answer(body="<html>"))
    with client:
        assert client.ask(read) == "v75"
        with pytest.raises(errors.UnexpectedAnswer):
            client.ask(read)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (requests.ConnectionError(ConnectionRefusedError(111, "refused")), errors.ConnectionFailed),
        (requests.ConnectTimeout("slow"), errors.ConnectionFailed),
        (requests.exceptions.SSLError(ssl.SSLCertVerificationError("expired")), errors.ConnectionFailed),
        (requests.ConnectionError(ConnectionResetError(104, "reset")), errors.OutcomeUnknown),
        (requests.exceptions.SSLError(ssl.SSLEOFError("eof")), errors.OutcomeUnknown),
        (requests.exceptions.ReadTimeout("slow"), errors.OutcomeUnknown),
        (Answer(500, "<html>"), errors.OutcomeUnknown),
        (Answer(504), errors.OutcomeUnknown),
        (Answer(200, "<html>"), errors.OutcomeUnknown),
        (Answer(400, "User already exists."), errors.Refused),
        (Answer(401, "", "Invalid password."), errors.AuthenticationFailed),
        (Answer(302), errors.UnexpectedAnswer),
        (Answer(404), errors.Unsupported),
        (Answer(204), errors.UnexpectedAnswer),
    ],
)
def test_a_write_is_sent_once(talk: Talk, step: Any, error: type[Exception]) -> None:
    client, script, slept = talk(step)
    with client, pytest.raises(error):
        client.send(WRITE)
    assert len(script.asked) == client.writes == 1
    assert slept == []


def test_a_body_is_sent_as_it_is(talk: Talk) -> None:
    client, script, _slept = talk(Answer())
    with client:
        client.send(Call("PUT", "/dns/custom/www.example.org/TXT", body="a=b&c"))
    assert script.headers[0]["Content-Type"] == "text/plain"


OK = Answer(body={"status": "ok", "api_key": "key", "email": "me@box.example.com", "privileges": ["admin"]})
INVALID = Answer(body={"status": "invalid", "reason": "invalid-totp-token"})


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (None, "Check totp_secret, and the clocks of the box and of this machine"),
        ("yesterday", "Check totp_secret, and the clocks of the box and of this machine"),
        (-20, "Check totp_secret. The clocks of the box and of this machine agree"),
        (95, "The clock of the box is 95 seconds ahead of that of this machine"),
        (-3600, "The clock of the box is 3600 seconds behind that of this machine"),
    ],
)
@pytest.mark.parametrize("question", ["a read", "a write"])
def test_a_refused_code_compares_the_clocks(talk: Talk, ahead: Any, words: str, question: str) -> None:
    now = 1_800_000_000
    date = {"Date": formatdate(now + ahead, usegmt=True) if isinstance(ahead, int) else ahead} if ahead else {}
    invalid = [Answer(body={"status": "invalid", "reason": "invalid-totp-token"}, **date)] * 3
    bad_code = [OK, Answer(400, "Invalid token.", **date), Answer(body={"status": "ok"})]
    client, _script, _slept = talk(*(invalid if question == "a read" else bad_code), totp_secret=SECRET, now=now)
    with client, pytest.raises(errors.BoxError) as caught:
        client.ask(DNS_ZONES) if question == "a read" else client.send(WRITE)
    # Without a Date header, only the box's message is known.
    assert (words in caught.value.message) == (question == "a read" or isinstance(ahead, int))


NO_MFA_CODE = Answer(body={"status": "missing-totp-token", "reason": "missing-totp-token"})


def test_a_code_becomes_a_session_that_is_ended_even_after_an_error(talk: Talk) -> None:
    client, script, _slept = talk(OK, Answer(body=[]), Answer(500), Answer(body={"status": "ok"}), totp_secret=SECRET)
    with client:
        client.ask(DNS_ZONES)
        with pytest.raises(errors.OutcomeUnknown):
            client.send(WRITE)
    assert [path for _method, path in script.asked] == ["/login", "/dns/zones", "/mail/users/add", "/logout"]
    assert script.credentials() == ["me@box.example.com:adminpass123", *["me@box.example.com:key"] * 3]
    assert script.headers[0]["x-auth-token"] == "330901"
    assert all("x-auth-token" not in headers for headers in script.headers[1:])


def test_old_boxes_have_no_session_to_end(talk: Talk) -> None:
    client, script, _slept = talk(Answer(404), OK, Answer(body=[]), totp_secret=SECRET)
    with client:
        client.ask(DNS_ZONES)
    assert script.asked == [("POST", "/login"), ("GET", "/me"), ("GET", "/dns/zones")]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(401, "", "Invalid password."),
            "GET /me: the box .* rejected the credentials of me@",
        ),
        (
            Answer(body={"status": "invalid", "reason": "Invalid password."}),
            "GET /me: the box .* rejected the credentials of me@",
        ),
        (
            Answer(body={"status": "ok", "api_key": "key", "privileges": []}),
            "GET /me: the box .* rejected the credentials of me@",
        ),
        (Answer(500), "GET /me: the box answered 500"),
        (Answer(body={}), "GET /me: unexpected answer"),
    ],
)
def test_an_error_of_an_old_box_names_the_request(talk: Talk, answer: Answer, words: str) -> None:
    client, script, _slept = talk(Answer(404), answer, totp_secret=SECRET)
    with client, pytest.raises(errors.BoxError, match="^" + words):
        client.ask(DNS_ZONES)
    assert script.asked == [("POST", "/login"), ("GET", "/me")]


def test_a_used_code_is_followed_by_the_next(talk: Talk) -> None:
    client, script, slept = talk(INVALID, OK, Answer(body=[]), Answer(), totp_secret=SECRET, now=1010.0)
    with client:
        client.ask(DNS_ZONES)
    assert slept == []
    assert script.asked[:2] == [("POST", "/login")] * 2
    assert [headers["x-auth-token"] for headers in script.headers[:2]] == codes_at(1010, 1040)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([INVALID] * 3, "clocks of the box and of this machine"),
        ([Answer(body={"status": "invalid", "reason": "Incorrect email address or password."})], "Check username"),
    ],
)
def test_a_rejected_login_needs_no_logout(talk: Talk, steps: Sequence[Answer], words: str) -> None:
    client, script, _slept = talk(*steps, totp_secret=SECRET)
    with client, pytest.raises(errors.AuthenticationFailed, match=words):
        client.ask(DNS_ZONES)
    assert {path for _method, path in script.asked} == {"/login"}


def test_an_invalid_secret_is_not_quoted(talk: Talk) -> None:
    client, script, _slept = talk(totp_secret="not base32!")
    with client, pytest.raises(errors.InvalidOption, match="base32") as caught:
        client.ask(DNS_ZONES)
    assert "not base32!" not in str(caught.value)
    assert script.asked == []


def test_an_unreachable_box_is_not_logged_out_of(talk: Talk) -> None:
    gone = requests.ConnectionError("gone")
    client, script, _slept = talk(OK, Answer(body=[]), gone, gone, gone, gone, totp_secret=SECRET)
    with client:
        client.ask(DNS_ZONES)
    assert script.asked[-1] == ("POST", "/logout")


def test_a_lost_logout_is_repeated(talk: Talk) -> None:
    client, script, _slept = talk(OK, Answer(body=[]), LOST, Answer(), totp_secret=SECRET)
    with client:
        client.ask(DNS_ZONES)
    assert script.asked[-2:] == [("POST", "/logout")] * 2


ANN = PasswordProof("ann@example.org", "password-1")
BOB = PasswordProof("bob@example.org", "password-1", admin=True)


@pytest.mark.parametrize(
    ("proof", "steps", "proved"),
    [
        (ANN, [Answer(401, "", "You are not an administrator.")], True),
        (ANN, [Answer(200)], True),
        (ANN, [Answer(401, "", "missing-totp-token")], True),
        (ANN, [Answer(401, "", "Incorrect email address or password.")], False),
        (ANN, [Answer(401, "", "Invalid password.")], False),
        (BOB, [OK, Answer(body={"status": "ok"})], True),
        (BOB, [NO_MFA_CODE], True),
        (BOB, [Answer(body={"status": "invalid", "reason": "Incorrect email address or password."})], False),
        (BOB, [Answer(404), OK], True),
        (BOB, [Answer(404), Answer(body={"status": "invalid", "reason": "Invalid password."})], False),
        (PasswordProof("me@box.example.com", "adminpass123", admin=True), [], True),
        (PasswordProof("me@box.example.com", "another", admin=True), [], False),
    ],
)
def test_proofs(talk: Talk, proof: PasswordProof, steps: Sequence[Answer], proved: bool) -> None:
    client, script, _slept = talk(*steps)
    with client:
        assert client.ask(proof) is proved
    assert script.steps == []
    assert set(script.credentials()) <= {proof.email + ":" + proof.password, proof.email + ":key"}


def test_changing_the_password_of_the_run_with_a_key_requires_the_password(talk: Talk) -> None:
    client, script, _slept = talk(OK, Answer(body={"status": "ok"}), api_key="own-key")
    with client:
        assert client.ask(PasswordProof("me@box.example.com", "adminpass123", admin=True)) is True
    assert script.asked == [("POST", "/login"), ("POST", "/logout")]


def test_a_new_password_of_the_run_is_used_from_then_on(talk: Talk) -> None:
    client, script, _slept = talk(Answer(), Answer(body=[]))
    with client:
        client.send(CHANGE_OWN)
        client.ask(DNS_ZONES)
        assert client.ask(PasswordProof("me@box.example.com", "new-password", admin=True)) is True
    assert script.credentials() == ["me@box.example.com:adminpass123", "me@box.example.com:new-password"]


@pytest.mark.parametrize("call", [CHANGE_OWN, DISABLE], ids=["password", "mfa"])
def test_calls_that_end_our_sessions_are_sent_without_one(talk: Talk, call: Call) -> None:
    answers = (OK, Answer(body=[]), Answer(), Answer(), OK, Answer(body=[]), Answer())
    client, script, slept = talk(*answers, now=1010.0, totp_secret=SECRET)
    with client:
        client.ask(DNS_ZONES)
        client.send(call)
        client.ask(DNS_ZONES)
    assert [path for _method, path in script.asked] == [
        *("/login", "/dns/zones", "/logout"),
        call.path,
        *("/login", "/dns/zones", "/logout"),
    ]
    changed = "new-password" if call is CHANGE_OWN else "adminpass123"
    assert script.credentials()[3:5] == [ME + ":adminpass123", ME + ":" + changed]
    # No code is used twice, and no time is lost: a box also accepts the next and the previous code.
    assert slept == []
    codes = [script.headers[number]["x-auth-token"] for number in (0, 3, 4)]
    assert codes == codes_at(1010, 1040, 980)


def test_a_code_that_somebody_else_used_is_followed_by_another(talk: Talk) -> None:
    refused = Answer(401, "no", "invalid-totp-token")
    client, script, _slept = talk(refused, Answer(), OK, Answer(body=[]), Answer(), totp_secret=SECRET)
    with client:
        client.send(DISABLE)
        client.ask(DNS_ZONES)
    assert [path for _method, path in script.asked][:3] == ["/mfa/disable", "/mfa/disable", "/login"]


def test_a_client_that_has_used_all_codes_waits_for_the_next() -> None:
    clock = Clock(1010.0)
    script = Script(*[INVALID] * 3, OK)
    client = scripted(script, {"totp_secret": SECRET}, clock.sleep, clock.now)
    reply: list[tuple[float, str]] = []
    client.on_wait = lambda seconds, why: reply.append((seconds, why))
    with pytest.raises(errors.AuthenticationFailed):
        client.ask(LogIn())
    client.ask(LogIn())
    assert clock.slept == [10.0]
    assert reply == [(10.0, "a one-time code works once")]
    assert [headers["x-auth-token"] for headers in script.headers] == codes_at(1010, 1040, 980, 1070)


def test_new_codes_of_the_run_are_verified_and_used_from_then_on(talk: Talk) -> None:
    client, script, _slept = talk(Answer(), OK, Answer(body=[]), Answer())
    with client:
        client.send(ENABLE)
        client.ask(DNS_ZONES)
    assert [path for _method, path in script.asked] == ["/mfa/totp/enable", "/login", "/dns/zones", "/logout"]
    assert script.bodies[0] == "secret=%s&label=phone&token=330901" % SECRET
    assert script.headers[1]["x-auth-token"] == "330901"
    assert script.credentials() == [*[ME + ":adminpass123"] * 2, *[ME + ":key"] * 2]


def test_new_codes_of_the_run_are_used_even_if_the_answer_was_lost(talk: Talk) -> None:
    for step in (LOST, Answer(504)):
        client, script, _slept = talk(step, OK, Answer(body=[]), Answer())
        with client:
            with pytest.raises(errors.OutcomeUnknown):
                client.send(ENABLE)
            client.ask(DNS_ZONES)
        assert [path for _method, path in script.asked][1:] == ["/login", "/dns/zones", "/logout"]


def test_codes_that_were_refused_are_not_used(talk: Talk) -> None:
    client, script, _slept = talk(Answer(400, "Invalid token."), Answer(body=[]))
    with client:
        with pytest.raises(errors.Refused, match=r"Invalid token\."):
            client.send(ENABLE)
        client.ask(DNS_ZONES)
    assert script.credentials() == [ME + ":adminpass123"] * 2


@pytest.mark.parametrize(
    ("log_in", "paths", "credentials"),
    [
        (
            [OK, Answer()],
            ["/login", "/logout", "/logout", "/mfa/disable", "/dns/zones"],
            ["adminpass123", "key", "own-key", "adminpass123", "adminpass123"],
        ),
        # The account has MFA, and there is only the key.
        (
            [Answer(body={"status": "missing-totp-token"})],
            ["/login", "/mfa/disable", "/dns/zones"],
            ["adminpass123", "own-key", "adminpass123"],
        ),
    ],
    ids=["without-mfa", "with-mfa"],
)
def test_the_password_replaces_the_key_when_codes_change(
    talk: Talk, log_in: Sequence[Answer], paths: Sequence[str], credentials: Sequence[str]
) -> None:
    logged_out = [Answer()] * paths[len(log_in) :].count("/logout")
    client, script, _slept = talk(*log_in, *logged_out, Answer(), Answer(body=[]), api_key="own-key")
    with client:
        client.send(DISABLE)
        client.ask(DNS_ZONES)
    assert [path for _method, path in script.asked] == paths
    assert script.credentials() == [ME + ":" + secret for secret in credentials]


def test_a_key_without_a_password_is_used_until_it_expires(talk: Talk) -> None:
    client, script, _slept = talk(Answer(), api_key="own-key", password=None)
    with client:
        client.send(DISABLE)
    assert script.asked == [("POST", "/mfa/disable")]


def test_codes_of_other_users_do_not_affect_the_run(talk: Talk) -> None:
    other = Call("POST", "/mfa/disable", {"user": "bob@example.org"}, mfa_of="bob@example.org")
    client, script, _slept = talk(OK, Answer(), Answer(body=[]), Answer(), totp_secret=SECRET)
    with client:
        client.send(other)
        client.ask(DNS_ZONES)
    assert [path for _method, path in script.asked] == ["/login", "/mfa/disable", "/dns/zones", "/logout"]


@pytest.mark.parametrize(
    ("steps", "options", "paths"),
    [
        ([OK], {}, ["/login"]),
        ([OK], {"totp_secret": SECRET}, ["/login"]),
        ([INVALID, OK], {"totp_secret": SECRET}, ["/login", "/login"]),
        ([Answer(404), OK], {}, ["/login", "/me"]),
    ],
)
def test_a_session_for_others_stays_open(
    talk: Talk, steps: Sequence[Answer], options: dict[str, str], paths: list[str]
) -> None:
    client, script, _slept = talk(*steps, **options)
    with client:
        assert client.ask(LogIn()) == "key"
    assert [path for _method, path in script.asked] == paths
    assert set(script.credentials()) == {ME + ":adminpass123"}
    assert all(("x-auth-token" in headers) == bool(options) for headers in script.headers)


NO_ADMIN = Answer(body={"status": "ok", "api_key": "key", "email": ME, "privileges": []})
NO_ADMIN_OF_OLD = Answer(body={"status": "ok", "email": ME, "privileges": []})


@pytest.mark.parametrize(
    ("steps", "error", "words"),
    [
        ([NO_MFA_CODE], errors.AuthenticationFailed, "set totp_secret"),
        ([NO_ADMIN, Answer()], errors.AuthenticationFailed, "Only an administrator"),
        ([Answer(404), NO_ADMIN_OF_OLD], errors.AuthenticationFailed, "Only an administrator"),
        ([Answer(body={"status": "ok"})], errors.UnexpectedAnswer, "unexpected answer"),
        ([Answer(body=[])], errors.UnexpectedAnswer, "unexpected answer"),
    ],
)
def test_no_session(talk: Talk, steps: Sequence[Answer], error: type[Exception], words: str) -> None:
    client, script, _slept = talk(*steps)
    with client, pytest.raises(error, match=words):
        client.ask(LogIn())
    assert script.steps == []


@pytest.mark.parametrize(("step", "ended"), [(Answer(body={"status": "ok"}), True), (Answer(404, "<html>"), False)])
def test_logging_out(talk: Talk, step: Answer, ended: bool) -> None:
    client, script, _slept = talk(step, api_key="own-key")
    with client:
        assert client.ask(LogOut()) is ended
    assert script.asked == [("POST", "/logout")]
    assert script.credentials() == [ME + ":own-key"]


@pytest.mark.parametrize("step", [Answer(200, "<html>"), Answer(500, "<html>"), Answer(body=[])])
def test_no_box_to_log_out_from(talk: Talk, step: Answer) -> None:
    client, _script, _slept = talk(step, api_key="own-key")
    with client, pytest.raises(errors.UnexpectedAnswer):
        client.ask(LogOut())


def test_the_time(talk: Talk) -> None:
    client, script, _slept = talk(now=1000.5)
    with client:
        assert client.ask(CurrentTime()) == 1000.5
    assert script.asked == []


def test_a_certificate_is_seen_over_tls_only(talk: Talk) -> None:
    client, _script, _slept = talk(host="http://localhost")
    with client, pytest.raises(errors.InvalidOption, match=r"^host: "):
        client.ask(ServedCertificate("example.org"))


def test_a_closed_port_has_no_certificate(talk: Talk) -> None:
    client, script, slept = talk(host="127.0.0.1:1")
    with client, pytest.raises(errors.ConnectionFailed, match="refused"):
        client.ask(ServedCertificate("example.org"))
    assert slept == [0.5, 1.0, 2.0]
    assert client.reads == 4
    assert script.asked == []


@pytest.mark.parametrize(
    ("seconds", "comes_after", "waited"), [(60, 0, 0), (60, 3, 1.75), (60, 6, 13.75), (7, 99, 7), (0, 99, 0)]
)
def test_waiting(seconds: float, comes_after: int, waited: float) -> None:
    time = [1000.0]
    script = Script(*[Answer(body=False)] * comes_after, Answer(body=True))
    client = scripted(script, {}, sleep=lambda pause: time.append(time[-1] + pause), now=lambda: time[-1])
    wait = Wait(Read("ready", "/ready", bool), seconds, "it to be ready", option="wait")
    with client:
        if comes_after < 99:
            client.wait_for(wait)
            assert script.steps == []
        else:
            with pytest.raises(
                errors.TimedOut, match="^wait: waited %g s without success for it to be ready" % seconds
            ):
                client.wait_for(wait)
    assert time[-1] - 1000 == waited


def test_reasons_for_waiting_are_reported(talk: Talk) -> None:
    reply: list[tuple[float, str]] = []

    def heard(*steps: Any, **options: Any) -> Client:
        reply.clear()
        client, _script, _slept = talk(*steps, **options)
        report = client.on_wait
        client.on_wait = lambda seconds, why: (reply.append((seconds, why)), report(seconds, why))
        return client

    with heard(DUE, OVER) as client:
        client.wait_for(Wait(BACK, 60, "it to be ready", option="wait"))
    assert reply == [(0.25, "the call needs it to be ready")]
    with heard(OVER) as client:
        client.wait_for_restart(OUTAGE)
    assert reply == [(0.25, "the box isn't back yet")]
    with heard(Answer(502), Answer(body=[])) as client:
        client.ask(DNS_ZONES)
    assert reply == [(0.5, "the box didn't answer")]


def test_a_wait_for_the_login_limit_is_reported_before_it_begins() -> None:
    time, reply = [1000.0], []
    script = Script(*[Answer(401, "", "Incorrect email address or password.")] * 11)
    client = scripted(script, {}, sleep=lambda pause: time.append(time[-1] + pause), now=lambda: time[-1])
    client.on_wait = lambda seconds, why: reply.append((round(seconds), why))
    with client:
        for number in range(11):
            assert client.ask(PasswordProof("user-%d@example.org" % number, "password-1")) is False
    assert reply == [(30, "the box bans an address after too many failed logins")]


BACK = Read("back", "/system/reboot", lambda required: required is False)
OUTAGE = Outage(BACK, 60, "reboot_timeout")
DUE, OVER = Answer(body=True), Answer(body=False)
REFUSED = requests.ConnectionError(ConnectionRefusedError(111, "refused"))
FORGOTTEN = Answer(401, "", "Incorrect email address or password.")


def test_a_box_is_back_when_it_says_so(talk: Talk) -> None:
    # The answers while the box restarts: shutting down, down, only the proxy up, not ready yet, and back.
    steps = [DUE, REFUSED, requests.ReadTimeout("slow"), Answer(502), Answer(200, "<html>"), Answer(body=[]), OVER]
    client, script, slept = talk(*steps)
    with client:
        client.wait_for_restart(OUTAGE)
    assert slept == [0.25, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0]
    assert {path for _method, path in script.asked} == {"/system/reboot"}
    assert client.reads == 7


def test_a_box_that_does_not_come_back_in_time() -> None:
    slept: list[float] = []
    client = scripted(Script(*[REFUSED] * 20), {}, sleep=slept.append, now=lambda: sum(slept))
    with client, pytest.raises(errors.TimedOut, match=r"reboot_timeout: the box is not back after 60 s\."):
        client.wait_for_restart(OUTAGE)
    assert 60 <= sum(slept) < 66


@pytest.mark.parametrize(
    ("options", "steps", "credentials"),
    [
        ({"api_key": "own-key"}, [FORGOTTEN, Answer(body=[])], ["own-key", "adminpass123"]),
        (
            {"api_key": "own-key", "totp_secret": SECRET},
            [FORGOTTEN, OK, Answer(body=[]), Answer()],
            ["own-key", "adminpass123", "key", "key"],
        ),
        ({"password": None, "api_key": "own-key"}, [FORGOTTEN, FORGOTTEN], ["own-key", "own-key"]),
    ],
)
def test_a_key_that_a_restart_ended(
    talk: Talk, options: dict[str, Any], steps: Sequence[Answer], credentials: list[str]
) -> None:
    client, script, _slept = talk(*steps, **options)
    with client:
        client.wait_for_restart(OUTAGE)
        assert client.signed_out == ("password" in options)
        if client.signed_out:
            with pytest.raises(errors.AuthenticationFailed):
                client.ask(DNS_ZONES)
        else:
            client.ask(DNS_ZONES)
    assert script.credentials() == [ME + ":" + secret for secret in credentials]


def test_a_session_that_a_restart_ended_is_followed_by_another(talk: Talk) -> None:
    client, script, _slept = talk(OK, Answer(), FORGOTTEN, OK, Answer(body=[]), Answer(), totp_secret=SECRET)
    with client:
        client.send(WRITE)
        client.wait_for_restart(OUTAGE)
        client.ask(DNS_ZONES)
    assert [path for _method, path in script.asked] == [
        *("/login", "/mail/users/add", "/system/reboot"),
        *("/login", "/dns/zones", "/logout"),
    ]


def test_a_write_can_have_a_longer_timeout(talk: Talk) -> None:
    client, script, _slept = talk(Answer(), Answer())
    with client:
        client.send(Call("POST", "/quick", seconds=10))
        client.send(Call("POST", "/slow", seconds=1800))
    assert script.timeouts == [120, 1800]


def test_an_error_of_a_handler_is_not_a_rejected_login(talk: Callable[..., tuple[Client, Script, list[float]]]) -> None:
    """power-mailinabox answers 401 to values that it can't parse, with the error as the reason."""
    error = Answer(401, "", reason="example.net is not a domain name that corresponds to a zone.")
    client, _script, _waits = talk(Answer(200, []), error, error)
    client.ask(DNS_ZONES)
    with pytest.raises(errors.UnexpectedAnswer, match=r"500 .*example\.net is not a domain name") as refusal:
        client.ask(DNS_ZONES)
    assert refusal.value.details["status"] == 500
    with pytest.raises(errors.OutcomeUnknown, match=r"500 .*example\.net is not a domain name"):
        client.send(WRITE)


@pytest.mark.parametrize(
    "reason",
    ["Incorrect email address or password.", "Invalid password.", "That's not a user (me@box.example.com)", ""],
)
def test_a_rejected_login_is_not_mistaken_for_a_handler_error(
    reason: str, talk: Callable[..., tuple[Client, Script, list[float]]]
) -> None:
    client, _script, _waits = talk(Answer(200, []), Answer(401, "", reason=reason))
    client.ask(DNS_ZONES)
    with pytest.raises(errors.AuthenticationFailed):
        client.ask(DNS_ZONES)


def test_credentials_that_were_never_accepted_are_not_good(
    talk: Callable[..., tuple[Client, Script, list[float]]],
) -> None:
    client, _script, _waits = talk(Answer(401, "", reason="some reason"))
    with pytest.raises(errors.AuthenticationFailed):
        client.ask(DNS_ZONES)
