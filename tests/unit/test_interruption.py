# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run ends early, and what it completes before that."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.interruption import Interrupted, Interruption

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def ended() -> Iterator[list[int]]:
    """The signals that reach the process's own handlers."""
    reached: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: reached.append(number)) for number in SIGNALS}
    yield reached
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_run_and_then_the_process(ended: list[int], number: int) -> None:
    with pytest.raises(Interrupted), Interruption():
        os.kill(os.getpid(), number)
    assert ended == [number]


def test_a_signal_waits_for_critical_sections(ended: list[int]) -> None:
    done = []

    def act(interruption: Interruption) -> None:
        with interruption.defer_signals():
            os.kill(os.getpid(), signal.SIGTERM)
            with interruption.defer_signals():
                done.append("inner")
            done.append("outer")
        done.append("too late")

    with pytest.raises(Interrupted), Interruption() as interruption:
        act(interruption)
    assert done == ["inner", "outer"]
    assert ended == [signal.SIGTERM]


def test_cleanup_is_not_interrupted_again(ended: list[int]) -> None:
    done = []
    with Interruption():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except Interrupted:
            # Ansible terminates the worker that the terminal has interrupted already.
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("signed out")
    assert done == ["signed out"]
    assert ended == [signal.SIGTERM]


def test_a_signal_that_the_process_ignores_ends_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_abandoned_run_ends_at_the_next_check() -> None:
    with pytest.raises(Interrupted), Interruption(lambda: True) as interruption:
        interruption.check()


def test_a_run_continues_until_it_is_interrupted(ended: list[int]) -> None:
    with Interruption(lambda: False) as interruption:
        interruption.check()
        with interruption.defer_signals():
            pass
    assert ended == []
