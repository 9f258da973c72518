# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protection against lock-outs and lost mail: single tasks, declarations, purge, and sequences of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import Alias, Record, User
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import aliases, users
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import Guarded, InvalidDeclaration

from .test_config import ABUSE, ADMINISTRATOR, ANN, BOB, ME, SALES, filled, known, new, paths, plan, user

CAT = User("cat@example.net", ("admin",), True, "0", None)
GONE = User("old@example.org", ("admin",), False, None, "/mail/old")
OWN = {"address": ME.email, "forwards_to": [BOB.email]}
ADMINISTRATORS = {"address": ADMINISTRATOR.address}

# A task for one object, the content of the box besides the account that signs in, and a part of the message.
GUARDED: list[tuple[str, dict[str, Any], tuple[User | Alias, ...], str]] = [
    ("users", user(ME.email, state="absent"), (BOB,), "would lock this task out"),
    ("users", user("ME@Box.Example.com", state="absent"), (BOB,), "would lock this task out"),
    ("users", user(ME.email, privileges=[]), (BOB,), "would lock this task out"),
    ("users", new("fay@example.org"), (Alias("fay@example.org", (BOB.email,), ()),), "would receive no mail"),
    ("aliases", OWN, (BOB,), "no longer receive mail"),
    ("aliases", {"address": ANN.email, "forwards_to": [BOB.email]}, (ANN, BOB), "no longer receive mail"),
    (
        "aliases",
        {"address": ANN.email, "forwards_to": [BOB.email]},
        (ANN, BOB, Alias(ANN.email, (ANN.email, BOB.email), ())),
        "no longer receive mail",
    ),
    ("aliases", {**ADMINISTRATORS, "state": "absent"}, (ABUSE,), "their mail would be lost"),
    (
        "aliases",
        {**ADMINISTRATORS, "forwards_to": [], "permitted_senders": [ME.email]},
        (ABUSE,),
        "their mail would be",
    ),
]
RESOURCES: dict[str, Any] = {"users": users, "aliases": aliases}


@pytest.mark.parametrize(("section", "entry", "held", "words"), GUARDED)
def test_a_guard(section: str, entry: dict[str, Any], held: tuple[User | Alias, ...], words: str) -> None:
    resource = RESOURCES[section]
    for force in (False, True):
        wanted = resource.check(filled({**entry, "force": force}, resource.OPTIONS))
        if force:
            assert resource.plan(wanted, known(*held)).calls
        else:
            with pytest.raises(Guarded, match=words):
                resource.plan(wanted, known(*held))


@pytest.mark.parametrize(("section", "entry", "held", "words"), GUARDED)
def test_a_guard_in_a_declaration(section: str, entry: dict[str, Any], held: tuple[Any, ...], words: str) -> None:
    with pytest.raises(InvalidDeclaration, match=words):
        plan(known(*held), **{section: [entry]})
    assert plan(known(*held), **{section: [{**entry, "force": True}]}).calls


@pytest.mark.parametrize("options", [{"state": "absent"}, {"privileges": []}])
@pytest.mark.parametrize("others", [(), (ANN,), (GONE,)])
def test_the_last_administrator(options: dict[str, Any], others: tuple[User, ...]) -> None:
    # The admin privilege of another user, while the account that signs in has lost its own.
    wanted = users.check(filled(user(BOB.email, **options), users.OPTIONS))
    state = known(BOB, *others)
    state["users"][ME.email] = ME._replace(privileges=())
    with pytest.raises(Guarded, match="without an administrator"):
        users.plan(wanted, state)


LAST = "no administrator would be left|without an administrator"

# The content of the box besides the account that signs in, the declaration, and a part of the message.
SEQUENCES: list[tuple[tuple[User | Alias, ...], dict[str, Any], str]] = [
    # The second-to-last administrator loses the privilege and the last one is removed, in both orders, each with force.
    ((BOB,), {"users": [user(BOB.email, privileges=[]), user(ME.email, state="absent")]}, "lock this task out"),
    ((BOB,), {"users": [user(BOB.email, privileges=[]), user(ME.email, state="absent", force=True)]}, LAST),
    ((BOB,), {"users": [user(ME.email, state="absent", force=True), user(BOB.email, privileges=[])]}, LAST),
    (
        (BOB,),
        {"users": [user(BOB.email, privileges=[], force=True), user(ME.email, state="absent")]},
        "lock this task out",
    ),
    # Both are removed, or both lose the privilege.
    ((BOB,), {"users": [user(BOB.email, state="absent"), user(ME.email, state="absent", force=True)]}, LAST),
    ((BOB,), {"users": [user(ME.email, state="absent", force=True), user(BOB.email, state="absent")]}, LAST),
    ((BOB,), {"users": [user(BOB.email, privileges=[]), user(ME.email, privileges=[], force=True)]}, LAST),
    (
        (BOB, CAT),
        {
            "users": [
                user(CAT.email, state="absent"),
                user(BOB.email, privileges=[]),
                user(ME.email, state="absent", force=True),
            ]
        },
        LAST,
    ),
    # Undeclared users are purged last.
    ((BOB,), {"users": [user(ME.email, state="absent", force=True)], "purge": ["users"]}, LAST),
    ((BOB, ANN), {"users": [user(ME.email, privileges=[], force=True)], "purge": ["users"]}, LAST),
    # An archived mailbox of a former administrator does not count.
    ((GONE,), {"users": [user(ME.email, state="absent")]}, "lock this task out"),
    # An alias at the address of a mailbox that the same declaration creates.
    (
        (),
        {
            "users": [new("eve@example.org")],
            "aliases": [{"address": "eve@example.org", "forwards_to": [ME.email]}],
        },
        "no longer receive mail",
    ),
    # An alias of the box itself to a user who loses the privilege.
    (
        (BOB,),
        {
            "users": [user(BOB.email, privileges=[])],
            "aliases": [{"address": "webmaster@example.org", "forwards_to": [BOB.email]}],
        },
        "can forward only to administrators",
    ),
]


@pytest.mark.parametrize(("held", "options", "words"), SEQUENCES)
def test_a_sequence(held: tuple[User | Alias, ...], options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidDeclaration, match=words):
        plan(known(*held), **options)


def test_all_users_can_be_removed_if_each_is_forced() -> None:
    entries = [user(email, state="absent", force=True) for email in (ME.email, BOB.email)]
    assert len(plan(known(BOB), users=entries).calls) == 2


@pytest.mark.parametrize("leaving", [{"state": "absent"}, {"privileges": []}])
def test_additions_come_before_removals(leaving: dict[str, Any]) -> None:
    entries = [
        user(ME.email, force=True, **leaving),
        user(BOB.email, state="absent"),
        new("eve@example.org", privileges=["admin"]),
    ]
    made = plan(known(BOB), users=entries)
    # The account that signs in is last, because no later request would work.
    assert [change.key for change in made.changes] == ["eve@example.org", BOB.email, ME.email]
    assert made.changes[-1].locks_out


def test_purge_never_removes_the_account_of_the_run() -> None:
    made = plan(known(ANN, BOB, CAT), users=[], purge=["users"], purge_limit=100)
    assert [change.key for change in made.changes] == [ANN.email, BOB.email, CAT.email]


def test_purge_never_removes_the_receiver_of_the_box_s_mail() -> None:
    made = plan(known(ABUSE, SALES), aliases=[], purge=["aliases"], purge_limit=100)
    assert [change.key for change in made.changes] == [SALES.address]


FAY = "fay@example.org"
OVER_FAY = Alias(FAY, (BOB.email,), ())


@pytest.mark.parametrize(
    "alias",
    [
        {"address": FAY, "forwards_to": [BOB.email, "Fay@example.org"]},
        {"address": FAY, "forwards_to": [], "permitted_senders": [BOB.email]},
        {"address": FAY, "state": "absent"},
        {"address": FAY, "forwards_to": [BOB.email], "force": True},
    ],
)
def test_a_user_can_be_added_if_the_declaration_changes_its_alias(alias: dict[str, Any]) -> None:
    assert plan(known(BOB, OVER_FAY), users=[new(FAY)], aliases=[alias]).calls
    assert plan(known(BOB, OVER_FAY), users=[new(FAY)], aliases=[], purge=["aliases"]).calls
    with pytest.raises(InvalidDeclaration, match=r"users\[0\] fay@example.org: email: .* would receive no mail"):
        plan(known(BOB, OVER_FAY), users=[new(FAY)], aliases=[{"address": FAY, "forwards_to": [BOB.email]}])


@pytest.mark.parametrize(
    "alias", [OVER_FAY._replace(forwards_to=("Fay@example.org",)), OVER_FAY._replace(forwards_to=())]
)
def test_a_user_can_be_added_if_the_alias_leaves_its_mail_alone(alias: Alias) -> None:
    assert plan(known(BOB, alias), users=[new(FAY)]).calls


TAKEN = f"The mailbox of {FAY} receives no mail, because an alias of the same address forwards it to {BOB.email}."
FAY_USER = User(FAY, (), True, "0", None)


def test_a_forced_mailbox_without_mail_is_a_warning() -> None:
    wanted = users.check(filled(new(FAY, force=True), users.OPTIONS))
    assert users.plan_alone(wanted, known(BOB, OVER_FAY)).warnings == (TAKEN,)
    assert users.plan_alone(wanted, known(BOB)).warnings == ()


@pytest.mark.parametrize("held", [(), (OVER_FAY._replace(forwards_to=(FAY, BOB.email)),)])
def test_a_forced_alias_that_takes_the_mail_of_a_mailbox_is_a_warning(held: tuple[Alias, ...]) -> None:
    wanted = aliases.check(filled({"address": FAY, "forwards_to": [BOB.email], "force": True}, aliases.OPTIONS))
    assert aliases.plan_alone(wanted, known(BOB, FAY_USER, *held)).warnings == (TAKEN,)
    # Without the mailbox, and once it is so.
    assert aliases.plan_alone(wanted, known(BOB, *held)).warnings == ()
    assert aliases.plan_alone(wanted, known(BOB, FAY_USER, OVER_FAY)).calls == ()


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize(
    ("held", "options"),
    [
        # An existing mailbox and an existing alias: nothing changes, and nobody would notice.
        ((FAY_USER, OVER_FAY), {"users": [user(FAY)]}),
        ((FAY_USER, OVER_FAY), {"aliases": [{"address": FAY}]}),
        ((FAY_USER, OVER_FAY), {"aliases": [{"address": FAY, "forwards_to": [BOB.email]}]}),
        # One of them is new, or both are.
        ((OVER_FAY,), {"users": [new(FAY)]}),
        ((FAY_USER,), {"aliases": [{"address": FAY, "forwards_to": [BOB.email]}]}),
        ((), {"users": [new(FAY)], "aliases": [{"address": FAY, "forwards_to": [BOB.email]}]}),
        ((OVER_FAY,), {"users": [new(FAY)], "aliases": [{"address": FAY}]}),
    ],
)
def test_a_declaration_notes_mailboxes_without_mail(
    held: tuple[User | Alias, ...], options: dict[str, list[dict[str, Any]]], force: bool
) -> None:
    entries = {name: [{**entry, "force": force} for entry in section] for name, section in options.items()}
    if not force and len(held) < 2:
        with pytest.raises(InvalidDeclaration, match=r"receive no mail|no longer receive mail"):
            plan(known(BOB, *held), **entries)
    else:
        made = plan(known(BOB, *held), **entries)
        assert [note.text for note in made.notes if note.kind == "mailbox_without_mail"] == [TAKEN]


def test_a_mailbox_that_gets_its_mail_is_not_noted() -> None:
    for alias in (
        {"address": FAY, "forwards_to": [FAY, BOB.email]},
        {"address": FAY, "forwards_to": [], "permitted_senders": [BOB.email]},
        {"address": FAY, "state": "absent"},
    ):
        made = plan(known(BOB, OVER_FAY), users=[new(FAY)], aliases=[alias])
        assert not [note for note in made.notes if note.kind == "mailbox_without_mail"]


def test_a_user_may_be_replaced_by_an_alias() -> None:
    made = plan(
        known(ANN, BOB),
        users=[user(ANN.email, state="absent")],
        aliases=[{"address": ANN.email, "forwards_to": [BOB.email]}],
    )
    assert paths(made) == ["/mail/aliases/add", "/mail/users/remove"]


@pytest.mark.parametrize(
    "pattern",
    ["*@bücher.example", "*@BÜCHER.example", "*@xn--bcher-kva.example", " zoe@* ", "zoe@b?cher.example"],
)
def test_keep_accepts_both_forms_of_a_name(pattern: str) -> None:
    zoe = User("zoe@xn--bcher-kva.example", (), True, "0", None)
    assert plan(known(zoe), users=[], purge=["users"], keep=[pattern]).calls == ()


def test_keep_accepts_a_final_dot() -> None:
    state = known(ANN, Record("www.example.org", "A", "192.0.2.1"))
    assert plan(state, dns_records=[], purge=["dns_records"], keep=["www.example.org."]).calls == ()


@pytest.mark.parametrize("pattern", ["", " ", "a@x.org b@x.org", "a@x.org, b@x.org", "www.example.org A", "a\nb"])
def test_a_pattern_of_keep_that_can_match_nothing_is_a_mistake(pattern: str) -> None:
    with pytest.raises(InvalidDeclaration, match=r"keep: .* is not a valid pattern"):
        plan(known(ANN), users=[], purge=["users"], keep=[pattern])
