# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules are asked and what they answer: values, without HTTP."""

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
    """One request, its path relative to /admin and decoded, its header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    # Where the request came from.
    remote: str = "127.0.0.1"
    # Who asks, once that is proved.
    caller: str = ""
    # The parts of the path that the route leaves open.
    parts: Mapping[str, str] = field(default_factory=dict)

    def asked_by(self, caller: str) -> Request:
        return replace(self, caller=caller)


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    content_type: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """What the body says, for tests."""
        return json.loads(self.body)


class RefusedError(Exception):
    """The box does not do what was asked, and says why: 400."""


class BrokenError(Exception):
    """Something that the box runs has failed: 500, perhaps after it has stored the change."""


class BadValueError(BrokenError):
    """The box can't read a value that was sent: it didn't expect that."""


def text(body: str, status: int = 200) -> Answer:
    """What most endpoints answer. The real box labels its plain sentences as HTML."""
    return Answer(status, HTML, body)


def data(value: object) -> Answer:
    return Answer(200, JSON, json.dumps(value, sort_keys=True) + "\n")


def error_page(status: int, why: str = "") -> Answer:
    """The page that a browser would show."""
    title = http.HTTPStatus(status).phrase
    return Answer(
        status,
        HTML,
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{html.escape(why)}</p>\n",
    )
