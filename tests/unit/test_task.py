# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of every task: read, plan, predict or send, resolve unknown outcomes, read back, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.progress import Step
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import Task, run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.forks import Box
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import (
    Call,
    Change,
    FileText,
    Known,
    Plan,
    Planner,
    Read,
    Wait,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    ConnectionFailed,
    Guarded,
    InvalidOption,
    OutcomeUnknown,
    Refused,
    UnexpectedAnswer,
)
from tests.tasks import CONNECTION

# A resource for these tests: a list of words. Each write adds one word.
WORDS = Read("words", "/words", tuple)
REBUILD = Call("POST", "/rebuild")


def add(word: str) -> Call:
    return Call(
        "POST", "/words/add", body=word, rebuild=(REBUILD,), undo=(Call("DELETE", "/words/" + word, body=word),)
    )


def plan(wanted: tuple[str, ...], known: Known) -> Change:
    missing = [word for word in wanted if word not in known["words"]]
    return Change(
        "words",
        "all",
        {"words": sorted(known["words"])},
        {"words": sorted({*known["words"], *wanted})},
        tuple(add(word) for word in missing),
        warnings=("odd",) if "odd" in wanted else (),
        locks_out="exit" in missing,
    )


def check(options: Mapping[str, Any]) -> tuple[str, ...]:
    if "" in options["wanted"]:
        raise InvalidOption("wanted", "", "empty")
    return tuple(options["wanted"])


TASK = Task("words", {}, Planner(check, lambda _wanted, known: [] if "words" in known else [WORDS], plan))


class FakeClient:
    """A box of words.

    :param faults: for each path, the results of successive requests: an error, and whether the box stores the
        word first.
    """

    def __init__(self, words: set[str], faults: dict[str, list[tuple[Exception, bool]]]) -> None:
        self.words = words
        self.faults = faults
        self.sent: list[str] = []
        self.reads = self.writes = 0
        self.closed = False
        self.signed_out = False
        self.warnings: list[str] = []
        self.keys: set[str] = set()
        self.box = Box()
        self.waited: list[Wait] = []
        # Words that appear with each pause.
        self.coming: list[str] = []
        self.on_wait: Callable[[float, str], None]
        self.connection = Connection("https://box.example.com/admin", "me@box.example.com")

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.closed = True

    def now(self) -> float:
        return 0.0

    def ask(self, question: Read) -> Any:
        self.reads += 1
        return question.parse(sorted(self.words))

    def wait_for(self, wait: Wait) -> None:
        self.waited.append(wait)
        self.on_wait(1, "the call needs " + wait.what)

    def pause(self, _seconds: float) -> None:
        if self.coming:
            self.words.add(self.coming.pop(0))

    def send(self, call: Call) -> str:
        self.writes += 1
        self.sent.append(call.method + " " + call.path + (" " + call.body if call.body else ""))
        fault = (self.faults.get(call.path) or [None]).pop(0)
        if call.body and (fault is None or fault[1]):
            (self.words.discard if call.method == "DELETE" else self.words.add)(call.body)
        if fault:
            raise fault[0]
        return "OK"


Do = Callable[..., tuple[dict[str, Any], FakeClient]]


@pytest.fixture
def do() -> Do:
    def run_task(*wanted: str, held: set[str] = frozenset(), check_mode: bool = False, **faults: Any) -> Any:
        paths = {"/words/add": faults.get("add", []), "/rebuild": faults.get("rebuild", [])}
        client = FakeClient(set(held), {**paths, **faults.get("others", {})})
        options = {**CONNECTION, "wanted": wanted}
        return run(TASK, options, check_mode, connect=lambda _connection: client), client

    return run_task


def test_nothing_to_change(do: Do) -> None:
    result, client = do("a", held={"a", "b"})
    assert result == {
        "changed": False,
        "calls": [],
        "diff": {
            "before_header": "words all on https://box.example.com/admin",
            "after_header": "words all on https://box.example.com/admin",
            "before": {"words": ["a", "b"]},
            "after": {"words": ["a", "b"]},
        },
        "words": {"words": ["a", "b"]},
        "requests": {"reads": 1, "writes": 0},
    }
    assert client.closed


def test_check_mode_predicts_what_a_run_does(do: Do) -> None:
    predicted, untouched = do("a", "b", "odd", check_mode=True)
    real, _client = do("a", "b", "odd")
    assert untouched.sent == []
    assert predicted["changed"]
    assert predicted.pop("requests") == {"reads": 1, "writes": 0}
    assert real.pop("requests") == {"reads": 2, "writes": 3}
    assert predicted == real
    assert real["warnings"] == ["odd"]


def test_a_failed_precondition_stops_a_run_before_its_first_write() -> None:
    asked: list[Any] = []

    def gate(wanted: tuple[str, ...], plan: Plan, ask: Callable[[Read], Any]) -> None:
        asked.append((wanted, [call.body for call in plan.calls], ask(WORDS)))
        raise Guarded("The plan is not the approved one.")

    task = replace(TASK, gates=(gate,))
    client = FakeClient({"a"}, {})
    result = run(task, {**CONNECTION, "wanted": ["a", "b"]}, False, connect=lambda _connection: client)
    assert result["msg"] == "The plan is not the approved one."
    assert asked == [(("a", "b"), ["b"], ("a",))]
    assert (result["changed"], client.sent) == (False, [])
    for nothing_to_write in ({"wanted": ["a"]}, {"wanted": ["b"], "check_mode": True}):
        options = {**CONNECTION, "wanted": nothing_to_write["wanted"]}
        check_mode = "check_mode" in nothing_to_write
        assert not run(task, options, check_mode, connect=lambda _connection: client).get("failed")


def test_a_bad_option_fails_before_any_request(do: Do) -> None:
    result, client = do("")
    assert result["failed"]
    assert result["failure"] == {
        "code": "invalid_option",
        "message": "wanted: '': empty",
        "details": {"option": "wanted", "value": ""},
    }
    assert (client.reads, client.writes) == (0, 0)


def test_a_rejected_call_reports_completed_changes(do: Do) -> None:
    result, client = do("a", "b", add=[None, (Refused("no"), False)])
    assert result["failed"]
    assert result["changed"]
    assert result["msg"] == "no. Of 2 calls: 1 done, 1 not done. Run the task again to complete it."
    assert result["failure"]["details"] == {"failed": add("b").as_result(), "left": [add("b").as_result()]}
    assert [call["body"] for call in result["calls"]] == ["a"]
    assert client.closed


def doubt(status: int | None = None) -> OutcomeUnknown:
    kind = {None: OutcomeUnknown.LOST, 500: OutcomeUnknown.FAILED}.get(status, OutcomeUnknown.LOST)
    return OutcomeUnknown("POST /words/add: it broke.", kind, status)


@pytest.mark.parametrize("status", [None, 502, 504])
def test_a_change_that_was_stored_in_spite_of_a_failure(do: Do, status: int | None) -> None:
    result, client = do("a", "b", add=[(doubt(status), True)])
    assert not result.get("failed")
    assert client.sent == ["POST /words/add a", "POST /rebuild", "POST /words/add b"]
    assert "stored anyway" in result["warnings"][0]


@pytest.mark.parametrize("status", [None, 500, 504])
def test_a_change_that_was_not_stored_is_not_repeated(do: Do, status: int | None) -> None:
    result, client = do("a", "b", add=[None, (doubt(status), False)])
    assert result["failure"]["code"] == "box_failed"
    assert "The change was not stored" in result["msg"]
    assert [call["body"] for call in result["failure"]["details"]["left"]] == ["b"]
    assert client.sent == ["POST /words/add a", "POST /words/add b"]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([(Refused("no."), False)], "no. Nothing was changed."),
        ([(ConnectionFailed("gone."), False)], "gone. Nothing was changed."),
        (
            [None, (ConnectionFailed("gone."), False)],
            "gone. Of 3 calls: 1 done, 2 not done. Run the task again to complete it.",
        ),
        (
            [None, (OutcomeUnknown("It broke.", OutcomeUnknown.FAILED, 500), False)],
            "It broke. The change was not stored. Of 3 calls: 1 done, 2 not done. Run the task again to complete it.",
        ),
        (
            [None, (OutcomeUnknown("It broke.", OutcomeUnknown.LOST, 504), False)],
            "It broke. The change was not stored (checked for 3.5 s). Of 3 calls: 1 done, 2 not done. Run the task again to complete it.",
        ),
    ],
)
def test_a_failure_reports_completed_and_remaining_changes(do: Do, faults: list[Any], expected: str) -> None:
    done = faults.count(None)
    result, _client = do("a", "b", "c", add=list(faults))
    assert result["msg"] == expected
    assert [call["body"] for call in result["calls"]] == list("abc")[:done]
    assert [call["body"] for call in result["failure"]["details"]["left"]] == list("abc")[done:]


def test_a_failed_check_leaves_the_outcome_unknown(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[object] = []

    def ask(client: FakeClient, question: Read) -> Any:
        if client.sent:
            failed.append(question)
            raise ConnectionFailed("gone.")
        return question.parse(sorted(client.words))

    monkeypatch.setattr(FakeClient, "ask", ask)
    result, _client = do("a", "b", add=[(doubt(), True)])
    assert failed
    assert result["failure"]["code"] == "outcome_unknown"
    assert (
        "it broke. It is unknown whether the change was made, because reading failed: gone. If it was made, run the task again on this machine"
        in result["msg"]
    )
    assert result["msg"].endswith("Of 2 calls: 0 done, 1 not done, 1 unknown. Run the task again to complete it.")
    result, _client = do("a")
    assert result["msg"] == "gone. All changes were made before this error: 1 call."


def test_changes_that_are_stored_late_are_waited_for(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeClient, "pause", lambda client, _seconds: client.words.add("a"))
    result, client = do("a", "b", add=[(doubt(504), False)])
    assert not result.get("failed"), result["msg"]
    assert client.sent == ["POST /words/add a", "POST /rebuild", "POST /words/add b"]


def test_a_change_is_reported_as_stored_if_publishing_it_fails(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    call = replace(add("a"), undo=())
    monkeypatch.setitem(plan.__globals__, "add", lambda _word: call)
    result, _client = do("a", add=[(doubt(504), True)], rebuild=[(ConnectionFailed("gone."), False)])
    assert "The change was stored, but the box failed again to publish it" in result["msg"]
    assert (
        "run the task again on this machine to publish it, or run miab_dns_update with force: true, and miab_web_update."
        in result["msg"]
    )
    assert result["changed"]
    assert result["calls"] == [call.as_result()]


def test_a_value_that_breaks_publishing_is_removed(do: Do) -> None:
    result, client = do("a", "b", add=[(doubt(500), True)])
    assert result["failure"]["code"] == "box_failed"
    assert "'a'" in result["msg"]
    assert "removed again" in result["msg"]
    assert client.sent == ["POST /words/add a", "DELETE /words/a a", "POST /rebuild"]
    assert client.words == set()


def test_a_value_whose_rebuild_fails_is_removed(do: Do) -> None:
    result, client = do("a", add=[(doubt(504), True)], rebuild=[(doubt(500), False)])
    assert result["failed"]
    assert client.sent == ["POST /words/add a", "POST /rebuild", "DELETE /words/a a", "POST /rebuild"]
    assert client.words == set()


def test_a_failed_undo_step_does_not_skip_the_others(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that can't publish an existing value fails at each step, but still stores the change."""
    diagnosis = Read("diagnosis", "/suspects", lambda words: tuple(word for word in words if word == "bad"))
    rebuild = replace(REBUILD, diagnosis=diagnosis)
    undo = (Call("DELETE", "/words/a", body="a"), Call("POST", "/words/back", body="old"))
    call = replace(add("a"), undo=undo, rebuild=(rebuild,))
    monkeypatch.setitem(plan.__globals__, "add", lambda _word: call)
    faults = {path: [(doubt(500), True)] for path in ("/words/a", "/words/back")}
    result, client = do("a", held={"bad"}, add=[(doubt(500), True)], rebuild=[(doubt(500), False)], others=faults)
    assert client.sent == ["POST /words/add a", "DELETE /words/a a", "POST /words/back old", "POST /rebuild"]
    assert client.words == {"bad", "old"}
    assert "the value was removed again, but the box still fails" in result["msg"]
    assert "The most likely cause is a value that the box already has: bad." in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")


def test_a_truncated_answer_is_resolved_by_reading_back(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(said: str) -> bool:
        raise UnexpectedAnswer("The answer is incomplete: %r" % said)

    call = replace(add("a"), parse=parse, name="said")
    monkeypatch.setitem(plan.__globals__, "add", lambda _word: call)
    result, client = do("a")
    assert not result.get("failed"), result["msg"]
    assert client.sent == ["POST /words/add a", "POST /rebuild"]
    assert "incomplete" in result["warnings"][0]


def test_a_generated_secret_does_not_make_a_call_different() -> None:
    """Otherwise the task would consider it stored, and send another secret that it never returns."""
    made = iter(["first", "second", "third", "fourth", "fifth"])

    def plan_anew(_wanted: object, known: Known) -> Change:
        has = bool(known["words"])
        secret = next(made)
        call = Call("POST", "/enable", {"secret": secret, "label": "phone"}, secret=("secret",))
        state = {"state": "present" if has else "absent"}
        reveals = {} if has else {"secret": secret}
        return Change("mfa", "me", state, {"state": "present"}, () if has else (call,), reveals=reveals)

    task = Task(
        "mfa", {}, Planner(lambda _options: None, lambda _w, known: [] if "words" in known else [WORDS], plan_anew)
    )
    client = FakeClient(set(), {"/enable": [(doubt(), False)]})
    result = run(task, CONNECTION, False, connect=lambda _connection: client)
    assert client.sent == ["POST /enable"]
    assert "The change was not stored" in result["msg"]
    assert result["mfa"] == {"secret": "first"}


def test_a_write_missing_from_the_new_plan_does_not_count_as_stored() -> None:
    """Values that a write removed temporarily would be missing in a plan that is made from the current state."""

    def plan_removal(_wanted: object, known: Known) -> Change:
        held = set(known["words"])
        calls = [Call("PUT", "/words", body="a"), Call("POST", "/words/add", body="b")] if "old" in held else []
        return Change("words", "all", {"words": sorted(held)}, {"words": sorted(held - {"old"})}, tuple(calls))

    class Replacing(FakeClient):
        def send(self, call: Call) -> str:
            if call.method == "PUT":
                self.words.clear()
            return super().send(call)

    task = Task(
        "words", {}, Planner(lambda _o: None, lambda _w, known: [] if "words" in known else [WORDS], plan_removal)
    )
    client = Replacing({"a", "b", "old"}, {"/words/add": [(doubt(), False)]})
    result = run(task, CONNECTION, False, connect=lambda _connection: client)
    assert result["failure"]["code"] == "outcome_unknown"
    assert [call["body"] for call in result["calls"]] == ["a"]
    assert "It is unknown whether the change was made: the box now has {'words': ['a']}" in result["msg"]
    assert result["failure"]["details"]["failed"]["body"] == "b"


def test_changes_that_cannot_be_undone_are_reported(do: Do) -> None:
    result, _client = do("a", add=[(doubt(500), True)], others={"/words/a": [(doubt(500), False)]})
    assert "removing the value failed, too" in result["msg"]


def test_a_final_state_that_differs_from_the_plan_is_a_failure(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeClient, "send", lambda self, call: self.words.add("other"))
    result, _client = do("a")
    assert result["failure"]["code"] == "not_as_declared"
    assert result["failure"]["details"] == {"planned": {"words": ["a"]}, "found": {"words": ["other"]}}


def test_nothing_is_read_back_once_locked_out(do: Do) -> None:
    result, client = do("exit")
    assert client.reads == 1
    assert "could not be read back" in result["warnings"][0]


# Another resource: a word that appears late, has a precondition, and returns a secret.
READY = Wait(Read("ready", "/ready", bool), 60, "it to be ready", option="wait")


def plan_slowly(wanted: tuple[str, ...], known: Known) -> Change:
    missing = [word for word in wanted if word not in known["words"]]
    calls = tuple(Call("POST", "/slow", wait=READY) for _word in missing)
    words = {"words": sorted(known["words"])}
    after = {"words": sorted({*known["words"], *wanted})}
    return Change("words", "all", words, after, calls, reveals={"secret": "s3cret"}, settle_seconds=1)


SLOW = Task("words", {}, Planner(check, lambda _wanted, known: [] if "words" in known else [WORDS], plan_slowly))


def slowly(client: FakeClient, check_mode: bool = False) -> dict[str, Any]:
    return run(SLOW, {**CONNECTION, "wanted": ["a"]}, check_mode, connect=lambda _connection: client)


def test_effects_that_appear_late_are_waited_for() -> None:
    client = FakeClient(set(), {})
    client.coming = ["", "a"]
    client.words = {""}
    result = slowly(client)
    assert result["changed"]
    assert client.reads == 4
    assert client.waited == [READY]
    assert result["words"] == {"words": ["", "a"], "secret": "s3cret"}
    assert "s3cret" not in str(result["diff"])


def test_a_missing_effect_is_a_failure_that_still_returns_values() -> None:
    client = FakeClient(set(), {})
    result = slowly(client)
    assert result["failure"]["code"] == "not_as_declared"
    assert client.reads == 4
    assert result["words"] == {"secret": "s3cret"}
    assert "s3cret" not in str(result["failure"])


def test_a_secret_that_changes_with_each_plan_is_sent_once() -> None:
    secrets = iter(range(9))

    def plan(_wanted: Any, _known: Known) -> Change:
        call = Call("POST", "/enable", {"secret": "s3cret-%d" % next(secrets)}, secret=("secret",))
        return Change("words", "all", {"state": "absent"}, {"state": "present"}, (call,))

    client = FakeClient(set(), {"/enable": [(doubt(), False)] * 5})
    task = Task("words", {}, Planner(check, lambda _wanted, _known: [], plan))
    result = run(task, {**CONNECTION, "wanted": []}, False, connect=lambda _connection: client)
    assert client.sent == ["POST /enable"]
    assert result["failure"]["code"] == "box_failed"


def test_secrets_in_the_box_s_messages_are_masked() -> None:
    call = Call("POST", "/enable", {"secret": "made by the box"}, secret=("secret",))
    change = Change("words", "all", {"state": "absent"}, {"state": "present"}, (call,))
    client = FakeClient(set(), {"/enable": [(Refused("you sent secret=made+by+the+box", text="key-1"), False)]})
    client.keys = {"key-1"}
    task = Task("words", {}, Planner(check, lambda _wanted, _known: [], lambda _wanted, _known: change))
    result = run(task, {**CONNECTION, "wanted": []}, False, connect=lambda _connection: client)
    assert result["msg"] == "you sent secret=********. Nothing was changed."
    assert result["failure"]["details"]["text"] == "********"


def test_values_returned_after_a_lost_answer() -> None:
    client = FakeClient(set(), {"/slow": [(doubt(), False)]})
    result = slowly(client)
    assert result["failed"]
    assert result["words"] == {"secret": "s3cret"}


def test_check_mode_waits_for_nothing_and_reveals_nothing() -> None:
    client = FakeClient(set(), {})
    result = slowly(client, check_mode=True)
    assert result["changed"]
    assert client.waited == client.sent == []
    assert "s3cret" not in str(result)


@pytest.mark.parametrize("check_mode", [False, True])
def test_values_are_returned_even_without_a_change(check_mode: bool) -> None:
    result = slowly(FakeClient({"a"}, {}), check_mode)
    assert not result["changed"]
    assert result["words"] == {"words": ["a"], "secret": "s3cret"}


def steps_of(task: Task, client: FakeClient, *wanted: str, check_mode: bool = False) -> list[Step]:
    steps: list[Step] = []
    run(task, {**CONNECTION, "wanted": wanted}, check_mode, connect=lambda _connection: client, progress=steps.append)
    return steps


READING = Step("read", 0, 1, "words")


def test_each_step_is_reported() -> None:
    steps = steps_of(TASK, FakeClient({"a"}, {}), "a", "b", "c")
    assert steps == [READING, Step("send", 0, 2, "words all"), Step("send", 1, 1, "words all"), READING]
    assert steps_of(TASK, FakeClient({"a"}, {}), "a", "b", check_mode=True) == [READING]


def test_progress_continues_after_an_unknown_outcome() -> None:
    client = FakeClient(set(), {"/words/add": [(doubt(), True)]})
    # The task checks what was stored, and continues with the rest.
    assert [(step.doing, step.done, step.left) for step in steps_of(TASK, client, "a", "b")] == [
        *(("read", 0, 1), ("send", 0, 2)),
        *(("read", 0, 1), ("send", 1, 1)),
        ("read", 0, 1),
    ]


def test_waits_are_reported() -> None:
    client = FakeClient({""}, {})
    client.coming = ["a"]
    first = Step("send", 0, 1, "words all")
    assert steps_of(SLOW, client, "a") == [
        *(READING, first, replace(first, seconds=1, waits="the call needs it to be ready"), READING),
        *(replace(READING, seconds=0.5, waits="the box doesn't show the change yet"), READING),
    ]


def test_reading_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("h\u00e9re", encoding="utf-8")

    def read(name: str) -> dict[str, Any]:
        question = FileText(str(tmp_path / name))
        task = Task(
            "text",
            {},
            Planner(
                lambda _options: None,
                lambda _wanted, known: [] if question.name in known else [question],
                lambda _wanted, known: Change(
                    "text", "all", {"text": known[question.name]}, {"text": known[question.name]}
                ),
            ),
        )
        client = FakeClient(set(), {})
        return run(task, CONNECTION, False, connect=lambda _connection: client)

    assert read("here")["text"] == {"text": "h\u00e9re"}
    assert read("not-here")["text"] == {"text": None}
    assert read(".")["failure"]["details"] == {"option": "path", "value": str(tmp_path / ".")}
