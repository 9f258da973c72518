# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multi-factor authentication: TOTP schemes of users."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
import zlib
from urllib.parse import quote

from ..answers import Answer, RefusedError, Request, data, text
from ..auth import is_current_code
from ..state import State, Totp, User

_PICTURE_SIZE = 48


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _picture(content: str) -> str:
    """A placeholder image for the text, as base64.

    A box returns a QR code. Nothing decodes it, so any image of a similar size is enough, and no library is needed.
    """
    noise = hashlib.shake_128(content.encode()).digest(_PICTURE_SIZE * _PICTURE_SIZE // 8)
    width = _PICTURE_SIZE // 8
    rows = b"".join(b"\0" + noise[start : start + width] for start in range(0, len(noise), width))
    header = struct.pack(">IIBBBBB", _PICTURE_SIZE, _PICTURE_SIZE, 1, 0, 0, 0, 0)
    image = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + image).decode()


def _user(state: State, email: str) -> User:
    user = state.users.get(email)
    if user is None:
        raise RefusedError("User does not exist.")
    return user


def status(state: State, request: Request) -> Answer:
    """The schemes of any user; a new secret only for the authenticated user."""
    user = _user(state, request.form.get("user", request.caller))
    reply: dict[str, object] = {
        "enabled_mfa": [{"id": scheme.id, "type": "totp", "label": scheme.label} for scheme in user.totp]
    }
    if user.email == request.caller:
        secret = state.random_secret()
        address = f"otpauth://totp/{quote(user.email)}?secret={secret}&issuer={quote(state.hostname)}"
        reply["new_mfa"] = {"totp": {"type": "totp", "secret": secret, "qr_code_base64": _picture(address)}}
    return data(reply)


def enable(state: State, request: Request) -> Answer:
    if "token" not in request.form:
        raise RefusedError("Bad Input")
    secret = request.form.get("secret", "")
    if not secret.strip():
        raise RefusedError("No secret provided.")
    if len(secret) != 32:
        raise RefusedError("Secret should be a 32 characters base32 string")
    try:
        is_right = is_current_code(state, secret, request.form["token"])
    except binascii.Error as error:
        raise RefusedError(str(error)) from None
    if not is_right:
        raise RefusedError("Invalid token.")
    _user(state, request.caller).totp.append(Totp(state.next_mfa_id, secret, request.form.get("label")))
    state.next_mfa_id += 1
    return text("OK")


def disable(state: State, request: Request) -> Answer:
    """Disable one scheme or, without an id, all schemes of the user."""
    user = _user(state, request.form.get("user", request.caller))
    wanted = request.form.get("mfa-id", "")
    kept = [scheme for scheme in user.totp if wanted not in ("", str(scheme.id))]
    if len(kept) == len(user.totp):
        raise RefusedError("Invalid user or MFA id.")
    user.totp = kept
    return text("OK")
