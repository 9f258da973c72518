# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The aliases of removed users: warnings, and what remove_from_aliases changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Plan
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import Alias, Record, User
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import Guarded, InvalidDeclaration

from .test_config import ABUSE, ADMINISTRATOR, ANN, BOB, known, paths, plan, user

CAROL, DAN = (User(f"{name}@example.org", (), True, "0", None) for name in ("carol", "dan"))
# The users who leave.
LEFT = (CAROL.email, DAN.email)
HELD = (ANN, BOB, CAROL, DAN, ABUSE)


def alias(local: str, receivers: str, senders: str = "") -> Alias:
    """An alias with receivers and permitted senders of one domain, given by their local parts."""
    forwards_to, permitted = ([f"{one}@example.org" for one in text.split()] for text in (receivers, senders))
    return Alias(f"{local}@example.org", tuple(forwards_to), tuple(permitted))


def leaving(level: str | None, *emails: str) -> list[dict[str, Any]]:
    option = {} if level is None else {"remove_from_aliases": level}
    return [user(email, state="absent", **option) for email in emails or LEFT]


def after(made: Plan) -> dict[str, Any]:
    """The predicted aliases that change: their receivers and permitted senders, or None if they are removed."""
    return {
        change.key: None
        if change.action == "remove"
        else (" ".join(change.after["forwards_to"]), " ".join(change.after["permitted_senders"]))
        for change in made.changes
        if change.resource == "alias" and change.calls
    }


# Local parts of an alias's receivers and permitted senders, and what becomes of them with `shared` and with `all`. None
# is an alias that is removed, and KEPT is one that stays as it is, with a warning.
KEPT = "kept"
CASES: list[tuple[str, str, Any, Any]] = [
    ("ann carol", "", ("ann", ""), ("ann", "")),
    ("ann carol dan", "bob dan", ("ann", "bob"), ("ann", "bob")),
    ("ann", "carol bob", ("ann", "bob"), ("ann", "bob")),
    ("ann carol+lists", "", ("ann", ""), ("ann", "")),
    ("carol", "", KEPT, None),
    ("carol+lists", "", KEPT, None),
    ("carol dan", "", KEPT, None),
    ("carol dan", "ann", KEPT, None),
    # An alias that only permits senders.
    ("", "carol", KEPT, None),
    ("", "carol ann", ("", "ann"), ("", "ann")),
    # Without permitted senders, its receivers could send.
    ("ann", "carol", KEPT, KEPT),
    ("ann carol", "carol", KEPT, KEPT),
    # A box refuses to change an alias that permits somebody who is no user.
    ("ann carol", "nobody bob", KEPT, KEPT),
    ("ann bob", "carol nobody", KEPT, KEPT),
]


@pytest.mark.parametrize("level", ["shared", "all"])
@pytest.mark.parametrize(("receivers", "senders", "shared", "everything"), CASES)
def test_removed_users_are_taken_out_of_aliases(
    receivers: str, senders: str, shared: Any, everything: Any, level: str
) -> None:
    held, expected = alias("sales", receivers, senders), shared if level == "shared" else everything
    for listed in (HELD, (ANN, BOB, ABUSE)):
        made = plan(known(*listed, held), users=leaving(level))
        if expected is None:
            assert after(made) == {held.address: None}
        elif expected is not KEPT:
            lists = (" ".join(f"{one}@example.org" for one in text.split()) for text in expected)
            assert after(made) == {held.address: tuple(lists)}
        else:
            assert after(made) == {}
            naming = [warning for warning in made.warnings if "aliases still name it: sales@example.org." in warning]
            assert naming
            assert all("Declare them with other receivers" in warning for warning in naming)
        assert expected is KEPT or not made.warnings


def test_aliases_stay_by_default_and_a_warning_names_them() -> None:
    held = (alias("sales", "ann carol"), alias("carol.cole", "carol"), alias("lists", "ann carol+lists"))
    for level in (None, "never"):
        made = plan(known(*HELD, *held), users=leaving(level, CAROL.email))
        assert after(made) == {}
        assert made.warnings == (
            "carol@example.org is removed, but aliases still name it: carol.cole@example.org, lists@example.org,"
            " sales@example.org.",
        )
    # The user was removed by an earlier run.
    assert plan(known(ANN, *held), users=leaving(None, CAROL.email)).warnings == ()


def test_one_leaver_who_keeps_an_alias_keeps_it() -> None:
    entries = [*leaving("all", CAROL.email), *leaving("shared", DAN.email)]
    made = plan(known(*HELD, alias("team", "carol dan")), users=entries)
    assert after(made) == {}
    assert len(made.warnings) == 2


def test_a_second_run_changes_nothing() -> None:
    held = (alias("sales", "ann carol"), alias("carol.cole", "carol"))
    made = plan(known(*HELD, *held), users=leaving("all"))
    assert paths(made) == [
        "/mail/aliases/add",
        "/mail/aliases/remove",
        "/mail/users/remove",
        "/mail/users/remove",
    ]
    again = plan(known(ANN, BOB, ABUSE, alias("sales", "ann")), users=leaving("all"))
    assert (again.calls, again.warnings) == ((), ())


def test_mail_that_goes_to_somebody_else_needs_no_change() -> None:
    # An alias takes over the address of the user.
    successor = {"address": CAROL.email, "forwards_to": [ANN.email]}
    held = (alias("carol.cole", "carol"), alias("sales", "bob carol"))
    for level, changed in (("never", {}), ("all", {"sales@example.org": (BOB.email, "")})):
        made = plan(known(*HELD, *held), users=leaving(level, CAROL.email), aliases=[successor])
        assert after(made) == {CAROL.email: (ANN.email, ""), **changed}
        assert made.warnings == ()
    # So does one that is there already, but not one that forwards to nobody else.
    own = alias("carol", "carol ann")
    assert after(plan(known(*HELD, *held, own), users=leaving("all", CAROL.email))) == {
        own.address: (ANN.email, ""),
        "sales@example.org": (BOB.email, ""),
    }


def test_an_alias_with_the_tag_of_a_user_is_not_the_user() -> None:
    held = (alias("carol+news", "ann"), alias("news", "carol+news"))
    made = plan(known(*HELD, *held), users=leaving("all", CAROL.email))
    assert (after(made), made.warnings) == ({}, ())


def test_aliases_of_the_box_stay() -> None:
    automatic = ABUSE._replace(forwards_to=(CAROL.email,))
    hostmaster = Alias("hostmaster@box.example.com", (CAROL.email,), ())
    shared = Alias("hostmaster@box.example.com", (CAROL.email, BOB.email), ())
    for level in ("shared", "all"):
        for held in ((automatic,), (ABUSE, hostmaster)):
            made = plan(known(ANN, CAROL, *held), users=leaving(level, CAROL.email))
            assert after(made) == {}
            assert f"aliases still name it: {held[-1].address}." in made.warnings[0]
        made = plan(known(BOB, CAROL, ABUSE, shared), users=leaving(level, CAROL.email))
        assert after(made) == {shared.address: (BOB.email, "")}


@pytest.mark.parametrize(
    ("entry", "option"),
    [
        ({"forwards_to": [ANN.email, "Carol@example.org"]}, "forwards_to"),
        ({"forwards_to": ["carol+x@example.org"]}, "forwards_to"),
        ({"permitted_senders": [CAROL.email]}, "permitted_senders"),
    ],
)
def test_a_declared_alias_that_names_a_removed_user_is_a_mistake(entry: dict[str, Any], option: str) -> None:
    state = known(*HELD, alias("sales", "ann carol", "carol bob"))
    declared = [{"address": "sales@example.org", **entry}]
    why = rf"aliases\[0\] sales@.*: {option}: (?i:carol).*because users\[0\] carol@example.org has remove_from_aliases"
    with pytest.raises(InvalidDeclaration, match=why):
        plan(state, users=leaving("shared", CAROL.email), aliases=declared)


def test_a_declared_alias_keeps_what_it_says() -> None:
    state = known(*HELD, alias("sales", "ann carol", "carol bob"))
    entries = leaving("all", CAROL.email)
    for entry, lists in (
        ({}, (ANN.email, BOB.email)),
        ({"forwards_to": [BOB.email]}, (BOB.email, BOB.email)),
        ({"permitted_senders": []}, (ANN.email, "")),
    ):
        made = plan(state, users=entries, aliases=[{"address": "sales@example.org", **entry}])
        assert after(made) == {"sales@example.org": lists}
        assert made.warnings == ()
    # A box refuses to change an alias that permits somebody who is no user, unless the declaration changes that.
    stuck = known(*HELD, alias("sales", "ann carol", "carol nobody"))
    for lists in ({}, {"permitted_senders": [BOB.email]}):
        made = plan(stuck, users=entries, aliases=[{"address": "sales@example.org", **lists}])
        assert after(made) == ({"sales@example.org": (ANN.email, BOB.email)} if lists else {})
        assert bool(made.warnings) != bool(lists)
    made = plan(state, users=entries, aliases=[{"address": "sales@example.org", "state": "absent"}])
    assert after(made) == {"sales@example.org": None}


def test_only_absent_users_are_removed_from_aliases() -> None:
    with pytest.raises(InvalidDeclaration, match="remove_from_aliases: 'all': only a user with state: absent"):
        plan(known(ANN), users=[user(ANN.email, remove_from_aliases="all")])
    assert plan(known(ANN), users=[user(ANN.email, remove_from_aliases="never")]).calls == ()


def test_removed_aliases_count_for_the_limit() -> None:
    held = [alias(f"carol{number}", "carol") for number in range(3)]
    for limit in (3, 4):
        options = {"users": leaving("all", CAROL.email), "remove_limit": limit}
        if limit == 4:
            assert len(plan(known(*HELD, *held), **options).calls) == 4
        else:
            with pytest.raises(Guarded, match="4 objects with state=absent would be removed") as caught:
                plan(known(*HELD, *held), **options)
            assert "alias carol0@example.org" in caught.value.details["would_go"]


def test_a_purge_removes_what_it_would_remove_anyway() -> None:
    state = known(*HELD, alias("sales", "ann carol"), alias("press", "ann carol"))
    made = plan(state, users=leaving("shared", CAROL.email), aliases=[], purge=["aliases"], keep=["press@*"])
    assert after(made) == {"sales@example.org": None, "press@example.org": (ANN.email, "")}


def test_the_zone_of_the_last_alias_is_guarded() -> None:
    other = Alias("carol@other.example", (CAROL.email,), ())
    record = Record("www.other.example", "A", "192.0.2.1")
    state = known(*HELD, other, record, zones=("box.example.com", "example.org", "other.example"))
    with pytest.raises(InvalidDeclaration, match=r"users\[0\] carol@example.org, alias carol@other.example: .*zone"):
        plan(state, users=leaving("all", CAROL.email))
    made = plan(
        state,
        users=leaving("all", CAROL.email),
        dns_records=[{"name": "www.other.example", "type": "A", "state": "absent"}],
    )
    assert [note.text.partition(":")[0] for note in made.notes if note.kind == "domain_removed"] == [
        "other.example is no longer served"
    ]


def test_what_changes_along_with_a_user_is_not_declared() -> None:
    state = known(*HELD, alias("sales", "ann carol"))
    made = plan(state, users=leaving("shared", CAROL.email))
    assert [note.about for note in made.notes if note.kind == "undeclared"] == ["users"]


def test_the_administrator_s_alias_is_never_removed() -> None:
    administrator = ADMINISTRATOR._replace(forwards_to=(CAROL.email,))
    state = known(ANN, CAROL, ABUSE, administrator)
    made = plan(state, users=leaving("all", CAROL.email))
    assert after(made) == {}
    assert administrator.address in made.warnings[0]


def test_aliases_outside_the_scope_stay_and_are_not_named() -> None:
    other = Alias("info@other.example", (CAROL.email, "eve@other.example"), ())
    own = Alias("only@other.example", (CAROL.email,), ())
    eve = User("eve@other.example", (), True, "0", None)
    # Another declaration manages one of its permitted senders.
    mixed = Alias("mixed@example.org", (ANN.email,), (CAROL.email, BOB.email, eve.email))
    state = known(*HELD, eve, other, own, mixed, alias("sales", "ann carol"), alias("carol.cole", "carol"))
    made = plan(state, users=leaving("all", CAROL.email), scope=["example.org"])
    assert after(made) == {"sales@example.org": (ANN.email, ""), "carol.cole@example.org": None}
    (warning,) = made.warnings
    assert "aliases still name it: mixed@example.org." in warning
    assert "other.example" not in warning
    # The declaration of the rest of the box changes those.
    rest = plan(state, users=leaving("all", CAROL.email), scope_exclude=["other.example"])
    assert set(after(rest)) == {"sales@example.org", "carol.cole@example.org"}
    whole = plan(state, users=leaving("all", CAROL.email))
    assert set(after(whole)) == {*after(rest), other.address, own.address, mixed.address}


def test_a_leaver_outside_the_scope_changes_nothing() -> None:
    state = known(*HELD, alias("sales", "ann carol"), Alias("list@other.example", (CAROL.email, ANN.email), ()))
    with pytest.raises(
        InvalidDeclaration, match=r"Mistakes in the declaration: 1\b.*\nusers\[0\] carol@example.org: email"
    ):
        plan(state, users=leaving("all", CAROL.email), scope=["other.example"])


LOCALS = ["ann", "bob", "carol", "dan", "carol+news", "sales", "press"]
PARTS = st.lists(st.sampled_from(LOCALS), max_size=3, unique=True)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["sales", "press", "carol", "lists"]), st.tuples(PARTS, PARTS)),
    st.tuples(st.sampled_from(["never", "shared", "all"]), st.sampled_from(["never", "shared", "all"])),
)
def test_any_aliases_keep_their_other_receivers(
    parts: dict[str, tuple[list[str], list[str]]], levels: tuple[str, str]
) -> None:
    senders = {"ann", "bob", "carol", "dan"}
    held = [
        alias(local, " ".join(receivers), " ".join(senders.intersection(permitted)))
        for local, (receivers, permitted) in parts.items()
        if receivers or senders.intersection(permitted)
    ]
    level = dict(zip(LEFT, levels, strict=True))
    entries = [entry for email in LEFT for entry in leaving(level[email], email)]
    made = plan(known(ANN, BOB, CAROL, DAN, *held), users=entries)
    changed = after(made)

    def leaver(receiver: str) -> str:
        email = receiver.replace("+news", "")
        return email if level.get(email, "never") != "never" else ""

    for one in held:
        if one.address not in changed:
            continue
        named = {leaver(name) for name in (*one.receivers, *one.permitted_senders)} - {""}
        assert named
        if changed[one.address] is None:
            assert all(map(leaver, one.receivers))
            assert {level[email] for email in named} == {"all"}
        else:
            for lists, now in zip((one.receivers, one.permitted_senders), changed[one.address], strict=True):
                assert now.split() == sorted(name for name in lists if not leaver(name))
                assert bool(now) == bool(lists)
    # With the aliases of the prediction, there is nothing left to do.
    rest = [one for one in held if one.address not in changed]
    rest += [
        Alias(address, tuple(lists[0].split()), tuple(lists[1].split())) for address, lists in changed.items() if lists
    ]
    assert plan(known(ANN, BOB, *rest), users=entries).calls == ()
