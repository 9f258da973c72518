# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole box as one declaration: the required reads, the checks, and the order of the calls."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Plan
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    DNS_DUMP,
    DNS_RECORDS,
    DNS_ZONES,
    USERS,
    Alias,
    Record,
    User,
    by_address,
    by_email,
    by_name_and_type,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import aliases as aliases_resource
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import whole_box
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import Guarded, InvalidDeclaration
from ansible_collections.mailinabox.admin.plugins.modules.miab_config import TASK
from tests.box import CustomRecord, State, new_state
from tests.box.prepare import prepare
from tests.tasks import CONNECTION, task

from ..integration.playbooks import VERSIONS
from .test_any_state import BOX, RulesClient, task_result

ME = User("me@box.example.com", ("admin",), True, "0", None)
BOB = User("bob@example.org", ("admin",), True, "0", None)
ANN = User("ann@example.org", (), True, "0", None)
ADMINISTRATOR = Alias("administrator@box.example.com", (ME.email,), ())
HOSTMASTER = Alias("hostmaster@box.example.com", (BOB.email,), ())
ABUSE = Alias("abuse@example.org", (ADMINISTRATOR.address,), (), automatic=True)
SALES = Alias("sales@example.org", (ANN.email,), ())


def filled(entry: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """An entry with its defaults, as Ansible passes it to the task."""
    return {name: entry.get(name, option.get("default")) for name, option in spec.items()}


def declaration(**options: Any) -> dict[str, Any]:
    whole = filled(options, dict(TASK.options))
    for section in ("users", "aliases", "dns_records"):
        if whole[section] is not None:
            whole[section] = [filled(entry, TASK.options[section]["options"]) for entry in whole[section]]
    return whole


def known(
    *listed: User | Alias | Record, zones: tuple[str, ...] = ("box.example.com", "example.org")
) -> dict[str, Any]:
    return {
        "caller": ME.email,
        USERS.name: by_email([ME, *(row for row in listed if isinstance(row, User))]),
        ALIASES.name: by_address([ADMINISTRATOR, *(row for row in listed if isinstance(row, Alias))]),
        DNS_RECORDS.name: by_name_and_type(row for row in listed if isinstance(row, Record)),
        DNS_ZONES.name: zones,
        DNS_DUMP.name: (),
    }


def plan(state: dict[str, Any], **options: Any) -> Plan:
    return whole_box.plan(whole_box.check(declaration(**options)), state)


def paths(made: Plan) -> list[str]:
    return [call.path for call in made.calls]


def user(email: str, **options: Any) -> dict[str, Any]:
    return {"email": email, "update_password": "on_create", **options}


def new(email: str, **options: Any) -> dict[str, Any]:
    return user(email, user_password="some-password-1", **options)


def test_an_empty_declaration_reads_nothing() -> None:
    wanted = whole_box.check(declaration())
    assert whole_box.needs(wanted, {"caller": ME.email}) == []
    assert whole_box.plan(wanted, {"caller": ME.email}).changes == ()


def test_each_list_is_asked_for_once() -> None:
    wanted = whole_box.check(
        declaration(
            users=[user(ANN.email), user(BOB.email)],
            aliases=[{"address": SALES.address}],
            dns_records=[{"name": "www.example.org", "type": "A", "value": "192.0.2.1"}],
            purge=["users", "aliases", "dns_records"],
        )
    )
    first = [question.name for question in whole_box.needs(wanted, {"caller": ME.email})]
    assert sorted(first) == sorted([USERS.name, ALIASES.name, DNS_RECORDS.name, DNS_ZONES.name])
    assert whole_box.needs(wanted, known(ANN, BOB)) == []


def test_dependencies_are_added_first_and_removed_last() -> None:
    made = plan(
        known(ANN, SALES, Record("old.example.org", "A", "192.0.2.1")),
        dns_records=[
            {"name": "old.example.org", "type": "A", "state": "absent"},
            {"name": "www.new.example", "type": "A", "value": "192.0.2.1"},
        ],
        aliases=[
            {"address": SALES.address, "state": "absent"},
            {"address": "webmaster@new.example", "forwards_to": ["eve@new.example"]},
        ],
        users=[user(ANN.email, state="absent"), new("eve@new.example", privileges=["admin"])],
    )
    assert paths(made) == [
        "/mail/users/add",
        "/mail/aliases/add",
        "/dns/custom/www.new.example/A",
        "/dns/custom/old.example.org/A",
        "/mail/aliases/remove",
        "/mail/users/remove",
    ]
    # The alias that named her is removed, too.
    assert made.warnings == ()


def test_a_cname_is_replaced_by_an_address() -> None:
    made = plan(
        known(ANN, Record("www.example.org", "CNAME", "host.example.net.")),
        dns_records=[
            {"name": "www.example.org", "type": "A", "value": "192.0.2.1"},
            {"name": "www.example.org", "type": "CNAME", "state": "absent"},
        ],
    )
    assert [call.method for call in made.calls] == ["DELETE", "POST"]


def test_records_whose_names_are_not_canonical_are_purged() -> None:
    made = plan(known(ANN, Record("a.-B.Example.org", "A", "192.0.2.3")), dns_records=[], purge=["dns_records"])
    assert paths(made) == ["/dns/custom/a.-B.Example.org/A"]


def test_a_zone_that_does_not_exist_yet_is_not_repaired_first() -> None:
    stored = Record("x.example.net", "MX", "not an mx")
    wanted = {"name": stored.name, "type": "MX", "value": "10 mail.example.net."}
    made = plan(known(stored), users=[new("cat@example.net")], dns_records=[wanted])
    assert paths(made)[0] == "/mail/users/add"
    made = plan(known(stored, zones=("example.net",)), users=[new("cat@example.net")], dns_records=[wanted])
    assert made.calls[0].method == "DELETE"


def test_the_account_of_the_run_is_changed_last() -> None:
    made = plan(known(), users=[user(ME.email, quota="1G"), new("ann@example.org")])
    assert paths(made) == ["/mail/users/add", "/mail/users/quota"]


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(InvalidDeclaration) as caught:
        plan(
            known(ANN, BOB),
            users=[
                user("no address"),
                user("gus@example.org"),
                user(ANN.email),
                user("Ann@Example.org"),
                user(ME.email, state="absent"),
            ],
            aliases=[
                {"address": "x@example.org", "forwards_to": [ANN.email], "permitted_senders": ["nobody@example.org"]},
                {"address": "webmaster@example.org", "forwards_to": [ANN.email]},
            ],
            dns_records=[
                {"name": "www.elsewhere.example", "type": "A", "value": "192.0.2.1"},
                {"name": "www.example.org", "type": "MX", "value": "not an mx"},
            ],
        )
    where = [mistake["where"] for mistake in caught.value.details["mistakes"]]
    assert where == [
        "users[0] no address",
        "users[3] Ann@Example.org",
        "dns_records[1] www.example.org MX",
        "users[1] gus@example.org",
        "users[4] me@box.example.com",
        "aliases[0] x@example.org",
        "aliases[1] webmaster@example.org",
        "dns_records[0] www.elsewhere.example A",
    ]
    assert caught.value.message.startswith("Mistakes in the declaration: 8. Nothing was changed.\n")
    assert "users[3] Ann@Example.org: declared twice; also declared as users[2] ann@example.org" in caught.value.message


@pytest.mark.parametrize(
    "options",
    [
        # The second-to-last administrator is demoted, and the last one removed.
        {"users": [user(BOB.email, privileges=[], force=False), user(ME.email, state="absent")]},
        {"users": [user(BOB.email, privileges=[]), user(ME.email, privileges=[])]},
        # A permitted sender who is removed, and a domain that is removed.
        {
            "users": [user(ANN.email, state="absent")],
            "aliases": [{"address": "x@example.org", "permitted_senders": [ANN.email]}],
        },
        {
            "users": [user(ANN.email, state="absent"), user(BOB.email, state="absent")],
            "dns_records": [{"name": "www.example.org", "type": "A", "value": "192.0.2.1"}],
        },
    ],
)
def test_contradictions_in_a_declaration(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidDeclaration):
        plan(known(ANN, BOB), **options)


def test_purge_spares_what_the_box_and_the_run_need() -> None:
    made = plan(
        known(ANN, BOB, HOSTMASTER, ABUSE, SALES, Record("www.example.org", "A", "192.0.2.1")),
        users=[user(BOB.email)],
        aliases=[],
        dns_records=[],
        purge=["users", "aliases", "dns_records"],
    )
    assert [(change.resource, change.key, change.action) for change in made.changes if change.calls] == [
        ("dns_record", "www.example.org A", "remove"),
        ("alias", "sales@example.org", "remove"),
        ("user", "ann@example.org", "remove"),
    ]


def test_purge_spares_what_keep_matches() -> None:
    made = plan(
        known(
            ANN, BOB, SALES, Record("www.example.org", "A", "192.0.2.1"), Record("a.b.example.org", "A", "192.0.2.1")
        ),
        users=[],
        aliases=[],
        dns_records=[],
        purge=["users", "aliases", "dns_records"],
        keep=["ANN@*", "*@example.com", "www.example.org", "sales@example.or?"],
    )
    assert [change.key for change in made.changes] == ["a.b.example.org A", "bob@example.org"]


PURGE_ALL: dict[str, Any] = {
    "users": [],
    "aliases": [],
    "dns_records": [],
    "purge": ["users", "aliases", "dns_records"],
}


@pytest.mark.parametrize(
    "pattern",
    ["*@exmaple.org", "*@exampl.org", "*@eexample.org", "ann@exumple.org", "*.example.orgs", "www.exampl?.orgs"],
)
def test_a_misspelt_pattern_of_keep_is_a_mistake(pattern: str) -> None:
    state = known(ANN, Record("www.example.org", "A", "192.0.2.1"))
    with pytest.raises(
        InvalidDeclaration, match=r"keep: .* matches nothing, and (ann@|www\.)example.org would be purged"
    ):
        plan(state, **PURGE_ALL, keep=[pattern])
    # If nothing is purged, the pattern is harmless, as in a later run of the same declaration.
    assert not plan(known(), **PURGE_ALL, keep=[pattern]).calls


@pytest.mark.parametrize(
    "pattern", ["*@lists.example.org", "*@b.example", "kept@*", "shop2.example.org", "_acme-challenge.*"]
)
def test_a_pattern_of_keep_that_many_boxes_share_is_a_warning(pattern: str) -> None:
    bert = User("bert@a.example", (), True, "0", None)
    state = known(ANN, bert, Record("shop1.example.org", "A", "192.0.2.1"))
    made = plan(state, **PURGE_ALL, keep=[pattern])
    assert len(made.changes) == 3
    (warning,) = made.warnings
    assert warning.startswith("keep: '%s' matches nothing on the box" % pattern)


@pytest.mark.parametrize(
    "options",
    [
        # Declared aliases, automatic ones, and the aliases of the box itself.
        {"keep": ["bob@*"], "users": [user(BOB.email, state="absent")]},
        {"keep": ["abuse@*", "me@*", "hostmaster@box.example.com"]},
        # These objects were not read, so it is unknown whether the pattern matches.
        {"keep": ["www.example.org"]},
    ],
)
def test_a_pattern_of_keep_that_could_match_is_accepted(options: dict[str, Any]) -> None:
    state = known(ANN, ABUSE, HOSTMASTER)
    del state[DNS_RECORDS.name]
    made = plan(state, **{"users": [], "purge": ["users"], **options})
    assert made.calls
    assert made.warnings == ()


MANY = tuple(User("u%02d@example.org" % number, (), True, "0", None) for number in range(40))


@pytest.mark.parametrize(
    ("kept", "limit", "goes"),
    [
        # 41 users including our own account; 20 % of them are 8.
        (32, None, True),
        (31, None, False),
        (31, 9, True),
        (39, 0, False),
        (40, 0, True),
    ],
)
def test_purge_limit(kept: int, limit: int | None, goes: bool) -> None:
    options: dict[str, Any] = {
        "users": [user(row.email) for row in MANY[:kept]],
        "purge": ["users"],
        "purge_limit": limit,
    }
    if goes:
        assert len(plan(known(*MANY), **options).calls) == 40 - kept
        return
    with pytest.raises(Guarded) as caught:
        plan(known(*MANY), **options)
    assert len(caught.value.details["would_go"]) == 40 - kept
    assert "user u39@example.org" in caught.value.message
    # The message also names the variables of playbooks and the next steps.
    assert "set purge_limit (in playbooks miab_purge_limit) to %d" % (40 - kept) in caught.value.message


def refusal(state: dict[str, Any], **options: Any) -> Guarded:
    with pytest.raises(Guarded) as caught:
        plan(state, **options)
    return caught.value


def test_a_section_has_a_limit_of_its_own() -> None:
    state = known(*MANY[:3], SALES)
    options: dict[str, Any] = {"users": [], "aliases": [], "purge": ["users", "aliases"], "purge_limit": 1}
    assert plan(state, **options, purge_limits={"users": 3}).calls
    told = refusal(state, **options, purge_limits={"users": 2})
    assert told.message == (
        "purge_limits.users: 3 objects that are not declared would be removed, and the limit is 2. Nothing was changed. To be"
        " removed: user u00@example.org, user u01@example.org, user u02@example.org. If that is right, set purge_limits.users"
        " (in playbooks miab_purge_limits.users) to 3. To keep some, declare them, or list them in keep (in playbooks"
        " miab_keep)."
    )
    assert (
        refusal(state, **options, purge_limits={"users": 3, "aliases": 0}).details["option"] == "purge_limits.aliases"
    )


def test_a_message_names_some_of_many_objects_to_remove() -> None:
    told = refusal(known(*MANY), users=[], purge=["users"])
    assert "and 20 more." in told.message
    assert len(told.details["would_go"]) == 40


@pytest.mark.parametrize("limit", [None, 2])
def test_declared_removals_and_the_limit(limit: int | None) -> None:
    gone = [user(row.email, state="absent") for row in MANY[:2]]
    assert len(plan(known(*MANY), users=gone, remove_limit=limit).calls) == 2


def test_a_limit_of_what_is_declared_as_absent() -> None:
    gone = [user(row.email, state="absent") for row in MANY[:2]]
    # Objects that don't exist don't count.
    gone.append(user("nobody@example.org", state="absent"))
    told = refusal(known(*MANY), users=gone, remove_limit=1)
    assert told.message.startswith("remove_limit: 2 objects with state=absent would be removed, and the limit is 1.")
    assert told.message.endswith("set remove_limit (in playbooks miab_remove_limit) to 2.")


def notes(state: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    return [(note.kind, note.text) for note in plan(state, **options).notes if note.kind != "undeclared"]


def test_a_plan_lists_added_and_removed_domains() -> None:
    typing_error = [new("eve@exmaple.org")]
    assert notes(known(BOB, ANN), users=typing_error) == [
        (
            "new_domain",
            "new domain exmaple.org: the box will make a DNS zone and accept mail for it. Did you mean example.org?",
        )
    ]
    below = [{"address": "x@lists.example.org", "forwards_to": [ANN.email]}]
    assert notes(known(ANN), aliases=below) == [
        ("new_domain", "new domain lists.example.org: the box will accept mail for it")
    ]
    state = known(ANN, Record("www.example.org", "A", "192.0.2.1"), Record("x.box.example.com", "A", "192.0.2.1"))
    assert notes(state, users=[user(ANN.email, state="absent", force=True)]) == [
        (
            "domain_removed",
            "example.org is no longer served: the box will refuse its mail; 1 custom record stays behind",
        )
    ]
    assert notes(known(ANN), users=[new("eve@bücher.example"), user(ANN.email)])[0][1].startswith(
        "new domain bücher.example"
    )
    assert notes(known(ANN), users=[user(ANN.email)]) == []


def test_a_plan_names_aliases_without_existing_receivers() -> None:
    def alias(address: str, *receivers: str) -> dict[str, Any]:
        return {"address": address, "forwards_to": list(receivers)}

    declared = [
        alias("a@example.org", "Nobody@example.org", ANN.email),
        alias("b@example.org", "a@example.org", "x@elsewhere.example", "new@example.org"),
        alias("c@example.org", "any@catch.example.org", ABUSE.address),
        alias("@catch.example.org", ANN.email),
    ]
    expected = "alias a@example.org forwards to Nobody@example.org, but the box has no such user or alias"
    found = notes(known(ANN, ABUSE), aliases=declared, users=[new("new@example.org")])
    assert [text for kind, text in found if kind == "dangling_alias"] == [expected]


def test_a_plan_counts_undeclared_objects() -> None:
    state = known(ANN, BOB, ABUSE, SALES, Record("www.example.org", "A", "192.0.2.1"))

    def undeclared(**options: Any) -> list[str]:
        return [note.text for note in plan(state, **options).notes if note.kind == "undeclared"]

    assert undeclared(users=[user(ANN.email)]) == ["not declared: 2 users"]
    assert undeclared(aliases=[{"address": "x@example.org", "forwards_to": [ANN.email]}]) == ["not declared: 1 alias"]
    assert undeclared(users=[user(ANN.email)], keep=["bob@*"]) == ["not declared: 1 user"]
    assert undeclared(users=[user(ANN.email)], purge=["users"], purge_limit=9) == []
    www = {"name": "www.example.org", "type": "A", "value": "192.0.2.1"}
    assert undeclared(dns_records=[www]) == []
    assert undeclared(dns_records=[{**www, "type": "AAAA", "value": "2001:db8::1"}]) == ["not declared: 1 DNS record"]
    assert undeclared() == []
    assert undeclared(show_undeclared=True) == [
        "not declared: 3 users: ann@example.org, bob@example.org, me@box.example.com",
        "not declared: 1 alias: sales@example.org",
        "not declared: 1 DNS record: www.example.org A",
    ]


def test_show_undeclared_reads_every_list() -> None:
    wanted = whole_box.check(declaration(show_undeclared=True))
    asked = [question.name for question in whole_box.needs(wanted, {"caller": ME.email})]
    assert sorted(asked) == sorted([USERS.name, ALIASES.name, DNS_RECORDS.name])


def test_a_domain_that_is_not_in_the_list_is_a_mistake() -> None:
    options: dict[str, Any] = {
        "users": [new("eve@exmaple.org"), user(ANN.email), user("old@gone.example", state="absent")],
        "aliases": [{"address": "x@elsewhere.test.example", "forwards_to": [ANN.email]}],
    }
    assert whole_box.check(declaration(**options)).mistakes == ()
    mistakes = whole_box.check(
        declaration(**options, domains=["Example.org", "box.example.com", "not a domain"])
    ).mistakes
    assert [where for where, _why in mistakes] == [
        "domains",
        "users[0] eve@exmaple.org",
        "aliases[0] x@elsewhere.test.example",
    ]
    assert mistakes[1].why == (
        "the domain exmaple.org is not in domains (the variable miab_domains); did you mean example.org?"
    )
    assert mistakes[2].why.endswith("miab_domains)")


def test_added_objects_do_not_raise_the_purge_limit() -> None:
    """For example, with the declaration of another box: it adds many objects and purges all existing ones."""
    others = [new("v%02d@example.org" % number) for number in range(200)]
    archived = [User("w%02d@example.org" % number, (), False, "0", "/home/w") for number in range(200)]
    with pytest.raises(Guarded) as caught:
        plan(known(*MANY, *archived), users=others, purge=["users"])
    assert len(caught.value.details["would_go"]) == 40
    assert caught.value.details["value"] == 8


def test_a_few_objects_can_always_be_removed() -> None:
    assert len(plan(known(*MANY[:5]), users=[], purge=["users"]).calls) == 5


def test_sections_that_are_not_declared_are_not_purged() -> None:
    with pytest.raises(InvalidDeclaration, match=r"purge: aliases: not declared; .* declare aliases: \[\]"):
        plan(known(ANN, SALES), users=[user(ANN.email)], purge=["users", "aliases"])


ADDRESSES = ["ann@example.org", "bob@example.org", "cat@example.net"]
USER = st.fixed_dictionaries(
    {
        "user_password": st.sampled_from(["password-1", "password-2"]),
        "privileges": st.sampled_from([[], ["admin"]]),
    }
)
RECEIVERS = [*ADDRESSES, "me@box.example.com"]
ALIAS = st.fixed_dictionaries({"forwards_to": st.lists(st.sampled_from(RECEIVERS), min_size=1, unique=True)})
VALUES = {"A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "TXT": ["one", "two"], "CNAME": ["a.example.net."]}


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """A valid declaration: all objects that it references are declared."""
    users = draw(st.dictionaries(st.sampled_from(ADDRESSES), USER))
    # A record needs its zone, which an alias can add.
    addresses = ["sales@example.org", "info@example.com"]
    aliases = draw(st.dictionaries(st.sampled_from(addresses), ALIAS))
    domains = sorted({address.partition("@")[2] for address in (*users, *aliases)} | {"box.example.com"})
    records = []
    for domain in domains:
        # One type per name, because a CNAME can't have other records beside it.
        for name in draw(st.lists(st.sampled_from(["www2", "shop"]), unique=True)):
            rtype = draw(st.sampled_from(sorted(VALUES)))
            size = 1 if rtype == "CNAME" else 3
            values = draw(st.lists(st.sampled_from(VALUES[rtype]), min_size=1, max_size=size, unique=True))
            records.append({"name": "%s.%s" % (name, domain), "type": rtype, "values": values})
    return {
        "users": [{"email": email, **user} for email, user in users.items()],
        "aliases": [{"address": address, **alias} for address, alias in aliases.items()],
        "dns_records": records,
        "privacy": draw(st.sampled_from([None, True, False])),
        "purge": ["users", "aliases", "dns_records"],
        "purge_limit": 100,
    }


@pytest.mark.parametrize("rtype", ["A", "AAAA"])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_address_is_replaced_by_a_cname(version: str, rtype: str) -> None:
    """Removing a custom address also removes the records that the box publishes because of it."""
    state = new_state(version)
    user = {"email": "ann@example.org", "password": "ann-password-1"}
    old = {"name": "host.example.org", "type": rtype, "value": {"A": "192.0.2.1", "AAAA": "2001:db8::1"}[rtype]}
    prepare(state, {"users": [user], "dns_records": [CustomRecord(*old.values())._asdict()]})
    new = {"name": "host.example.org", "type": "CNAME", "value": "host.example.net."}
    options = declaration(dns_records=[new, {**old, "state": "absent"}])
    result = task_result(TASK, {**CONNECTION, **options}, False, RulesClient(state))
    assert [call["method"] for call in result["calls"]] == ["DELETE", "POST"]
    assert state.dns_records == [CustomRecord(*new.values())]
    assert state.broken_zones() == state.dropped_zones() == []


@pytest.mark.parametrize("name", ["ns1.box.example.com", "ns2.box.example.com"])
def test_a_cname_cannot_replace_a_name_server_of_the_box(name: str) -> None:
    """The host name of the box has an A record that is not in the list of custom records."""
    state = new_state("v75")
    old = {"name": name, "type": "AAAA", "value": "2001:db8::1"}
    user = {"email": "ann@example.org", "password": "ann-password-1"}
    prepare(state, {"users": [user], "dns_records": [CustomRecord(*old.values())._asdict()]})
    new = {"name": name, "type": "CNAME", "value": "host.example.net."}
    options = declaration(dns_records=[new, {**old, "state": "absent"}])
    result = run(TASK, {**CONNECTION, **options}, True, connect=lambda _connection: RulesClient(state))
    assert result["failure"]["code"] == "invalid_declaration", result


@settings(max_examples=60, deadline=None)
@given(state=BOX, start=declarations(), end=declarations())
def test_any_declaration_can_follow_any_other(state: State, start: dict[str, Any], end: dict[str, Any]) -> None:
    prepare(state, {})
    for declared in (start, end):
        options = {**CONNECTION, **declaration(**declared)}
        predicted = task_result(TASK, options, True, RulesClient(state))
        real = task_result(TASK, options, False, RulesClient(state))
        assert predicted["changes"] == real["changes"]
        assert predicted["calls"] == real["calls"]
        assert not task_result(TASK, options, False, RulesClient(state))["changed"]
        assert state.broken_zones() == state.dropped_zones() == []
    assert set(state.users) == {user["email"] for user in end["users"]} | {ME.email}
    held = {(record.qname, record.rtype, record.value) for record in state.dns_records}
    assert held == {
        (record["name"], record["type"], value) for record in end["dns_records"] for value in record["values"]
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("first", ["users", "aliases"])
def test_an_alias_that_the_box_makes_on_the_way_is_an_update(version: str, first: str) -> None:
    """A box before v55 creates postmaster@ as soon as its domain has a user or another alias."""
    state = new_state(version)
    prepare(state, {"users": [{"email": "kim@example.org", "password": "password-1"}]})
    receiver = "me@box.example.com"
    aliases: list[dict[str, Any]] = [
        {"address": "postmaster@new1.example", "forwards_to": [receiver]},
        {"address": "abuse@new1.example", "state": "absent"},
    ]
    people = []
    if first == "users":
        people.append(new("p@new1.example"))
    else:
        aliases.append({"address": "sales@new1.example", "forwards_to": [receiver]})
    options = {**CONNECTION, **declaration(users=people, aliases=aliases)}
    predicted = task_result(TASK, options, True, RulesClient(state))
    real = task_result(TASK, options, False, RulesClient(state))
    assert predicted["calls"] == real["calls"]
    assert predicted["diff"] == real["diff"]
    assert state.aliases["postmaster@new1.example"].forwards_to == [receiver]
    assert not task_result(TASK, options, False, RulesClient(state))["changed"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_alias_that_the_box_would_remove_at_once(version: str) -> None:
    """The box removes an alias that looks like an automatic one in a domain without other mail."""
    state = new_state(version)
    prepare(state, {"users": [{"email": "kim@example.org", "password": "password-1"}]})
    shop = {"address": "postmaster@shop.example", "forwards_to": ["administrator@box.example.com"]}
    for name, options in (
        ("miab_alias", {**filled(shop, dict(aliases_resource.OPTIONS))}),
        ("miab_config", declaration(aliases=[shop])),
    ):
        result = run(task(name), {**CONNECTION, **options}, False, connect=lambda _connection: RulesClient(state))
        assert "no other address" in result["msg"]
        assert result["requests"]["writes"] == 0
    other = {"address": "sales@shop.example", "forwards_to": ["me@box.example.com"]}
    options = {**CONNECTION, **declaration(aliases=[shop, other])}
    assert task_result(TASK, options, False, RulesClient(state))["changed"]
    assert not task_result(TASK, options, False, RulesClient(state))["changed"]
