# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A box with three zones, and a DNS provider that has them empty."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box
from tests.box.prepare import prepare
from tests.records import recorded

from .powerdns import PowerDns, find, powerdns

ZONES = ("box.example.com", "example.org", "xn--bcher-kva.example")
USERS = [
    {"email": "ann@example.org", "password": "ann-password-1"},
    {"email": "bob@xn--bcher-kva.example", "password": "bob-password-1"},
]


@pytest.fixture
def box() -> Iterator[Box]:
    with Box("v75") as started:
        prepare(started.state, {"users": USERS})
        yield started


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[PowerDns]:
    if find() is None or importlib.util.find_spec("octodns_powerdns") is None:
        pytest.skip("there is no PowerDNS with SQLite, or no octodns-powerdns: nothing was pushed anywhere")
    with powerdns(tmp_path / "powerdns") as server:
        for zone in ZONES:
            server.add_zone(zone)
        yield server


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for _passed, line in recorded(terminalreporter, "others"):
        terminalreporter.write_line(line)
