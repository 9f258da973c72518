# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the answers of a box into values or errors. Only this module and :mod:`https` look at HTTP statuses."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any, Callable, Iterable

from .._model.plan import Call
from .._values.errors import (
    AuthenticationFailed,
    BoxError,
    OutcomeUnknown,
    Refused,
    UnexpectedAnswer,
    UnexpectedStatus,
    Unsupported,
)
from .._values.secrets import masked, without_url_passwords
from .connection import Connection

# How many characters of a box's message are shown, and how long a message may be. No box sends longer ones.
_SHOWN = 1000
_LONGEST = 20000

# The answers of boxes have at most five levels.
_DEEPEST = 50

_ESCAPED_HALF = re.compile(rb"\\u[dD]")

NOT_AN_ADMINISTRATOR = "You are not an administrator."
WRONG_CODE = "invalid-totp-token"
MISSING_CODE = "missing-totp-token"
# The box refused to set up codes, because the first code was wrong.
_INVALID_CODE = "Invalid token."

CODE_SECONDS = 30
"""How long a one-time code is valid, in seconds. A box also accepts the previous and the next code."""

_CAUSES = {
    NOT_AN_ADMINISTRATOR: AuthenticationFailed.NOT_AN_ADMINISTRATOR,
    WRONG_CODE: AuthenticationFailed.WRONG_CODE,
    MISSING_CODE: AuthenticationFailed.MISSING_CODE,
}

_HINTS = {
    "Incorrect email address or password.": "Check username, and password or api_key (a key expires when the box restarts).",
    "Invalid password.": "Check password or api_key.",
    MISSING_CODE: "The account uses MFA: set totp_secret or api_key.",
    NOT_AN_ADMINISTRATOR: "Only an administrator of the box can use its API.",
}


# Paths that exist on boxes of all versions.
_ON_EVERY_BOX = ("/mail/users", "/mail/aliases", "/mail/domains", "/dns/zones", "/dns/custom", "/system/version")


class Answer:
    """A successful answer to a read: HTTP status 200.

    :param response: a response of ``requests``.
    """

    def __init__(self, method: str, path: str, response: Any) -> None:
        self._name = "%s %s" % (method, path)
        self._path = path
        self._response = response

    def json(self) -> Any:
        """The decoded JSON.

        :raises UnexpectedAnswer: if the answer is not valid JSON.
        """
        response = self._response
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        try:
            if kind == "application/json":
                return loads(response.content)
        except _TooDeepError as error:
            raise UnexpectedAnswer(
                "%s: the JSON in the answer is nested too deeply. Check that host is a Mail-in-a-Box." % self._name,
                path=self._path,
            ) from error
        except ValueError as error:
            # Don't quote the answer: it may contain a key or another secret that can't be masked.
            raise UnexpectedAnswer(
                "%s: the answer is not valid JSON (%d characters)." % (self._name, len(response.text)), path=self._path
            ) from error
        length = len(self.text)
        raise UnexpectedAnswer(
            "%s: expected JSON, got %s (%d characters)." % (self._name, kind or "no content type", length),
            path=self._path,
        )

    @property
    def text(self) -> str:
        """The text.

        :raises UnexpectedAnswer: for a web page, which comes from a server that is not a box.
        """
        text = str(self._response.text)
        if is_page(text):
            raise UnexpectedAnswer(
                "%s: the answer is a web page. Check that host is a Mail-in-a-Box that serves its admin API at /admin."
                % self._name,
                path=self._path,
            )
        return text


class Meaning:
    """Turns answers into values or errors. The messages of errors quote the box without secrets.

    :param now: returns the time in seconds since 1970.
    :ivar secrets: all secrets that the box may repeat.
    """

    def __init__(self, connection: Connection, secrets: Iterable[str], now: Callable[[], float]) -> None:
        own = (connection.password, connection.api_key, connection.totp_secret)
        self.secrets = {secret for secret in (*own, *secrets) if secret}
        self._connection = connection
        self._now = now
        # How many seconds the clock of the box is ahead; None until an answer has a date.
        self._clock_ahead: float | None = None

    def compare_clocks(self, response: Any) -> None:
        """Compare the date of an answer with the clock of this machine."""
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
            self._clock_ahead = date.timestamp() - self._now()
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            # No date, or an invalid one.
            return

    @property
    def clock_offset(self) -> int | None:
        """How many seconds the clock of the box is ahead of this machine's; None if no answer had a date."""
        return None if self._clock_ahead is None else round(self._clock_ahead)

    def _why_no_code(self) -> str:
        """The most likely reason for a rejected one-time code, and what to do, in sentences."""
        ahead = self._clock_ahead
        if ahead is None:
            return "Check totp_secret, and the clocks of the box and of this machine."
        if abs(ahead) <= CODE_SECONDS:
            return "Check totp_secret. The clocks of the box and of this machine agree."
        return (
            "The clock of the box is %d seconds %s that of this machine. One-time codes need clocks that differ by at most"
            " %d seconds: correct the wrong clock." % (abs(ahead), "ahead of" if ahead > 0 else "behind", CODE_SECONDS)
        )

    def of_read(self, method: str, path: str, response: Any, account: str) -> Answer:
        """The answer to a read.

        :param account: the account of the request.
        :raises BoxError: if its status is not 200.
        """
        if response.status_code == 200:
            return Answer(method, path, response)
        raise self._error(method, path, response, account)

    def of_write(self, call: Call, response: Any, account: str) -> str:
        """The text of the answer to a write.

        :param account: the account of the request.
        :raises OutcomeUnknown: if the box may have stored the change anyway.
        :raises BoxError: if the box has certainly not stored it.
        """
        status = response.status_code
        if status >= 500:
            message = self._unexpected(call.method, call.path, response, call).message
            if call.hint:
                message += " " + call.hint
            # Any other status comes from a proxy that gave up.
            kind = OutcomeUnknown.FAILED if status == 500 else OutcomeUnknown.LOST
            raise OutcomeUnknown(message, kind, status, path=call.path)
        if status != 200:
            raise self._error(call.method, call.path, response, account, call)
        if is_page(response.text):
            message = "%s %s: the answer is a web page." % (call.method, call.path)
            raise OutcomeUnknown(message, OutcomeUnknown.CUT_OFF, status, path=call.path)
        return str(response.text)

    def refusal(
        self,
        method: str,
        path: str,
        reason: str,
        account: str,
        call: Call | None = None,
        is_forbidden: bool = False,
    ) -> AuthenticationFailed:
        """The error for rejected credentials.

        :param reason: the message of the box.
        :param is_forbidden: whether the box accepted the credentials but refused the request.
        """
        reason = reason.strip()
        words = reason if reason in _HINTS or reason == WRONG_CODE else self._quote(reason, call)
        hint = self._why_no_code() if reason == WRONG_CODE else _HINTS.get(reason, "Check username and password.")
        default = AuthenticationFailed.FORBIDDEN if is_forbidden else AuthenticationFailed.WRONG_CREDENTIALS
        return AuthenticationFailed(
            "%s %s: the box %s rejected the credentials of %s: %s %s The task does not try again, because a box bans an"
            " address after too many failed logins." % (method, path, self._connection.base_url, account, words, hint),
            cause=_CAUSES.get(reason, default),
            path=path,
            reason=words,
        )

    def _error(self, method: str, path: str, response: Any, account: str, call: Call | None = None) -> BoxError:
        """The error for an answer whose status is not 200."""
        status = response.status_code
        if status in (401, 403):
            reason = x_reason(response) or str(response.text)
            return self.refusal(method, path, reason, account, call, is_forbidden=status == 403)
        if 300 <= status < 400:
            target = self._quote(response.headers.get("Location", "nowhere").partition("?")[0], call)
            return UnexpectedStatus(
                "%s %s: the server redirects to %s. Nothing was sent there. If that is your box, use that name in host."
                % (method, path, target),
                status,
                path,
            )
        if status == 400:
            text = self._quote(response.text, call)
            hint = " " + self._why_no_code() if text == _INVALID_CODE and self._clock_ahead is not None else ""
            return Refused(
                "%s %s: the box refused the request: %s%s" % (method, path, text, hint), path=path, text=text
            )
        if status == 404 and path.partition("?")[0] in _ON_EVERY_BOX:
            return UnexpectedAnswer(
                "%s %s: the server does not have this path, but every Mail-in-a-Box does. Check that host is a Mail-in-a-Box."
                " Naust and other mail servers have a different API and are not supported." % (method, path),
                path=path,
            )
        if status == 404:
            return Unsupported(
                "%s %s: the box does not support this request; its version is too old or too new." % (method, path),
                path=path,
            )
        return self._unexpected(method, path, response, call)

    def _unexpected(self, method: str, path: str, response: Any, call: Call | None) -> UnexpectedStatus:
        status = response.status_code
        message = "%s %s: the box answered %d %s" % (method, path, status, responses.get(status, ""))
        reason = x_reason(response)
        message += ": %s" % self._quote(reason, call) if reason else "."
        return UnexpectedStatus(message, status, path)

    def _quote(self, words: Any, call: Call | None) -> str:
        """A message of the box for people, without web pages and secrets."""
        text = str(words).strip()
        if is_page(text):
            return "(a web page)"
        if len(text) > _LONGEST:
            return "(%d characters)" % len(text)
        if call is not None:
            text = call.quotable(text)
        # Mask before shortening: a truncated secret would not be recognized.
        return str(masked(without_url_passwords(text), self.secrets))[:_SHOWN]


class _TooDeepError(ValueError):
    """The JSON is nested more deeply than any answer of a box."""


def loads(content: bytes) -> Any:
    """Decode JSON that is not deeply nested.

    :raises ValueError: if it is not JSON, or nested too deeply.
    """
    try:
        value = json.loads(content)
        if _ESCAPED_HALF.search(content):
            # JSON can contain an escaped lone surrogate, which can't be encoded, sent or printed. Reject it.
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


def is_page(text: str) -> bool:
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def x_reason(response: Any) -> str:
    """The reason for which a box rejects credentials."""
    return str(response.headers.get("X-Reason", "")).strip()


def failed_login(path: str, response: Any) -> str:
    """The reason for a rejected login, if the box counts it for fail2ban; otherwise empty."""
    if response.status_code in (401, 403):
        reason = x_reason(response) or "refused"
        return "" if reason == NOT_AN_ADMINISTRATOR else reason
    if path not in ("/login", "/me") or response.status_code != 200:
        return ""
    try:
        reply = loads(response.content)
    except ValueError:
        return ""
    return str(reply.get("reason", "refused")) if isinstance(reply, dict) and reply.get("status") == "invalid" else ""


# The reasons with which boxes reject credentials.
_LOGIN_REASON = re.compile(
    r"Incorrect email address or password\.|Invalid password\.|(missing|invalid)-totp-token|You are not an administrator\."
    r"|Enter (a|an email address and) password\.|Authorization header invalid\.|No authorization header provided\."
    r"|That's not a user \(.*\)\.?\Z",
    re.DOTALL,
)


def is_error_of_handler(response: Any) -> bool:
    """Whether a 401 is an uncaught error of power-mailinabox, which puts the text of the error into the reason."""
    reason = x_reason(response)
    return response.status_code == 401 and bool(reason) and _LOGIN_REASON.match(reason) is None
