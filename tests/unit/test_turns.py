# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on one machine change a box one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._box.interruption import Interrupted, Interruption
from ansible_collections.mailinabox.admin.plugins.module_utils._box.turns import Turn
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Question
from tests.box import Box, State, new_state
from tests.tasks import CONNECTION, connection, run_task, task, validated

from .test_any_state import RulesClient

URL = "https://box.example.com/admin"


def never(_seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def noted(url: str = URL) -> Turn:
    turn = Turn(url)
    turn.note()
    return turn


def test_the_first_run_on_a_machine_plans_once() -> None:
    turn = noted()
    assert not turn.take(never)
    turn.close()
    later = noted()
    assert not later.take(never)
    later.close()


def test_a_run_waits_for_another() -> None:
    first, second = noted(), noted()
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            first.close()

    assert not first.take(never)
    assert second.take(wait)
    assert waits == [0.1] * 3
    second.close()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_run_that_comes_after_another_plans_again(is_first: bool) -> None:
    if not is_first:
        turn = noted()
        turn.take(never)
        turn.close()
    first, second = noted(), noted()
    first.take(never)
    first.close()
    assert second.take(never)
    second.close()
    assert not noted().take(never)


def test_a_clock_that_was_set_back_hides_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = noted(), noted()
    first.take(never)
    monkeypatch.setattr("time.time_ns", lambda: 1)
    first.close()
    assert second.take(never)


def test_boxes_do_not_wait_for_each_other() -> None:
    first, second = noted(), noted("https://box.example.net/admin")
    first.take(never)
    assert not second.take(never)


@pytest.mark.parametrize("content", ["file", "folder"])
def test_a_folder_that_cannot_be_used_stops_no_run(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    if content == "file":
        home.touch()
    else:
        (home / "mailinabox.admin/box.example.com-admin/turn").mkdir(parents=True)
    monkeypatch.setenv("ANSIBLE_HOME", str(home))
    for _run in range(2):
        turn = noted()
        assert not turn.take(never)
        turn.close()


class Contended(RulesClient):
    """A box that another run changes after this one has planned, with the turn of that other run."""

    def __init__(self, state: State, other: Callable[[], None]) -> None:
        super().__init__(state)
        self.questions: list[str] = []
        self.waits = 0
        self._turn: Turn | None = None
        self._other = other

    def ask(self, question: Question) -> Any:
        self.questions.append(question.name)
        value = super().ask(question)
        if self._turn is None:
            self._turn = noted()
            self._turn.take(never)
        return value

    def wait_for_turn(self, _seconds: float) -> None:
        self.waits += 1
        assert self._turn is not None
        self._other()
        self._turn.close()


def apply(client: RulesClient, check_mode: bool = False, **declared: Any) -> dict[str, Any]:
    options = validated("miab_config", {**CONNECTION, **declared})
    return run(task("miab_config"), options, check_mode, connect=lambda _connection: client)


ALIASES = [{"address": "sales@example.org", "forwards_to": ["me@box.example.com"]}]


def test_a_run_plans_again_after_it_has_waited() -> None:
    state = new_state("v75")

    def other() -> None:
        state.users["ann@example.org"] = state.users["me@box.example.com"]

    client = Contended(state, other)
    result = apply(client, aliases=ALIASES)
    assert not result.get("failed"), result
    assert client.waits == 1
    assert client.questions.count("aliases") == 3
    # What the other run did before this one planned is nobody's change during it.
    assert "warnings" not in result
    assert [call["path"] for call in result["calls"]] == ["/mail/aliases/add"]


def test_nothing_is_left_to_do_if_another_run_did_it() -> None:
    state = new_state("v75")
    client = Contended(state, lambda: apply(RulesClient(state), aliases=ALIASES) and None)
    # The other run has its turn already.
    client.wait_for_turn = _released(client)  # type: ignore[method-assign]  # the other run takes a turn of its own
    result = apply(client, aliases=ALIASES)
    assert (result.get("failed"), result["changed"], result["calls"], client.writes) == (None, False, [], 0)
    assert result["changes"] == []


def _released(client: Contended) -> Callable[[float], None]:
    def wait(_seconds: float) -> None:
        assert client._turn is not None
        client._turn.close()
        client._other()

    return wait


def test_check_mode_and_runs_without_changes_wait_for_nobody() -> None:
    state = new_state("v75")
    for check_mode in (True, False):
        client = Contended(state, lambda: None)
        apply(client, check_mode, aliases=ALIASES if check_mode else [])
        assert client.waits == 0


def test_a_client_waits_for_its_turn() -> None:
    with Box() as box:
        turn = noted(box.url)
        turn.take(never)
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            turn.close()

        result = run_task(box, "miab_secondary_nameserver", {"hostnames": ["xfr:192.0.2.7"]}, sleep=sleep)
        assert result["changed"], result
        assert slept == [0.1]
        # It has planned again.
        assert result["requests"] == {"reads": 3, "writes": 1}


def test_a_run_that_waits_can_be_interrupted() -> None:
    with Box() as box:
        turn = noted(box.url)
        turn.take(never)
        options = validated("miab_secondary_nameserver", {**connection(box), "hostnames": ["xfr:192.0.2.7"]})

        def connect(to: Connection) -> Client:
            return Client(to, sleep=never, interruption=Interruption(lambda: True))

        with pytest.raises(Interrupted):
            run(task("miab_secondary_nameserver"), options, False, connect=connect)
        assert [entry.path for entry in box.log if entry.is_write] == []
        turn.close()
        # The interrupted run has given its turn back.
        later = noted(box.url)
        assert not later.take(never)
        later.close()


def test_a_run_that_waits_for_a_precondition_lets_others_change_the_box() -> None:
    with Box() as box:
        box.state.elsewhere.add("box.example.com")
        others: list[bool] = []

        def sleep(_seconds: float) -> None:
            other = noted(box.url)
            others.append(other.take(never))
            box.state.elsewhere.clear()
            other.close()

        options = {"domain": "box.example.com", "state": "provisioned", "wait": 60}
        result = run_task(box, "miab_ssl", options, sleep=sleep)
        assert result["changed"], result
        assert len(others) == 1
