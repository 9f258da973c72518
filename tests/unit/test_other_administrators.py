# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another administrator changes the box while a task runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box import unpublished
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import OutcomeUnknown
from tests.box import State, new_state
from tests.box.prepare import prepare
from tests.box.routes import answer
from tests.tasks import CONNECTION, task, validated

from ..integration.playbooks import VERSIONS
from .test_any_state import RulesClient

ME, ANN, BOB = "me@box.example.com", "ann@example.org", "bob@example.org"
START: dict[str, Any] = {
    "users": [
        {"email": ANN, "password": "ann-password-1"},
        {"email": BOB, "password": "bob-password-1", "privileges": ["admin"]},
    ],
    "aliases": [
        *({"address": f"{name}@example.org", "forwards_to": [ANN]} for name in ("one", "two", "sales", "team")),
    ],
    "dns_records": [
        *({"qname": "www.example.org", "rtype": "TXT", "value": value} for value in ("a", "b", "c")),
        {"qname": "mx.example.org", "rtype": "MX", "value": "5 other.example.net."},
    ],
    "secondary_nameservers": ["xfr:192.0.2.99"],
}
# Two harmless changes, which come first.
FIRST = [{"address": f"{name}@example.org", "forwards_to": [BOB]} for name in ("one", "two")]
FIRST_ADDED = {"users": [{"email": f"{name}@example.org", "user_password": "some-password"} for name in ("cat", "dan")]}
SALES = {"address": "sales@example.org", "forwards_to": [BOB]}

Request = Mapping[str, Any]


def post(path: str, **form: str) -> Request:
    return {"method": "POST", "path": path, "form": form}


def alias_request(address: str, forwards_to: str, senders: str = "") -> Request:
    form = {"address": address, "forwards_to": forwards_to, "permitted_senders": senders, "update_if_exists": "1"}
    return post("/mail/aliases/add", **form)


SALES_REQUEST = alias_request("sales@example.org", ANN, senders=BOB)
OWN_STATE = "changed what this task was about to change"
BESIDE = "changed the box while this task ran"


class Rivalled(RulesClient):
    """A box that another administrator changes in the middle of a run.

    :param seconds: how long each request takes.
    :param rival: what the other administrator sends.
    :param after: the number of writes after which.
    :param fails: whether the last of these writes is stored, and its answer is lost.
    :param times: how often.
    """

    def __init__(
        self,
        state: State,
        seconds: float,
        rival: Sequence[Request],
        after: int = 2,
        fails: bool = False,
        times: int = 1,
    ) -> None:
        super().__init__(state, seconds)
        self.calls: list[Call] = []
        self.questions: list[str] = []
        self._rival, self._after, self._fails, self._times = rival, after, fails, times

    def ask(self, question: Any) -> Any:
        self.questions.append(question.name)
        value = super().ask(question)
        if self._after == 0 and self.writes == 0:
            self._interfere()
        return value

    def send(self, call: Call) -> str:
        self.calls.append(call)
        said = super().send(call)
        if self._after <= self.writes:
            self._interfere()
        if self._fails and self.writes == self._after:
            raise OutcomeUnknown("failed", OutcomeUnknown.FAILED, 500)
        return said

    def _interfere(self) -> None:
        if self._times <= 0:
            return
        self._times -= 1
        for request in self._rival:
            reply = answer(self.state, request["method"], request["path"], request.get("form"), request.get("body", ""))
            assert reply.status == 200, (request, reply)


@pytest.fixture(autouse=True)
def no_memory_of_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpublished, "state_folder", lambda _url: None)


@pytest.fixture(params=VERSIONS)
def state(request: pytest.FixtureRequest) -> State:
    return prepared(request.param)


def prepared(version: str) -> State:
    state = new_state(version)
    prepare(state, START)
    return state


def apply(client: Rivalled, declared: Mapping[str, Any], module: str = "miab_config") -> dict[str, Any]:
    return run(task(module), validated(module, {**CONNECTION, **declared}), False, connect=lambda _connection: client)


def warnings(result: Mapping[str, Any]) -> str:
    assert not result.get("failed"), result["msg"]
    return "\n".join(one for one in result.get("warnings", ()) if "nother administrator" in one)


def values(state: State, name: str, rtype: str) -> set[str]:
    return {record.value for record in state.dns_records if record[:2] == (name, rtype)}


def test_an_alias_that_somebody_else_changes_keeps_what_is_not_declared(state: State) -> None:
    client = Rivalled(state, 0.6, [SALES_REQUEST])
    result = apply(client, {"aliases": [*FIRST, SALES]})
    assert OWN_STATE in warnings(result)
    assert "alias sales@example.org (permitted_senders)" in warnings(result)
    assert state.aliases["sales@example.org"].forwards_to == [BOB]
    assert state.aliases["sales@example.org"].permitted_senders == [BOB]
    # The result shows each change once, from what it was just before.
    made = [(change["key"], change["before"]["permitted_senders"]) for change in result["changes"]]
    assert made == [("one@example.org", []), ("two@example.org", []), ("sales@example.org", [BOB])]
    assert [diff["before"]["permitted_senders"] for diff in result["diff"]] == [[], [], [BOB]]
    assert len(result["calls"]) == client.writes == 3
    # To plan, before the second and the third write, to plan again, and to read back.
    assert client.questions.count("aliases") == 5


def test_requests_of_a_fast_run_are_as_before(state: State) -> None:
    """All writes within a second of the read: then a change in between can't be seen."""
    client = Rivalled(state, 0.1, [SALES_REQUEST])
    result = apply(client, {"aliases": [*FIRST, SALES]})
    assert warnings(result) == ""
    assert client.questions.count("aliases") == 2
    assert state.aliases["sales@example.org"].permitted_senders is None


def test_an_answer_is_as_old_as_its_request(state: State) -> None:
    """A list that takes longer than a second is read once before each write, and not again and again."""
    client = Rivalled(state, 3, [])
    assert warnings(apply(client, {"aliases": [*FIRST, SALES]})) == ""
    assert client.questions.count("aliases") == 1 + 3 + 1


def test_additions_need_no_more_reads(state: State) -> None:
    """The box itself refuses to add what is there."""
    client = Rivalled(state, 3, [])
    apply(client, {"aliases": [{"address": f"{name}@example.org", "forwards_to": [BOB]} for name in ("x", "y", "z")]})
    assert client.writes == 3
    assert client.questions.count("aliases") == 2


def test_an_alias_that_somebody_else_has_brought_to_its_declared_state(state: State) -> None:
    client = Rivalled(state, 2, [alias_request("sales@example.org", BOB)], after=0)
    result = apply(client, SALES, "miab_alias")
    assert OWN_STATE in warnings(result)
    assert (result["changed"], result["calls"], client.writes) == (False, [], 0)
    assert result["diff"]["before"] == result["diff"]["after"] == result["alias"]
    assert result["alias"]["forwards_to"] == [BOB]


def test_an_alias_that_somebody_else_removes(state: State) -> None:
    client = Rivalled(state, 2, [post("/mail/aliases/remove", address="sales@example.org")], after=0)
    result = apply(client, SALES, "miab_alias")
    assert "alias sales@example.org (removed)" in warnings(result)
    assert result["diff"]["before"] == {"address": "sales@example.org", "state": "absent"}
    assert state.aliases["sales@example.org"].forwards_to == [BOB]


def test_a_removal_names_the_change_that_it_removes(state: State) -> None:
    client = Rivalled(state, 2, [SALES_REQUEST], after=0)
    result = apply(client, {"address": "sales@example.org", "state": "absent"}, "miab_alias")
    assert "alias sales@example.org (permitted_senders)" in warnings(result)
    assert result["diff"]["before"]["permitted_senders"] == [BOB]
    assert "sales@example.org" not in state.aliases


def test_backup_settings_that_somebody_else_changes_stay(state: State) -> None:
    client = Rivalled(state, 2, [backup_request("local", "42")], after=0)
    result = apply(client, {"target": "off"}, "miab_backup_config")
    assert "backup (min_age_in_days)" in warnings(result)
    assert (state.backup.target, state.backup.min_age_in_days) == ("off", 42)
    assert result["diff"]["before"]["min_age_in_days"] == 42


def backup_request(target: str, days: str) -> Request:
    return post("/system/backup/config", target=target, target_user="", target_pass="", min_age=days)


def test_name_servers_that_somebody_else_adds_are_named(state: State) -> None:
    request = post("/dns/secondary-nameserver", hostnames="xfr:192.0.2.7")
    client = Rivalled(state, 2, [request], after=0)
    result = apply(client, {"hostnames": ["xfr:192.0.2.8"]}, "miab_secondary_nameserver")
    assert "secondary nameservers (hostnames)" in warnings(result)
    assert result["diff"]["before"] == {"hostnames": ["xfr:192.0.2.7"]}
    assert state.secondary_nameservers == ["xfr:192.0.2.8"]


def test_a_value_that_somebody_else_adds_to_a_name_stays(state: State) -> None:
    """To leave one of three values takes one request, which makes it the only one."""
    request = {"method": "POST", "path": "/dns/custom/www.example.org/TXT", "body": "d"}
    removed = {"name": "www.example.org", "type": "TXT", "values": ["a", "b"], "state": "absent"}
    client = Rivalled(state, 2, [request], after=0)
    result = apply(client, removed, "miab_dns_record")
    assert "dns record www.example.org TXT (values)" in warnings(result)
    assert values(state, "www.example.org", "TXT") == {"c", "d"}


@pytest.mark.parametrize("others", [["remove", BOB], ["privileges/remove", BOB]])
def test_the_last_administrator_stays_if_somebody_else_removes_another(state: State, others: list[str]) -> None:
    kim = "kim@example.org"
    prepare(state, {"users": [{"email": kim, "password": "kim-password-1", "privileges": ["admin"]}]})
    # The account of the run isn't an administrator of the list, so that the two are the last ones.
    state.users[ME].privileges = []
    what, email = others
    form = {"email": email} if what == "remove" else {"email": email, "privilege": "admin"}
    client = Rivalled(state, 2, [post("/mail/users/" + what, **form)], after=0)
    result = apply(client, {"email": kim, "state": "absent"}, "miab_user")
    assert result["failure"]["code"] == "guarded"
    assert "would leave the box without an administrator" in result["msg"]
    assert f"user {BOB} (" in result["msg"]
    assert kim in state.users


def test_the_removal_of_a_user_does_not_depend_on_administrators(state: State) -> None:
    form = {"email": BOB, "privilege": "admin"}
    client = Rivalled(state, 2, [post("/mail/users/privileges/remove", **form)], after=0)
    result = apply(client, {"email": ANN, "state": "absent"}, "miab_user")
    assert warnings(result) == ""
    assert client.questions.count("aliases") == 1


def test_with_an_approved_plan_the_rest_is_refused_by_name(state: State) -> None:
    declared: dict[str, Any] = {"aliases": [*FIRST, {**SALES, "address": "team@example.org"}, SALES]}
    options = validated("miab_config", {**CONNECTION, **declared})
    planned = run(task("miab_config"), options, True, connect=lambda _connection: RulesClient(state))
    plan = {**planned["plan"], "changes": planned["changes"]}
    client = Rivalled(state, 0.6, [SALES_REQUEST])
    result = apply(client, {**declared, "approved": {"plan": plan}})
    assert result["failure"]["code"] == "plan_differs"
    assert [call.form["address"] for call in client.calls if call.form] == ["one@example.org", "two@example.org"]
    lines = result["msg"].splitlines()
    assert lines[0] == "The rest had to be planned again and was not approved. None of it was written. Differences: 1."
    assert lines[1].startswith("alias sales@example.org: approved: change (")
    assert "permitted_senders" in lines[1]
    assert OWN_STATE in lines[-1]
    assert "alias sales@example.org (permitted_senders)" in lines[-1]
    assert state.aliases["sales@example.org"].forwards_to == [ANN]


def test_a_plan_that_stays_approved_is_carried_out_in_spite_of_others(state: State) -> None:
    declared: dict[str, Any] = {"aliases": [*FIRST, SALES]}
    options = validated("miab_config", {**CONNECTION, **declared})
    planned = run(task("miab_config"), options, True, connect=lambda _connection: RulesClient(state))
    plan = {**planned["plan"], "changes": planned["changes"]}
    client = Rivalled(state, 0.6, [alias_request("team@example.org", BOB)])
    result = apply(client, {**declared, "approved": {"plan": plan}})
    assert "alias team@example.org (forwards_to)" in warnings(result)
    assert len(result["calls"]) == 3


def test_a_change_that_the_recovery_plans_is_not_approved_either(state: State) -> None:
    """The first write is stored, its answer lost, and somebody else changes the same alias at that moment."""
    declared: dict[str, Any] = {"aliases": [{"address": "new@example.org", "forwards_to": [BOB]}, *FIRST]}
    options = validated("miab_config", {**CONNECTION, **declared})
    planned = run(task("miab_config"), options, True, connect=lambda _connection: RulesClient(state))
    plan = {**planned["plan"], "changes": planned["changes"]}
    client = Rivalled(state, 0, [alias_request("new@example.org", ME)], after=1, fails=True)
    result = apply(client, {**declared, "approved": {"plan": plan}})
    assert result["failure"]["code"] == "plan_differs"
    assert [call.form["address"] for call in client.calls if call.form and "aliases" in call.path] == [
        "new@example.org"
    ]
    assert state.aliases["new@example.org"].forwards_to == [ME]


def test_somebody_who_changes_an_object_again_and_again_ends_the_run(state: State) -> None:
    client = Rivalled(state, 2, [SALES_REQUEST], after=0, times=1000)
    original, texts = client._interfere, iter(range(1000))

    def interfere() -> None:
        client._rival = [alias_request("sales@example.org", f"someone-{next(texts)}@example.net")]
        original()

    client._interfere = interfere  # type: ignore[method-assign]  # another request each time
    result = apply(client, SALES, "miab_alias")
    assert result["failure"]["code"] == "not_as_declared"
    assert "alias sales@example.org: planned 6 times" in result["msg"]
    assert result["msg"].count("alias sales@example.org") == 2
    assert client.writes == 0


BESIDES: list[tuple[Request, str]] = [
    (alias_request("new@example.org", ANN), "alias new@example.org (added)"),
    (post("/mail/aliases/remove", address="team@example.org"), "alias team@example.org (removed)"),
    (alias_request("team@example.org", BOB), "alias team@example.org (forwards_to)"),
    (post("/mail/users/add", email="new@example.org", password="new-password-1"), "user new@example.org (added)"),
    (post("/mail/users/remove", email=BOB), f"user {BOB} (removed)"),
    (post("/mail/users/privileges/add", email=ANN, privilege="admin"), f"user {ANN} (privileges)"),
    (
        {"method": "POST", "path": "/dns/custom/www.example.org/TXT", "body": "d"},
        "dns record www.example.org TXT (values)",
    ),
    ({"method": "DELETE", "path": "/dns/custom/mx.example.org/MX"}, "dns record mx.example.org MX (removed)"),
    (
        {"method": "PUT", "path": "/dns/custom/x.example.org/A", "body": "192.0.2.7"},
        "dns record x.example.org A (added)",
    ),
]


@pytest.mark.parametrize(("request_", "expected"), BESIDES, ids=[row[1] for row in BESIDES])
def test_undeclared_objects_that_somebody_else_changes_are_named(
    state: State, request_: Request, expected: str
) -> None:
    declared: dict[str, Any] = {
        **FIRST_ADDED,
        "aliases": [{"address": "y@example.org", "forwards_to": [ANN]}],
        "dns_records": [{"name": "y.example.org", "type": "TXT", "values": ["y"]}],
    }
    for seconds in (0.0, 2.0):
        state = prepared(state.capabilities.name)
        result = apply(Rivalled(state, seconds, [request_], after=1), declared)
        assert BESIDE in warnings(result)
        assert expected in warnings(result)


def test_undeclared_sections_are_of_no_concern(state: State) -> None:
    request = post("/mail/users/privileges/add", email=ANN, privilege="admin")
    assert warnings(apply(Rivalled(state, 2, [request], after=1), {"aliases": [*FIRST, SALES]})) == ""


def test_a_single_task_is_only_about_its_own_object(state: State) -> None:
    client = Rivalled(state, 2, [alias_request("team@example.org", BOB)], after=0)
    assert warnings(apply(client, SALES, "miab_alias")) == ""
    assert client.questions.count("aliases") == 3


def test_a_declared_object_that_is_changed_after_it_was_written(state: State) -> None:
    client = Rivalled(state, 0, [alias_request("one@example.org", ANN)], after=2)
    result = apply(client, {"aliases": FIRST})
    assert result["failure"]["code"] == "not_as_declared"
    assert result["msg"].startswith("alias one@example.org: the change was sent, but the box now has")
    assert "Another administrator, or another run, may have changed it after that. Run again." in result["msg"]


def test_a_declared_object_that_needed_no_change(state: State) -> None:
    declared = {"aliases": [*FIRST, {"address": "team@example.org", "forwards_to": [ANN]}]}
    result = apply(Rivalled(state, 0, [alias_request("team@example.org", BOB)], after=1), declared)
    assert result["failure"]["code"] == "not_as_declared"
    assert result["msg"].startswith("alias team@example.org: another administrator, or another run, has changed it")
    # What isn't declared of it, others may change.
    state = prepared(state.capabilities.name)
    result = apply(Rivalled(state, 0, [alias_request("team@example.org", ANN, BOB)], after=1), declared)
    assert "alias team@example.org (permitted_senders)" in warnings(result)


def test_check_mode_reads_once(state: State) -> None:
    client = Rivalled(state, 2, [SALES_REQUEST], after=0)
    options = validated("miab_config", {**CONNECTION, "aliases": [*FIRST, SALES]})
    result = run(task("miab_config"), options, True, connect=lambda _connection: client)
    assert client.questions.count("aliases") == 1
    assert "warnings" not in result or not warnings(result)
