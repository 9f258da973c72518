# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users: options, required reads, and calls."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import PasswordProof
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    USERS,
    Alias,
    User,
    by_address,
    by_email,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import users
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import Guarded, InvalidOption, Unsupported

ME = User("me@box.example.com", ("admin",), True, "0", None)
BOB = User("bob@example.org", ("admin",), True, "2048M", None)
ANN = User("ann@example.org", (), True, "0", None)
ODD = User("odd@example.org", ("superuser",), True, "0", None)
OLD = User("old@example.org", (), False, None, "/home/user-data/mail/mailboxes/example.org/old")
WITHOUT_QUOTAS = tuple(user._replace(quota=None) for user in (ME, ANN))


def wanted(email: str = "ann@example.org", **options: Any) -> users.WantedUser:
    return users.check(
        {
            "email": email,
            "user_password": None,
            "update_password": "always",
            "privileges": None,
            "quota": None,
            "state": "present",
            "force": False,
            **options,
        }
    )


def known(*present: User, **more: Any) -> dict[str, Any]:
    return {"caller": ME.email, USERS.name: by_email((ME, *present)), ALIASES.name: {}, **more}


def sent(change: Any) -> list[tuple[str, dict[str, str]]]:
    return [(call.path.removeprefix("/mail/users/"), dict(call.form)) for call in change.calls]


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"email": "not-an-address"}, "email"),
        ({"email": "fay+tag@example.org"}, "email"),
        ({"email": "ann@site.local"}, "email"),
        ({"email": "ann@site.123"}, "email"),
        ({"email": "nobody", "state": "absent"}, "email"),
        ({"user_password": "short"}, "user_password"),
        ({"user_password": ""}, "user_password"),
        ({"user_password": " " * 9}, "user_password"),
        ({"user_password": "pässword-1"}, "user_password"),
        ({"user_password": "pass\nword-1"}, "user_password"),
        ({"user_password": "pass\nword-1", "update_password": "on_create"}, "user_password"),
        ({"user_password": "x" * 512}, "user_password"),
        ({"user_password": "x" * 512, "update_password": "on_create"}, "user_password"),
        ({"user_password": "ä" * 256, "update_password": "on_create"}, "user_password"),
        ({"quota": "1.5G"}, "quota"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option
    assert str(caught.value).startswith(option + ": ")


def test_the_longest_password() -> None:
    assert wanted(user_password="x" * 511).password == "x" * 511


def test_existing_objects_with_invalid_names_can_be_removed() -> None:
    assert wanted("ann@site.local", state="absent").email == "ann@site.local"


@pytest.mark.parametrize("email", ["postmaster@example.org", "admin@box.example.com"])
def test_the_first_account_may_have_an_address_that_no_later_one_may(email: str) -> None:
    first = ME._replace(email=email)
    declared = wanted(email, quota="1G", privileges=["admin"])
    assert sent(users.plan(declared, known(first, BOB))) == [("quota", {"email": email, "quota": "1G"})]
    with pytest.raises(InvalidOption, match=r"email: '%s': certificate authorities .* create an alias" % email):
        users.plan(wanted(email, user_password="password-1"), known())


@pytest.mark.parametrize("present", [[], [ANN], [ANN._replace(quota="5")]])
def test_a_quota_of_a_few_bytes_gives_a_warning(present: list[User]) -> None:
    declared = wanted(user_password="password-1", update_password="on_create", quota="5")
    (warning,) = users.plan(declared, known(*present)).warnings
    assert "5 bytes" in warning
    assert "add M or G" in warning
    assert not users.plan(wanted(quota="5M"), known(ANN)).warnings


def test_a_password_that_is_not_verified_can_contain_any_characters() -> None:
    assert wanted(user_password="pässword-1", update_password="on_create").password == "pässword-1"


def test_a_secret_is_in_no_message_and_no_representation() -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(user_password="s3cret")
    assert "s3cret" not in str(caught.value.as_failure())
    declared = wanted(user_password="s3cret-password")
    change = users.plan(declared, known())
    proof = users.needs(declared, known(ANN))[0]
    assert "s3cret" not in repr((declared, change, proof)) + str([call.as_result() for call in change.calls])


@pytest.mark.parametrize(
    ("declared", "present", "questions"),
    [
        (wanted(), [], [ALIASES]),
        (wanted(), [ANN], []),
        (wanted(user_password="password-1"), [], [ALIASES]),
        (wanted(user_password="password-1"), [ANN], [PasswordProof(ANN.email, "password-1")]),
        (
            wanted("bob@example.org", user_password="password-1"),
            [BOB],
            [PasswordProof(BOB.email, "password-1", admin=True)],
        ),
        (wanted(user_password="password-1", update_password="on_create"), [ANN], []),
        (wanted(state="absent"), [], []),
        (wanted(state="absent"), [ANN], [ALIASES]),
    ],
)
def test_needs(declared: users.WantedUser, present: list[User], questions: list[Any]) -> None:
    assert users.needs(declared, {"caller": ME.email}) == [USERS]
    assert list(users.needs(declared, {"caller": ME.email, USERS.name: by_email((ME, *present))})) == questions


ADD = {"email": "ann@example.org", "password": "password-1", "privileges": ""}
PASSWORD = {"email": "ann@example.org", "password": "password-1"}
PROVED = {"password of ann@example.org": True}
WRONG = {"password of ann@example.org": False}


@pytest.mark.parametrize(
    ("declared", "state", "calls"),
    [
        (wanted(user_password="password-1"), known(), [("add", ADD)]),
        (wanted(user_password="password-1", quota="2048m"), known(), [("add", {**ADD, "quota": "2G"})]),
        (wanted(user_password="password-1", privileges=["admin"]), known(), [("add", {**ADD, "privileges": "admin"})]),
        (wanted(), known(ANN), []),
        (wanted("ANN@Example.ORG"), known(ANN), []),
        (wanted(user_password="password-1"), known(ANN, **PROVED), []),
        (wanted(user_password="password-1"), known(ANN, **WRONG), [("password", PASSWORD)]),
        (wanted(user_password="password-1", update_password="on_create"), known(ANN), []),
        (wanted(quota="0"), known(ANN), []),
        (wanted(quota="500m"), known(ANN), [("quota", {"email": ANN.email, "quota": "500M"})]),
        (wanted("bob@example.org", quota="2G"), known(BOB), []),
        (wanted(privileges=[]), known(ANN), []),
        (
            wanted(privileges=["admin", "admin"]),
            known(ANN),
            [("privileges/add", {"email": ANN.email, "privilege": "admin"})],
        ),
        (
            wanted("bob@example.org", privileges=[]),
            known(BOB),
            [("privileges/remove", {"email": BOB.email, "privilege": "admin"})],
        ),
        (wanted("odd@example.org", privileges=["superuser"]), known(ODD), []),
        (
            wanted("odd@example.org", privileges=["admin"]),
            known(ODD),
            [
                ("privileges/add", {"email": ODD.email, "privilege": "admin"}),
                ("privileges/remove", {"email": ODD.email, "privilege": "superuser"}),
            ],
        ),
        (
            wanted(user_password="password-1", quota="1G", privileges=["admin"]),
            known(ANN, **WRONG),
            [
                ("privileges/add", {"email": ANN.email, "privilege": "admin"}),
                ("quota", {"email": ANN.email, "quota": "1G"}),
                ("password", PASSWORD),
            ],
        ),
        (wanted(state="absent"), known(), []),
        (wanted("old@example.org", state="absent"), known(OLD), []),
        (wanted(state="absent"), known(ANN), [("remove", {"email": ANN.email})]),
    ],
)
def test_calls(declared: users.WantedUser, state: dict[str, Any], calls: list[Any]) -> None:
    change = users.plan(declared, state)
    assert sent(change) == calls
    assert (change.before != change.after) == bool(calls)


def test_the_diff_of_an_update() -> None:
    change = users.plan(wanted(user_password="password-1", quota="1G"), known(ANN, **WRONG))
    assert change.before == {
        "email": "ann@example.org",
        "state": "present",
        "privileges": [],
        "quota": "0",
        "user_password": "(not the declared one)",
    }
    assert change.after == {**change.before, "quota": "1G", "user_password": "(as declared)"}


@pytest.mark.parametrize(
    ("declared", "state", "error", "words"),
    [
        (wanted(), known(), InvalidOption, "is not a user yet"),
        (wanted(user_password="password-1", privileges=["adnim"]), known(), InvalidOption, "adnim"),
        (wanted(privileges=["superuser"]), known(ANN), InvalidOption, "superuser"),
        (wanted(quota="1G"), {"caller": ME.email, USERS.name: by_email(WITHOUT_QUOTAS)}, Unsupported, "v73"),
        (wanted(ME.email, state="absent"), known(BOB), Guarded, "force: true"),
        (wanted(ME.email, privileges=[]), known(BOB), Guarded, "force: true"),
        (
            wanted("bob@example.org", state="absent"),
            {**known(), USERS.name: by_email((BOB, ANN, OLD._replace(privileges=("admin",))))},
            Guarded,
            "without an administrator",
        ),
        (
            wanted("bob@example.org", privileges=[]),
            {**known(), USERS.name: by_email((BOB, ANN))},
            Guarded,
            "without an administrator",
        ),
    ],
)
def test_refusals(declared: users.WantedUser, state: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        users.plan(declared, state)


@pytest.mark.parametrize("options", [{"state": "absent"}, {"privileges": []}])
def test_force_allows_a_lock_out_and_warns_about_it(options: dict[str, Any]) -> None:
    change = users.plan(wanted(ME.email, force=True, **options), known(BOB))
    assert len(change.calls) == 1
    assert change.locks_out
    assert not users.plan(wanted(BOB.email, force=True, **options), known(BOB)).locks_out


def test_an_archived_mailbox_gives_a_warning() -> None:
    change = users.plan(wanted("old@example.org", user_password="password-1"), known(OLD))
    assert change.warnings[0].endswith("archived in %s. The new user gets the old mail." % OLD.mailbox)


def test_aliases_that_name_a_removed_user_give_a_warning() -> None:
    aliases = (
        Alias("sales@example.org", ("bob@example.net", ANN.email), ()),
        Alias("noreply@example.org", (), (ANN.email,)),
        Alias("info@example.org", (BOB.email,), ()),
    )
    change = users.plan(wanted(state="absent"), {**known(ANN), ALIASES.name: by_address(aliases)})
    assert change.warnings == (
        "ann@example.org is removed, but aliases still name it: noreply@example.org, sales@example.org.",
    )


def test_an_archived_mailbox_hides_no_user() -> None:
    """A user with capital letters has a mailbox folder in lower case, which a box lists as archived."""
    rows = by_email((ANN, ANN._replace(active=False, quota=None, mailbox="/mailboxes/ann")))
    assert rows == {ANN.email: ANN}


def test_the_password_call_names_its_user() -> None:
    change = users.plan(wanted(user_password="password-1"), known(ANN, **WRONG))
    assert [call.password_of for call in change.calls] == [ANN.email]
