# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of a box mean. HTTP statuses are compared here and in :mod:`http`, and nowhere else."""

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

# How much of a box's words is shown, and how much is looked at: no box says more.
_SHOWN = 1000
_LONGEST = 20000

# The answers of boxes have five levels at most.
_DEEPEST = 50

_ESCAPED_HALF = re.compile(rb"\\u[dD]")

NOT_AN_ADMINISTRATOR = "You are not an administrator."
WRONG_CODE = "invalid-totp-token"
MISSING_CODE = "missing-totp-token"
# Why a box doesn't set up codes: the first one is wrong.
_INVALID_CODE = "Invalid token."
# A box takes the code before the current one and the code after it, too.
_CLOCK_TOLERANCE = 30

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


# The paths of reads that boxes of all versions have.
_ON_EVERY_BOX = ("/mail/users", "/mail/aliases", "/mail/domains", "/dns/zones", "/dns/custom", "/system/version")


class Answer:
    """A successful answer to a read: HTTP status 200.

    :param response: as ``requests`` returns it.
    """

    def __init__(self, method: str, path: str, response: Any) -> None:
        self._name = "%s %s" % (method, path)
        self._path = path
        self._response = response

    def json(self) -> Any:
        """The value of its JSON.

        :raises UnexpectedAnswer: if it is something else.
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
            # Don't quote the answer: it may hold a key, or another secret that can't be masked.
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
        """Its text.

        :raises UnexpectedAnswer: if it is a web page, which comes from another server.
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
    """Turns answers into errors, whose messages quote the box without secrets.

    :param now: the time in seconds since 1970.
    :ivar secrets: all that the box may repeat.
    """

    def __init__(self, connection: Connection, secrets: Iterable[str], now: Callable[[], float]) -> None:
        own = (connection.password, connection.api_key, connection.totp_secret)
        self.secrets = {secret for secret in (*own, *secrets) if secret}
        self._connection = connection
        self._now = now
        # By how many seconds the clock of the box is ahead, once an answer has shown it.
        self._clock_ahead: float | None = None

    def compare_clocks(self, response: Any) -> None:
        """Note what an answer shows of the clock of the box."""
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
            self._clock_ahead = date.timestamp() - self._now()
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            # No date, or none that a clock shows.
            return

    @property
    def clock_offset(self) -> int | None:
        """How many seconds the clock of the box is ahead of this machine's; None if no answer has shown it."""
        return None if self._clock_ahead is None else round(self._clock_ahead)

    def _why_no_code(self) -> str:
        """Why a box most likely refuses a one-time code, and what to do, in sentences."""
        ahead = self._clock_ahead
        if ahead is None:
            return "Check totp_secret, and the clocks of the box and of this machine."
        if abs(ahead) <= _CLOCK_TOLERANCE:
            return "Check totp_secret. The clocks of the box and of this machine agree."
        return (
            "The clock of the box is %d seconds %s that of this machine. One-time codes need clocks that differ by at most"
            " %d seconds: correct the wrong clock."
            % (abs(ahead), "ahead of" if ahead > 0 else "behind", _CLOCK_TOLERANCE)
        )

    def of_read(self, method: str, path: str, response: Any, account: str) -> Answer:
        """The answer to a read.

        :param account: the one that the request signed in with.
        :raises BoxError: if its status is not 200.
        """
        if response.status_code == 200:
            return Answer(method, path, response)
        raise self._error(method, path, response, account)

    def of_write(self, call: Call, response: Any, account: str) -> str:
        """The text of the answer to a write.

        :param account: the one that the request signed in with.
        :raises OutcomeUnknown: if the box may have stored it all the same.
        :raises BoxError: if it certainly has not.
        """
        status = response.status_code
        if status >= 500:
            message = self._unexpected(call.method, call.path, response, call).message
            if call.hint:
                message += " " + call.hint
            # Any other status is that of a proxy, which gave up.
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
        """The error of credentials that the box refuses.

        :param reason: in the words of the box.
        :param is_forbidden: whether the box took the password and refuses the request.
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
        """The error that an answer stands for."""
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
        """What to show of the words of a box: no web page, and no secret."""
        text = str(words).strip()
        if is_page(text):
            return "(a web page)"
        if len(text) > _LONGEST:
            return "(%d characters)" % len(text)
        if call is not None:
            text = call.quotable(text)
        # Mask first: a secret that was cut off would not be known any more.
        return str(masked(without_url_passwords(text), self.secrets))[:_SHOWN]


class _TooDeepError(ValueError):
    """JSON is nested more deeply than any that a box sends."""


def loads(content: bytes) -> Any:
    """The value of a JSON text, which is not nested deeply.

    :raises ValueError: if it is not JSON, or nested more deeply than code may follow it.
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


def is_page(text: str) -> bool:
    return text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))


def x_reason(response: Any) -> str:
    """Why a box refuses credentials."""
    return str(response.headers.get("X-Reason", "")).strip()


def failed_login(path: str, response: Any) -> str:
    """Why a box refuses a log-in, if it logs that refusal for fail2ban; otherwise empty."""
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


# The reasons for which any box refuses credentials.
_LOGIN_REASON = re.compile(
    r"Incorrect email address or password\.|Invalid password\.|(missing|invalid)-totp-token|You are not an administrator\."
    r"|Enter (a|an email address and) password\.|Authorization header invalid\.|No authorization header provided\."
    r"|That's not a user \(.*\)\.?\Z",
    re.DOTALL,
)


def is_error_of_handler(response: Any) -> bool:
    """Whether a 401 is an error that a handler of power-mailinabox didn't catch: its text is the reason."""
    reason = x_reason(response)
    return response.status_code == 401 and bool(reason) and _LOGIN_REASON.match(reason) is None
