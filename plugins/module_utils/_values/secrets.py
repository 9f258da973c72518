# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mask secrets in texts, also where they are quoted, escaped or encoded."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Any, Callable, Iterable, Iterator, Sequence, Tuple
from urllib.parse import quote, quote_plus

from .texts import printable

# Replaces a secret.
MASK = "********"

# The encoded form of a shorter text occurs in many other texts by chance.
_LEAST_BYTES = 6
# No box accepts a shorter password. A shorter secret is masked only where it is a whole word, because as a part of words,
# such as "pass" in "user_password", it would make messages unreadable.
_LEAST_SIGNS = 8
# The password in a URL, up to the last @ before the path; a key may have a slash in it, and then no @. A URL in JSON may
# have its slashes escaped.
_URL_PASSWORD = re.compile(r"(:\\*/\\*/[^/@:\s]*):(?:[^/\s]*|[^@\s]*)@")
# Each way to escape a sign: HTML, JSON and Python, URLs and forms.
_ESCAPE = re.compile(
    r"(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});)"
    r"|\\+(?:u(?P<sign>[0-9a-fA-F]{4})|U000(?P<far>[0-9a-fA-F]{5}))|\\+x(?P<byte>[0-9a-fA-F]{2})|\\+(?P<control>[nrt])?"
    r"|%(?P<percent>[0-9a-fA-F]{2})|\+"
)
# How often an escape is escaped itself, at most.
_MOST_ESCAPES = 5
# Where base64 is wrapped; a plus sign has become a blank.
_BREAK = re.compile(r"[\s+]+")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END |\Z)", re.DOTALL)


def forms(secret: str) -> frozenset[str]:
    """The forms of a secret: plain, and encoded for a form, a URL, JSON, a Python repr, and an Authorization header.

    An error page or a message may repeat the secret in one of these forms, or in one nested in another.
    """
    once = set(_quoted(secret))
    return frozenset({form for text in once for form in _quoted(text)}.union(_in_base64(secret)) - {""})


def _quoted(text: str) -> Iterator[str]:
    printed = repr(text + "'\"")[1:-4]
    # Which quotes are escaped depends on the surrounding quotes.
    yield from (text, printable(text), printed, printed.replace("\\'", "'"))
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    content = text.encode("utf-8", "surrogatepass")
    yield from (quote(content), quote(content, safe=""), quote_plus(content))


def _in_base64(secret: str) -> Iterator[str]:
    """The forms of a secret inside a longer text that is encoded in base64.

    There are three forms, depending on the position. The first and last characters depend on the neighboring bytes,
    so they are left out.
    """
    content = secret.encode("utf-8", "surrogatepass")
    if len(content) < _LEAST_BYTES:
        return
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content).decode("ascii")
        inner = encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
        # Standard and URL-safe base64.
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


def masked(value: Any, secrets: Iterable[str]) -> Any:
    """A result, or a part of it, with secrets masked in all forms."""
    shown = "\0".join(_texts(value))
    given, short = by_length(secrets)
    # The longest first, because one form may be part of another.
    found = {form for secret in given for form in forms(secret) if form in shown}
    return without_words(_without(value, sorted(found | _escaped(shown, given), key=len, reverse=True)), short)


def by_length(secrets: Iterable[str]) -> tuple[set[str], set[str]]:
    """Split secrets into those that are masked everywhere and short ones that are masked only as whole words."""
    given = {secret for secret in secrets if secret}
    short = {secret for secret in given if len(secret) < _LEAST_SIGNS}
    return given - short, short


def without_words(value: Any, secrets: Iterable[str]) -> Any:
    """A result, or a part of it, with short secrets masked where they are whole words."""
    texts = sorted({form for secret in secrets for form in _quoted(secret)} - {""}, key=len, reverse=True)
    if not texts:
        return value
    return _replaced_in(value, re.compile("|".join(map(_as_word, texts))))


def _as_word(text: str) -> str:
    before = r"(?<!\w)" if re.match(r"\w", text[0]) else ""
    after = r"(?!\w)" if re.match(r"\w", text[-1]) else ""
    return before + re.escape(text) + after


def _replaced_in(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(MASK, value)
    if isinstance(value, dict):
        return {key: _replaced_in(item, pattern) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced_in(item, pattern) for item in value]
    return value


def masked_as_given(value: Any, secrets: Iterable[str]) -> Any:
    """A value with secrets masked only in their plain form, as Ansible masks them in results."""
    shown = "\0".join(_texts(value))
    return _without(value, sorted({secret for secret in secrets if secret and secret in shown}, key=len, reverse=True))


def _escaped(shown: str, secrets: Iterable[str]) -> set[str]:
    """The parts of a text that are escaped secrets, or secrets in hex, or in base64 with line breaks."""
    plain, places = _plain(shown)
    solid, solid_places = _replaced(_BREAK, lambda _found: "", plain, places)
    found = set()
    for secret in secrets:
        content = secret.encode("utf-8", "surrogatepass")
        if len(content) < _LEAST_BYTES:
            continue
        encoded = {_BREAK.sub("", form) for form in _in_base64(secret)}
        for text, at, wanted in ((plain, places, {_plain(secret)[0]}), (solid, solid_places, encoded)):
            for form in wanted:
                if len(form.strip()) >= _LEAST_BYTES:
                    found |= _parts(shown, text, at, form)
        found |= _parts(shown, plain.lower(), places, content.hex())
    return found


_Places = Sequence[Tuple[int, int]]


def _parts(shown: str, text: str, places: _Places, wanted: str) -> set[str]:
    """The parts of the original text that match occurrences of ``wanted`` in the decoded text."""
    found = set()
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        found.add(shown[places[start][0] : places[end - 1][1]])
        start = text.find(wanted, end)
    return found


def _plain(text: str) -> tuple[str, _Places]:
    """Undo all escapes in a text. Return its bytes as characters, and the original position of each.

    A backslash of a secret can't be told from one that escapes it, so all backslashes are removed.
    """
    pieces = [_in_bytes(sign) for sign in text]
    places: _Places = [(place, place + 1) for place, piece in enumerate(pieces) for _byte in piece]
    plain = "".join(pieces)
    for _round in range(_MOST_ESCAPES):
        before = plain
        plain, places = _replaced(_ESCAPE, _unescaped, plain, places)
        if plain == before:
            break
    return plain, places


def _replaced(
    pattern: re.Pattern[str], new: Callable[[re.Match[str]], str], text: str, places: _Places
) -> tuple[str, _Places]:
    """Replace each match in a text, and update the original positions."""
    pieces: list[str] = []
    kept: list[tuple[int, int]] = []
    last = 0
    for found in pattern.finditer(text):
        piece = new(found)
        pieces += [text[last : found.start()], piece]
        kept += places[last : found.start()]
        kept += [(places[found.start()][0], places[found.end() - 1][1])] * len(piece)
        last = found.end()
    return "".join((*pieces, text[last:])), [*kept, *places[last:]]


def _unescaped(found: re.Match[str]) -> str:
    entity, sign, far = found.group("entity", "sign", "far")
    byte = found.group("byte") or found.group("percent")
    if entity:
        return _in_bytes(html.unescape(entity))
    if sign or far:
        return _in_bytes(chr(int(sign or far, 16)))
    if byte:
        return chr(int(byte, 16))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(found.group("control") or "", " " if found.group() == "+" else "")


def _in_bytes(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _without(value: Any, texts: Sequence[str]) -> Any:
    if isinstance(value, str):
        for text in texts:
            value = value.replace(text, MASK)
    elif isinstance(value, dict):
        value = {key: _without(item, texts) for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        value = [_without(item, texts) for item in value]
    return value


def in_url(text: str) -> Iterator[str]:
    """Possible passwords in a URL, which may be malformed: each text between a colon and the last ``@``.

    A mistyped URL can also contain a password, and an ``@`` in the password may be unquoted.
    """
    before = text.rpartition("@")[0]
    for found in re.finditer(":(?!//)", before):
        password = before[found.end() :]
        if password:
            yield password


def without_url_passwords(value: Any) -> Any:
    """A nested value with the passwords in URLs masked."""
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1:%s@" % MASK, value)
    if isinstance(value, dict):
        return {without_url_passwords(key): without_url_passwords(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_url_passwords(item) for item in value]
    return value


def private_keys(text: str) -> Iterator[str]:
    """The private keys in a PEM text."""
    for found in _PRIVATE_KEY.finditer(text):
        if found.group(1).strip():
            yield found.group(1).strip()
