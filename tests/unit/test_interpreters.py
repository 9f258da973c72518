# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python interpreter that `make test-all` uses for each ansible-core."""

from __future__ import annotations

import all_cores
import pytest

MATRIX = [
    ("2.18", "3.11"),
    ("2.19", "3.11"),
    ("2.19", "3.13"),
    ("2.21", "3.12"),
    ("2.21", "3.13"),
    ("2.21", "3.14"),
    ("devel", "3.15"),
]


@pytest.mark.parametrize(
    ("here", "wanted", "chosen"),
    [
        (["3.11", "3.12", "3.13"], [], [("2.18", "/3.11"), ("2.19", "/3.11"), ("2.21", "/3.13")]),
        (["3.11", "3.12", "3.13"], ["2.18", "2.21"], [("2.18", "/3.11"), ("2.21", "/3.13")]),
        (["3.13"], [], [("2.19", "/3.13"), ("2.21", "/3.13")]),
        (["3.13"], ["2.18"], []),
        ([], [], []),
    ],
)
def test_choice(
    here: list[str], wanted: list[str], chosen: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_cores, "find_python", lambda version: f"/{version}" if version in here else None)
    assert all_cores.choose(MATRIX, wanted) == chosen
