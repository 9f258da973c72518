# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs with an approved plan during which the box changes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box import unpublished
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import OutcomeUnknown
from tests.box import Alias, State, new_state
from tests.tasks import CONNECTION, task, validated

from .test_any_state import RulesClient

DECLARED: dict[str, Any] = {
    "aliases": [
        {"address": f"{name}@example.org", "forwards_to": ["me@box.example.com"]} for name in ("one", "two", "three")
    ],
    "purge": ["aliases"],
}


class Interfered(RulesClient):
    """A box that stores the first call and then fails, while somebody else changes it."""

    def __init__(self, state: State, stranger: str) -> None:
        super().__init__(state)
        self.calls: list[Call] = []
        self._stranger = stranger

    def send(self, call: Call) -> str:
        self.calls.append(call)
        said = super().send(call)
        if len(self.calls) == 1 and self._stranger:
            self.state.aliases[self._stranger] = Alias(self._stranger, ["me@box.example.com"])
            raise OutcomeUnknown("failed", OutcomeUnknown.FAILED, 500)
        return said


@pytest.fixture(autouse=True)
def no_memory_of_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpublished, "state_folder", lambda _url: None)


def apply(stranger: str, approve: bool) -> tuple[dict[str, Any], list[str]]:
    """The result of a run, and the aliases of its calls."""
    state = new_state("v75")
    options = validated("miab_config", {**CONNECTION, **DECLARED})
    planned = run(task("miab_config"), options, True, connect=lambda _connection: RulesClient(state))
    if approve:
        plan = {**planned["plan"], "changes": planned["changes"]}
        options["approved"] = {"plan": plan, "host": None, "digest": None, "max_age": None}
    client = Interfered(state, stranger)
    result = run(task("miab_config"), options, False, connect=lambda _connection: client)
    return result, [(call.form or {}).get("address", "") for call in client.calls if "aliases" in call.path]


def test_changes_found_during_the_run_are_not_approved() -> None:
    result, about = apply("stranger@example.org", approve=False)
    assert not result.get("failed"), result
    assert "stranger@example.org" in about
    result, about = apply("stranger@example.org", approve=True)
    assert result["failure"]["code"] == "plan_differs"
    assert about == ["one@example.org"]
    assert "alias stranger@example.org: approved: nothing; now: remove" in result["msg"]
    assert "alias two@example.org: approved" not in result["msg"]
    assert result["changed"]


def test_an_approved_plan_is_applied_completely() -> None:
    result, about = apply("", approve=True)
    assert not result.get("failed"), result
    assert len(about) == 3


def test_matching_and_other_digests() -> None:
    state = new_state("v75")
    options = validated("miab_config", {**CONNECTION, **DECLARED})
    planned = run(task("miab_config"), options, True, connect=lambda _connection: RulesClient(state))
    for digest, code in (("0" * 64, "plan_differs"), (planned["plan"]["digest"], "")):
        client = RulesClient(state)
        given = {**options, "approved": {"plan": None, "host": None, "digest": digest, "max_age": None}}
        result = run(task("miab_config"), given, False, connect=lambda _connection, client=client: client)
        assert (result.get("failure") or {"code": ""})["code"] == code
        assert bool(client.writes) == (not code)
        assert result["plan"]["digest"] == planned["plan"]["digest"]
