# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How two answers to the same read differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.objects import Difference, Key, differences
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Read
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import (
    ALIASES,
    BACKUP_CONFIG,
    DNS_RECORDS,
    DOMAINS,
    PRIVACY,
    SECONDARY_NAMESERVERS,
    USERS,
    Alias,
    BackupConfig,
    Record,
    User,
    by_address,
    by_email,
    by_name_and_type,
)

ANN, BOB, SALES = "ann@example.org", "bob@example.org", "sales@example.org"


def user(email: str, *privileges: str, quota: str | None = "0", active: bool = True, used: str | None = None) -> User:
    return User(email, privileges, active, quota, None if active else "/home/" + email, used)


def alias(address: str, *forwards_to: str, senders: Iterable[str] = (), **more: Any) -> Alias:
    return Alias(address, forwards_to, tuple(senders), **more)


def users(*rows: User) -> Any:
    return by_email(rows)


def aliases(*rows: Alias) -> Any:
    return by_address(rows)


def values(*texts: str, rtype: str = "TXT", name: str = "www.example.org") -> Any:
    return by_name_and_type(Record(name, rtype, text) for text in texts)


def config(target: str = "local", days: int = 3, port: int | None = None) -> BackupConfig:
    return BackupConfig(target, days, "/home/user-data/backup/encrypted", port)


SENDS_ONLY = alias(SALES, senders=[ANN, BOB])
SAME: list[tuple[str, Read[Any], Any, Any]] = [
    ("a mailbox grows", USERS, users(user(ANN, used="1M")), users(user(ANN, used="2M"))),
    ("an archived mailbox appears", USERS, users(), users(user(ANN, active=False))),
    ("privileges in another order", USERS, users(user(ANN, "admin", "x")), users(user(ANN, "x", "admin"))),
    ("receivers in another order", ALIASES, aliases(alias(SALES, ANN, BOB)), aliases(alias(SALES, BOB, ANN))),
    ("receivers in capitals", ALIASES, aliases(alias(SALES, "Ann@example.org")), aliases(alias(SALES, ANN))),
    ("an automatic alias appears", ALIASES, aliases(), aliases(alias("x@example.org", ANN, automatic=True))),
    (
        "an automatic alias has another receiver",
        ALIASES,
        aliases(alias("x@example.org", ANN, automatic=True)),
        aliases(alias("x@example.org", BOB, automatic=True)),
    ),
    *(
        (
            f"an automatic alias hides {local}@",
            ALIASES,
            aliases(alias(local + "@example.org", BOB)),
            aliases(alias(local + "@example.org", ANN, automatic=True)),
        )
        for local in ("abuse", "admin", "hostmaster", "postmaster")
    ),
    ("v0.51 removes postmaster@", ALIASES, aliases(alias("postmaster@example.org", ANN)), aliases()),
    ("v0.51 adds admin@", ALIASES, aliases(), aliases(alias("admin@example.org", ANN))),
    ("values in another order", DNS_RECORDS, values("a", "b"), values("b", "a")),
    (
        "another spelling of an address",
        DNS_RECORDS,
        values("2001:DB8::1", rtype="AAAA"),
        values("2001:db8::1", rtype="AAAA"),
    ),
    ("name servers in another order", SECONDARY_NAMESERVERS, ("a", "b"), ("b", "a")),
    ("a list without objects of modules", DOMAINS, ("example.org",), ("example.com",)),
]
OTHER: list[tuple[str, Read[Any], Any, Any, Difference]] = [
    ("a new user", USERS, users(), users(user(ANN)), Difference("user", ANN, "added")),
    (
        "a new user with an old mailbox",
        USERS,
        users(user(ANN, active=False)),
        users(user(ANN)),
        Difference("user", ANN, "added"),
    ),
    ("a removed user", USERS, users(user(ANN)), users(user(ANN, active=False)), Difference("user", ANN, "removed")),
    ("a quota", USERS, users(user(ANN)), users(user(ANN, quota="2G")), Difference("user", ANN, "changed", ("quota",))),
    (
        "a new administrator",
        USERS,
        users(user(ANN)),
        users(user(ANN, "admin")),
        Difference("user", ANN, "changed", ("privileges",)),
    ),
    (
        "an administrator less",
        USERS,
        users(user(ANN, "admin")),
        users(user(ANN)),
        Difference("user", ANN, "changed", ("privileges",), takes_admin=True),
    ),
    (
        "a removed administrator",
        USERS,
        users(user(ANN, "admin")),
        users(),
        Difference("user", ANN, "removed", takes_admin=True),
    ),
    ("a new alias", ALIASES, aliases(), aliases(alias(SALES, ANN)), Difference("alias", SALES, "added")),
    ("a removed alias", ALIASES, aliases(alias(SALES, ANN)), aliases(), Difference("alias", SALES, "removed")),
    (
        "receivers and senders",
        ALIASES,
        aliases(alias(SALES, ANN)),
        aliases(alias(SALES, BOB, senders=[ANN])),
        Difference("alias", SALES, "changed", ("forwards_to", "permitted_senders")),
    ),
    (
        "a description",
        ALIASES,
        aliases(alias(SALES, ANN, description="a")),
        aliases(alias(SALES, ANN, description="b")),
        Difference("alias", SALES, "changed", ("description",)),
    ),
    (
        "receivers of postmaster@",
        ALIASES,
        aliases(alias("postmaster@example.org", ANN)),
        aliases(alias("postmaster@example.org", BOB)),
        Difference("alias", "postmaster@example.org", "changed", ("forwards_to",)),
    ),
    ("a new record", DNS_RECORDS, {}, values("a"), Difference("dns_record", "www.example.org TXT", "added")),
    ("removed records", DNS_RECORDS, values("a"), {}, Difference("dns_record", "www.example.org TXT", "removed")),
    (
        "a value more",
        DNS_RECORDS,
        values("a"),
        values("a", "b"),
        Difference("dns_record", "www.example.org TXT", "changed", ("values",)),
    ),
    (
        "name servers",
        SECONDARY_NAMESERVERS,
        (),
        ("a",),
        Difference("secondary_nameservers", "box", "changed", ("hostnames",)),
    ),
    (
        "the backup target",
        BACKUP_CONFIG,
        config(),
        config("off"),
        Difference("backup", "box", "changed", ("target",)),
    ),
    (
        "the backup's days",
        BACKUP_CONFIG,
        config(),
        config(days=9),
        Difference("backup", "box", "changed", ("min_age_in_days",)),
    ),
    ("privacy", PRIVACY, True, False, Difference("system", "box", "changed", ("privacy",))),
]


@pytest.mark.parametrize(("read", "before", "after"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_a_box_changes_by_itself_is_no_difference(read: Read[Any], before: Any, after: Any) -> None:
    assert differences(read.name, before, after, frozenset()) == ()
    assert differences(read.name, after, before, frozenset()) == ()


@pytest.mark.parametrize(
    ("read", "before", "after", "expected"), [row[1:] for row in OTHER], ids=[row[0] for row in OTHER]
)
def test_a_difference(read: Read[Any], before: Any, after: Any, expected: Difference) -> None:
    assert differences(read.name, before, after, frozenset()) == (expected,)
    assert differences(read.name, before, after, {expected.object}) == ()


@pytest.mark.parametrize(
    ("touched", "after", "expected"),
    [
        ({("user", BOB)}, alias(SALES, senders=[ANN]), ()),
        ({("alias", BOB)}, alias(SALES, senders=[ANN]), ()),
        ({("dns_record", BOB)}, alias(SALES, senders=[ANN]), ("permitted_senders",)),
        ({("user", ANN)}, alias(SALES, senders=[ANN]), ("permitted_senders",)),
        ({("user", BOB)}, alias(SALES), ("permitted_senders",)),
    ],
)
def test_a_fork_takes_removed_users_out_of_aliases(touched: set[Key], after: Alias, expected: tuple[str, ...]) -> None:
    found = differences(ALIASES.name, aliases(SENDS_ONLY), aliases(after), touched)
    assert [one.options for one in found] == ([expected] if expected else [])
