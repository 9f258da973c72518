# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognize forks by their answers, and refuse writes that would lose data."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model import forks
from ansible_collections.mailinabox.admin.plugins.module_utils._model.forks import Box, Mark
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call, Change
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import LosesData, UnknownBox
from tests.contract.conversation import recording, scenario, versions

KINDS = {"geseidl-v76": forks.GESEIDL, "kiekerjan-v76": forks.KIEKERJAN, "ldap-v75": forks.LDAP}
KINDS |= {"power-v60.5": forks.POWER, "power-current-dev": forks.POWER}
READS = {
    "/mail/users?format=json": "users",
    "/mail/aliases?format=json": "aliases",
    "/dns/custom": "dns_records",
    "/system/backup/config": "backup_config",
    "/dns/secondary-nameserver": "secondary_nameservers",
    "/system/version": "version",
}
RECORDED = [(name, version) for name in ("scenario", "edges") for version in versions(name)]


def answers(name: str, version: str) -> list[tuple[str, Any]]:
    """The recorded answers to the reads that show the kind of a box."""
    recorded = recording(name, version)
    asked = [step for step in scenario(name) if step["method"] == "GET" and step["path"] in READS]
    return [(READS[step["path"]], recorded[step["id"]]["body"]) for step in asked if _is_good(recorded[step["id"]])]


def _is_good(told: dict[str, Any]) -> bool:
    return bool(told["status"] == 200)


@pytest.mark.parametrize(("name", "version"), RECORDED)
def test_every_recorded_box_is_recognized(name: str, version: str) -> None:
    found = {mark for read, answer in answers(name, version) for mark in forks.marks(read, answer)}
    box = forks.recognize(found)
    # Geseidl's fork differs only in its version, which the scenario "edges" doesn't read.
    expected = KINDS.get(version, forks.UPSTREAM) if (name, version) != ("edges", "geseidl-v76") else forks.UPSTREAM
    assert box.kind == expected
    assert bool(box.marks) == (expected != forks.UPSTREAM)


@pytest.mark.parametrize(
    ("version", "read"),
    [
        ("power-v60.5", "users"),
        ("power-v60.5", "dns_records"),
        ("power-v60.5", "backup_config"),
        ("kiekerjan-v76", "aliases"),
        ("kiekerjan-v76", "version"),
        ("geseidl-v76", "version"),
        ("ldap-v75", "users"),
        ("ldap-v75", "aliases"),
    ],
)
def test_one_answer_is_enough(version: str, read: str) -> None:
    last = [answer for name, answer in answers("scenario", version) if name == read][-1]
    assert forks.recognize(forks.marks(read, last)).kind == KINDS[version]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("v0.51", "upstream"),
        ("v57a", "upstream"),
        ("v60.1", "upstream"),
        ("v99\n", "upstream"),
        ("v0.56.POWER.0", "power-mailinabox"),
        ("v77-kj", "kiekerjan"),
        ("geseidl-v77-20270101", "geseidl"),
        ("v76-acme", "unknown"),
        ("", "unknown"),
        ("v76" * 1000, "unknown"),
    ],
)
def test_versions(text: str, kind: str) -> None:
    box = forks.recognize(forks.marks("version", text))
    assert box.kind == kind
    assert all(len(mark) < 100 for mark in box.marks)


USER = {"email": "ann@example.org", "privileges": [], "status": "active"}


def test_an_unknown_field_is_named() -> None:
    found = forks.marks("users", [{"domain": "example.org", "users": [{**USER, "shoe_size": 44}]}])
    box = forks.recognize({*found, Mark(forks.POWER, "the field 'box_count' in users")})
    assert box == Box("unknown", ("the field 'shoe_size' in users",))
    with pytest.raises(UnknownBox, match=r"field 'shoe_size' in users.*unknown_box: write") as error:
        forks.refuse_unknown(box)
    assert error.value.code == "unknown_box"
    assert error.value.details == {"marks": ["the field 'shoe_size' in users"]}


def test_marks_of_two_forks_mean_an_unknown_box() -> None:
    box = forks.recognize([Mark(forks.POWER, "one"), Mark(forks.LDAP, "two")])
    assert (box.kind, sorted(box.marks)) == ("unknown", ["one", "two"])


@pytest.mark.parametrize("kind", forks.KINDS)
def test_known_boxes_are_written_to(kind: str) -> None:
    forks.refuse_unknown(Box(kind))


@pytest.mark.parametrize("answer", [None, 1, "text", [], [[]], {}, [{"users": 1}], [{"users": [1]}], {"users": []}])
@pytest.mark.parametrize("read", ["users", "aliases", "dns_records", "backup_config", "nothing"])
def test_malformed_answers_do_not_break_recognition(read: str, answer: Any) -> None:
    forks.marks(read, answer)


def change(method: str, path: str, body: str | None = None, **form: str) -> Change:
    call = Call(method, path, None if body else form, body=body)
    return Change("thing", "it", {"state": "present"}, {"state": "present"}, (call,))


ALIAS = {"address": "sales@example.org", "update_if_exists": "1", "permitted_senders": "ann@example.org"}
BACKUP = {"target": "off", "target_user": "", "target_pass": "", "min_age": "3"}
ADD, REMOVE = "/mail/aliases/add", "/mail/aliases/remove"
WWW = "/dns/custom/www.example.org/A"
LOSSES = [
    (forks.POWER, change("PUT", WWW, "192.0.2.1"), "DNS record in another form"),
    (forks.POWER, change("POST", WWW, "192.0.2.1"), "DNS record in another form"),
    (forks.POWER, change("DELETE", WWW, "192.0.2.1"), "remove all values"),
    (forks.POWER, change("POST", "/system/backup/config", **BACKUP), "rsync port of the backups to 22"),
    (forks.LDAP, change("POST", ADD, **ALIAS, forwards_to="", description="x"), "whole mail domain"),
    (forks.LDAP, change("POST", ADD, **ALIAS, forwards_to="ann@example.org"), "erase the description"),
    (forks.LDAP, change("POST", REMOVE, address="Postmaster@example.org"), "not create this alias again"),
    (forks.LDAP, change("POST", REMOVE, address="administrator@box.example.com"), "lose its receiver"),
    (forks.LDAP, change("POST", "/mail/users/remove", email="b*@example.org"), "search pattern"),
    (forks.LDAP, change("POST", "/mail/users/password", email="b(@example.org", password="x"), "search pattern"),
    (forks.LDAP, change("POST", ADD, address="x@example.org", forwards_to="a\\@example.org"), "search pattern"),
]


@pytest.mark.parametrize(("kind", "harmful", "why"), LOSSES)
def test_losses_are_refused_where_they_happen(kind: str, harmful: Change, why: str) -> None:
    with pytest.raises(LosesData, match=why) as error:
        forks.refuse_losses(harmful, Box(kind))
    assert error.value.code == "loses_data"
    assert error.value.details == {"box": kind, "resource": "thing", "key": "it"}
    for other in {*forks.KINDS, forks.UNKNOWN} - {kind}:
        forks.refuse_losses(harmful, Box(other))


@pytest.mark.parametrize(
    ("kind", "harmless"),
    [
        (forks.POWER, change("POST", "/system/backup/config", **BACKUP, target_rsync_port="22")),
        (forks.POWER, change("POST", "/mail/users/remove", email="b*@example.org")),
        (forks.LDAP, change("POST", ADD, **ALIAS, forwards_to="ann@example.org", description="x")),
        (forks.LDAP, change("POST", ADD, **{**ALIAS, "update_if_exists": "0"}, forwards_to="")),
        (forks.LDAP, change("POST", REMOVE, address="sales@example.org")),
        (forks.LDAP, change("PUT", "/dns/custom/*.example.org/A", "192.0.2.1")),
        (forks.LDAP, change("POST", "/mail/users/password", email="ann@example.org", password="*()")),
    ],
)
def test_other_changes_are_allowed(kind: str, harmless: Change) -> None:
    forks.refuse_losses(harmless, Box(kind))
