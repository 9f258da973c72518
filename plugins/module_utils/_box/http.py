# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a box and what their answers are: the one user of requests."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
import warnings
from contextlib import nullcontext
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple, Union
from urllib.parse import urlsplit

try:
    import requests
except ImportError:
    # The doors say so in Ansible's own way, before a client is made.
    HAS_REQUESTS = False
else:
    HAS_REQUESTS = True

from .._model.plan import Call
from .._values import secrets as _secrets
from .._values.errors import (
    AuthenticationFailed,
    BoxError,
    ConnectionFailed,
    InvalidOption,
    OutcomeUnknown,
    Refused,
    UnexpectedAnswer,
    Unsupported,
)
from .connection import Connection
from .login_limit import Credentials, LoginLimit
from .transport import Deadline, Transport, UnfitAnswer, connected

# How long to wait before a read is asked again: 3 times, as a box is back within seconds if at all.
BACKOFF_SECONDS = (0.5, 1.0, 2.0)
_PASSING_STATUS = (502, 503, 504)

# How much is shown of the words of a box; and the most that are looked at, because no box says as much.
_SHOWN = 1000
_LONGEST = 20000

# The answers of boxes have five levels at most.
_DEEPEST = 50

_ESCAPED_HALF = re.compile(rb"\\u[dD]")

NOT_AN_ADMINISTRATOR = "You are not an administrator."
WRONG_CODE = "invalid-totp-token"
# Why a box doesn't set up codes: the first one is wrong.
_INVALID_CODE = "Invalid token."
# A box takes the code before the current one and the code after it, too.
_CLOCK_TOLERANCE = 30


_HINTS = {
    "Incorrect email address or password.": "Check username, and password or api_key (a key ends when the box restarts).",
    "Invalid password.": "Check password or api_key.",
    "missing-totp-token": "The account has MFA: give totp_secret, or an api_key.",
    NOT_AN_ADMINISTRATOR: "Only an administrator of the box can use its API.",
}


# Why any box refuses credentials.
_LOGIN_REASON = re.compile(
    r"Incorrect email address or password\.|Invalid password\.|(missing|invalid)-totp-token|You are not an administrator\."
    r"|Enter (a|an email address and) password\.|Authorization header invalid\.|No authorization header provided\."
    r"|That's not a user \(.*\)\.?\Z",
    re.DOTALL,
)

IdleConnections = Dict[Tuple[str, Union[bool, str]], Any]
"""Open connections (``requests.Session``) that nobody uses at the moment, by box and by what is trusted."""


class Http:
    """A conversation with one box, in requests and answers. An answer is what ``requests`` makes of it.

    :param idle: from which it takes an open connection, and to which it gives it back.
    :param secrets: that a box may repeat, beside those of the connection.
    :param now: the time in seconds since 1970.
    :ivar secrets: all that are known so far.
    :ivar reads: how many requests were sent that change nothing.
    :ivar writes: how many that may.
    """

    def __init__(
        self,
        connection: Connection,
        sleep: Callable[[float], None],
        limit: LoginLimit,
        idle: Optional[IdleConnections] = None,
        secrets: Iterable[str] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        own = (connection.password, connection.api_key, connection.totp_secret)
        self.secrets = {secret for secret in (*own, *secrets) if secret}
        self.reads = 0
        self.writes = 0
        self._connection = connection
        self._sleep = sleep
        self._limit = limit
        self._now = now
        # By how many seconds the clock of the box is ahead, once an answer has shown it.
        self._clock_ahead: float | None = None
        self._idle = idle
        self._key = (connection.url, connection.verify)
        self._session: Any = (idle or {}).pop(self._key, None) or _new_session()
        # Plain http is for this machine alone: a proxy of the environment would be another one, and read the password.
        self._session.trust_env = connection.url.startswith("https://")
        # Who was let in needs no limit.
        self._accepted: set[Credentials] = set()

    def close(self) -> None:
        if self._idle is None:
            self._session.close()
        else:
            # What a server said to one task is nothing to the next.
            self._session.cookies.clear()
            self._idle[self._key] = self._session

    def read(
        self,
        method: str,
        path: str,
        credentials: Credentials,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        delays: tuple[float, ...] = BACKOFF_SECONDS,
    ) -> Any:
        """The answer to a request that changes nothing, asked again if the connection or the proxy fails for a moment.

        :raises ConnectionFailed: if there is none.
        """
        left = list(delays)
        while True:
            self.reads += 1
            try:
                answer = self._request(method, path, credentials, form, headers)
                if not left or answer.status_code not in _PASSING_STATUS:
                    return answer
            except UnfitAnswer as error:
                raise UnexpectedAnswer(
                    "%s %s: %s. Is host a Mail-in-a-Box?" % (method, path, error), path=path
                ) from error
            except requests.RequestException as error:
                if not left or not _may_pass(error):
                    raise self._no_connection(error) from error
            self._sleep(left.pop(0))

    def look(
        self, method: str, path: str, credentials: Credentials, form: Mapping[str, str] | None, timeout: float
    ) -> Any:
        """The answer to a request that changes nothing, asked once of a box that may be away; None if it is."""
        self.reads += 1
        try:
            return self._request(method, path, credentials, form, timeout=min(self._connection.timeout, timeout))
        except requests.RequestException:
            return None

    def write(
        self,
        method: str,
        path: str,
        credentials: Credentials,
        data: Mapping[str, str] | bytes | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Any:
        """The answer to a request that may change something, asked once.

        :raises ConnectionFailed: if the box certainly hasn't got it.
        :raises OutcomeUnknown: if there is no answer, and the box may have got it.
        """
        self.writes += 1
        timeout = max(self._connection.timeout, seconds)
        try:
            return self._request(method, path, credentials, data, headers, timeout)
        except requests.RequestException as error:
            if _never_arrived(error):
                raise self._no_connection(error) from error
            kind = OutcomeUnknown.LOST
            if isinstance(error, UnfitAnswer):
                kind, said = OutcomeUnknown.CUT_OFF, str(error)
            elif isinstance(error, requests.Timeout):
                said = "the box did not answer within %g s" % timeout
            else:
                said = "the connection broke before the box answered (%s)" % _reason(error)
            raise OutcomeUnknown("%s %s: %s." % (method, path, said), kind, path=path) from error

    def served(self, domain: str) -> bytes:
        """The certificate (DER) that the box shows to who asks for a domain.

        It is looked at and not trusted, so nothing but the domain's name is sent.
        """
        parts = urlsplit(self._connection.url)
        if parts.scheme != "https":
            raise InvalidOption("host", self._connection.url, "only https shows which certificate the box serves")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        left = list(BACKOFF_SECONDS)
        while True:
            self.reads += 1
            try:
                deadline = Deadline(self._connection.timeout)
                # To Python, a handshake is one use of the socket.
                with connected(parts.hostname or "", parts.port or 443, deadline) as raw, context.wrap_socket(
                    raw, server_hostname=domain
                ) as connection:
                    return connection.getpeercert(binary_form=True) or b""
            except OSError as error:
                if not left or isinstance(error, (socket.gaierror, socket.timeout)):
                    raise self._no_connection(error) from error
            self._sleep(left.pop(0))

    def _request(
        self,
        method: str,
        path: str,
        credentials: Credentials,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        known = credentials in self._accepted
        with nullcontext() if known else self._limit.attempt(credentials) as attempt, warnings.catch_warnings():
            # Of an unverified certificate the result warns, once.
            warnings.simplefilter("ignore")
            answer = self._session.request(
                method,
                self._connection.url + path,
                data=data,
                headers=headers or {},
                auth=credentials,
                timeout=self._connection.timeout if timeout is None else timeout,
                # Given with each request, because REQUESTS_CA_BUNDLE in the environment beats the session's.
                verify=self._connection.verify,
                # A redirect would carry the credentials to somebody else.
                allow_redirects=False,
            )
            self._compare_clocks(answer)
            refusal = _failed_login(path, answer) if attempt else ""
            if attempt and refusal:
                # A code that was used before says nothing of the password.
                attempt.was_refused(for_good=refusal != WRONG_CODE)
            elif answer.status_code < 500:
                self._accepted.add(credentials)
        if known and _is_error_of_handler(answer):
            # The box counts it as a failed log-in all the same.
            with self._limit.attempt(credentials) as counted:
                counted.was_refused(for_good=False)
            answer.status_code = 500
        return answer

    def _compare_clocks(self, answer: Any) -> None:
        try:
            date = parsedate_to_datetime(answer.headers.get("Date", ""))
            self._clock_ahead = date.timestamp() - self._now()
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            # No date, or none that a clock shows.
            return

    def _why_no_code(self) -> str:
        """Why a box most likely refuses a one-time code, and what to do, in sentences."""
        ahead = self._clock_ahead
        if ahead is None:
            return "Check totp_secret, and the clocks of the box and of this machine."
        if abs(ahead) <= _CLOCK_TOLERANCE:
            return "Check totp_secret. The clocks of the box and of this machine agree."
        return (
            "The clock of the box is %d seconds %s that of this machine. One-time codes need clocks that differ by at most"
            " %d seconds: correct the wrong one."
            % (abs(ahead), "ahead of" if ahead > 0 else "behind", _CLOCK_TOLERANCE)
        )

    def _no_connection(self, error: Exception) -> ConnectionFailed:
        hint = "Check host, and that the box is up."
        if _caused_by(error, ssl.SSLCertVerificationError):
            hint = "No credentials were sent. If the box has a certificate of its own CA, give ca_path."
        elif isinstance(error, (requests.Timeout, socket.timeout)):
            hint = "That is longer than timeout, which is %g s." % self._connection.timeout
        elif _caused_by(error, socket.gaierror):
            hint = "DNS knows no such name; check host."
        url = self._connection.url
        return ConnectionFailed("%s: %s. %s" % (url, _reason(error), hint), host=url)

    def check_signed_in(
        self, answer: Any, method: str, path: str, call: Call | None = None, account: str | None = None
    ) -> None:
        """Raise an error for a refusal of the credentials, and for a redirect, which is never followed.

        :param account: that the request signed in with, if it is not that of the connection.
        """
        if answer.status_code in (401, 403):
            raise self.refused_credentials(method, path, x_reason(answer) or str(answer.text), call, account)
        if 300 <= answer.status_code < 400:
            raise UnexpectedAnswer(
                "%s %s: the box redirects to %s. Nothing was sent there; if that is the box, name it in host."
                % (method, path, self._said(answer.headers.get("Location", "nowhere").partition("?")[0], call)),
                path=path,
                status=answer.status_code,
            )

    def refused_credentials(
        self, method: str, path: str, reason: str, call: Call | None = None, account: str | None = None
    ) -> AuthenticationFailed:
        reason = reason.strip()
        reply = reason if reason in _HINTS or reason == WRONG_CODE else self._said(reason, call)
        hint = self._why_no_code() if reason == WRONG_CODE else _HINTS.get(reason, "Check username and password.")
        return AuthenticationFailed(
            "%s %s: the box %s refuses the credentials of %s: %s %s The task doesn't try again, because a box bans an"
            " address after too many failed logins."
            % (method, path, self._connection.base_url, account or self._connection.username, reply, hint),
            path=path,
            reason=reply,
        )

    def wrong_answer(self, method: str, path: str, answer: Any, call: Call | None = None) -> BoxError:
        """The error that an answer stands for whose status is none that was hoped for."""
        status = answer.status_code
        if status == 400:
            text = self._said(answer.text, call)
            hint = " " + self._why_no_code() if text == _INVALID_CODE and self._clock_ahead is not None else ""
            return Refused("%s %s: the box refuses: %s%s" % (method, path, text, hint), path=path, text=text)
        if status == 404:
            return Unsupported(
                "%s %s: the box has no such thing; its version is too old or too new for it." % (method, path),
                path=path,
            )
        said = "%s %s: the box answers %d %s" % (method, path, status, responses.get(status, ""))
        reason = x_reason(answer)
        said += ": %s" % self._said(reason, call) if reason else "."
        return UnexpectedAnswer(said, path=path, status=status)

    def _said(self, words: Any, call: Call | None) -> str:
        """What to show of the words of a box: no web page, and no secret."""
        text = str(words).strip()
        if is_page(text):
            return "(a web page)"
        if len(text) > _LONGEST:
            return "(%d characters)" % len(text)
        if call is not None:
            text = call.quotable(text)
        # Cut first, a secret would lose its end and not be known any more.
        text = str(_secrets.masked(_secrets.without_url_passwords(text), self.secrets))
        return text[:_SHOWN]


def _new_session() -> Any:
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, Transport())
    return session


class _TooDeepError(ValueError):
    """JSON is nested more deeply than any that a box sends."""


def _loads(content: bytes) -> Any:
    """The value of a JSON text.

    :raises ValueError: if it is none, or too deep for those who go through it level by level.
    """
    try:
        value = json.loads(content)
        if _ESCAPED_HALF.search(content):
            # Half a character can be escaped in JSON. Alone it is no text: nobody could send it, or print it.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise _TooDeepError from error
    level = [value]
    for _depth in range(_DEEPEST):
        containers = [item for item in level if isinstance(item, (dict, list))]
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return value
    raise _TooDeepError


def decoded(method: str, path: str, answer: Any) -> Any:
    """The JSON of an answer.

    :raises UnexpectedAnswer: if it is something else.
    """
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    try:
        if kind == "application/json":
            return _loads(answer.content)
    except _TooDeepError as error:
        raise UnexpectedAnswer(
            "%s %s: the answer is nested too deeply to be a box's. Is host a Mail-in-a-Box?" % (method, path), path=path
        ) from error
    except ValueError as error:
        # Not the answer itself: it may hold a key, or another secret that nobody could mask.
        raise UnexpectedAnswer(
            "%s %s: the answer is no whole JSON (%d characters)." % (method, path, len(answer.text)), path=path
        ) from error
    refuse_page(method, path, answer)
    raise UnexpectedAnswer(
        "%s %s: JSON is due, and %s came (%d characters)."
        % (method, path, kind or "no content type", len(answer.text)),
        path=path,
    )


def is_page(text: str) -> bool:
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def refuse_page(method: str, path: str, answer: Any) -> None:
    """Raise ``UnexpectedAnswer`` if the answer is a web page: then it is another server's."""
    if is_page(answer.text):
        raise UnexpectedAnswer(
            "%s %s: a web page came back. Is host a Mail-in-a-Box, and does it serve its admin API at /admin?"
            % (method, path),
            path=path,
        )


def _is_error_of_handler(answer: Any) -> bool:
    """Whether a 401 is an error that a handler of power-mailinabox didn't catch: its text is the reason."""
    reason = x_reason(answer)
    return answer.status_code == 401 and bool(reason) and _LOGIN_REASON.match(reason) is None


def x_reason(answer: Any) -> str:
    """Why a box refuses credentials."""
    return str(answer.headers.get("X-Reason", "")).strip()


def _failed_login(path: str, answer: Any) -> str:
    """Why a box refuses a log-in, if it writes the line then that fail2ban looks for."""
    if answer.status_code in (401, 403):
        reason = x_reason(answer) or "refused"
        return "" if reason == NOT_AN_ADMINISTRATOR else reason
    if path not in ("/login", "/me") or answer.status_code != 200:
        return ""
    try:
        reply = _loads(answer.content)
    except ValueError:
        return ""
    return str(reply.get("reason", "refused")) if isinstance(reply, dict) and reply.get("status") == "invalid" else ""


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
