# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The promises of docs/guarantees.md, their tests, and the guards of these tests."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from try_guards import Guard, guards

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^- `(tests/[\w/]+\.py::\w+)`$", PAGE, re.MULTILINE)
GUARDS = guards()


def function(test: str) -> str:
    """The name of a test without its parameters."""
    return test.partition("[")[0]


@pytest.mark.parametrize("test", sorted(set(NAMED)))
def test_every_named_test_exists(test: str) -> None:
    file, _colons, name = test.partition("::")
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    assert name in [node.name for node in body if isinstance(node, ast.FunctionDef)]


def test_every_promise_names_a_test() -> None:
    promises, _end = PAGE.split("\n## Where the promises end\n")
    paragraphs = re.findall(r"^\*\*.+?(?=\n\n)", promises, re.MULTILINE | re.DOTALL)
    assert len(paragraphs) > 30
    assert [text for text in paragraphs if "\n- `tests/" not in text] == []
    # All tests are found, also those that are written in another form.
    assert len(NAMED) == PAGE.count("::")


def test_every_test_that_is_named_has_a_guard_and_the_other_way_round() -> None:
    assert {function(guard.test) for guard in GUARDS} == set(NAMED)


def test_guards_are_unique() -> None:
    assert [guard for guard, number in Counter(GUARDS).items() if number > 1] == []


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.test)
def test_a_guard_can_be_taken_out(guard: Guard) -> None:
    text = (ROOT / guard.file).read_text(encoding="utf-8")
    without = guard.taken_out(text)
    assert without != text
    if guard.file.endswith(".py"):
        # Otherwise the test would always fail.
        ast.parse(without)
