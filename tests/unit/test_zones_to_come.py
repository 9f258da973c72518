# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that would break a zone or orphan its records, on every version, in single tasks and declarations."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from tests.box import State, new_state
from tests.box.prepare import ask, prepare
from tests.tasks import CONNECTION, task, validated

from ..integration.playbooks import VERSIONS
from .test_any_state import RulesClient

ANN = {"email": "ann@example.org", "user_password": "ann-password-1"}
NEWS = {"address": "news@lists.example.org", "forwards_to": ["ann@example.org"]}
GIA = {"email": "gia@gone.example", "user_password": "gia-password-1"}


def cname(name: str) -> dict[str, str]:
    return {"qname": name, "rtype": "CNAME", "value": "h.example.net."}


def record(name: str, rtype: str = "CNAME", **options: Any) -> dict[str, Any]:
    values = {"CNAME": "h.example.net.", "A": "192.0.2.1"}
    return {"name": name, "type": rtype, **(options or {"value": values[rtype]})}


def absent(name: str, rtype: str = "CNAME") -> dict[str, Any]:
    return record(name, rtype, state="absent")


def do(held: State, module: str, check_mode: bool = False, /, **options: Any) -> dict[str, Any]:
    given = validated("miab_" + module, {**CONNECTION, **options})
    return run(task("miab_" + module), given, check_mode, connect=lambda _connection: RulesClient(held))


def box(version: str, *records: dict[str, str], **more: Any) -> State:
    state = new_state(version)
    prepare(state, {"users": [{"email": ANN["email"], "password": ANN["user_password"]}], **more})
    prepare(state, {"dns_records": list(records)})
    assert state.dropped_zones() == []
    return state


# The content of the box, the task, and a part of its message.
COLLISIONS: list[Any] = [
    ([cname("lists.example.org")], "alias", NEWS, "CNAME at lists.example.org: the box itself publishes MX"),
    (
        [cname("lists.example.org")],
        "user",
        {"email": "bo@lists.example.org", "user_password": "some-password-1"},
        "email: '.*': this would break the zone, because of the CNAME at lists.example.org",
    ),
    ([], "config", {"aliases": [NEWS], "dns_records": [record("lists.example.org")]}, "dns_records.0. lists"),
    ([cname("lists.example.org")], "config", {"aliases": [NEWS]}, "aliases.0. news@lists.example.org: "),
    ([cname("_dmarc.news.example.org")], "dns_record", record("news.example.org", "A"), "_dmarc.news.example.org"),
    (
        [],
        "config",
        {"dns_records": [record("_dmarc.news.example.org"), record("news.example.org", "A")]},
        "CNAME at _dmarc.news.example.org: the box itself publishes TXT",
    ),
    (
        [cname("www.example.org"), cname("_dmarc.www.example.org")],
        "dns_record",
        absent("www.example.org"),
        "CNAME at _dmarc.www.example.org: the box itself publishes TXT",
    ),
    (
        [cname("www.example.org"), cname("_dmarc.www.example.org")],
        "config",
        {"dns_records": [absent("www.example.org")]},
        "dns_records.0. www.example.org CNAME",
    ),
    (
        [cname("www.example.org"), cname("_dmarc.www.example.org")],
        "config",
        {"dns_records": [], "purge": ["dns_records"], "keep": ["_dmarc.*"]},
        "CNAME at _dmarc.www.example.org",
    ),
    ([], "dns_record", record("_mta-sts.example.org"), "as soon as it has a certificate for mta-sts.example.org"),
    (
        [],
        "config",
        {
            "users": [{"email": "eve@new.example", "user_password": "eve-password-1"}],
            "dns_records": [record("_dmarc.new.example")],
        },
        "CNAME at _dmarc.new.example: the box itself publishes TXT",
    ),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("records", "module", "options", "words"), COLLISIONS)
def test_changes_that_would_break_a_new_zone_are_refused(
    version: str, records: list[dict[str, str]], module: str, options: dict[str, Any], words: str
) -> None:
    state = box(version, *records)
    for check_mode in (True, False):
        result = do(state, module, check_mode, **options)
        assert result.get("failed")
        assert result["calls"] == []
        assert re.search(words, result["msg"]), result["msg"]
    assert state.dropped_zones() == []


# The same changes together with the removal of the conflicting record.
WITHOUT: list[Any] = [
    ([cname("lists.example.org")], {"aliases": [NEWS], "dns_records": [absent("lists.example.org")]}),
    (
        [cname("www.example.org"), cname("_dmarc.www.example.org")],
        {"dns_records": [absent("www.example.org"), absent("_dmarc.www.example.org")]},
    ),
    ([cname("www.example.org"), cname("_dmarc.www.example.org")], {"dns_records": [], "purge": ["dns_records"]}),
    ([], {"dns_records": [record("www.example.org"), record("_dmarc.www.example.org")]}),
    (
        [{"qname": "x.example.org", "rtype": "AAAA", "value": "2001:db8::1"}],
        {"dns_records": [absent("x.example.org", "AAAA"), record("x.example.org")]},
    ),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("records", "options"), WITHOUT)
def test_a_declaration_is_judged_as_a_whole(
    version: str, records: list[dict[str, str]], options: dict[str, Any]
) -> None:
    state = box(version, *records)
    result = do(state, "config", **options)
    assert not result.get("failed"), result
    assert state.dropped_zones() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_an_existing_collision_does_not_block_other_changes(version: str) -> None:
    state = box(version)
    ask(state, "PUT", "/dns/custom/_dmarc.example.org/CNAME", body="d.example.net.")
    assert state.dropped_zones() == ["example.org"]
    assert do(state, "dns_record", **record("shop.example.org", "A"))["changed"]
    assert do(state, "dns_record", **absent("_dmarc.example.org"))["changed"]
    assert state.dropped_zones() == []


WWW = {"qname": "www.gone.example", "rtype": "A", "value": "192.0.2.7"}
GONE = {"users": [{"email": GIA["email"], "password": GIA["user_password"]}]}


def with_gone(version: str, *, orphaned: bool = False) -> State:
    state = box(version)
    prepare(state, GONE)
    prepare(state, {"dns_records": [WWW]})
    if orphaned:
        ask(state, "POST", "/mail/users/remove", {"email": GIA["email"]})
    return state


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("user", {"email": GIA["email"], "state": "absent"}),
        ("config", {"users": [{"email": GIA["email"], "state": "absent"}]}),
        ("config", {"users": [], "purge": ["users"], "keep": ["ann@*"]}),
        (
            "config",
            {
                "users": [{"email": GIA["email"], "state": "absent"}],
                "dns_records": [record("www.gone.example", "A", value="192.0.2.7")],
            },
        ),
    ],
)
def test_a_domain_is_not_removed_while_it_has_records(version: str, module: str, options: dict[str, Any]) -> None:
    state = with_gone(version)
    result = do(state, module, **options)
    assert result["failed"]
    assert result["calls"] == []
    assert "www.gone.example A" in result["msg"]
    assert "Remove them first" in result["msg"]
    assert GIA["email"] in state.users


@pytest.mark.parametrize("version", VERSIONS)
def test_a_domain_of_an_alias_is_not_removed_while_it_has_records(version: str) -> None:
    state = with_gone(version)
    ask(
        state,
        "POST",
        "/mail/aliases/add",
        {
            "update_if_exists": "0",
            "address": "a@gone.example",
            "forwards_to": "ann@example.org",
            "permitted_senders": "",
        },
    )
    assert do(state, "user", email=GIA["email"], state="absent")["changed"]
    gone = {"address": "a@gone.example", "state": "absent"}
    assert do(state, "alias", **gone)["failure"]["code"] == "guarded"
    assert do(state, "alias", force=True, **gone)["changed"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("user", {"email": GIA["email"], "state": "absent", "force": True}),
        ("config", {"users": [{"email": GIA["email"], "state": "absent", "force": True}]}),
        (
            "config",
            {
                "users": [{"email": GIA["email"], "state": "absent"}],
                "dns_records": [absent("www.gone.example", "A")],
            },
        ),
        (
            "config",
            {"users": [], "dns_records": [], "purge": ["users", "dns_records"], "keep": ["ann@*"]},
        ),
    ],
)
def test_a_domain_can_go_with_its_records_or_by_force(version: str, module: str, options: dict[str, Any]) -> None:
    state = with_gone(version)
    result = do(state, module, **options)
    assert not result.get("failed"), result
    assert GIA["email"] not in state.users
    assert bool(state.dns_records) == ("force" in str(options))


@pytest.mark.parametrize("version", VERSIONS)
def test_records_without_a_zone_are_named_with_a_remedy(version: str) -> None:
    state = with_gone(version, orphaned=True)
    result = do(state, "dns_record", **absent("www.gone.example", "A"))
    assert result["failed"]
    assert "Add an address in th" in result["msg"]
    gathered = do(state, "info", gather_subset=["dns_problems", "dns_zones"])
    if version == "v55":
        assert gathered["dns_problems"] is None
        assert "Add an address in that domain" in gathered["warnings"][0]
    else:
        (problem,) = gathered["dns_problems"]
        assert (problem["name"], problem["breaks_zone"]) == ("www.gone.example", False)


@pytest.mark.parametrize("version", VERSIONS)
def test_records_without_a_zone_can_be_removed(version: str) -> None:
    """Add the address, remove the record, then remove the address."""
    state = with_gone(version, orphaned=True)
    cure = {"users": [{"email": ANN["email"]}, GIA], "dns_records": [absent("www.gone.example", "A")]}
    assert not do(state, "config", True, **cure).get("failed")
    result = do(state, "config", **cure)
    assert not result.get("failed"), result
    assert [call["path"] for call in result["calls"]] == ["/mail/users/add", "/dns/custom/www.gone.example/A"]
    assert [change["key"] for change in result["changes"]] == ["gia@gone.example", "www.gone.example A"]
    assert len(result["diff"]) == 2
    assert state.dns_records == []
    assert do(state, "user", email=GIA["email"], state="absent")["changed"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_address_that_the_message_suggests_can_be_added(version: str) -> None:
    state = with_gone(version, orphaned=True)
    result = do(state, "user", **GIA)
    assert result["changed"]
    # Records of a zone that doesn't exist yet can't be read.
    is_warned = any("could break the zone of the new domain" in warning for warning in result.get("warnings", ()))
    assert is_warned == (version == "v55")
    assert do(state, "dns_record", **absent("www.gone.example", "A"))["changed"]


def test_a_declaration_warns_where_records_cannot_be_listed() -> None:
    state = with_gone("v55", orphaned=True)
    (warning,) = do(state, "config", users=[GIA])["warnings"]
    assert "could break the zone of the new domain" in warning
    assert "warnings" not in do(state, "config", users=[GIA])


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "v55"])
def test_purge_skips_records_without_a_zone(version: str) -> None:
    state = with_gone(version, orphaned=True)
    prepare(state, {"dns_records": [{"qname": "x.example.org", "rtype": "A", "value": "192.0.2.7"}]})
    result = do(state, "config", dns_records=[], purge=["dns_records"])
    assert not result.get("failed"), result
    assert [row.qname for row in state.dns_records] == ["www.gone.example"]
    assert "www.gone.example A was not removed" in result["warnings"][0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_custom_address_at_the_host_name_of_the_box_is_never_published(version: str) -> None:
    state = box(version)
    own = {"name": "box.example.com", "type": "A", "value": "192.0.2.1"}
    words = "box.example.com A: the box always publishes its own addresses at its host name"
    for module, options in (("dns_record", own), ("config", {"dns_records": [own]})):
        assert words in do(state, module, True, **options)["warnings"][0]
    for harmless in ({**own, "value": "local"}, {**own, "name": "x.box.example.com"}, record("www.example.org", "A")):
        assert "warnings" not in do(state, "dns_record", True, **harmless)
    assert do(state, "dns_record", **own)["changed"]
    (problem,) = do(state, "info", gather_subset=["dns_problems"])["dns_problems"]
    assert (problem["name"], problem["breaks_zone"]) == ("box.example.com", False)
    (text,) = problems({"dns_problems": [problem]})
    assert text["text"].startswith("box.example.com A 192.0.2.1 is not published: the box always publishes")
