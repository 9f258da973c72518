# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases: options, required reads, and calls."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    USERS,
    Alias,
    User,
    by_address,
    by_email,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import aliases
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import Guarded, InvalidOption

ME = User("me@box.example.com", ("admin",), True, "0", None)
BOB = User("bob@example.org", ("admin",), True, "0", None)
AARON = User("aaron@example.org", ("admin",), True, "0", None)
ANN = User("ann@example.org", (), True, "0", None)
OLD = User("old@example.org", (), False, None, "/mailboxes/old")

ADMINISTRATOR = Alias("administrator@box.example.com", (ME.email,), ())
ABUSE = Alias("abuse@example.org", (ADMINISTRATOR.address,), (), automatic=True)
OLD_ABUSE = ABUSE._replace(apart=False)
SALES = Alias("sales@example.org", (ANN.email, "bob@example.net"), (ANN.email,))


def wanted(address: str = "sales@example.org", **options: Any) -> aliases.WantedAlias:
    defaults = {"forwards_to": None, "permitted_senders": None, "state": "present", "force": False}
    return aliases.check({"address": address, **defaults, **options})


def known(*present: Alias) -> dict[str, Any]:
    listed = (ADMINISTRATOR, *present)
    return {"caller": ME.email, USERS.name: by_email((ME, BOB, AARON, ANN, OLD)), ALIASES.name: by_address(listed)}


def form(address: str, forwards_to: str, senders: str = "", update: str = "0") -> tuple[str, dict[str, str]]:
    return "add", {
        "update_if_exists": update,
        "address": address,
        "forwards_to": forwards_to,
        "permitted_senders": senders,
    }


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"address": ""}, "address"),
        ({"address": "bad address"}, "address"),
        ({"address": "sales@site.local"}, "address"),
        ({"address": "@site.test"}, "address"),
        ({"forwards_to": ["ann@mail.local"]}, "forwards_to"),
        ({"forwards_to": ["@mail.invalid"]}, "forwards_to"),
        ({"forwards_to": ["ann@example.org", "nope"]}, "forwards_to"),
        ({"forwards_to": ["ann@example.org,bob@example.org"]}, "forwards_to"),
        ({"forwards_to": ["ann@example.org\nbob@example.org"]}, "forwards_to"),
        ({"forwards_to": ["@example.org", "ann@example.org"]}, "forwards_to"),
        ({"address": "abuse@example.org", "forwards_to": ["@example.com"]}, "forwards_to"),
        ({"forwards_to": ["sales@example.org"]}, "forwards_to"),
        ({"permitted_senders": ["@example.org"]}, "permitted_senders"),
        ({"forwards_to": [], "permitted_senders": []}, "forwards_to"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option


def test_existing_objects_with_invalid_names_can_be_removed() -> None:
    assert wanted("sales@site.local", state="absent").address == "sales@site.local"


def test_needs_users_only_for_a_change() -> None:
    declared = wanted(forwards_to=["bob@example.net", "ann@example.org"])
    assert aliases.needs(declared, {}) == [ALIASES]
    assert aliases.needs(declared, {ALIASES.name: by_address((SALES,))}) == []
    assert aliases.needs(declared, {ALIASES.name: {}}) == [USERS]
    assert aliases.needs(wanted(state="absent"), {ALIASES.name: by_address((SALES,))}) == []


@pytest.mark.parametrize(
    ("declared", "present", "calls"),
    [
        (wanted(forwards_to=["ann@example.org"]), [], [form("sales@example.org", "ann@example.org")]),
        (
            wanted("Info@BÜCHER.example", forwards_to=["Ann@bücher.example", "ann@xn--bcher-kva.example"]),
            [],
            [form("info@xn--bcher-kva.example", "Ann@xn--bcher-kva.example")],
        ),
        (wanted("@example.org", forwards_to=["ann@example.org"]), [], [form("@example.org", "ann@example.org")]),
        (wanted("@example.com", forwards_to=["@example.org"]), [], [form("@example.com", "@example.org")]),
        (
            wanted(forwards_to=[], permitted_senders=["ann@example.org", "bob@example.org"]),
            [],
            [form("sales@example.org", "", "ann@example.org,bob@example.org")],
        ),
        (wanted(), [SALES], []),
        (wanted(forwards_to=["BOB@example.net", "ann@example.org"]), [SALES], []),
        (wanted(permitted_senders=["ann@example.org"]), [SALES], []),
        (
            wanted(permitted_senders=["bob@example.org", "Ann@example.org"]),
            [SALES._replace(permitted_senders=("ann@example.org", "bob@example.org"))],
            [],
        ),
        (
            wanted(forwards_to=["bob@example.net"]),
            [SALES],
            [form("sales@example.org", "bob@example.net", "ann@example.org", "1")],
        ),
        (
            wanted(permitted_senders=[]),
            [SALES],
            [form("sales@example.org", "ann@example.org,bob@example.net", "", "1")],
        ),
        (wanted("abuse@example.org", forwards_to=["administrator@box.example.com"]), [ABUSE], []),
        (
            wanted("abuse@example.org", forwards_to=["bob@example.org"]),
            [ABUSE],
            [form("abuse@example.org", "bob@example.org", "", "1")],
        ),
        (
            wanted("abuse@example.org", forwards_to=["aaron@example.org", "bob@example.org"]),
            [ABUSE],
            [form("abuse@example.org", "bob@example.org,aaron@example.org", "", "1")],
        ),
        (
            wanted("abuse@example.org", forwards_to=["aaron@example.org"]),
            [OLD_ABUSE],
            [form("abuse@example.org", "aaron@example.org", "", "1")],
        ),
        (
            wanted("webmaster@example.org", forwards_to=["aaron+web@example.org"]),
            [ABUSE],
            [form("webmaster@example.org", "aaron+web@example.org")],
        ),
        (
            wanted("ann@example.org", forwards_to=["ann@example.org", "bob@example.org"]),
            [],
            [form("ann@example.org", "ann@example.org,bob@example.org")],
        ),
        (
            wanted("ann@example.org", forwards_to=["bob@example.org"], force=True),
            [],
            [form("ann@example.org", "bob@example.org")],
        ),
        (wanted("old@example.org", forwards_to=["bob@example.org"]), [], [form("old@example.org", "bob@example.org")]),
        (wanted(state="absent"), [], []),
        (wanted(state="absent"), [SALES], [("remove", {"address": "sales@example.org"})]),
        (
            wanted("SALES@example.org", state="absent"),
            [SALES._replace(address="Sales@example.org")],
            [("remove", {"address": "Sales@example.org"})],
        ),
        (wanted("abuse@example.org", state="absent"), [ABUSE], []),
        (
            wanted("administrator@box.example.com", state="absent", force=True),
            [ABUSE],
            [("remove", {"address": "administrator@box.example.com"})],
        ),
    ],
)
def test_calls(declared: aliases.WantedAlias, present: list[Alias], calls: list[Any]) -> None:
    change = aliases.plan(declared, known(*present))
    assert [(call.path.removeprefix("/mail/aliases/"), dict(call.form or {})) for call in change.calls] == calls
    assert (change.before != change.after) == bool(calls)


@pytest.mark.parametrize(
    ("declared", "present", "error", "words"),
    [
        (wanted(), [], InvalidOption, "have no receiver"),
        (wanted(forwards_to=[]), [], InvalidOption, "have no receiver"),
        (wanted(permitted_senders=["nobody@example.org"]), [SALES], InvalidOption, "only users of the box"),
        (wanted(permitted_senders=["old@example.org"]), [SALES], InvalidOption, "only users of the box"),
        (
            wanted(forwards_to=[BOB.email]),
            [SALES._replace(permitted_senders=("gone@example.org",))],
            InvalidOption,
            "permits gone@example.org, which is no longer a user",
        ),
        (wanted("webmaster@example.org", forwards_to=[ANN.email]), [], InvalidOption, "administrators of the box"),
        (wanted("abuse+x@example.org", forwards_to=[ANN.email]), [], InvalidOption, "administrators of the box"),
        (wanted("abuse@example.org", forwards_to=[AARON.email]), [ABUSE], InvalidOption, "come last in the alphabet"),
        (wanted(ANN.email, forwards_to=[BOB.email]), [], Guarded, "force: true"),
        (wanted("administrator@box.example.com", state="absent"), [ABUSE], Guarded, "force: true"),
    ],
)
def test_refusals(declared: aliases.WantedAlias, present: list[Alias], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        aliases.plan(declared, known(*present))


def test_an_automatic_alias_declared_absent_warns() -> None:
    change = aliases.plan(wanted("abuse@example.org", state="absent"), known(ABUSE))
    assert "automatic alias" in change.warnings[0]
    assert change.after == {"address": "abuse@example.org", "state": "absent"}


def test_diffs_show_the_readable_form() -> None:
    change = aliases.plan(wanted("info@bücher.example", forwards_to=["ann@bücher.example", "a@b.org"]), known())
    assert change.before == {"address": "info@bücher.example", "state": "absent"}
    assert change.after == {
        "address": "info@bücher.example",
        "state": "present",
        "forwards_to": ["a@b.org", "ann@bücher.example"],
        "permitted_senders": [],
    }
