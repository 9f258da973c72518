# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the rules, and their answers: plain values, without HTTP."""

from __future__ import annotations

import html
import http
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

HTML = "text/html; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """A request. Its path is decoded and relative to /admin; its header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    # The client's IP address.
    remote: str = "127.0.0.1"
    # The authenticated user.
    caller: str = ""
    # The variable parts of the path.
    parts: Mapping[str, str] = field(default_factory=dict)

    def asked_by(self, caller: str) -> Request:
        return replace(self, caller=caller)


@dataclass(frozen=True)
class Answer:
    """An answer."""

    status: int
    content_type: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The parsed body, for tests."""
        return json.loads(self.body)


class RefusedError(Exception):
    """The box rejects the request and gives a reason: 400."""


class BrokenError(Exception):
    """A program that the box runs has failed: 500. The change may already be stored."""


class BadValueError(BrokenError):
    """The box fails to parse a value, and doesn't handle the error."""


def text(body: str, status: int = 200) -> Answer:
    """The answer of most endpoints. The real box also sends plain text with the content type of HTML."""
    return Answer(status, HTML, body)


def data(value: object) -> Answer:
    return Answer(200, JSON, json.dumps(value, sort_keys=True) + "\n")


def error_page(status: int, why: str = "") -> Answer:
    """An HTML page."""
    title = http.HTTPStatus(status).phrase
    return Answer(
        status,
        HTML,
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{html.escape(why)}</p>\n",
    )
