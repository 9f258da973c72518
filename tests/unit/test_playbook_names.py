# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What texts tell people, and workflows, to run is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOKS = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
TEXTS = ("README.md", "examples/README.md", "examples/.github/workflows/mail.yml")


@pytest.mark.parametrize("text", TEXTS)
def test_playbooks_are_there(text: str) -> None:
    named = re.findall(r"ansible-playbook mailinabox\.admin\.(\w+)", (ROOT / text).read_text(encoding="utf-8"))
    assert named
    assert set(named) <= PLAYBOOKS
