# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts from a box reach terminals and logs only as plain text, within our own lines."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._box.answers import Meaning
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.progress import Step
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import Task, run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Change, Planner
from ansible_collections.mailinabox.admin.plugins.module_utils._values import secrets
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    BoxError,
    InvalidDeclaration,
    Mistake,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._values.texts import printable
from ansible_collections.mailinabox.admin.plugins.plugin_utils._progress import Pace, ProgressLines
from tests.tasks import CONNECTION
from tests.unit.test_client import Answer
from tests.unit.test_task_answers import FakeClient

EVIL = [
    "\x1b[31m",
    "\x1b]0;x\x07",
    "\r",
    "\n",
    "\x9b",
    "\u202e",
    "\u2028",
    "::error::",
    "::set-output name=a::",
    "##[error]",
]
SAID = st.lists(st.sampled_from([*EVIL, "##vso[x]", " ", ":", "#", "said"]) | st.text(max_size=5), max_size=8).map(
    "".join
)


def is_harmless(line: str) -> bool:
    return line.isprintable() and not re.search(r"::[A-Za-z][\w-]*( .*)?::|##(vso)?\[", line)


class FakeResponse(Answer):
    """An answer in the form of ``requests``."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text, Location=text)
        self.headers["X-Reason"] = self.reason = text
        self.status_code, self.text, self.content = status, text, text.encode("utf-8", "replace")


def errors(said: str) -> list[BoxError]:
    meaning = Meaning(Connection.from_options(CONNECTION), (), time.time)
    found: list[BoxError] = []
    for status in (200, 301, 400, 401, 403, 404, 500):
        try:
            answer: Any = meaning.of_read("GET", "/x", FakeResponse(status, said), "me@box.example.com")
            answer.json()
        except BoxError as error:
            found.append(error)
    assert len(found) == 7
    return found


@given(SAID)
def test_errors_contain_no_terminal_or_ci_commands(said: str) -> None:
    for error in errors(said):
        assert is_harmless(error.message), error.message
        texts = [value for value in error.details.values() if isinstance(value, str)]
        assert all(is_harmless(line) for text in texts for line in text.split("\n"))


@given(SAID)
def test_errors_can_not_add_lines_to_a_list(said: str) -> None:
    lines = InvalidDeclaration([Mistake("users[1]", said), Mistake("users[2]", said)]).message.split("\n")
    assert [line.partition(":")[0] for line in lines] == ["Mistakes in the declaration", "users[1]", "users[2]"]
    assert all(map(is_harmless, lines))


@given(SAID)
def test_warnings_and_headers_contain_no_terminal_or_ci_commands(said: str) -> None:
    change = Change("alias", said, {}, {}, warnings=("alias: " + said,))
    task = Task("alias", {}, Planner(lambda _options: None, lambda _wanted, _known: [], lambda _wanted, _known: change))
    result = run(task, CONNECTION, False, lambda _connection: FakeClient())  # type: ignore[arg-type,return-value]
    assert all(map(is_harmless, (*result["warnings"], result["diff"]["before_header"])))


@given(SAID)
def test_progress_lines_contain_no_terminal_or_ci_commands(said: str) -> None:
    lines: list[str] = []
    ProgressLines("title", lines.append, Pace(0, 0, True))(Step("send", 0, 1, said))
    assert len(lines) == 1
    assert is_harmless(lines[0])


@given(st.text(min_size=8, max_size=30))
def test_secrets_are_masked_in_escaped_text(secret: str) -> None:
    assert secrets.masked(printable(secret), [secret]) == secrets.MASK


@pytest.mark.parametrize("text", ["2001:db8::1", "::1", "# 1 of a::b", "Grüße, ann@example.org"])
def test_harmless_text_is_unchanged(text: str) -> None:
    assert printable(text) == text
