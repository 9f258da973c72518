# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is signed in at a box: passwords, one-time codes, keys, and which sessions are to be ended."""

from __future__ import annotations

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
from .answers import NOT_AN_ADMINISTRATOR, WRONG_CODE, Answer
from .clock import Clock
from .connection import Connection
from .https import Http
from .interruption import Interruption
from .login_limit import Credentials, LoginLimit

# The request that logs in, by whether it begins a session. v0.54 and older derive their key from the password: it can't
# be ended.
_LOG_IN = {True: ("POST", "/login"), False: ("GET", "/me")}

_TOTP_SECONDS = 30
# How long a box may take to end the session of a run that was interrupted.
_GOODBYE_SECONDS = 5.0
# Clocks differ, so boxes take the next code and the one before, too; of those used, they remember only the last.
_CODES = (0, _TOTP_SECONDS, -_TOTP_SECONDS)


class SignIn:
    """The credentials of a run, from one request to the next.

    :ivar keys: those that the box gave for a password.
    :ivar signed_out: whether the box forgot the key that the run goes by, and there is no password to go on with.
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
        # The password that is known to be the own one; None if the run goes by a key.
        self._own_password = None if connection.api_key else connection.password
        self._totp_secret = connection.totp_secret
        self._credentials = (self._me, connection.api_key or connection.password or "")
        self._signed_in = bool(connection.api_key or not connection.totp_secret)
        self._has_session = False
        self._is_checked = False
        self._tried_codes: set[str] = set()

    def credentials(self) -> Credentials:
        """What to send with a request. A one-time code, which works once, is changed into a key, which lasts for the run.

        :raises AuthenticationFailed: if the box refuses them, or refused them a moment ago.
        """
        self._check_limit()
        if not self._signed_in:
            # A key that came in the very moment in which the run is to end is ended with it.
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
        """A key for who comes after this run; no session of its own is left open."""
        self._check_limit()
        with self._interruption.defer_signals():
            key, is_session = self._new_key()
            if is_session and self._interruption.is_due:
                # Nobody would get it any more.
                self._log_out((self._me, key))
        return key

    def end_session(self) -> bool:
        """End the session of the key that the run is signed in with; return whether the box can do that."""
        try:
            answer = self._http.read("POST", "/logout", self.credentials())
        except Unsupported:
            # v0.54 and older derive their key from the password.
            return False
        if not isinstance(answer.json(), dict):
            raise UnexpectedAnswer("POST /logout: unexpected answer to a logout.", path="/logout")
        return True

    def read(self, question: Read) -> Answer:
        """The answer to a read."""
        return self._http.read(question.method, question.path, self.credentials(), question.form)

    def is_over(self, read: Read, timeout: float) -> bool:
        """Whether a box that may be down is up again, and the value of a read is true."""
        credentials = self.credentials()
        try:
            answer = self._http.probe(read.method, read.path, credentials, read.form, timeout)
            return bool(read.parse(answer.json()))
        except AuthenticationFailed as error:
            if error.cause == AuthenticationFailed.FORBIDDEN:
                return False
            # The key was good until now, so the box has forgotten it: it has restarted.
            self.forget_key()
            return True
        except BoxError:
            return False

    def forget_key(self) -> None:
        """Go on with the password, if there is one, because the box has forgotten the key."""
        password = self._own_password or self._connection.password
        self._has_session = False
        self.signed_out = password is None
        if password is not None:
            self._use_password(password)

    def send(self, call: Call) -> str:
        """Send a call, and return the text of the answer.

        :raises OutcomeUnknown: if the box may have stored it all the same.
        :raises BoxError: if it certainly has not.
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
        """Send a call. One that ends all sessions of its user is sent without a session.

        A box goes on counting a session that ended so among its 64, and can't be told to drop it.
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
                # As long as the code is refused, nothing was done.
                if error.cause != AuthenticationFailed.WRONG_CODE or not codes:
                    raise

    def _token(self, call: Call) -> str:
        """The code that proves the secret of a call for codes; empty for any other call."""
        is_enabling = call.mfa_of is not None and call.form is not None and "secret" in call.form
        return self.code(call.form["secret"], "secret") if is_enabling and call.form else ""

    def _use_new_password(self, call: Call) -> None:
        """Go on with the password that a call has set, if it is the own one."""
        if call.password_of == self._me and call.form is not None:
            self._own_password = call.form["password"]
            self._has_session = False
            self._use_password(self._own_password)

    def _sign_in_again(self, call: Call) -> None:
        """Go on without the session that a change of the own MFA ends, whether the box has made it or not.

        A box that asks for no code takes no notice of one.
        """
        if call.mfa_of != self._me:
            return
        if call.form is not None and "secret" in call.form:
            self._totp_secret = call.form["secret"]
        if self._connection.password is not None:
            self._has_session = False
            self._use_password(self._connection.password)

    def proves(self, proof: PasswordProof) -> bool:
        """Whether a user's password is this one. A wrong one counts as a failed login at the box, so it is asked once."""
        if proof.email == self._me and self._own_password is not None:
            # It is what this run signed in with, so there is nothing to ask.
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
        """The one-time code of the moment, or that of some seconds later.

        :param option: that the secret comes from.
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
        """The status of a log-in without a code. An account may have MFA: a missing code is not a failed login here."""
        with self._interruption.defer_signals():
            reply, is_session = self._log_in(credentials)
            if reply["status"] == "ok" and is_session:
                self._log_out((credentials[0], reply["api_key"]))
        return str(reply["status"])

    def _use_password(self, password: str) -> None:
        self._credentials = (self._me, password)
        self._signed_in = not self._totp_secret

    def _code_header(self) -> dict[str, str]:
        """A code for the own account that this run hasn't tried yet, if there is a secret to make it of."""
        if not self._totp_secret:
            return {}
        while True:
            for later in _CODES:
                code = self.code(self._totp_secret, "totp_secret", later)
                if code not in self._tried_codes:
                    self._tried_codes.add(code)
                    return {"x-auth-token": code}
            with self._interruption.allow_signals():
                self._clock.wait("a one-time code works once", _TOTP_SECONDS - self._clock.now() % _TOTP_SECONDS)

    def _new_key(self) -> tuple[str, bool]:
        """A key in exchange for the password, and a code where one is needed; and whether it is a session to end.

        :raises AuthenticationFailed: if the box refuses, or the account is no administrator's.
        """
        credentials = (self._me, self._own_password or self._connection.password or "")
        for _code in _CODES:
            reply, is_session = self._log_in(credentials, self._code_header())
            # A code that was used a moment ago is refused like a wrong one.
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
        """What the box says, ``{status, reason}`` or ``{status, api_key, privileges}``, and whether that is a session to end.

        It is asked once: a code works once, and a lost answer may leave a session behind.
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
                # Something waits for the end of this process.
                self._http.probe("POST", "/logout", credentials, None, _GOODBYE_SECONDS)
            else:
                self._http.read("POST", "/logout", credentials)
        except BoxError:
            # A box that is gone has forgotten its sessions, and the outcome of the run matters more.
            return


def _check_log_in(reply: Any, is_session: bool) -> None:
    """Raise ``WrongShapeError`` for what no box answers to a log-in."""
    if text(reply, "status") != "ok":
        text_or_none(reply, "reason")
        return
    texts(part(reply, "privileges"))
    # Older boxes give a key to administrators only.
    key = text(reply, "api_key") if is_session else text_or_none(reply, "api_key")
    # It is sent in a header.
    if key is not None and not (key.isascii() and key.isprintable()):
        raise WrongShapeError("api_key")
