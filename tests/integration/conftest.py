# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A box of each version, and each door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box

from .playbooks import DOORS, VERSIONS


@pytest.fixture(params=VERSIONS)
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box of each version, new for each test; it raises what failed inside it."""
    with Box(request.param) as started:
        yield started


@pytest.fixture
def newest_box() -> Iterator[Box]:
    with Box("v75") as started:
        yield started


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)
