# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign in and out: passwords, one-time codes, API keys and sessions."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Mapping

from .._model.plan import Call, PasswordProof, Read
from .._model.shape import WrongShapeError, part, text, text_or_none, texts
from .._values.errors import (
    AuthenticationFailed,
    BoxError,
    InvalidOption,
    MissingLibrary,
    OutcomeUnknown,
    UnexpectedAnswer,
    Unsupported,
)
from .._values.secrets import MASK
from .answers import CODE_SECONDS, NOT_AN_ADMINISTRATOR, WRONG_CODE, Answer
from .clock import Clock
from .codes import LastCode
from .connection import Connection
from .https import Http
from .interruption import Interruption
from .login_limit import Credentials, LoginLimit

# The login request, by whether it starts a session. In v0.54 and older, the key is derived from the password and can't
# be invalidated.
_LOG_IN = {True: ("POST", "/login"), False: ("GET", "/me")}

# The limit for the logout of an interrupted run.
_GOODBYE_SECONDS = 5.0
# Because clocks differ, boxes also accept the next and the previous code. They remember only the last used code.
_CODES = (0, CODE_SECONDS, -CODE_SECONDS)


class SignIn:
    """The credentials of a run, which can change between requests.

    :ivar keys: the API keys that the box returned for a password.
    :ivar signed_out: whether the API key became invalid during the run, and there is no password to sign in again.
    """

    def __init__(
        self,
        connection: Connection,
        http: Http,
        limit: LoginLimit,
        clock: Clock,
        interruption: Interruption,
    ) -> None:
        self.keys: set[str] = set()
        self.signed_out = False
        self._connection = connection
        self._http = http
        self._limit = limit
        self._clock = clock
        self._interruption = interruption
        self._me = connection.username
        # Our own password, if it is known to be right; None if the run uses an API key.
        self._own_password = None if connection.api_key else connection.password
        self._totp_secret = connection.totp_secret
        self._credentials = (self._me, connection.api_key or connection.password or "")
        self._signed_in = bool(connection.api_key or not connection.totp_secret)
        self._has_session = False
        self._is_checked = False
        self._tried_codes: set[str] = set()
        self._last_code = LastCode(connection.url, connection.username)

    def credentials(self) -> Credentials:
        """The credentials for the next request. If a one-time code is needed, the run signs in once and then uses a key.

        :raises AuthenticationFailed: if the box rejects them, or has recently rejected them.
        """
        self._check_limit()
        if not self._signed_in:
            # If the run is interrupted during the login, the new session must still be ended.
            with self._interruption.defer_signals():
                key, self._has_session = self._new_key()
                self._credentials = (self._me, key)
                self._signed_in = True
        return self._credentials

    def sign_out(self) -> None:
        """End the session that the run began, if it has one."""
        if self._has_session:
            self._has_session = False
            self._log_out(self._credentials)

    def begin_session(self) -> str:
        """Start a session for later tasks and return its key. If the run is interrupted, the session is ended."""
        self._check_limit()
        with self._interruption.defer_signals():
            key, is_session = self._new_key()
            if is_session and self._interruption.is_due:
                # The key would not be returned any more.
                self._log_out((self._me, key))
        return key

    def end_session(self) -> bool:
        """End the session of the key that the run uses. Return whether the box supports that."""
        try:
            answer = self._http.read("POST", "/logout", self.credentials())
        except Unsupported:
            # In v0.54 and older, the key is derived from the password.
            return False
        if not isinstance(answer.json(), dict):
            raise UnexpectedAnswer("POST /logout: unexpected answer to a logout.", path="/logout")
        return True

    def read(self, question: Read[Any]) -> Answer:
        """The answer to a read."""
        return self._http.read(question.method, question.path, self.credentials(), question.form)

    def is_over(self, read: Read[bool], timeout: float) -> bool:
        """Whether a box that may be down is up again and answers a read with a true value."""
        credentials = self.credentials()
        try:
            answer = self._http.probe(read.method, read.path, credentials, read.form, timeout)
            return bool(read.parse(answer.json()))
        except AuthenticationFailed as error:
            if error.cause == AuthenticationFailed.FORBIDDEN:
                return False
            # The key was valid before, so the box has restarted and dropped it.
            self.forget_key()
            return True
        except BoxError:
            return False

    def forget_key(self) -> None:
        """Switch to the password, if there is one, because the key became invalid."""
        password = self._own_password or self._connection.password
        self._has_session = False
        self.signed_out = password is None
        if password is not None:
            self._use_password(password)

    def send(self, call: Call) -> str:
        """Send a call, and return the text of the answer.

        :raises OutcomeUnknown: if the box may have stored the change anyway.
        :raises BoxError: if the box has certainly not stored it.
        """
        try:
            text = self._send(call)
        except (OutcomeUnknown, UnexpectedAnswer):
            self._sign_in_again(call)
            raise
        self._sign_in_again(call)
        self._use_new_password(call)
        return text

    def _send(self, call: Call) -> str:
        """Send a call. A call that ends all sessions of our own account is sent without a session.

        A box keeps counting a session that ended in this way towards its maximum of 64, and it can't be logged out.
        """
        password = self._own_password or self._connection.password
        by_given_key = self._credentials == (self._me, self._connection.api_key)
        needs_none = call.in_session or (self._signed_in and not (self._has_session or by_given_key))
        if self._me not in (call.password_of, call.mfa_of) or password is None or needs_none:
            return self._http.write(call, self.credentials(), {}, self._token(call))
        if by_given_key:
            if not (self._totp_secret or self._try_log_in((self._me, password)) == "ok"):
                return self._http.write(call, self._credentials, {}, self._token(call))
            self._log_out(self._credentials)
        self.sign_out()
        self._use_password(password)
        codes = list(_CODES)
        while True:
            codes.pop()
            try:
                return self._http.write(call, self._credentials, self._code_header(), self._token(call))
            except AuthenticationFailed as error:
                # The box does nothing as long as it rejects the code.
                if error.cause != AuthenticationFailed.WRONG_CODE or not codes:
                    raise

    def _token(self, call: Call) -> str:
        """The one-time code that proves the new TOTP secret in a call; empty for any other call."""
        is_enabling = call.mfa_of is not None and call.form is not None and "secret" in call.form
        return self.code(call.form["secret"], "secret") if is_enabling and call.form else ""

    def _use_new_password(self, call: Call) -> None:
        """Switch to the password that a call has set, if it is our own."""
        if call.password_of == self._me and call.form is not None:
            self._own_password = call.form["password"]
            self._has_session = False
            self._use_password(self._own_password)

    def _sign_in_again(self, call: Call) -> None:
        """Sign in again after a call that changes our own MFA, because it may have ended the session.

        If the account has no MFA, the box ignores a code.
        """
        if call.mfa_of != self._me:
            return
        if call.form is not None and "secret" in call.form:
            self._totp_secret = call.form["secret"]
        if self._connection.password is not None:
            self._has_session = False
            self._use_password(self._connection.password)

    def proves(self, proof: PasswordProof) -> bool:
        """Whether a user has this password. A wrong password counts as a failed login at the box, so it is tried only once."""
        if proof.email == self._me and self._own_password is not None:
            # The run is signed in with this password, so the box needn't be asked.
            return proof.password == self._own_password
        credentials = (proof.email, proof.password)
        if proof.admin:
            return self._try_log_in(credentials) in ("ok", "missing-totp-token")
        try:
            self._http.read("GET", "/mail/users", credentials)
        except AuthenticationFailed as error:
            if error.cause == AuthenticationFailed.FORBIDDEN:
                raise
            return error.cause in (AuthenticationFailed.NOT_AN_ADMINISTRATOR, AuthenticationFailed.MISSING_CODE)
        return True

    def code(self, secret: str, option: str, later: float = 0) -> str:
        """The current one-time code, or the code some seconds later.

        :param option: the option with the secret.
        """
        try:
            import pyotp
        except ImportError as error:
            raise MissingLibrary("pyotp", "by %s, to make one-time codes" % option) from error
        try:
            return str(pyotp.TOTP(secret).at(int(self._clock.now() + later)))
        except ValueError as error:
            raise InvalidOption(option, MASK, "not a valid base32 secret") from error

    def _check_limit(self) -> None:
        if not self._is_checked:
            self._limit.check(self._credentials)
            self._is_checked = True

    def _try_log_in(self, credentials: Credentials) -> str:
        """The status of a login without a code. For an account with MFA, a missing code does not count as a failed login."""
        with self._interruption.defer_signals():
            reply, is_session = self._log_in(credentials)
            if reply["status"] == "ok" and is_session:
                self._log_out((credentials[0], reply["api_key"]))
        return str(reply["status"])

    def _use_password(self, password: str) -> None:
        self._credentials = (self._me, password)
        self._signed_in = not self._totp_secret

    def _code_header(self) -> dict[str, str]:
        """The header with a code that this run has not used yet; empty without a TOTP secret."""
        if not self._totp_secret:
            return {}
        while True:
            now = self._clock.now()
            # The code that another run used last is worth only a last try.
            for later in sorted(_CODES, key=lambda later: int(now + later) // CODE_SECONDS == self._last_code.step):
                code = self.code(self._totp_secret, "totp_secret", later)
                if code not in self._tried_codes:
                    self._tried_codes.add(code)
                    self._last_code.note(int(now + later) // CODE_SECONDS)
                    return {"x-auth-token": code}
            with self._interruption.allow_signals():
                self._clock.wait("a one-time code works once", CODE_SECONDS - self._clock.now() % CODE_SECONDS)

    def _wait_for_others(self, seconds: float) -> None:
        with self._interruption.allow_signals():
            self._interruption.check()
            self._clock.wait("another run on this machine is signing in with the same account", seconds)

    def _new_key(self) -> tuple[str, bool]:
        """Sign in with the password, and a code if one is needed. Return the key, and whether it is a session to end.

        :raises AuthenticationFailed: if the box rejects the login, or the account is not an administrator.
        """
        credentials = (self._me, self._own_password or self._connection.password or "")
        with self._last_code.alone(self._wait_for_others) if self._totp_secret else nullcontext():
            for _code in _CODES:
                reply, is_session = self._log_in(credentials, self._code_header())
                # A code that was used before is rejected like a wrong one.
                if reply.get("reason") != WRONG_CODE:
                    break
        if reply["status"] != "ok":
            raise self._http.refusal(*_LOG_IN[is_session], str(reply.get("reason")))
        key = reply.get("api_key") or ""
        if "admin" not in reply["privileges"] or not key:
            if is_session:
                self._log_out((self._me, key))
            raise self._http.refusal(*_LOG_IN[is_session], NOT_AN_ADMINISTRATOR)
        return key, is_session

    def _log_in(
        self, credentials: Credentials, headers: Mapping[str, str] | None = None
    ) -> tuple[dict[str, Any], bool]:
        """The answer, ``{status, reason}`` or ``{status, api_key, privileges}``, and whether it is a session to end.

        The request is never repeated: a code works only once, and a lost answer may leave a session behind.
        """
        is_session = True
        method, path = _LOG_IN[is_session]
        try:
            answer = self._http.read(method, path, credentials, headers=headers, delays=())
        except Unsupported:
            is_session = False
            method, path = _LOG_IN[is_session]
            answer = self._http.read(method, path, credentials, headers=headers, delays=())
        reply = answer.json()
        if isinstance(reply, dict) and isinstance(reply.get("api_key"), str):
            self.keys.add(reply["api_key"])
            self._http.add_secret(reply["api_key"])
        try:
            _check_log_in(reply, is_session)
        except WrongShapeError as error:
            raise UnexpectedAnswer("%s %s: unexpected answer to a login." % (method, path), path=path) from error
        return reply, is_session

    def _log_out(self, credentials: Credentials) -> None:
        try:
            if self._interruption.is_due:
                # The process has to end soon.
                self._http.probe("POST", "/logout", credentials, None, _GOODBYE_SECONDS)
            else:
                self._http.read("POST", "/logout", credentials)
        except BoxError:
            # A failed logout must not hide the result of the run. A box that went down has dropped its sessions anyway.
            return


def _check_log_in(reply: Any, is_session: bool) -> None:
    """Raise ``WrongShapeError`` for an unexpected answer to a login."""
    if text(reply, "status") != "ok":
        text_or_none(reply, "reason")
        return
    texts(part(reply, "privileges"))
    # Older boxes return a key only to administrators.
    key = text(reply, "api_key") if is_session else text_or_none(reply, "api_key")
    # The key is sent in a header.
    if key is not None and not (key.isascii() and key.isprintable()):
        raise WrongShapeError("api_key")
