# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests to one box. The answers are interpreted in :mod:`answers`."""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from contextlib import nullcontext
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
from .._values.errors import AuthenticationFailed, ConnectionFailed, InvalidOption, OutcomeUnknown, UnexpectedAnswer
from .answers import WRONG_CODE, Answer, Meaning, failed_login, is_error_of_handler
from .connection import Connection
from .login_limit import Credentials, LoginLimit
from .transport import Deadline, Transport, UnfitAnswer, connected

# The delays before a read is repeated, up to 3 times. A short failure of a box is over within seconds.
BACKOFF_SECONDS = (0.5, 1.0, 2.0)
_PASSING_STATUS = (502, 503, 504)

IdleConnections = Dict[Tuple[str, Union[bool, str]], Any]
"""Open connections (``requests.Session``) that are not in use, by URL and by trusted CAs."""


class Http:
    """Sends requests to one box.

    :param wait: waits for a number of seconds before a read is repeated.
    :param idle: open connections of earlier tasks. The connection to this box is taken from there and put back at the end.
    :param secrets: more secrets that the box may repeat, besides those of the connection.
    :param now: returns the time in seconds since 1970.
    :ivar reads: the number of requests that change nothing.
    :ivar writes: the number of requests that may change something.
    """

    def __init__(
        self,
        connection: Connection,
        wait: Callable[[float], None],
        limit: LoginLimit,
        idle: Optional[IdleConnections] = None,
        secrets: Iterable[str] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.reads = 0
        self.writes = 0
        self._meaning = Meaning(connection, secrets, now)
        self._connection = connection
        self._wait = wait
        self._limit = limit
        self._idle = idle
        self._key = (connection.url, connection.verify)
        self._session: Any = (idle or {}).pop(self._key, None) or _new_session()
        # Plain http is only for this machine. A proxy from the environment may be another machine and see the password.
        self._session.trust_env = connection.url.startswith("https://")
        # Credentials that the box accepted are not limited.
        self._accepted: set[Credentials] = set()

    def add_secret(self, secret: str) -> None:
        """Mask a secret in all messages of the box from now on."""
        self._meaning.secrets.add(secret)

    @property
    def clock_offset(self) -> int | None:
        """How many seconds the clock of the box is ahead of this machine's; None if no answer had a date."""
        return self._meaning.clock_offset

    def refusal(self, method: str, path: str, reason: str) -> AuthenticationFailed:
        """The error for credentials that the box rejects in the body of an answer."""
        return self._meaning.refusal(method, path, reason, self._connection.username)

    def close(self) -> None:
        if self._idle is None:
            self._session.close()
        else:
            # Cookies must not be shared between tasks.
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
    ) -> Answer:
        """Send a request that changes nothing. It is repeated after a short failure of the connection or a proxy.

        :raises ConnectionFailed: if there is no answer.
        :raises BoxError: if the answer is not a result.
        """
        left = list(delays)
        while True:
            self.reads += 1
            try:
                response = self._request(method, path, credentials, form, headers)
                if not left or response.status_code not in _PASSING_STATUS:
                    return self._meaning.of_read(method, path, response, credentials[0])
            except UnfitAnswer as error:
                raise UnexpectedAnswer(
                    "%s %s: %s. Check that host is a Mail-in-a-Box." % (method, path, error), path=path
                ) from error
            except requests.RequestException as error:
                if not left or not _may_pass(error):
                    raise self._no_connection(error) from error
            self._wait(left.pop(0))

    def probe(
        self, method: str, path: str, credentials: Credentials, form: Mapping[str, str] | None, timeout: float
    ) -> Answer:
        """Send a request that changes nothing, once, to a box that may be down.

        :raises ConnectionFailed: if there is no answer.
        :raises BoxError: if the answer is not a result.
        """
        self.reads += 1
        try:
            response = self._request(method, path, credentials, form, timeout=min(self._connection.timeout, timeout))
        except requests.RequestException as error:
            raise self._no_connection(error) from error
        return self._meaning.of_read(method, path, response, credentials[0])

    def write(self, call: Call, credentials: Credentials, code: Mapping[str, str], token: str = "") -> str:
        """Send a call once, and return the text of the answer.

        :param code: the header with a one-time code, if one is needed.
        :param token: a one-time code for the form, which proves a new TOTP secret.
        :raises OutcomeUnknown: if the box may have stored the change anyway.
        :raises BoxError: if the box has certainly not stored it.
        """
        self._meaning.secrets |= call.secrets
        headers = dict(code)
        data: dict[str, str] | bytes | None = None
        if call.form is not None:
            data = {**call.form, **({"token": token} if token else {})}
        elif call.body is not None:
            headers["Content-Type"] = "text/plain"
            data = call.body.encode("ascii")
        self.writes += 1
        timeout = max(self._connection.timeout, call.seconds)
        try:
            response = self._request(call.method, call.path, credentials, data, headers, timeout)
        except requests.RequestException as error:
            if _never_arrived(error):
                raise self._no_connection(error) from error
            kind = OutcomeUnknown.LOST
            if isinstance(error, UnfitAnswer):
                kind, why = OutcomeUnknown.CUT_OFF, str(error)
            elif isinstance(error, requests.Timeout):
                why = "the box did not answer within %g s" % timeout
            else:
                why = "the connection broke before the box answered (%s)" % _reason(error)
            message = "%s %s: %s." % (call.method, call.path, why)
            raise OutcomeUnknown(message, kind, None, path=call.path) from error
        return self._meaning.of_write(call, response, credentials[0])

    def served(self, domain: str) -> bytes:
        """The certificate (DER) that the box serves for a domain.

        The certificate is not verified, so nothing but the domain's name is sent.
        """
        parts = urlsplit(self._connection.url)
        if parts.scheme != "https":
            raise InvalidOption(
                "host",
                self._connection.url,
                "must be an https URL, because the task reads the certificate that the box serves",
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        left = list(BACKOFF_SECONDS)
        while True:
            self.reads += 1
            try:
                deadline = Deadline(self._connection.timeout)
                # The timeout of the socket applies to the whole handshake.
                with connected(parts.hostname or "", parts.port or 443, deadline) as raw, context.wrap_socket(
                    raw, server_hostname=domain
                ) as connection:
                    return connection.getpeercert(binary_form=True) or b""
            except OSError as error:
                if not left or isinstance(error, (socket.gaierror, socket.timeout)):
                    raise self._no_connection(error) from error
            self._wait(left.pop(0))

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
            # The result of the task has one warning about unverified certificates, so silence those of urllib3.
            warnings.simplefilter("ignore")
            response = self._session.request(
                method,
                self._connection.url + path,
                data=data,
                headers=headers or {},
                auth=credentials,
                timeout=self._connection.timeout if timeout is None else timeout,
                # Set for each request, because REQUESTS_CA_BUNDLE takes precedence over the setting of the session.
                verify=self._connection.verify,
                # A redirect could send the credentials to another server.
                allow_redirects=False,
            )
            self._meaning.compare_clocks(response)
            refusal = failed_login(path, response) if attempt else ""
            if attempt and refusal:
                # A rejected code, such as one that was used before, does not show that the password is wrong.
                attempt.was_refused(for_good=refusal != WRONG_CODE)
            elif response.status_code < 500:
                self._accepted.add(credentials)
        if known and is_error_of_handler(response):
            # The box counts this as a failed login anyway.
            with self._limit.attempt(credentials) as counted:
                counted.was_refused(for_good=False)
            response.status_code = 500
        return response

    def _no_connection(self, error: Exception) -> ConnectionFailed:
        hint = "Check host, and that the box is up."
        if _caused_by(error, ssl.SSLCertVerificationError):
            hint = "No credentials were sent. If the certificate is issued by a private CA, set ca_path."
        elif isinstance(error, (requests.Timeout, socket.timeout)):
            hint = "The request took longer than timeout, which is %g s." % self._connection.timeout
        elif _caused_by(error, socket.gaierror):
            hint = "The name can't be resolved; check host."
        url = self._connection.url
        return ConnectionFailed("%s: %s. %s" % (url, _reason(error), hint), host=url)


def _new_session() -> Any:
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, Transport())
    return session


def _causes(error: BaseException) -> list[BaseException]:
    """An error and all its causes, as wrapped by requests and urllib3. The first cause is the last item."""
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
    """Whether a request certainly didn't reach the box."""
    return isinstance(error, requests.ConnectTimeout) or _caused_by(
        error, ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError
    )


def _may_pass(error: Exception) -> bool:
    """Whether a failed read may succeed a second later."""
    if isinstance(error, requests.Timeout) or _caused_by(error, socket.gaierror, ssl.SSLCertVerificationError):
        return False
    return isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError))
