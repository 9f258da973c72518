# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin API of a box over HTTP: the one user of requests."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Callable, Mapping, Optional, Union
from urllib.parse import urlsplit

try:
    import requests
except ImportError:
    # The doors say so in Ansible's own way, before a client is made.
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True

from ._errors import (
    AuthenticationFailed,
    ConnectionFailed,
    InvalidOption,
    MissingLibrary,
    OutcomeUnknown,
    Refused,
    TimedOut,
    UnexpectedAnswer,
    Unsupported,
)
from ._plan import BoxQuestion, Call, LogIn, LogOut, Moment, Outage, Proof, Read, Served, Wait

# How long to wait before a read is asked again: 3 times, as a box is back within seconds if at all.
_BACKOFF_SECONDS = (0.5, 1.0, 2.0)
_PASSING_STATUS = (502, 503, 504)
# How long to wait before a box that is away is asked whether it is back: ever longer, up to the last.
_POLL_SECONDS = (0.25, 0.5, 1.0, 2.0, 5.0)
_POLL_TIMEOUT = 10.0
_TOTP_SECONDS = 30
_PREFIX = "/admin"


@dataclass(frozen=True)
class Connection:
    """Where a box is and who is signed in there.

    :param url: ends in ``/admin``.
    :param verify: what ``requests`` takes: True for the CAs that the machine trusts, a file or folder of CAs, or False.
    :param timeout: seconds for one request.
    """

    url: str
    username: str
    password: Optional[str] = field(default=None, repr=False)
    api_key: Optional[str] = field(default=None, repr=False)
    totp_secret: Optional[str] = field(default=None, repr=False)
    verify: Union[bool, str] = True
    timeout: float = 120

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Connection:
        """The connection that a task's options declare.

        :raises InvalidOption: naming the option and the reason.
        """
        password, api_key = options["password"], options["api_key"]
        for option, secret in (("password", password), ("api_key", api_key)):
            if secret is not None and not (secret and secret.isascii() and secret.isprintable()):
                raise InvalidOption(option, "********", "a box takes printable ASCII only when somebody signs in")
        username = options["username"].strip()
        if not (username and username.isascii() and username.isprintable()) or ":" in username:
            raise InvalidOption(
                "username", options["username"], "the mail address of an administrator of the box is needed"
            )
        ca_path = options["ca_path"]
        if ca_path and options["validate_certs"] and not os.path.exists(ca_path):
            raise InvalidOption("ca_path", ca_path, "no such file or folder on the machine that runs the task")
        if not options["timeout"] > 0:
            raise InvalidOption("timeout", options["timeout"], "a number of seconds above 0 is needed")
        return cls(
            url=admin_url(options["host"]),
            username=username.lower(),
            password=password,
            api_key=api_key,
            totp_secret=options["totp_secret"],
            verify=(ca_path or True) if options["validate_certs"] else False,
            timeout=options["timeout"],
        )


def admin_url(host: str) -> str:
    """The URL of a box's admin API, from a name, a name with a port, or a URL.

    :raises InvalidOption: for anything else, and for plain http to another machine.
    """
    text = host.strip()
    try:
        parts = urlsplit(text if "://" in text else "https://" + text)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidOption("host", host, str(error)) from error
    if parts.scheme not in ("https", "http"):
        raise InvalidOption("host", host, "%s is no way to a box; it is https" % parts.scheme)
    if "@" in parts.netloc:
        raise InvalidOption("host", "********", "credentials don't belong in it; use username and password")
    if not name or any(character.isspace() for character in text) or parts.query or parts.fragment:
        raise InvalidOption("host", host, "a name, a name and a port, or a URL is needed")
    if parts.path.rstrip("/") not in ("", _PREFIX):
        raise InvalidOption("host", host, "the admin API of a box is at %s, and nowhere else" % _PREFIX)
    if parts.scheme == "http" and not _is_loopback(name):
        raise InvalidOption("host", host, "the password would cross the network unencrypted; use https")
    return "%s://%s%s%s" % (
        parts.scheme,
        "[%s]" % name if ":" in name else name,
        "" if port is None else ":%d" % port,
        _PREFIX,
    )


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Client:
    """A signed-in conversation with one box; a context manager, so that it always signs out.

    :param sleep: waits some seconds.
    :param now: the time in seconds since 1970, for one-time codes.
    """

    def __init__(
        self,
        connection: Connection,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.connection = connection
        self.reads = 0
        self.writes = 0
        self._sleep = sleep
        self._now = now
        self._session: Any = requests.Session()
        self._credentials = (connection.username, connection.api_key or connection.password or "")
        # The password that is known to be the own one; None if the run goes by a key.
        self._own_password = None if connection.api_key else connection.password
        self._totp_secret = connection.totp_secret
        self._signed_in = bool(connection.api_key or not connection.totp_secret)
        self._has_session = False
        # Whether the box forgot the key that the run goes by, and there is no password to go on with.
        self.signed_out = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            if self._has_session:
                self._log_out(self._credentials)
        finally:
            self._session.close()

    def ask(self, question: BoxQuestion) -> Any:
        """The value of a question.

        :raises BoxError: if the box can't be reached, refuses the credentials, or answers what no box answers.
        """
        if isinstance(question, Moment):
            return self._now()
        if isinstance(question, Served):
            return self._served(question.domain)
        if isinstance(question, LogIn):
            return self._begin_session()
        if isinstance(question, LogOut):
            return self._end_session()
        self._sign_in()
        if isinstance(question, Proof):
            return self._prove(question)
        return self._ask_box(question)

    def _ask_box(self, question: Read) -> Any:
        answer = self._read(question.method, question.path, form=question.form)
        self._check_signed_in(answer, question.method, question.path)
        if answer.status_code == 404:
            raise Unsupported(
                "%s %s: the box has no such thing; its version is too old or too new for it."
                % (question.method, question.path),
                path=question.path,
            )
        if answer.status_code == 400:
            raise Refused(_said(question.method, question.path, answer), path=question.path, text=_text(answer))
        if answer.status_code != 200:
            raise UnexpectedAnswer(
                _said(question.method, question.path, answer), path=question.path, status=answer.status_code
            )
        if question.json:
            return question.parse(_json(question.method, question.path, answer))
        _refuse_page(question.method, question.path, answer)
        return question.parse(answer.text)

    def send(self, call: Call) -> str:
        """Send a write, once, and return what the box says.

        :raises OutcomeUnknown: if the box may have stored it all the same.
        :raises BoxError: if it certainly has not.
        """
        self._sign_in()
        headers: dict[str, str] = {}
        data: dict[str, str] | bytes | None = None
        if call.form is not None:
            data = dict(call.form)
            if call.mfa_of is not None and "secret" in data:
                data["token"] = self._code(data["secret"], "secret")
        elif call.body is not None:
            headers["Content-Type"] = "text/plain"
            data = call.body.encode("ascii")
        self.writes += 1
        try:
            timeout = max(self.connection.timeout, call.seconds)
            answer = self._request(call.method, call.path, data, self._credentials, headers, timeout)
        except requests.RequestException as error:
            if _never_arrived(error):
                raise _no_connection(self.connection, error) from error
            self._sign_in_anew(call)
            raise OutcomeUnknown(
                "%s %s: the connection broke before the box answered (%s)." % (call.method, call.path, _reason(error)),
                None,
                path=call.path,
            ) from error
        self._check_signed_in(answer, call.method, call.path)
        if answer.status_code == 400:
            raise Refused(_said(call.method, call.path, answer), path=call.path, text=_text(answer))
        if answer.status_code == 404:
            raise Unsupported("%s %s: this box has no such thing." % (call.method, call.path), path=call.path)
        self._sign_in_anew(call)
        if answer.status_code >= 500:
            raise OutcomeUnknown(_said(call.method, call.path, answer), answer.status_code, path=call.path)
        if answer.status_code != 200:
            raise UnexpectedAnswer(_said(call.method, call.path, answer), path=call.path, status=answer.status_code)
        if _is_page(answer.text):
            raise OutcomeUnknown("%s %s: the answer is a web page." % (call.method, call.path), 200, path=call.path)
        if call.password_of is not None and call.form is not None:
            self._adopt(call.password_of, call.form["password"])
        return str(answer.text)

    def wait_for(self, wait: Wait) -> None:
        """Ask again and again until what a call needs has come.

        :raises TimedOut: if it doesn't come in time.
        """
        end = self._now() + wait.seconds
        delays = chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1]))
        while not self.ask(wait.over):
            left = end - self._now()
            if left <= 0:
                raise TimedOut(
                    "%s: waited %g s in vain for %s" % (wait.option, wait.seconds, wait.what),
                    option=wait.option,
                    value=wait.seconds,
                )
            self._sleep(min(left, next(delays)))

    def pause(self, seconds: float) -> None:
        """Give the box time to show what was written."""
        self._sleep(seconds)

    def outlast(self, outage: Outage) -> None:
        """Wait until the box is back, and go on with the password where a session has ended.

        :raises TimedOut: if that takes too long.
        """
        end = self._now() + outage.seconds
        delays = chain(_POLL_SECONDS, repeat(_POLL_SECONDS[-1]))
        self._sleep(next(delays))
        while not self._is_over(outage):
            if self._now() >= end:
                raise TimedOut(
                    "%s: the box isn't back after %g s. It may come yet; have a look at it, or allow it more time."
                    % (outage.option, outage.seconds),
                    option=outage.option,
                    value=outage.seconds,
                )
            self._sleep(next(delays))

    def _is_over(self, outage: Outage) -> bool:
        read = outage.over
        self.reads += 1
        timeout = min(self.connection.timeout, _POLL_TIMEOUT)
        try:
            answer = self._request(read.method, read.path, read.form, self._credentials, {}, timeout)
        except requests.RequestException:
            return False
        if answer.status_code == 401:
            # The key was good until now, so the box has forgotten it: that is a restart.
            self._forget_key()
            return True
        try:
            return answer.status_code == 200 and bool(read.parse(_json(read.method, read.path, answer)))
        except UnexpectedAnswer:
            return False

    def _forget_key(self) -> None:
        password = self._own_password or self.connection.password
        self._has_session = False
        self.signed_out = password is None
        if password is not None:
            self._credentials = (self.connection.username, password)
            self._signed_in = not self._totp_secret

    def _adopt(self, email: str, password: str) -> None:
        """Go on with a password that was just set, if it is the own one: it ended every session of its user."""
        if email != self.connection.username:
            return
        self._own_password = password
        self._credentials = (email, password)
        self._signed_in = not self._totp_secret
        self._has_session = False

    def _sign_in_anew(self, call: Call) -> None:
        """Go on without the session that a change of the own MFA ends, whether the box has made it or not.

        A box that asks for no code takes no notice of one.
        """
        if call.mfa_of != self.connection.username:
            return
        if call.form is not None and "secret" in call.form:
            self._totp_secret = call.form["secret"]
        if self.connection.password is not None:
            self._credentials = (self.connection.username, self.connection.password)
            self._signed_in = not self._totp_secret
            self._has_session = False

    def _sign_in(self) -> None:
        """Change a one-time code, which works once, into a key, which works for the rest of the run."""
        if self._signed_in:
            return
        key, is_session = self._new_key()
        self._credentials = (self.connection.username, key)
        self._signed_in = True
        self._has_session = is_session

    def _new_key(self) -> tuple[str, bool]:
        """A key in exchange for the password, and a code where one is needed; and whether it is a session to end.

        :raises AuthenticationFailed: if the box refuses, or the account is no administrator's.
        """
        credentials = (self.connection.username, self._own_password or self.connection.password or "")
        told, is_session = self._log_in(credentials, self._own_code())
        if told.get("reason") == "invalid-totp-token":
            # A code that was used a moment ago is refused like a wrong one; the next one isn't.
            self._sleep(_TOTP_SECONDS - self._now() % _TOTP_SECONDS)
            told, is_session = self._log_in(credentials, self._own_code())
        if told["status"] != "ok":
            raise _refused_credentials("POST", "/login", str(told.get("reason")))
        key = told.get("api_key")
        if "admin" not in told.get("privileges", ()) or not isinstance(key, str):
            if is_session:
                self._log_out((self.connection.username, str(key)))
            raise _refused_credentials("POST", "/login", "You are not an administrator.")
        return key, is_session

    def _begin_session(self) -> str:
        """A key for who comes after this run; no session of its own is left open."""
        key, _is_session = self._new_key()
        return key

    def _end_session(self) -> bool:
        """Whether the box ends the key that the run is signed in with; boxes that can't let it end by itself."""
        answer = self._read("POST", "/logout")
        if answer.status_code == 404:
            # v0.54 and older derive their key from the password.
            return False
        self._check_signed_in(answer, "POST", "/logout")
        if answer.status_code != 200 or not isinstance(_json("POST", "/logout", answer), dict):
            raise UnexpectedAnswer(_said("POST", "/logout", answer), path="/logout", status=answer.status_code)
        return True

    def _own_code(self) -> str:
        """A code for the own account, if there is a secret to make it of."""
        return self._code(self._totp_secret, "totp_secret") if self._totp_secret else ""

    def _code(self, secret: str, option: str) -> str:
        try:
            import pyotp
        except ImportError as error:
            raise MissingLibrary("pyotp", "by %s, to make one-time codes" % option) from error
        try:
            return str(pyotp.TOTP(secret).at(int(self._now())))
        except ValueError as error:
            raise InvalidOption(option, "********", "not the base32 text that authenticator apps take") from error

    def _log_in(self, credentials: tuple[str, str], code: str = "") -> tuple[dict[str, Any], bool]:
        """What the box says, ``{status, reason}`` or ``{status, api_key, privileges}``, and whether that is a session to end.

        It is asked once: a code works once, and a lost answer may leave a session behind.
        """
        headers = {"x-auth-token": code} if code else {}
        path, is_session = "/login", True
        answer = self._read("POST", path, credentials=credentials, headers=headers, delays=())
        if answer.status_code == 404:
            # v0.54 and older derive their key from the password; it can't be ended.
            path, is_session = "/me", False
            answer = self._read("GET", path, credentials=credentials, headers=headers, delays=())
        self._check_signed_in(answer, "POST", path)
        if answer.status_code != 200:
            raise UnexpectedAnswer(_said("POST", path, answer), path=path, status=answer.status_code)
        told = _json("POST", path, answer)
        # Older boxes give a key to administrators only.
        granted = {"privileges", "api_key"} if is_session else {"privileges"}
        if not isinstance(told, dict) or not (granted if told.get("status") == "ok" else {"status"}).issubset(told):
            raise UnexpectedAnswer("POST %s: not what a box answers to a log-in." % path, path=path)
        return told, is_session

    def _log_out(self, credentials: tuple[str, str]) -> None:
        try:
            self._read("POST", "/logout", credentials=credentials, delays=())
        except ConnectionFailed:
            # A box that is gone has forgotten its sessions, and the run's own outcome matters more.
            return

    def _prove(self, proof: Proof) -> bool:
        """Whether a user's password is this one. A wrong one counts as a failed login at the box, so it is asked once."""
        if proof.email == self.connection.username and self._own_password is not None:
            # It is what this run signed in with, so there is nothing to ask.
            return proof.password == self._own_password
        credentials = (proof.email, proof.password)
        if proof.admin:
            # Who may have MFA is asked here, where a missing code doesn't count as a failed login.
            told, is_session = self._log_in(credentials)
            if told["status"] == "ok" and is_session:
                self._log_out((proof.email, told["api_key"]))
            return told["status"] in ("ok", "missing-totp-token")
        answer = self._read("GET", "/mail/users", credentials=credentials)
        if answer.status_code == 200 or _x_reason(answer) in ("You are not an administrator.", "missing-totp-token"):
            return True
        if answer.status_code == 401:
            return False
        raise UnexpectedAnswer(_said("GET", "/mail/users", answer), path="/mail/users", status=answer.status_code)

    def _served(self, domain: str) -> bytes:
        """The certificate (DER) that the box shows to who asks for a domain.

        It is looked at and not trusted, so nothing but the domain's name is sent.
        """
        parts = urlsplit(self.connection.url)
        if parts.scheme != "https":
            raise InvalidOption("host", self.connection.url, "only https shows which certificate the box serves")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        left = list(_BACKOFF_SECONDS)
        while True:
            self.reads += 1
            try:
                raw = socket.create_connection((parts.hostname or "", parts.port or 443), self.connection.timeout)
                with raw, context.wrap_socket(raw, server_hostname=domain) as connection:
                    return connection.getpeercert(binary_form=True) or b""
            except OSError as error:
                if not left or isinstance(error, socket.gaierror):
                    raise _no_connection(self.connection, error) from error
            self._sleep(left.pop(0))

    def _read(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        delays: tuple[float, ...] = _BACKOFF_SECONDS,
    ) -> Any:
        """The answer to a request that changes nothing, asked again if the connection or the proxy fails for a moment."""
        left = list(delays)
        while True:
            self.reads += 1
            try:
                answer = self._request(method, path, form, credentials or self._credentials, headers or {})
                if not left or answer.status_code not in _PASSING_STATUS:
                    return answer
            except requests.RequestException as error:
                if not left or not _may_pass(error):
                    raise _no_connection(self.connection, error) from error
            self._sleep(left.pop(0))

    def _request(
        self,
        method: str,
        path: str,
        data: Any,
        credentials: tuple[str, str],
        headers: Mapping[str, str],
        timeout: float | None = None,
    ) -> Any:
        return self._session.request(
            method,
            self.connection.url + path,
            data=data,
            headers=headers,
            auth=credentials,
            timeout=self.connection.timeout if timeout is None else timeout,
            # Given with each request, because REQUESTS_CA_BUNDLE in the environment beats the session's.
            verify=self.connection.verify,
            # A redirect would carry the credentials to somebody else.
            allow_redirects=False,
        )

    def _check_signed_in(self, answer: Any, method: str, path: str) -> None:
        if answer.status_code in (401, 403):
            raise _refused_credentials(method, path, _x_reason(answer) or _text(answer))
        if 300 <= answer.status_code < 400:
            raise UnexpectedAnswer(
                "%s %s: %s redirects to %s. Nothing was sent there; if that is the box, name it in host."
                % (method, path, self.connection.url, _without_query(answer.headers.get("Location", "nowhere"))),
                path=path,
                status=answer.status_code,
            )


_HINTS = {
    "Incorrect email address or password.": "Check username, and password or api_key (a key ends when the box restarts).",
    "Invalid password.": "Check password or api_key.",
    "missing-totp-token": "The account has MFA: give totp_secret, or an api_key.",
    "invalid-totp-token": "Check totp_secret and the clock of this machine.",
    "You are not an administrator.": "Only an administrator of the box can use its API.",
}


def _refused_credentials(method: str, path: str, reason: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        "%s %s: the box refuses the credentials: %s %s It isn't asked again, because it bans who fails too often."
        % (method, path, reason.strip(), _HINTS.get(reason.strip(), "Check username and password.")),
        path=path,
        reason=reason.strip(),
    )


def _no_connection(connection: Connection, error: Exception) -> ConnectionFailed:
    hint = "Check host, and that the box is up."
    if isinstance(error, requests.exceptions.SSLError):
        hint = "No credentials were sent. If the box has a certificate of its own CA, give ca_path."
    elif isinstance(error, requests.Timeout):
        hint = "That is longer than timeout, which is %g s." % connection.timeout
    elif _caused_by(error, socket.gaierror):
        hint = "DNS knows no such name; check host."
    return ConnectionFailed("%s: %s. %s" % (connection.url, _reason(error), hint), host=connection.url)


def _causes(error: BaseException) -> list[BaseException]:
    """An error and all that led to it, the first cause last, however requests and urllib3 wrapped it."""
    found = [error]
    for item in found:
        inner = (*item.args, getattr(item, "reason", None), item.__cause__, item.__context__)
        found.extend(one for one in inner if isinstance(one, BaseException) and one not in found)
    return found


def _caused_by(error: BaseException, *kinds: type[BaseException]) -> bool:
    return any(isinstance(item, kinds) for item in _causes(error))


def _reason(error: BaseException) -> str:
    first = _causes(error)[-1]
    return str(getattr(first, "strerror", None) or first).rstrip(".") or type(first).__name__


def _never_arrived(error: Exception) -> bool:
    """Whether a request certainly didn't reach the box; in doubt it did."""
    return isinstance(error, requests.ConnectTimeout) or _caused_by(
        error, ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError
    )


def _may_pass(error: Exception) -> bool:
    """Whether a read that failed so may work a second later."""
    if isinstance(error, requests.Timeout) or _caused_by(error, socket.gaierror, ssl.SSLCertVerificationError):
        return False
    return isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError))


def _json(method: str, path: str, answer: Any) -> Any:
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    try:
        if kind == "application/json":
            return json.loads(answer.content)
    except ValueError as error:
        raise UnexpectedAnswer(
            "%s %s: the answer is no whole JSON: %.200r" % (method, path, answer.text), path=path
        ) from error
    _refuse_page(method, path, answer)
    raise UnexpectedAnswer(
        "%s %s: JSON is due, and %s came: %.200r" % (method, path, kind or "no content type", answer.text), path=path
    )


def _is_page(text: str) -> bool:
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def _refuse_page(method: str, path: str, answer: Any) -> None:
    if _is_page(answer.text):
        raise UnexpectedAnswer(
            "%s %s: a web page came back. Is host a Mail-in-a-Box, and does it serve its admin API at %s?"
            % (method, path, _PREFIX),
            path=path,
        )


def _said(method: str, path: str, answer: Any) -> str:
    """A sentence on an answer that isn't the right one."""
    if answer.status_code == 400:
        return "%s %s: the box refuses: %s" % (method, path, _text(answer))
    return "%s %s: the box answers %d %s." % (method, path, answer.status_code, answer.reason or "")


def _text(answer: Any) -> str:
    """What the box says, unless it's an error page."""
    text = str(answer.text).strip()
    return "(a web page)" if _is_page(text) else text[:1000]


def _x_reason(answer: Any) -> str:
    return str(answer.headers.get("X-Reason", ""))


def _without_query(url: str) -> str:
    return url.partition("?")[0]
