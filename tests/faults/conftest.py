# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boxes for fault injection, and the matrix that is printed at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests.adapters

from tests.box import VERSIONS, Box
from tests.records import recorded

from .trial import LOST, REPAIRED, SUCCEEDED, UNPUBLISHED, Network

# The property with which a test records the result of each trial: {"kind": …, "end": …}.
ENDED = "fault"
_ENDS = (SUCCEEDED, REPAIRED, LOST, UNPUBLISHED)


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    network = Network()

    def send(adapter: Any, request: requests.PreparedRequest, *options: Any, **more: Any) -> requests.Response:
        return network.send(adapter, request, *options, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send)
        yield network


@pytest.fixture(scope="session")
def boxes() -> Iterator[dict[str, Box]]:
    """A box of each version, which each trial resets."""
    with ExitStack() as stack:
        yield {version: stack.enter_context(Box(version, control=False)) for version in VERSIONS}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the matrix."""
    ends: dict[str, Counter[str]] = {}
    for _passed, value in recorded(terminalreporter, ENDED):
        ends.setdefault(value["kind"], Counter())[value["end"]] += 1
    if not ends:
        return
    terminalreporter.section("faults")
    widths = [max(map(len, ends)), *(max(5, len(end)) for end in _ENDS)]
    total = sum(ends.values(), Counter())
    row = "{:<%d}  {:>5}" % widths[0] + "".join("  {:>%d}" % width for width in widths[1:])
    terminalreporter.write_line(row.format("fault", "tried", *_ENDS))
    for kind in sorted(ends):
        terminalreporter.write_line(row.format(kind, ends[kind].total(), *(ends[kind][end] for end in _ENDS)))
    terminalreporter.write_line(row.format("all", total.total(), *(total[end] for end in _ENDS)))
