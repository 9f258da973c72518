# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times and texts of progress lines, with a simulated clock."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.progress import Step
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _progress
from ansible_collections.mailinabox.admin.plugins.plugin_utils._progress import Pace, ProgressLines, pace

WATCHED = pace(watched=True)
LOGGED = pace(watched=False)


@pytest.mark.parametrize(
    ("watched", "together", "position", "first", "every"),
    [
        (True, 1, 0, 3, 2),
        (False, 1, 0, 3, 30),
        # Ten hosts take turns, so there is still one line every two seconds.
        (True, 10, 0, 3, 20),
        (True, 10, 9, 21, 20),
        (False, 2, 1, 33, 60),
        # No host is silent for more than two minutes.
        (False, 10, 0, 3, 120),
        (False, 10, 3, 93, 120),
        (False, 10, 4, 3, 120),
        (True, 100, 99, 81, 120),
    ],
)
def test_pace(watched: bool, together: int, position: int, first: float, every: float) -> None:
    assert pace(watched, together, position) == Pace(first, every, uses_estimates=watched)


@dataclass
class Screen:
    """Progress lines with their times."""

    time: float = 1000.0
    lines: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    def show(self, line: str) -> None:
        self.lines.append(line)
        self.moments.append(self.time - 1000.0)

    def watch(self, steps: Iterable[tuple[float, Step]], its_pace: Pace, names: bool = True) -> Screen:
        """Report steps with these numbers of seconds between them."""
        show_step = ProgressLines("miab_user: [box-01]", self.show, its_pace, names, now=lambda: self.time)
        for seconds, step in steps:
            self.time += seconds
            show_step(step)
        return self


def writes(count: int, seconds: float) -> list[tuple[float, Step]]:
    """Steps for a number of calls that take this long each."""
    return [
        (seconds if done else 0, Step("send", done, count - done, "alias a%d@example.org" % done))
        for done in range(count)
    ]


READS = [(0.0, Step("read", 0, 2, "users")), (0.1, Step("read", 1, 1, "aliases"))]
WAIT = Step("send", 40, 272, "user ann@example.org", 27, "the box bans an address after too many failed logins")
SOON = replace(WAIT, seconds=0.5, waits="the box didn't answer")


@pytest.mark.parametrize(
    ("steps", "its_pace", "moments"),
    [
        # Quick tasks show nothing.
        (READS, WATCHED, []),
        (writes(100, 0.02), WATCHED, []),
        (writes(4, 0.9), WATCHED, []),
        # Slow tasks show the first line after 3 s, and then one every 2 s, or every 30 s in a log.
        (writes(10, 1), WATCHED, [3, 5, 7, 9]),
        (writes(5, 2.5), WATCHED, [5, 7.5, 10]),
        (writes(100, 1), LOGGED, [3, 33, 63, 93]),
        (writes(30, 1), pace(watched=True, together=5, position=2), [7, 17, 27]),
        # A step that is known to be slow is shown before it begins; in a log only if there is no line yet.
        ([(0, WAIT)], WATCHED, [0]),
        ([(0, WAIT)], LOGGED, [0]),
        ([(0, SOON), (0.5, SOON), (0.5, SOON)], WATCHED, []),
        ([*writes(5, 1), (0.1, WAIT), (27, SOON)], WATCHED, [3, 4.1, 31.1]),
        ([*writes(5, 1), (0.1, WAIT), (27, SOON), (2, SOON)], LOGGED, [3, 33.1]),
        ([(0, replace(WAIT, waits=""))], WATCHED, [0]),
    ],
)
def test_the_times_of_progress_lines(steps: list[tuple[float, Step]], its_pace: Pace, moments: list[float]) -> None:
    assert Screen().watch(steps, its_pace).moments == pytest.approx(moments)


@given(
    st.lists(st.tuples(st.floats(0, 50), st.sampled_from([*(step for _seconds, step in writes(5, 1)), SOON, WAIT]))),
    st.integers(1, 50),
    st.integers(0, 49),
)
def test_the_number_of_progress_lines_is_limited(steps: list[tuple[float, Step]], together: int, position: int) -> None:
    moments = Screen().watch(steps, pace(False, together, position % together)).moments
    assert all(after - before >= 29.99 for before, after in pairwise(moments))


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (
            writes(312, 0.25),
            "miab_user: [box-01] 3 s: 12 of 312 calls made, 4.0 a second, about 75 s left; now alias a12@example.org",
        ),
        (
            writes(312, 40),
            "miab_user: [box-01] 40 s: 1 of 312 calls made, 40 s each, about 3 h 27 min left; now alias a1@example.org",
        ),
        (
            writes(20, 12.5),
            "miab_user: [box-01] 12 s: 1 of 20 calls made, 12 s each, about 3 min 58 s left; now alias a1@example.org",
        ),
        ([(4, Step("read", 0, 500, "users"))], "miab_user: [box-01] 4 s: 0 of 500 reads made; now users"),
        # The rate is that of the current kind of step.
        (
            [*READS, (1, Step("send", 0, 2, "user a@b.de")), (2.5, Step("send", 1, 1, "user c@b.de"))],
            "miab_user: [box-01] 4 s: 1 of 2 calls made, 2 s each, about 3 s left; now user c@b.de",
        ),
        (
            [(0, WAIT)],
            "miab_user: [box-01] 0 s: 40 of 312 calls made; waiting 27 s, because the box bans an address after too many failed logins",
        ),
        (
            [(0, Step("send", 0, 1, "certificate example.org", 600))],
            "miab_user: [box-01] 0 s: 0 of 1 calls made; now certificate example.org, which may take 10 min 0 s",
        ),
        # A text from a box may have many lines.
        (
            [(3, replace(SOON, waits="the call needs it:\n  Problem.\n"))],
            "miab_user: [box-01] 3 s: 40 of 312 calls made; waiting a moment, because the call needs it: Problem.",
        ),
    ],
)
def test_the_text_of_progress_lines(steps: list[tuple[float, Step]], line: str) -> None:
    assert Screen().watch(steps, WATCHED).lines[0] == line


@pytest.mark.parametrize("step", [WAIT, replace(WAIT, waits=""), replace(WAIT, seconds=0, waits="")])
def test_without_names_progress_lines_have_counts_only(step: Step) -> None:
    (line,) = Screen().watch([(5, step)], WATCHED, names=False).lines
    assert line == "miab_user: [box-01] 5 s: 40 of 312 calls made" + ("; waiting 27 s" if step.waits else "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "watched"),
    [
        (Terminal(), {"HOME": "/root"}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"CI": "true"}, False),
        (Terminal(), {"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, False),
    ],
)
def test_progress_is_shown_only_where_somebody_watches(
    stream: io.StringIO, environment: dict[str, str], watched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    assert _progress._somebody_watches(environment) == watched
