# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several declarations of one box: what each manages, and what it must not do to the others."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.boxes import boxes
from ansible_collections.mailinabox.admin.plugins.filter.outside_scope import outside_scope
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import PasswordProof, Plan
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import Alias, Record, User
from ansible_collections.mailinabox.admin.plugins.module_utils._model.scope import Scope, from_options
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import info, whole_box
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    Guarded,
    InvalidDeclaration,
    InvalidOption,
)
from ansible_collections.mailinabox.admin.plugins.plugin_utils._in_process import InProcess

from .test_config import ADMINISTRATOR, HOSTMASTER, ME, declaration, filled, known, new, paths, user

ANN = User("ann@acme.example", (), True, "0", None)
BOSS = User("boss@acme.example", ("admin",), True, "0", None)
BOB = User("bob@bolt.example", (), True, "0", None)
INFO = Alias("info@acme.example", (ANN.email,), ())
POST = Alias("abuse@acme.example", (ADMINISTRATOR.address,), (), automatic=True)
ZONES = ("box.example.com", "acme.example", "bolt.example")
URL = "https://box.example.com/admin"
ACME: dict[str, Any] = {"scope": ["acme.example"]}
OWNER: dict[str, Any] = {"scope_exclude": ["acme.example", "bolt.example"]}


def planned(held: tuple[Any, ...] = (), zones: tuple[str, ...] = ZONES, **options: Any) -> Plan:
    return whole_box.plan(whole_box.check(declaration(**options)), {**known(*held, POST, zones=zones), "url": URL})


def refused(held: tuple[Any, ...] = (), zones: tuple[str, ...] = ZONES, **options: Any) -> dict[str, str]:
    """The mistakes of a plan, by entry."""
    with pytest.raises(InvalidDeclaration) as caught:
        planned(held, zones, **options)
    return {mistake["where"]: mistake["why"] for mistake in caught.value.details["mistakes"]}


def record(name: str, rtype: str = "A", value: str = "192.0.2.1") -> dict[str, Any]:
    return {"name": name, "type": rtype, "value": value}


@pytest.mark.parametrize(
    ("inside", "outside", "name", "expected"),
    [
        (["acme.example"], [], "acme.example", True),
        (["acme.example"], [], "ann@acme.example", True),
        (["acme.example"], [], "@acme.example", True),
        (["acme.example"], [], "www.shop.acme.example", True),
        (["acme.example"], [], "*.acme.example", True),
        (["acme.example"], [], "_dmarc.acme.example", True),
        (["acme.example"], [], "notacme.example", False),
        (["acme.example"], [], "acme.example.org", False),
        (["acme.example"], [], "example", False),
        (["shop.acme.example"], [], "acme.example", False),
        (["shop.acme.example"], [], "*.acme.example", False),
        # The most exact domain decides.
        (["acme.example"], ["shop.acme.example"], "eve@shop.acme.example", False),
        (["acme.example"], ["shop.acme.example"], "*.acme.example", True),
        (["acme.example", "in.shop.acme.example"], ["shop.acme.example"], "a.in.shop.acme.example", True),
        (["shop.acme.example"], ["acme.example"], "eve@shop.acme.example", True),
        # Spellings don't matter.
        ([" ACME.Example. "], [], "acme.example", True),
        (["bücher.example"], [], "xn--bcher-kva.example", True),
        (["xn--bcher-kva.example"], [], "a@xn--bcher-kva.example", True),
        # The declaration of the rest.
        (None, ["acme.example"], "acme.example", False),
        (None, ["acme.example"], "a.acme.example", False),
        (None, ["acme.example"], "bolt.example", True),
        (None, ["shop.acme.example"], "acme.example", True),
        (None, None, "acme.example", True),
    ],
)
def test_what_a_scope_contains(inside: list[str] | None, outside: list[str] | None, name: str, expected: bool) -> None:
    scope, mistakes = from_options({"scope": inside, "scope_exclude": outside})
    assert mistakes == []
    assert scope.contains(name) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scope": []}, "scope: the list is empty"),
        ({"scope": ["acme"]}, "scope: 'acme': a domain name needs at least one dot"),
        ({"scope": ["*.acme.example"]}, r"scope: '\*.acme.example': "),
        ({"scope": ["ann@acme.example"]}, "scope: 'ann@acme.example': "),
        ({"scope": [""]}, "scope: '': "),
        ({"scope": ["acme.example,bolt.example"]}, "scope: 'acme.example,bolt.example': "),
        ({"scope_exclude": ["a..example"]}, "scope_exclude: 'a..example': "),
        (
            {"scope": ["acme.example"], "scope_exclude": ["ACME.example"]},
            "scope: acme.example is also in scope_exclude",
        ),
        (
            {"scope": ["Box.example.com"], "host": "https://box.example.com/admin"},
            "scope: box.example.com is the host name of the box",
        ),
    ],
)
def test_scopes_that_are_refused(options: dict[str, Any], words: str) -> None:
    wanted = whole_box.check({**declaration(), **options})
    with pytest.raises(InvalidDeclaration, match=words):
        whole_box.validate(wanted)
    with pytest.raises(InvalidOption, match=words.partition(": ")[2]):
        info.check({"gather_subset": ["config"], **options})


def test_an_empty_scope_contains_nothing() -> None:
    """It must not count as no scope, and its entries are not listed as well."""
    wanted = whole_box.check(declaration(users=[new(ANN.email)], purge=["users"], scope=[]))
    assert [mistake.where for mistake in wanted.mistakes] == ["scope"]
    assert not wanted.sections["users"]
    assert not wanted.scope.contains(ANN.email)


@pytest.mark.parametrize("module", ["miab_config", "miab_info"])
def test_a_scope_without_a_value_is_no_scope_that_was_left_out(module: str) -> None:
    from importlib import import_module

    task = import_module("ansible_collections.mailinabox.admin.plugins.modules." + module).TASK
    assert task.not_null == ("scope",)

    class Given:
        def __init__(self) -> None:
            self.args = {"scope": None, "host": "box.example.com"}

    class Templar:
        def template(self, value: Any) -> Any:
            return value

    class Action(InProcess):
        definition = task

        def __init__(self) -> None:
            self._task, self._templar = Given(), Templar()

    with pytest.raises((InvalidDeclaration, InvalidOption), match=r"scope: .*it has no value"):
        Action()._check(task, {})


# What a declaration for acme.example can't have, and words of the mistake. No box is needed.
OUTSIDE: list[tuple[dict[str, Any], str, str]] = [
    ({"users": [new("bob@bolt.example")]}, "users[0] bob@bolt.example", "email: bob@bolt.example is outside the scope"),
    ({"users": [user("Bob@BOLT.example", state="absent")]}, "users[0] Bob@BOLT.example", "email: .* outside the scope"),
    ({"users": [new("a@bücher.example")]}, "users[0] a@bücher.example", "email: a@bücher.example is outside"),
    ({"users": [new("eve@shop.acme.example")]}, "users[0] eve@shop.acme.example", "email: .* belongs to shop.acme"),
    ({"users": [new("a@acme.example", privileges=["admin"])]}, "users[0] a@acme.example", "privileges: "),
    (
        {"aliases": [{"address": "x@bolt.example", "forwards_to": [ANN.email]}]},
        "aliases[0] x@bolt.example",
        "address: ",
    ),
    ({"aliases": [{"address": "x@bolt.example", "state": "absent"}]}, "aliases[0] x@bolt.example", "address: "),
    ({"aliases": [{"address": "@bolt.example", "forwards_to": [ANN.email]}]}, "aliases[0] @bolt.example", "address: "),
    (
        {"aliases": [{"address": "@bolt.example", "forwards_to": ["@acme.example"]}]},
        "aliases[0] @bolt.example",
        "address: @bolt.example is outside",
    ),
    (
        {"aliases": [{"address": "x@acme.example", "permitted_senders": [ANN.email, "bob@bolt.example"]}]},
        "aliases[0] x@acme.example",
        "permitted_senders: bob@bolt.example is outside",
    ),
    ({"dns_records": [record("www.bolt.example")]}, "dns_records[0] www.bolt.example A", "name: www.bolt.example is"),
    ({"dns_records": [record("WWW.Bolt.example.")]}, "dns_records[0] WWW.Bolt.example. A", "name: www.bolt.example is"),
    (
        {"dns_records": [{"name": "www.bolt.example", "type": "A", "state": "absent"}]},
        "dns_records[0] www.bolt.example A",
        "name: ",
    ),
    ({"dns_records": [record("*.example")]}, "dns_records[0] *.example A", "name: "),
    (
        {"dns_records": [record("shop.acme.example", "NS", "ns1.example.net.")]},
        "dns_records[0] shop.acme.example NS",
        "name: shop.acme.example belongs to",
    ),
    (
        {"dns_records": [record("up.acme.example", "NS", "ns1.example.net.")]},
        "dns_records[0] up.acme.example NS",
        "name: an NS record here would delegate deep.up.acme.example",
    ),
    ({"secondary_nameservers": []}, "secondary_nameservers", "a setting of the whole box"),
    ({"backup": {"target": "off"}}, "backup", "a setting of the whole box"),
    ({"privacy": True}, "privacy", "a setting of the whole box"),
    ({"users": [new("a@box.example.com")], "host": "box.example.com"}, "users[0] a@box.example.com", "host name of"),
]
SHOPS = ["shop.acme.example", "deep.up.acme.example"]


@pytest.mark.parametrize(("options", "where", "words"), OUTSIDE)
def test_what_is_outside_is_a_mistake(options: dict[str, Any], where: str, words: str) -> None:
    scope = ["acme.example", "example.com"] if "host" in options else ["acme.example"]
    declared = {**declaration(**{key: value for key, value in options.items() if key != "backup"}), **options}
    for section in ("users", "aliases", "dns_records"):
        declared[section] = declaration(**{section: options.get(section)})[section]
    if declared["backup"]:
        declared["backup"] = filled(declared["backup"], dict(whole_box.backup.OPTIONS))
    wanted = whole_box.check({**declared, "scope": scope, "scope_exclude": SHOPS})
    (mistake,) = wanted.mistakes
    assert mistake.where == where
    assert re.search(words, mistake.why)
    # It is not planned, because a plan could tell what others have.
    assert not any(wanted.sections.values())
    with pytest.raises(InvalidDeclaration):
        whole_box.validate(wanted)


def test_all_mistakes_are_reported_together() -> None:
    told = refused(
        (ANN, BOB),
        **ACME,
        users=[new("bob@bolt.example"), new("not an address"), new("a@acme.example")],
        aliases=[{"address": "x@bolt.example", "forwards_to": ["a@acme.example"]}],
        dns_records=[record("www.bolt.example"), record("www.acme.example", "A", "not an address")],
        privacy=True,
    )
    assert list(told) == [
        "users[1] not an address",
        "users[0] bob@bolt.example",
        "aliases[0] x@bolt.example",
        "dns_records[1] www.acme.example A",
        "dns_records[0] www.bolt.example A",
        "privacy",
    ]


def test_inside_is_everything_else() -> None:
    made = planned(
        (ANN, INFO, BOB),
        **ACME,
        users=[new("new@acme.example"), new("dev@lab.acme.example")],
        aliases=[
            {"address": "sales@acme.example", "forwards_to": [BOB.email, "eve@example.net"]},
            {"address": "@acme.example", "forwards_to": ["@bolt.example"]},
        ],
        dns_records=[record("www.acme.example"), record("sub.acme.example", "NS", "ns1.example.net.")],
    )
    assert sorted(paths(made)) == [
        "/dns/custom/sub.acme.example/NS",
        "/dns/custom/www.acme.example/A",
        *("/mail/aliases/add",) * 2,
        *("/mail/users/add",) * 2,
    ]


# What only the box shows.
OF_THE_BOX: list[tuple[dict[str, Any], str, str]] = [
    ({"users": [user(BOSS.email, user_password="some-password-1")]}, "users[0] " + BOSS.email, "is an administrator"),
    ({"users": [user(BOSS.email, state="absent", force=True)]}, "users[0] " + BOSS.email, "is an administrator"),
    ({"users": [user(BOSS.email, privileges=[])]}, "users[0] " + BOSS.email, "is an administrator"),
    ({"users": [user(BOSS.email, quota="1G")]}, "users[0] " + BOSS.email, "is an administrator"),
    (
        {"aliases": [{"address": BOSS.email, "forwards_to": [ANN.email], "force": True}]},
        "aliases[0] " + BOSS.email,
        "address: boss@acme.example is an administrator",
    ),
    (
        {"aliases": [{"address": "administrator@box.example.com", "forwards_to": [ANN.email], "force": True}]},
        "aliases[0] administrator@box.example.com",
        "host name of the box",
    ),
    ({"dns_records": [record("box.example.com")]}, "dns_records[0] box.example.com A", "host name of the box"),
    ({"dns_records": [record("ns1.box.example.com")]}, "dns_records[0] ns1.box.example.com A", "host name of the box"),
    ({"users": [new("x@box.example.com")]}, "users[0] x@box.example.com", "host name of the box"),
]


@pytest.mark.parametrize(("options", "where", "words"), OF_THE_BOX)
def test_a_scope_has_no_administrator_and_not_the_box_itself(options: dict[str, Any], where: str, words: str) -> None:
    told = refused((ANN, BOSS), **options, scope=["acme.example", "example.com"])
    assert list(told) == [where]
    assert words in told[where]


def test_a_scope_that_is_the_host_name_of_the_box() -> None:
    told = refused(
        users=[], aliases=[], dns_records=[record("a.acme.example")], scope=["box.example.com", "acme.example"]
    )
    assert "is the host name of the box" in told["scope"]


def test_a_receiver_of_the_box_s_mail_in_a_domain_of_the_scope() -> None:
    """A box that was renamed can forward its own mail to an address under its old name."""
    old = Alias("administrator@acme.example", (ME.email,), ())
    post = Alias("abuse@bolt.example", (old.address,), (), automatic=True)
    entry = {"address": old.address, "forwards_to": [ANN.email], "force": True}
    told = refused((ANN, old, post), **ACME, aliases=[entry])
    assert "receives the mail of the box itself" in told["aliases[0] administrator@acme.example"]


def test_passwords_are_tried_only_for_users_of_the_scope() -> None:
    entries = [
        user(email, user_password="some-password-1", update_password="always")
        for email in (ANN.email, BOSS.email, BOB.email, "x@box.example.com")
    ]
    wanted = whole_box.check(declaration(users=entries, scope=["acme.example", "example.com"]))
    state = known(ANN, BOSS, BOB, User("x@box.example.com", (), True, "0", None), POST)
    asked = [question for question in whole_box.needs(wanted, state) if isinstance(question, PasswordProof)]
    assert [question.email for question in asked] == [ANN.email]
    # Neither before it is known who is an administrator.
    empty = {"caller": ME.email, "url": "https://box.example.com/admin"}
    assert not [one for one in whole_box.needs(wanted, empty) if isinstance(one, PasswordProof)]


HELD = (
    ANN,
    BOSS,
    BOB,
    INFO,
    Alias(BOSS.email, (BOSS.email, ANN.email), ()),
    Alias("sales@bolt.example", (BOB.email, ANN.email), ()),
    Record("www.acme.example", "A", "192.0.2.1"),
    Record("www.bolt.example", "A", "192.0.2.2"),
    Record("left.gone.example", "A", "192.0.2.3"),
)
ALL: dict[str, Any] = {"users": [], "aliases": [], "dns_records": [], "purge": ["users", "aliases", "dns_records"]}


def test_purge_sees_only_the_scope() -> None:
    made = planned(HELD, **{**ALL, "users": [user(ANN.email)]}, **ACME)
    assert [change.label for change in made.changes if change.calls] == [
        "dns record www.acme.example A",
        "alias info@acme.example",
    ]
    # Not even in a warning: these can't be removed at all.
    assert made.warnings == ()
    assert made.notes == ()


def test_purge_of_the_owner_leaves_the_scopes_alone() -> None:
    made = planned((*HELD, User("c@own.example", (), True, "0", None)), **ALL, **OWNER)
    assert [change.label for change in made.changes if change.calls] == ["user c@own.example"]
    assert "left.gone.example" in made.warnings[0]


def test_limits_count_only_the_scope() -> None:
    """20 % of all users would be more than the limit of 5."""
    many = tuple(User("u%d@bolt.example" % number, (), True, "0", None) for number in range(100))
    few = tuple(User("u%d@acme.example" % number, (), True, "0", None) for number in range(6))
    with pytest.raises(Guarded, match="6 objects that are not declared would be removed, and the limit is 5"):
        planned((*many, *few, ANN), users=[user(ANN.email)], purge=["users"], **ACME)


def test_notes_and_warnings_say_nothing_of_others() -> None:
    made = planned(
        (*HELD, User("gone@bolt.example", (), True, "0", None)),
        **ACME,
        show_undeclared=True,
        aliases=[
            {"address": "a@acme.example", "forwards_to": ["missing@bolt.example"]},
            {"address": "b@acme.example", "forwards_to": ["missing@acme.example"]},
        ],
        users=[user(ANN.email, state="absent"), new("x@bollt.acme.example")],
        keep=["*@bolt.example"],
        domains=["acme.example", "bollt.acme.example"],
    )
    texts = [note.text for note in made.notes] + list(made.warnings)
    assert "alias b@acme.example forwards to missing@acme.example, but the box has no such user or alias" in texts
    assert "ann@acme.example is removed, but aliases still name it: boss@acme.example, info@acme.example." in texts
    assert "not declared: 1 alias: info@acme.example" in texts
    assert not [text for text in texts if "bolt" in text]
    # A name that looks like a domain of others is not compared with theirs.
    near = planned((BOB,), scope=["bolts.example"], users=[new("x@bolts.example")], zones=ZONES)
    assert [note.text for note in near.notes] == [
        "new domain bolts.example: the box will make a DNS zone and accept mail for it"
    ]


def test_changes_of_others_during_a_run_are_not_named() -> None:
    entries = {"users": [user(ANN.email)], "aliases": [], "dns_records": [], "purge": ["aliases", "dns_records"]}
    wanted = whole_box.check(declaration(**entries, **ACME))
    for key, expected in (("acme.example", True), ("bolt.example", False)):
        assert whole_box.concerns(wanted, "user", "x@" + key) == expected
        assert whole_box.concerns(wanted, "alias", "@" + key) == expected
        assert whole_box.concerns(wanted, "dns_record", f"www.{key} A") == expected
    assert whole_box.concerns(whole_box.check(declaration(**entries)), "user", "x@bolt.example")


def test_a_pattern_of_keep_does_not_show_what_others_have() -> None:
    made = planned(HELD, users=[], purge=["users"], keep=["bob@*"], **ACME)
    assert any("'bob@*' matches nothing" in warning for warning in made.warnings)


def test_a_name_without_a_zone_does_not_show_the_zones_of_others() -> None:
    told = refused((BOB,), ("box.example.com", "bolt.example"), **ACME, dns_records=[record("www.acme.example")])
    (why,) = told.values()
    assert "(its zones: none)" in why


SUB = User("bea@sub.acme.example", (), True, "0", None)
SUBS: dict[str, Any] = {"scope": ["acme.example"], "scope_exclude": ["sub.acme.example"]}
SUB_ZONES = ("box.example.com", "sub.acme.example")
SUB_RECORD = Record("www.sub.acme.example", "A", "192.0.2.1")
CNAME = Record("www.acme.example", "CNAME", "host.example.net.")

# What the box has and its zones, the declaration, the entry that is refused, and words of the reason.
EFFECTS: list[tuple[tuple[Any, ...], tuple[str, ...], dict[str, Any], str, str]] = [
    # The first address of a domain swallows a zone.
    (
        (SUB,),
        SUB_ZONES,
        {"users": [new("a@acme.example")]},
        "users[0] a@acme.example",
        "sub.acme.example, .* becomes a part",
    ),
    (
        (SUB,),
        SUB_ZONES,
        {"aliases": [{"address": "a@acme.example", "forwards_to": ["x@example.net"]}]},
        "aliases[0] a@acme.example",
        "sub.acme.example, .* becomes a part",
    ),
    # The last one makes a zone.
    (
        (ANN, SUB),
        ZONES,
        {"users": [user(ANN.email, state="absent", force=True)]},
        "users[0] ann@acme.example",
        "sub.acme.example, .* becomes a zone of its own",
    ),
    (
        (ANN, SUB),
        ZONES,
        {"users": [], "purge": ["users"]},
        "purge of users ann@acme.example",
        "becomes a zone of its own",
    ),
    # Or it leaves records behind, which can't be forced.
    (
        (ANN, SUB_RECORD),
        ZONES,
        {"users": [user(ANN.email, state="absent", force=True)]},
        "users[0] ann@acme.example",
        "records outside the scope",
    ),
    ((ANN, SUB_RECORD), ZONES, {"users": [], "purge": ["users"]}, "purge", "records outside the scope"),
    # The box itself loses its zone to a domain above it.
    (
        (),
        ZONES,
        {"users": [new("a@example.com")], "scope": ["example.com"], "scope_exclude": []},
        "users[0] a@example.com",
        "box.example.com, .* becomes a part",
    ),
]


@pytest.mark.parametrize(("held", "zones", "options", "where", "words"), EFFECTS)
def test_effects_on_others_are_refused(
    held: tuple[Any, ...], zones: tuple[str, ...], options: dict[str, Any], where: str, words: str
) -> None:
    told = {
        where: why
        for where, why in refused(tuple(held), zones, **{**SUBS, **options}).items()
        if "box.example.com" in why or "outside" in why
    }
    assert list(told) == [where]
    assert re.search(words, told[where])
    # Neither objects of others nor their number.
    assert not re.search("bea|www|[0-9] record", told[where])
    # Nobody minds if it is all one declaration.
    planned(tuple(one for one in held if one is not SUB_RECORD), zones, **options | {"scope": None})


def test_a_broken_zone_does_not_show_the_records_of_others() -> None:
    """The box publishes records for mta-sts.acme.example with the first address of acme.example."""
    hidden = Record("_dmarc.mta-sts.acme.example", "CNAME", "host.example.net.")
    options = {"scope": ["acme.example"], "users": [new("a@acme.example")]}
    told = refused((hidden,), ("box.example.com",), **options, scope_exclude=["mta-sts.acme.example"])
    assert list(told) == ["users[0] a@acme.example"]
    assert "because of a CNAME outside the scope" in told["users[0] a@acme.example"]
    assert "_dmarc" not in told["users[0] a@acme.example"]
    told = refused((hidden,), ("box.example.com",), **options)
    assert "the CNAME at _dmarc.mta-sts.acme.example" in told["users[0] a@acme.example"]


def test_effects_are_checked_although_the_box_cannot_list_its_records() -> None:
    state = known(SUB, POST, zones=SUB_ZONES)
    from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import DNS_RECORDS
    from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import UnexpectedStatus

    state[DNS_RECORDS.name] = UnexpectedStatus("it failed", 500, "/dns/custom")
    wanted = whole_box.check(declaration(**SUBS, users=[new("a@acme.example")], dns_records=[]))
    with pytest.raises(InvalidDeclaration, match="becomes a part"):
        whole_box.plan(wanted, state)


# What the owner of the box can't have.
OF_CUSTOMERS: list[tuple[dict[str, Any], str]] = [
    ({"users": [new("x@acme.example")]}, "users[0] x@acme.example"),
    ({"aliases": [{"address": "x@lab.acme.example", "forwards_to": [ME.email]}]}, "aliases[0] x@lab.acme.example"),
    ({"dns_records": [record("x.bolt.example")]}, "dns_records[0] x.bolt.example A"),
]


@pytest.mark.parametrize(("options", "where"), OF_CUSTOMERS)
def test_the_owner_declares_nothing_of_others(options: dict[str, Any], where: str) -> None:
    told = refused((ANN,), **options, **OWNER)
    assert list(told) == [where]
    assert "which another declaration of this box manages" in told[where]


def test_the_owner_manages_the_rest() -> None:
    made = planned(
        (ANN, HOSTMASTER, User("c@own.example", ("admin",), True, "0", None)),
        **OWNER,
        users=[new("automation@box.example.com", privileges=["admin"]), user("c@own.example", privileges=[])],
        aliases=[{"address": HOSTMASTER.address, "forwards_to": [ME.email]}],
        dns_records=[record("mail.box.example.com")],
    )
    assert len([change for change in made.changes if change.calls]) == 4


def test_the_host_name_of_the_box_is_the_owner_s_in_a_customer_s_domain() -> None:
    options = {
        **declaration(users=[new("automation@box.example.com", privileges=["admin"])], scope_exclude=["example.com"])
    }
    for host in ("box.example.com", "https://BOX.example.com:443/admin"):
        assert whole_box.check({**options, "host": host}).mistakes == ()


def test_without_a_scope_nothing_is_read_in_addition() -> None:
    entries = {"dns_records": [record("www.acme.example")]}
    state = {"caller": ME.email, "url": "https://box.example.com/admin"}
    plain = [one.name for one in whole_box.needs(whole_box.check(declaration(**entries)), state)]
    scoped = [one.name for one in whole_box.needs(whole_box.check(declaration(**entries, **ACME)), state)]
    assert len(plain) == 1
    assert set(scoped) == {*plain, "users", "aliases"}


BOX = "box.example.com"


def shared(**hosts: dict[str, Any]) -> dict[str, Any]:
    """What the hosts of an inventory have to know of each other; each has the box unless it says otherwise."""
    hostvars = {name: {"miab_host": BOX, **variables} for name, variables in hosts.items()}
    found: dict[str, Any] = boxes(hostvars, list(hosts), {"all": list(hosts)})["scopes"]
    return found


def excluded(**hosts: dict[str, Any]) -> dict[str, list[str]]:
    told = shared(**hosts)
    assert not [one for one in told.values() if one["mistakes"]]
    return {host: one["exclude"] for host, one in told.items()}


def test_hosts_of_one_box_leave_each_other_their_domains() -> None:
    acme, bolt = {"miab_scope": ["acme.example"]}, {"miab_scope": ["bolt.example"]}
    assert excluded(acme=acme, bolt=bolt) == {}
    assert excluded(acme=acme, bolt=bolt, owner={}) == {"owner": ["acme.example", "bolt.example"]}
    shop = {"miab_scope": ["Shop.acme.example."]}
    assert excluded(acme=acme, shop=shop) == {"acme": ["shop.acme.example"]}
    assert excluded(acme=acme, other={**shop, "miab_host": "box.example.net"}) == {}
    # Spellings of the address.
    for address in (
        "BOX.example.com",
        "https://box.example.com",
        "box.example.com:443",
        "https://box.example.com/admin/",
    ):
        assert excluded(acme=acme, owner={"miab_host": address}) == {"owner": ["acme.example"]}
    assert excluded(acme=acme, owner={"miab_host": "box.example.com:8443"}) == {}
    # Domains that are declared elsewhere.
    assert excluded(owner={"miab_scope_exclude": ["x.example"]}, acme=acme) == {"owner": ["x.example", "acme.example"]}
    # Two hosts without a scope are as before.
    assert excluded(one={}, two={}) == {}


def test_a_host_can_have_the_name_of_its_box() -> None:
    hostvars: dict[str, Any] = {BOX: {}, "acme": {"miab_host": BOX, "miab_scope": ["acme.example"]}}
    found = boxes(hostvars, ["acme"], {"all": [BOX, "acme"], "boxes": [BOX]})
    assert found["scopes"] == {BOX: {"exclude": ["acme.example"], "mistakes": []}}


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (
            {
                "a": {"miab_scope": ["x.example"]},
                "b": {"miab_scope": ["X.example."]},
                "c": {"miab_scope": ["y.example"]},
            },
            {"a": "x.example is also in the scope of the host b", "b": "x.example is also in the scope of the host a"},
        ),
        (
            {"a": {"miab_scope": ["x.example"]}, "b": {}, "c": {}},
            {"b": "neither this host nor c has a scope", "c": "neither this host nor b has a scope"},
        ),
        ({"a": {"miab_scope": None}}, {"a": "a list of domains is needed"}),
        (
            {"a": {"miab_scope": {"x": 1}}, "b": {}},
            {"a": "a list of domains", "b": "the host a has the same box, and its"},
        ),
        ({"a": {"miab_scope": [1]}}, {"a": "a list of domains is needed"}),
        ({"a": {"miab_scope_exclude": None}}, {"a": "a list of domains is needed"}),
    ],
)
def test_scopes_of_an_inventory_that_are_refused(hosts: dict[str, Any], expected: dict[str, str]) -> None:
    told = shared(**hosts)
    mistakes = {host: [mistake["why"] for mistake in one["mistakes"]] for host, one in told.items()}
    assert {host for host, whys in mistakes.items() if whys} == set(expected)
    for host, words in expected.items():
        (why,) = mistakes[host]
        assert words in why


class Lost(dict[str, Any]):
    """Variables of a host, one of which refers to something undefined."""

    def __init__(self, lost: str, **variables: Any) -> None:
        super().__init__(variables)
        self._lost = lost

    def __getitem__(self, name: str) -> Any:
        if name == self._lost:
            raise ValueError("'vault_x' is undefined")
        return super().__getitem__(name)


@pytest.mark.parametrize("lost", ["miab_scope", "miab_host"])
def test_what_cannot_be_read_stops_the_others(lost: str) -> None:
    """Their purge could remove what the host declares."""
    hostvars = {"a": Lost(lost, miab_host=BOX, miab_scope=["x.example"]), "owner": {"miab_host": BOX}}
    told = boxes(hostvars, list(hostvars), {"all": list(hostvars)})["scopes"]
    assert len(told["owner"]["mistakes"]) == 1
    assert "the host a" in told["owner"]["mistakes"][0]["why"]


@pytest.mark.parametrize(
    ("scopes", "hosts", "expected"),
    [
        ("share", {"acme", "bolt", "owner"}, {"acme", "bolt", "owner"}),
        ("whole", {"acme", "bolt", "owner"}, {"owner"}),
        ("whole", {"acme", "bolt"}, {"acme", "bolt"}),
        # The default of a play that writes, such as bootstrap.
        ("ignore", {"acme", "bolt", "owner"}, set()),
        ("ignore", {"acme"}, {"acme"}),
    ],
)
def test_which_hosts_of_one_box_a_play_is_for(scopes: str, hosts: set[str], expected: set[str]) -> None:
    hostvars: dict[str, Any] = {
        "acme": {"miab_host": BOX, "miab_scope": ["acme.example"]},
        "bolt": {"miab_host": BOX, "miab_scope": ["bolt.example"]},
        "owner": {"miab_host": BOX},
    }
    found = boxes(hostvars, sorted(hosts), {"all": list(hostvars)}, apart=scopes != "whole", scopes=scopes)
    assert set(found["boxes"]) == expected
    assert bool(found["error"]) == (not expected)


BESIDE: list[tuple[dict[str, Any], str]] = [
    ({"miab_certificates": [{"domain": "WWW.bolt.example"}]}, "miab_certificates[0] WWW.bolt.example"),
    ({"miab_certificates": [{"domain": "acme.example"}, {"domain": "shop.acme.example"}]}, "miab_certificates[1] shop"),
    ({"miab_certificates": [{"domain": "box.example.com"}]}, "miab_certificates[0] box.example.com"),
    ({"miab_mfa": [{"user": "Bob@bolt.example"}]}, "miab_mfa[0] bob@bolt.example"),
    ({"miab_mfa": [{"label": "phone"}]}, "miab_mfa[0]"),
    ({"miab_mfa": [{"user": "Auto@acme.example"}]}, "miab_mfa[0]"),
    ({"miab_publish_dns": True}, "miab_publish_dns"),
    ({"miab_publish_dns": "yes"}, "miab_publish_dns"),
]


@pytest.mark.parametrize(("declared", "where"), BESIDE)
def test_certificates_and_devices_outside_are_mistakes(declared: dict[str, Any], where: str) -> None:
    arguments = (["acme.example", "example.com"], ["shop.acme.example"], "box.example.com", "auto@acme.example")
    (mistake,) = outside_scope(declared, *arguments)
    assert mistake["where"].startswith(where)
    assert outside_scope(declared) == []


def test_certificates_and_devices_inside() -> None:
    declared = {
        "miab_certificates": [{"domain": "www.Acme.example"}, {"domain": "not a domain"}],
        "miab_mfa": [{"user": "ann@acme.example"}, {"user": "not an address"}],
        "miab_publish_dns": False,
    }
    assert outside_scope(declared, ["acme.example"]) == []
    # The owner can do everything with its own account and the zones.
    rest = {
        "miab_mfa": [{"label": "phone"}],
        "miab_publish_dns": True,
        "miab_certificates": [{"domain": "own.example"}],
    }
    assert outside_scope(rest, None, ["acme.example"]) == []
    assert outside_scope({"miab_certificates": [{"domain": "acme.example"}]}, None, ["acme.example"])


def test_an_export_has_what_the_scope_can_declare() -> None:
    held = known(*HELD, Alias("team@acme.example", (ANN.email,), (BOB.email,)), POST)
    wanted = info.check({"gather_subset": ["config"], "scope": ["acme.example"], "scope_exclude": ["x.acme.example"]})
    state = {**held, "secondary_nameservers": (), "backup_config": None, "privacy": True}
    told = info.plan(wanted, {read.name: state.get(read.name) for read in info.SUBSETS["config"].reads} | held).after
    assert [one["email"] for one in told["config"]["users"]] == [ANN.email]
    assert told["config"]["aliases"] == [
        {"address": INFO.address, "forwards_to": [ANN.email], "permitted_senders": []},
        {"address": "team@acme.example", "forwards_to": [ANN.email]},
    ]
    assert [one["name"] for one in told["config"]["dns_records"]] == ["www.acme.example"]
    assert set(told["config"]) == {"users", "aliases", "dns_records"}


def test_a_scope_is_plain_data() -> None:
    assert Scope() == Scope(False, frozenset(), frozenset(), frozenset())
    assert Scope().is_unrestricted
    assert not Scope(True).is_unrestricted
