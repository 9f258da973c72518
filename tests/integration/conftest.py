# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for boxes of each version and for both ways to run tasks; prints the number of searched secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box
from tests.records import recorded

from .playbooks import DOORS, VERSIONS

# Modules send the same requests as the worker process, so the oldest and the newest box are enough for them.
_MODULE_DOOR_VERSIONS = ("v0.51", "v75")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with the fixture box or door for each value. A file can override VERSIONS_TRIED."""
    versions = getattr(metafunc.module, "VERSIONS_TRIED", VERSIONS)
    pairs = [
        (version, door)
        for version in versions
        for door in DOORS
        if door == "in-process" or version in _MODULE_DOOR_VERSIONS
    ]
    if {"box", "door"} <= set(metafunc.fixturenames):
        metafunc.parametrize(("box", "door"), pairs, indirect=["box"])
    elif "box" in metafunc.fixturenames:
        metafunc.parametrize("box", versions, indirect=True)
    elif "door" in metafunc.fixturenames:
        metafunc.parametrize("door", DOORS)


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A box of each version, new for each test. It raises exceptions that occurred inside it."""
    with Box(request.param) as started:
        yield started


@pytest.fixture
def newest_box() -> Iterator[Box]:
    with Box("v75") as started:
        yield started


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts = [count for _passed, count in recorded(terminalreporter, "secrets")]
    if counts:
        texts = sum(count["texts"] for count in counts)
        secrets = {secret for count in counts for secret in count["secrets"]}
        found = sum(count["found"] for count in counts)
        terminalreporter.section("secrets")
        terminalreporter.write_line(
            f"{len(counts)} runs, {texts} texts searched for {len(secrets)} secrets, {found} found"
        )
