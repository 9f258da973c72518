# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How two answers to the same read differ, object by object. What a box changes by itself is no difference."""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, FrozenSet, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._values import record_values
from .plan import SINGLE, label
from .reads import (
    ALIASES,
    BACKUP_CONFIG,
    DNS_RECORDS,
    PRIVACY,
    SECONDARY_NAMESERVERS,
    USERS,
    Alias,
    BackupConfig,
    Record,
    User,
)

Key = Tuple[str, str]
"""The resource and the key of an object, as in a :class:`Change`."""

_Options = Dict[str, Any]

_AUTOMATIC_LOCAL_PARTS = ("abuse", "admin", "postmaster", "hostmaster")


def may_be_automatic(address: str) -> bool:
    """Whether boxes create an automatic alias of this address, which can hide a manual one.

    Boxes from v55 on keep both, but list only one row for each address: the one whose receivers sort last.
    """
    return address.partition("@")[0] in _AUTOMATIC_LOCAL_PARTS


class Difference(NamedTuple):
    """An object that is different in a later answer.

    :ivar what: ``added``, ``changed`` or ``removed``.
    :ivar options: the options of a changed object that differ.
    :ivar takes_admin: whether there is one administrator less.
    """

    resource: str
    key: str
    what: str
    options: Tuple[str, ...] = ()
    takes_admin: bool = False

    @property
    def object(self) -> Key:
        return (self.resource, self.key)

    @property
    def label(self) -> str:
        """The name of the object, for people."""
        return label(self.resource, self.key)


class _Kind(NamedTuple):
    """What an answer contains.

    :ivar rows: returns the objects by key.
    :ivar options: the options of an object that can be compared; None if the object doesn't count.
    """

    resource: str
    rows: Callable[[Any], Mapping[Any, Any]]
    options: Callable[[Any], Optional[_Options]]


def _user(user: User) -> Optional[_Options]:
    """The size of a mailbox changes with each message, and an archived mailbox is no user."""
    return {"privileges": frozenset(user.privileges), "quota": user.quota} if user.active else None


def _alias(alias: Alias) -> Optional[_Options]:
    """Automatic aliases come and go with domains."""
    if alias.automatic:
        return None
    return {
        "forwards_to": frozenset(alias.receivers),
        "permitted_senders": frozenset(alias.permitted_senders),
        "description": alias.description,
    }


def _values(rows: Sequence[Record]) -> _Options:
    return {"values": frozenset(record_values.canonical_stored(row.rtype, row.value) for row in rows)}


def _backup(config: BackupConfig) -> _Options:
    return {"target": config.target, "min_age_in_days": config.min_age_in_days, "rsync.port": config.rsync_port}


def _one(value: Any) -> Mapping[str, Any]:
    return {SINGLE: value}


_KINDS = {
    USERS.name: _Kind("user", lambda users: users, _user),
    ALIASES.name: _Kind("alias", lambda aliases: aliases, _alias),
    DNS_RECORDS.name: _Kind("dns_record", lambda found: {" ".join(key): rows for key, rows in found.items()}, _values),
    SECONDARY_NAMESERVERS.name: _Kind("secondary_nameservers", _one, lambda entries: {"hostnames": frozenset(entries)}),
    BACKUP_CONFIG.name: _Kind("backup", _one, _backup),
    PRIVACY.name: _Kind("system", _one, lambda private: {"privacy": private}),
}


def differences(read: str, before: Any, after: Any, touched: AbstractSet[Key]) -> Tuple[Difference, ...]:
    """The differences between two answers to a read.

    :param read: the name of the read.
    :param touched: the objects that may differ because of one's own writes. They are left out, also where other objects
        contain their addresses: a fork removes the addresses of removed users from aliases.
    """
    kind = _KINDS.get(read)
    if kind is None or before == after:
        return ()
    old, new = kind.rows(before), kind.rows(after)
    addresses = frozenset(key for resource, key in touched if resource in ("user", "alias"))
    found = []
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key) and (kind.resource, key) not in touched:
            found.append(_difference(kind, key, old.get(key), new.get(key), addresses))
    return tuple(one for one in found if one is not None)


def _difference(kind: _Kind, key: str, old: Any, new: Any, addresses: FrozenSet[str]) -> Optional[Difference]:
    before = None if old is None else kind.options(old)
    after = None if new is None else kind.options(new)
    is_admin_less = "admin" in (before or {}).get("privileges", ()) and "admin" not in (after or {}).get(
        "privileges", ()
    )
    if before is None or after is None:
        is_by_the_box = kind.resource == "alias" and may_be_automatic(key)
        if before is after or is_by_the_box:
            return None
        return Difference(kind.resource, key, "added" if before is None else "removed", (), is_admin_less)
    options = tuple(
        name
        for name in before
        if before[name] != after[name] and not _is_set_but_for(before[name], after[name], addresses)
    )
    return Difference(kind.resource, key, "changed", options, is_admin_less) if options else None


def _is_set_but_for(before: Any, after: Any, addresses: FrozenSet[str]) -> bool:
    """Whether two sets differ only in these elements."""
    return isinstance(before, frozenset) and isinstance(after, frozenset) and (before ^ after) <= addresses
