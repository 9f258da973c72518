# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transitions between arbitrary states of a box, with the planners and the simulated box's rules, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import Task, run
from ansible_collections.mailinabox.admin.plugins.module_utils._model import forks
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call, PasswordProof, Question
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    OutcomeUnknown,
    Refused,
    UnexpectedStatus,
)
from tests.box import State, new_state
from tests.box.prepare import prepare
from tests.box.routes import answer
from tests.box.state import Alias as BoxAlias
from tests.box.state import User as BoxUser
from tests.tasks import CONNECTION, task

from ..integration.playbooks import VERSIONS


class RulesClient:
    """Asks the box's rules themselves.

    :param seconds: how long each request takes.
    """

    signed_out = False
    warnings: tuple[str, ...] = ()

    def __init__(self, state: State, seconds: float = 0) -> None:
        self.state = state
        self._time, self._seconds = 0.0, seconds
        self.reads = self.writes = 0
        self.keys: set[str] = set()
        self.marks: set[forks.Mark] = set()
        self.connection = Connection("https://box.example.com/admin", "me@box.example.com")

    @property
    def box(self) -> forks.Box:
        return forks.recognize(self.marks)

    def __enter__(self) -> RulesClient:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def now(self) -> float:
        return self._time

    def ask(self, question: Question) -> Any:
        self.reads += 1
        self._time += self._seconds
        if isinstance(question, PasswordProof):
            user = self.state.users.get(question.email)
            return user is not None and user.has_password(question.password)
        reply = answer(self.state, question.method, question.path)
        if reply.status != 200:
            said = f"{question.method} {question.path}: HTTP {reply.status}. {question.hint}"
            raise UnexpectedStatus(said, reply.status, question.path)
        content = json.loads(reply.body)
        self.marks |= forks.marks(question.name, content)
        return question.parse(content)

    def send(self, call: Call) -> str:
        self.writes += 1
        self._time += self._seconds
        reply = answer(self.state, call.method, call.path, form=call.form, body=call.body)
        if reply.status == 400:
            raise Refused(str(reply.body))
        if reply.status != 200:
            raise OutcomeUnknown(str(reply.body), OutcomeUnknown.FAILED, reply.status)
        return str(reply.body)


def do(box: State, module: str, /, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """A task's result; options that are left out have their defaults."""
    spec = task(module).options
    filled = {name: options.get(name, spec[name].get("default")) for name in spec}
    return task_result(task(module), {**CONNECTION, **filled}, check_mode, RulesClient(box))


def task_result(wanted: Task, options: Mapping[str, Any], check_mode: bool, client: RulesClient) -> dict[str, Any]:
    """The result of a task that has to succeed."""
    result = run(wanted, options, check_mode, connect=lambda _connection: client)
    assert not result.get("failed"), (options, result)
    return result


def reach(state: State, module: str, options: Mapping[str, Any]) -> int:
    """Apply a task as predicted, check that a second run changes nothing, and return the number of writes."""
    predicted = do(state, module, check_mode=True, **options)
    real = do(state, module, **options)
    assert predicted["diff"] == real["diff"]
    assert predicted["calls"] == real["calls"]
    again = do(state, module, **options)
    assert not again["changed"]
    assert again["diff"]["before"] == real["diff"]["after"] | {
        key: value for key, value in again["diff"]["before"].items() if key not in real["diff"]["after"]
    }
    return len(real["calls"])


ADDRESSES = ["ann@example.org", "bob@example.org", "cat@example.com"]
USER = st.fixed_dictionaries(
    {
        "password": st.sampled_from(["password-1", "password-2"]),
        "privileges": st.sampled_from([[], ["admin"]]),
        "quota": st.sampled_from(["0", "500M", "2G"]),
    }
)
USERS = st.dictionaries(st.sampled_from(ADDRESSES), USER)
# Two forks accept every write. The refusals of the others would end most sequences.
BOX = st.sampled_from((*VERSIONS, "v76", "kiekerjan-v76", "geseidl-v76")).map(new_state)


@settings(max_examples=60, deadline=None)
@given(state=BOX, start=USERS, end=USERS)
def test_users(state: State, start: dict[str, Any], end: dict[str, Any]) -> None:
    quotas = state.capabilities.quotas
    prepare(state, {"users": [{"email": email, **user} for email, user in start.items()]})
    for email in ADDRESSES:
        if email not in end:
            assert reach(state, "miab_user", {"email": email, "state": "absent"}) == (email in start)
            continue
        user = dict(end[email])
        if not quotas:
            del user["quota"]
        options = {"email": email, **user, "user_password": user["password"]}
        writes = reach(state, "miab_user", options)
        # One write creates a user. A change takes one write for each property that differs.
        differing = [key for key in user if email in start and start[email][key] != user[key]]
        assert writes == (len(differing) if email in start else 1)
    held = {
        email: {"password": user.password, "privileges": user.privileges, **({"quota": user.quota} if quotas else {})}
        for email, user in state.users.items()
        if email != "me@box.example.com"
    }
    assert held == {
        email: {key: value for key, value in user.items() if quotas or key != "quota"} for email, user in end.items()
    }


PEOPLE = {"users": [{"email": email, "password": "password-1", "privileges": ["admin"]} for email in ADDRESSES]}
ALIAS = st.fixed_dictionaries(
    {
        "forwards_to": st.lists(
            st.sampled_from([*ADDRESSES, "Eve@Example.NET", "zoe@bücher.example"]), min_size=1, unique=True
        ),
        "permitted_senders": st.lists(st.sampled_from(ADDRESSES), unique=True),
    }
)
ALIAS_NAMES = ["sales@example.org", "@example.org", "info@bücher.example", "webmaster@example.com"]
ALIASES = st.dictionaries(st.sampled_from(ALIAS_NAMES[:3]), ALIAS)


@settings(max_examples=60, deadline=None)
@given(state=BOX, start=ALIASES, end=ALIASES)
def test_aliases(state: State, start: dict[str, Any], end: dict[str, Any]) -> None:
    prepare(state, PEOPLE)
    prepare(state, {"aliases": [{"address": address, **alias} for address, alias in start.items()]})
    for address in ALIAS_NAMES[:3]:
        if address not in end:
            assert reach(state, "miab_alias", {"address": address, "state": "absent"}) == (address in start)
            continue
        before = start.get(address, {"forwards_to": [], "permitted_senders": []})
        differs = any(set(before[key]) != set(end[address][key]) for key in before)
        assert reach(state, "miab_alias", {"address": address, **end[address]}) == differs
    held = {alias.address: alias for alias in state.aliases.values()}
    for address, alias in end.items():
        stored = held[address.replace("bücher", "xn--bcher-kva")]
        assert {receiver.lower() for receiver in stored.forwards_to} == {
            receiver.lower().replace("bücher", "xn--bcher-kva") for receiver in alias["forwards_to"]
        }
        assert set(stored.permitted_senders or []) == set(alias["permitted_senders"])


VALUES = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3", "local"],
    "AAAA": ["2001:db8::1", "2001:0DB8::1", "2001:db8::2"],
    "TXT": ["one", "two, three", 'with "quotes"', "x" * 300],
    "MX": ["10 a.example.net.", "20 B.example.net."],
    "CAA": ["0 issue letsencrypt.org", '0 issue "letsencrypt.org"'],
}
NAMES = ["www.example.org", "WWW.example.org", "*.example.org"]


@st.composite
def record_wishes(draw: st.DrawFn) -> dict[str, Any]:
    rtype = draw(st.sampled_from(sorted(VALUES)))
    options: dict[str, Any] = {"name": draw(st.sampled_from(NAMES)), "type": rtype}
    options["state"] = draw(st.sampled_from(["present", "absent"]))
    if options["state"] == "present" or draw(st.booleans()):
        options["values"] = draw(st.lists(st.sampled_from(VALUES[rtype]), min_size=1))
    options["exclusive"] = draw(st.booleans())
    return options


@st.composite
def stored_records(draw: st.DrawFn) -> list[dict[str, str]]:
    rtypes = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=6))
    return [
        {"qname": draw(st.sampled_from(NAMES)), "rtype": rtype, "value": draw(st.sampled_from(VALUES[rtype]))}
        for rtype in rtypes
    ]


@settings(max_examples=100, deadline=None)
@given(state=BOX, start=stored_records(), wishes=st.lists(record_wishes(), min_size=1, max_size=3))
def test_records(state: State, start: list[dict[str, str]], wishes: list[dict[str, Any]]) -> None:
    prepare(state, {**PEOPLE, "dns_records": start})
    for wish in wishes:
        others = [record for record in state.dns_records if record.rtype != wish["type"]]
        reach(state, "miab_dns_record", wish)
        assert [record for record in state.dns_records if record.rtype != wish["type"]] == others
    assert state.broken_zones() == state.dropped_zones() == []


CAPITALS = "Ann.B@Example.org"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_whom_the_box_stores_in_capitals(version: str) -> None:
    state = new_state(version)
    state.users[CAPITALS] = BoxUser(CAPITALS, "password-1")
    folded = CAPITALS.lower()
    quota = {"quota": "2G"} if state.capabilities.quotas else {}
    assert reach(state, "miab_user", {"email": folded}) == 0
    options = {"email": CAPITALS, "user_password": "password-2", "privileges": ["admin"], **quota}
    assert reach(state, "miab_user", options) == 2 + len(quota)
    assert state.users[CAPITALS].password == "password-2"
    assert reach(state, "miab_alias", {"address": "s@example.org", "permitted_senders": [folded], "forwards_to": []})
    assert reach(state, "miab_alias", {"address": "webmaster@example.org", "forwards_to": [folded]})
    assert reach(state, "miab_user", {"email": folded, "state": "absent"}) == 1
    assert list(state.users) == ["me@box.example.com"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_alias_that_the_box_stores_in_capitals(version: str) -> None:
    """A box updates only rows in lower case, and would create a second row."""
    state = new_state(version)
    state.aliases[CAPITALS] = BoxAlias(CAPITALS, ["me@box.example.com"])
    assert reach(state, "miab_alias", {"address": CAPITALS, "forwards_to": ["me@box.example.com"]}) == 0
    assert reach(state, "miab_alias", {"address": CAPITALS, "forwards_to": ["Bo.B@Example.NET"]}) == 2
    stored = [address for address in state.aliases if address.lower() == CAPITALS.lower()]
    assert stored == [CAPITALS.lower()]
    # The state after an update by an earlier release.
    state.aliases[CAPITALS] = BoxAlias(CAPITALS, ["eve@example.net"])
    do(state, "miab_alias", address=CAPITALS, forwards_to=["Bo.B@Example.NET"])
    assert CAPITALS not in state.aliases
    state.aliases[CAPITALS] = BoxAlias(CAPITALS, ["eve@example.net"])
    assert reach(state, "miab_alias", {"address": CAPITALS, "state": "absent"}) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_local_parts_of_receivers_keep_their_declared_case(version: str) -> None:
    state = new_state(version)
    alias = {"address": "sales@example.org", "forwards_to": ["Bo.B@Example.NET", "ann@example.net"]}
    assert reach(state, "miab_alias", alias) == 1
    assert sorted(state.aliases["sales@example.org"].forwards_to) == ["Bo.B@example.net", "ann@example.net"]
    # A different spelling of the same receivers is not a change.
    assert reach(state, "miab_alias", {**alias, "forwards_to": ["bo.b@example.net", "ANN@example.net"]}) == 0
    # Undeclared values are written in their stored form.
    state.users["me@example.org"] = BoxUser("me@example.org", "password-1")
    kept = {"address": "sales@example.org", "permitted_senders": ["me@example.org"]}
    assert reach(state, "miab_alias", kept) == 1
    assert sorted(state.aliases["sales@example.org"].forwards_to) == ["Bo.B@example.net", "ann@example.net"]
    exported = do(state, "miab_info", gather_subset=["config"])["config"]["aliases"]
    assert ["Bo.B@example.net", "ann@example.net"] in [one["forwards_to"] for one in exported]
