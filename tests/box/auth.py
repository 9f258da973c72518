# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication: passwords, session keys, TOTP codes, and the answers to rejected credentials."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import struct

from .answers import JSON, PLAIN, Answer, Request, data
from .state import Session, State, Totp, User

_MAX_SESSIONS = 64
_SESSION_SECONDS = 2 * 86400
_TOTP_SECONDS = 30
MISSING_CODE = "missing-totp-token"
_WRONG_CODE = "invalid-totp-token"
_DISCREET = "Incorrect email address or password."


class LoginError(Exception):
    """The credentials are rejected; the text is the reason that the client gets."""


def totp_code(secret: str, moment: float) -> str:
    """The TOTP code (RFC 6238) of a base32 secret at that time. Raises ValueError if the secret isn't base32."""
    counter = struct.pack(">Q", int(moment // _TOTP_SECONDS))
    digest = hmac.digest(base64.b32decode(secret, casefold=True), counter, "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, start)[0] & 0x7FFFFFFF) % 1_000_000:06}"


def is_current_code(state: State, secret: str, code: str) -> bool:
    """Whether it is the current, the previous or the next code, because clocks differ."""
    moment = state.clock()
    return any(code == totp_code(secret, moment + shift) for shift in (-_TOTP_SECONDS, 0, _TOTP_SECONDS))


def _accept_code(state: State, scheme: Totp, code: str) -> bool:
    """A code works once: the last accepted code is rejected."""
    if code == scheme.last_code or not is_current_code(state, scheme.secret, code):
        return False
    scheme.last_code = code
    return True


def _check_second_factor(state: State, user: User, code: str | None) -> None:
    if not user.totp:
        return
    if not code:
        raise LoginError(MISSING_CODE)
    if not any(_accept_code(state, scheme, code) for scheme in user.totp):
        raise LoginError(_WRONG_CODE)


def _credentials(state: State, user: User) -> str:
    """A hash of what a session depends on: the session ends when it changes."""
    ends = state.capabilities.codes_end_sessions
    schemes = [[scheme.id, scheme.secret, *([scheme.last_code] if ends else [])] for scheme in user.totp]
    return hashlib.sha256(json.dumps([user.email, user.password, schemes]).encode()).hexdigest()


def _personal_key(state: State, user: User) -> str:
    """The api_key of older boxes: it stays the same until the password or MFA changes, or the box restarts."""
    return hmac.new(state.master_key.encode(), _credentials(state, user).encode(), "sha256").hexdigest()


def _session_user(state: State, name: str, key: str) -> User | None:
    """The user of a valid session, otherwise None."""
    session = state.sessions.get(key)
    user = state.users.get(name)
    if session is None or user is None or session.email != name:
        return None
    if state.clock() - session.since > _SESSION_SECONDS:
        del state.sessions[key]
        return None
    return user if session.credentials == _credentials(state, user) else None


def _keep_session(state: State, user: User, key: str) -> None:
    """Start or renew a session. If there are too many, the oldest one ends."""
    if len(state.sessions) >= _MAX_SESSIONS:
        if key in state.sessions:
            del state.sessions[key]
        else:
            state.sessions.popitem(last=False)
    state.sessions[key] = Session(user.email, _credentials(state, user), state.clock())


def _read_header(state: State, request: Request) -> tuple[str, str]:
    header = request.headers.get("authorization")
    if header is None and not state.capabilities.discreet_refusals:
        raise LoginError("No authorization header provided.")
    scheme, _unused, encoded = (header or "").partition(" ")
    name = password = ""
    if scheme == "Basic":
        try:
            name, _unused, password = base64.b64decode(encoded).decode("ascii").partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise LoginError(str(error)) from None
    if not name:
        raise LoginError("Authorization header invalid.")
    return name, password


def _login_of_older_box(state: State, request: Request, name: str, password: str) -> User:
    if not password:
        raise LoginError("Enter an email address and password.")
    user = state.users.get(name)
    if user is None:
        raise LoginError(f"That's not a user ({name}).")
    if password != _personal_key(state, user):
        if not user.has_password(password):
            raise LoginError("Invalid password.")
        _check_second_factor(state, user, request.headers.get("x-auth-token"))
    return user


def authenticate(state: State, request: Request, new_login: bool = False) -> User:
    """The authenticated user. With new_login, session keys are rejected."""
    name, password = _read_header(state, request)
    if not state.capabilities.sessions:
        return _login_of_older_box(state, request, name, password)
    if not new_login:
        user = _session_user(state, name, password)
        if user is not None:
            _keep_session(state, user, password)
            return user
    if not password.strip():
        raise LoginError("Enter a password.")
    user = state.users.get(name)
    if user is None and state.capabilities.names_unknown_users:
        raise LoginError(f"That's not a user ({name})")
    if user is None or not user.has_password(password):
        raise LoginError(_DISCREET)
    _check_second_factor(state, user, request.headers.get("x-auth-token"))
    return user


def _count_failure(state: State) -> None:
    """Write the log line that fail2ban looks for."""
    state.failed_logins.append(state.clock())


def admin_or_refusal(state: State, request: Request) -> Answer | User:
    """The authenticated administrator, or the answer to other clients."""
    try:
        user = authenticate(state, request)
    except LoginError as error:
        return refused(state, request, str(error))
    if "admin" in user.privileges:
        return user
    return _refusal(request, "You are not an administrator.")


def refused(state: State, request: Request, reason: str) -> Answer:
    """The answer to rejected credentials. It counts as a failed login."""
    # Browsers send their first request without credentials.
    if "authorization" in request.headers:
        _count_failure(state)
    return _refusal(request, reason)


def _refusal(request: Request, reason: str) -> Answer:
    status = 401
    headers = {"WWW-Authenticate": 'Basic realm="Mail-in-a-Box Management Server"', "X-Reason": reason}
    if request.headers.get("x-requested-with") == "XMLHttpRequest":
        # A 401 would make the browser show its own password prompt.
        status, headers = 403, {}
    if request.headers.get("accept", "") in ("", "*/*"):
        return Answer(status, PLAIN, reason + "\n", headers)
    return Answer(status, JSON, json.dumps({"status": "error", "reason": reason}) + "\n", headers)


def _failed_login(state: State, error: LoginError) -> Answer:
    reason = str(error)
    if reason == MISSING_CODE:
        return data({"status": MISSING_CODE, "reason": reason})
    _count_failure(state)
    return data({"status": "invalid", "reason": reason})


def login(state: State, request: Request) -> Answer:
    try:
        user = authenticate(state, request, new_login=True)
    except LoginError as error:
        return _failed_login(state, error)
    key = state.random_hex(32)
    _keep_session(state, user, key)
    return data({"status": "ok", "email": user.email, "privileges": user.privileges, "api_key": key})


def me(state: State, request: Request) -> Answer:
    """The login of older boxes: only administrators get a key."""
    try:
        user = authenticate(state, request)
    except LoginError as error:
        return _failed_login(state, error)
    reply: dict[str, object] = {"status": "ok", "email": user.email, "privileges": user.privileges}
    if "admin" in user.privileges:
        reply["api_key"] = _personal_key(state, user)
    return data(reply)


def logout(state: State, request: Request) -> Answer:
    """Always succeeds, for any client."""
    try:
        name, key = _read_header(state, request)
    except LoginError:
        return data({"status": "ok"})
    if _session_user(state, name, key) is not None:
        del state.sessions[key]
    return data({"status": "ok"})
