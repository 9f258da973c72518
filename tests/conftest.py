# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolate tests from each other and from the user's environment."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the tests that may take long: at the end, one worker would be busy with them and the other idle."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(autouse=True)
def ansible_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a separate home folder, so that rejected logins of one test don't count for the next."""
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "ansible-home"))
