# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every task does: read, plan, send or predict, settle what is in doubt, read back, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._client import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._errors import InvalidOption, OutcomeUnknown, Refused
from ansible_collections.mailinabox.admin.plugins.module_utils._plan import Call, Change, Known, Read
from ansible_collections.mailinabox.admin.plugins.module_utils._task import Task, run

OPTIONS = {
    "host": "box.example.com",
    "username": "me@box.example.com",
    "password": "adminpass123",
    "api_key": None,
    "totp_secret": None,
    "ca_path": None,
    "validate_certs": True,
    "timeout": 120,
}

# A resource made up for these tests: a list of words, to which one write adds one word.
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


TASK = Task("words", {}, check, lambda _wanted, known: [] if "words" in known else [WORDS], plan)


class FakeClient:
    """A box of words.

    :param faults: a path -> what happens to the requests to it, one after the other: an error, and whether
        the box stores the word first.
    """

    def __init__(self, words: set[str], faults: dict[str, list[tuple[Exception, bool]]]) -> None:
        self.words = words
        self.faults = faults
        self.sent: list[str] = []
        self.reads = self.writes = 0
        self.closed = False
        self.connection = Connection("https://box.example.com/admin", "me@box.example.com")

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.closed = True

    def ask(self, question: Read) -> Any:
        self.reads += 1
        return question.parse(sorted(self.words))

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
        options = {**OPTIONS, "wanted": wanted}
        return run(TASK, options, check_mode, connect=lambda _connection: client), client  # type: ignore[arg-type,return-value]

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


def test_a_bad_option_reaches_no_box(do: Do) -> None:
    result, client = do("")
    assert result["failed"]
    assert result["failure"] == {
        "code": "invalid_option",
        "message": "wanted: '': empty",
        "details": {"option": "wanted", "value": ""},
    }
    assert (client.reads, client.writes) == (0, 0)


def test_a_refusal_tells_what_was_done(do: Do) -> None:
    result, client = do("a", "b", add=[None, (Refused("no"), False)])
    assert result["failed"]
    assert result["changed"]
    assert result["msg"] == "no"
    assert [call["body"] for call in result["calls"]] == ["a"]
    assert client.closed


def doubt(status: int | None = None) -> OutcomeUnknown:
    return OutcomeUnknown("POST /words/add: it broke.", status)


@pytest.mark.parametrize("status", [None, 502, 504])
def test_stored_in_spite_of_a_failure(do: Do, status: int | None) -> None:
    result, client = do("a", "b", add=[(doubt(status), True)])
    assert not result.get("failed")
    assert client.sent == ["POST /words/add a", "POST /rebuild", "POST /words/add b"]
    assert "stored all the same" in result["warnings"][0]


@pytest.mark.parametrize("status", [None, 500, 504])
def test_not_stored_is_not_sent_again(do: Do, status: int | None) -> None:
    result, client = do("a", "b", add=[None, (doubt(status), False)])
    assert result["failure"]["code"] == "box_failed"
    assert "Nothing of it was stored" in result["msg"]
    assert [call["body"] for call in result["failure"]["details"]["left"]] == ["b"]
    assert client.sent == ["POST /words/add a", "POST /words/add b"]


def test_a_value_that_makes_the_box_fail_is_taken_out(do: Do) -> None:
    result, client = do("a", "b", add=[(doubt(500), True)])
    assert result["failure"]["code"] == "box_failed"
    assert "'a'" in result["msg"]
    assert "taken out again" in result["msg"]
    assert client.sent == ["POST /words/add a", "DELETE /words/a a", "POST /rebuild"]
    assert client.words == set()


def test_a_value_whose_rebuild_fails_is_taken_out(do: Do) -> None:
    result, client = do("a", add=[(doubt(504), True)], rebuild=[(doubt(500), False)])
    assert result["failed"]
    assert client.sent == ["POST /words/add a", "POST /rebuild", "DELETE /words/a a", "POST /rebuild"]
    assert client.words == set()


def test_what_cannot_be_taken_out_is_told(do: Do) -> None:
    result, _client = do("a", add=[(doubt(500), True)], others={"/words/a": [(doubt(500), False)]})
    assert "failed too" in result["msg"]


def test_another_state_than_planned_is_a_failure(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeClient, "send", lambda self, call: self.words.add("other"))
    result, _client = do("a")
    assert result["failure"]["code"] == "not_as_declared"
    assert result["failure"]["details"] == {"planned": {"words": ["a"]}, "found": {"words": ["other"]}}


def test_nothing_is_read_back_once_locked_out(do: Do) -> None:
    result, client = do("exit")
    assert client.reads == 1
    assert "could not be read back" in result["warnings"][0]
