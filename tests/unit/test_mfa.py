# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time codes: options, required reads, and calls."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    USERS,
    Mfa,
    Scheme,
    User,
    by_email,
    mfa_status,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import mfa
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption, UnexpectedAnswer

ME = "me@box.example.com"
BOB = "bob@example.org"
SECRET = "JBSWY3DPEHPK3PXP" * 2
NEW = "ABCDEFGHIJKLMNOP" * 2
PHONE = Scheme(1, "totp", "phone")
TABLET = Scheme(2, "totp", "tablet")
SPARE = Scheme(3, "totp", "phone")
NAMELESS = Scheme(4, "totp", None)


def wanted(label: str | None = "phone", **options: Any) -> mfa.WantedScheme:
    return mfa.check({"label": label, "user": None, "secret": None, "state": "present", **options})


def known(*schemes: Scheme, user: str = ME, by_password: bool = True) -> dict[str, Any]:
    return {
        "caller": ME,
        "by_password": by_password,
        USERS.name: by_email((User(ME, ("admin",), True, None, None), User(BOB, (), True, None, None))),
        mfa_status(user).name: Mfa(schemes, NEW if user == ME else None),
    }


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"label": " "}, "label"),
        ({"label": None}, "label"),
        # In upper case, this character becomes an I.
        ({"secret": "\u0131" + SECRET[1:]}, "secret"),
        ({"user": "bob"}, "user"),
        ({"secret": "short"}, "secret"),
        ({"secret": SECRET[:-1] + "1"}, "secret"),
        ({"secret": ""}, "secret"),
        ({"secret": SECRET, "state": "absent"}, "secret"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option
    assert str(options.get("secret") or "none") not in str(caught.value.as_failure())


def test_a_secret_as_apps_show_it() -> None:
    assert wanted(secret="jbsw y3dp ehpk 3pxp JBSW Y3DP EHPK 3PXP").secret == SECRET


def test_a_secret_is_in_no_representation_and_no_shown_call() -> None:
    declared = wanted(secret=SECRET)
    change = mfa.plan(declared, known())
    made = mfa.plan(wanted(), known())
    shown = repr((declared, change, made, known(PHONE))) + str(
        [call.as_result() for call in (*change.calls, *made.calls)]
    )
    assert SECRET not in shown
    assert NEW not in shown
    assert NEW not in str((made.before, made.after))


@pytest.mark.parametrize(
    ("declared", "facts", "names"),
    [
        (wanted(), {"caller": ME}, ["mfa of " + ME]),
        (wanted(user=ME), {"caller": ME}, ["mfa of " + ME]),
        (wanted(user=BOB), {"caller": ME}, []),
        (wanted(user=BOB, state="absent"), {"caller": ME}, [USERS.name]),
        (wanted(user=BOB, state="absent"), {"caller": ME, USERS.name: known()[USERS.name]}, ["mfa of " + BOB]),
        (wanted(user="no@example.org", state="absent"), {"caller": ME, USERS.name: known()[USERS.name]}, []),
        (wanted(user=BOB, state="absent"), known(user=BOB), []),
    ],
)
def test_what_is_asked_for(declared: mfa.WantedScheme, facts: dict[str, Any], names: list[str]) -> None:
    assert [question.name for question in mfa.needs(declared, facts)] == names


@pytest.mark.parametrize(
    ("declared", "facts", "calls"),
    [
        (wanted(), known(), [("/mfa/totp/enable", {"secret": NEW, "label": "phone"})]),
        (wanted(secret=SECRET), known(), [("/mfa/totp/enable", {"secret": SECRET, "label": "phone"})]),
        (wanted(), known(TABLET, NAMELESS), [("/mfa/totp/enable", {"secret": NEW, "label": "phone"})]),
        (wanted(secret=SECRET), known(PHONE), []),
        (wanted(user="Me@box.example.com"), known(PHONE), []),
        (wanted(), known(PHONE, by_password=False), []),
        (wanted(state="absent"), known(TABLET), []),
        (wanted(state="absent"), known(PHONE), [("/mfa/disable", {"user": ME, "mfa-id": "1"})]),
        (
            wanted(state="absent"),
            known(PHONE, TABLET, SPARE),
            [("/mfa/disable", {"user": ME, "mfa-id": "1"}), ("/mfa/disable", {"user": ME, "mfa-id": "3"})],
        ),
        (
            wanted(user=BOB, state="absent"),
            known(PHONE, user=BOB, by_password=False),
            [("/mfa/disable", {"user": BOB, "mfa-id": "1"})],
        ),
        (wanted(None, user=BOB, state="absent"), known(user=BOB), []),
        (wanted(None, user=BOB, state="absent"), known(PHONE, NAMELESS, user=BOB), [("/mfa/disable", {"user": BOB})]),
        (wanted(user="no@example.org", state="absent"), known(), []),
    ],
)
def test_calls(declared: mfa.WantedScheme, facts: dict[str, Any], calls: list[Any]) -> None:
    change = mfa.plan(declared, facts)
    assert [(call.path, dict(call.form or {})) for call in change.calls] == calls
    assert (change.before != change.after) == bool(calls)
    assert {call.mfa_of for call in change.calls} <= {change.after["user"]}
    assert change.after["state"] == ("present" if declared.present else "absent")


def test_only_a_secret_that_the_box_made_is_revealed() -> None:
    assert mfa.plan(wanted(), known()).reveals == {"secret": NEW}
    assert mfa.plan(wanted(secret=SECRET), known()).reveals == {}
    assert mfa.plan(wanted(), known(PHONE)).reveals == {}


@pytest.mark.parametrize(
    ("declared", "facts", "error", "words"),
    [
        (wanted(user=BOB), known(), InvalidOption, "only for the account that the task signs in with, which is " + ME),
        (wanted(), known(by_password=False), InvalidOption, "ends all sessions"),
        (wanted(state="absent"), known(PHONE, by_password=False), InvalidOption, "ends all sessions"),
        (wanted(), {**known(), mfa_status(ME).name: Mfa(())}, UnexpectedAnswer, "no new secret"),
    ],
)
def test_refusals(declared: mfa.WantedScheme, facts: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        mfa.plan(declared, facts)
