# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a task handles the answers to its calls, and reads that a box may not support."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import Task, run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.forks import Box
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import (
    Call,
    Change,
    Known,
    Outage,
    Planner,
    Read,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    BoxError,
    OutcomeUnknown,
    Refused,
    TimedOut,
    UnexpectedAnswer,
    UnexpectedStatus,
    Unsupported,
)
from tests.tasks import CONNECTION


class FakeClient:
    """A box with predefined answers.

    :param answers: to the calls, one after the other: a text, or an error.
    :param values: of the questions.
    """

    def __init__(self, answers: Sequence[str | Exception] = (), values: dict[str, Any] | None = None) -> None:
        self.answers = list(answers)
        self.values = values or {}
        self.reads = self.writes = 0
        self.keys: set[str] = set()
        self.box = Box()
        self.signed_out = False
        self.warnings: list[str] = []
        self.outages: list[Outage] = []
        self.connection = Connection("https://box.example.com/admin", "me@box.example.com")

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def now(self) -> float:
        return 0.0

    def ask(self, question: Read) -> Any:
        self.reads += 1
        value = self.values[question.path]
        if isinstance(value, Exception):
            raise value
        return question.parse(value)

    def send(self, call: Call) -> str:
        self.writes += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for_restart(self, outage: Outage) -> None:
        self.outages.append(outage)


def do(task: Task, client: FakeClient, check_mode: bool = False) -> dict[str, Any]:
    return run(task, CONNECTION, check_mode, connect=lambda _connection: client)


def parse_number(said: str) -> int:
    if said == "no":
        raise Refused("POST /do: no", path="/do")
    return int(said)


# A resource for these tests: the number that the box returns for its only call.


def plan_call(likely_noop: bool = False, verifiable: bool = False, **details: Any) -> Any:
    def plan(_wanted: None, known: Known) -> Change:
        if "done" in known:
            return Change("thing", "it", {"done": known["done"]}, {})
        return Change(
            "thing",
            "it",
            {},
            {},
            (Call("POST", "/do", parse=parse_number, name="done", likely_noop=likely_noop, verifiable=verifiable),),
        )

    return Task("thing", {}, Planner(lambda _options: None, lambda _wanted, _known: [], plan))


@pytest.mark.parametrize(
    ("likely_noop", "said", "predicted", "changed"),
    [(False, "3", True, True), (False, "0", True, False), (True, "0", False, False), (True, "3", False, True)],
)
def test_changed_follows_from_the_answer(likely_noop: bool, said: str, predicted: bool, changed: bool) -> None:
    before, real = do(plan_call(likely_noop), FakeClient(), True), do(plan_call(likely_noop), FakeClient([said]))
    assert (before["changed"], real["changed"]) == (predicted, changed)
    assert before["calls"] == real["calls"] == [{"method": "POST", "path": "/do"}]
    assert before["diff"] == real["diff"]
    assert before["thing"] == {}
    assert real["thing"] == {"done": int(said)}


def test_an_error_with_a_success_status_is_a_failure() -> None:
    result = do(plan_call(), FakeClient(["no"]))
    call = {"method": "POST", "path": "/do"}
    details = {"path": "/do", "failed": call, "left": [call]}
    assert result["failure"] == {
        "code": "refused",
        "message": "POST /do: no. Nothing was changed.",
        "details": details,
    }
    assert result["calls"] == []
    assert not result["changed"]


def test_an_unreadable_outcome_stays_unknown() -> None:
    result = do(plan_call(), FakeClient([OutcomeUnknown("POST /do: it broke.", OutcomeUnknown.LOST, 504)]))
    assert result["failure"]["code"] == "outcome_unknown"
    assert result["msg"].startswith("POST /do: it broke. It is unknown whether the change was made")


LIST = Read("list", "/list", list, once=True)
DUE = Read("due", "/due", bool)
BACK = Outage(Read("back", "/due", bool), 60, "limit")


def plan_two(_wanted: None, known: Known) -> Change:
    """Process a list. Only then is it known whether a restart is pending."""
    pending = [] if "done" in known else known["list"]
    calls = [Call("POST", "/do", parse=parse_number, name="done")] if pending else []
    if known["due"]:
        calls.append(Call("POST", "/restart", parse=parse_number, outage=BACK))
    needs_replan = bool(pending) and not known["due"]
    after: dict[str, Any] = {"list": []} if needs_replan else {"list": [], "due": False}
    before = {"list": pending, "due": known["due"]}
    return Change("thing", "it", before, after, tuple(calls), ("odd",) if pending else (), needs_replan=needs_replan)


def needs_two(_wanted: None, known: Known) -> list[Read]:
    return [read for read in (LIST, DUE) if read.name not in known]


TWO = Task("thing", {}, Planner(lambda _options: None, needs_two, plan_two))


class Restarting(FakeClient):
    """A restart is pending after the first call, and no longer after the second."""

    def __init__(self, *answers: str | Exception) -> None:
        super().__init__(answers, {"/list": ["a"], "/due": False})

    def send(self, call: Call) -> str:
        self.values["/due"] = call.path == "/do"
        return super().send(call)


def test_one_call_requires_another() -> None:
    client = Restarting("1", "1")
    predicted, real = do(TWO, Restarting(), True), do(TWO, client)
    assert [call["path"] for call in predicted["calls"]] == ["/do"]
    assert [call["path"] for call in real["calls"]] == ["/do", "/restart"]
    assert real["diff"]["before"] == {"list": ["a"], "due": False}
    assert real["diff"]["after"] == real["thing"] == {"list": [], "due": False}
    assert client.outages == [BACK]
    assert real["warnings"] == ["odd"]
    # The list is read only once.
    assert client.reads == 4


def test_one_call_requires_no_other() -> None:
    client = FakeClient(["1"], {"/list": ["a"], "/due": False})
    result = do(TWO, client)
    assert [call["path"] for call in result["calls"]] == ["/do"]
    assert result["thing"] == {"list": [], "due": False}
    assert client.outages == []


def test_without_a_restart_there_is_no_wait() -> None:
    client = Restarting("1", "0")
    assert do(TWO, client)["changed"]
    assert client.outages == []


@pytest.mark.parametrize("status", [None, 502])
def test_a_box_may_be_gone_before_it_answers(status: int | None) -> None:
    client = Restarting("1", OutcomeUnknown("POST /restart: it broke.", OutcomeUnknown.LOST, status))
    assert not do(TWO, client).get("failed")
    assert client.outages == [BACK]


class Staying(Restarting):
    """The box stops and doesn't come back."""

    def wait_for_restart(self, outage: Outage) -> None:
        raise TimedOut(f"{outage.option}: too long")


def test_a_box_that_stays_away_is_a_failure() -> None:
    result = do(TWO, Staying("1", "1"))
    assert result["failure"]["code"] == "timed_out"
    assert result["changed"]
    assert [call["path"] for call in result["calls"]] == ["/do", "/restart"]


def test_nothing_is_read_back_without_credentials() -> None:
    client = Restarting("1", "1")
    client.signed_out = True
    result = do(TWO, client)
    assert "could not be read back" in result["warnings"][-1]
    assert result["thing"] == {"list": [], "due": False}


def finding(optional: bool) -> Task:
    read = Read("found", "/found", str, optional=optional)

    def plan(_wanted: None, known: Known) -> Change:
        found = known["found"]
        view = {"found": found.code if isinstance(found, BoxError) else found}
        return Change("info", "it", view, view)

    return Task("", {}, Planner(lambda _options: None, lambda _wanted, known: [] if "found" in known else [read], plan))


LACKING = Unsupported("GET /found: no such thing", path="/found")
FAILING = UnexpectedStatus("GET /found: the box answered 500", 500, "/found")
STRANGE = UnexpectedAnswer("GET /found: the answer is a web page", path="/found")


@pytest.mark.parametrize(
    ("optional", "value", "code", "failed"),
    [
        (True, "x", "x", False),
        (True, LACKING, "unsupported", False),
        (True, FAILING, "unexpected_answer", False),
        (True, STRANGE, "unexpected_answer", True),
        (False, LACKING, "unsupported", True),
        (False, FAILING, "unexpected_answer", True),
    ],
)
def test_reads_that_a_box_does_not_support(optional: bool, value: Any, code: str, failed: bool) -> None:
    result = do(finding(optional), FakeClient(values={"/found": value}))
    if failed:
        assert result["failure"]["code"] == code
    else:
        assert result == {"changed": False, "calls": [], "found": code, "requests": {"reads": 1, "writes": 0}}
