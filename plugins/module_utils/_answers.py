# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a box can be asked, and the shape of what it answers: one ``Read`` and one value type each.

Versions differ here and nowhere else. They are told apart by what an answer holds, not by a
version string.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

from . import _names
from ._errors import UnexpectedAnswer
from ._plan import Read


class User(NamedTuple):
    """A user of the box, or an archived mailbox.

    :ivar active: False for an archived mailbox: mail of a user who was removed.
    :ivar quota: as the box writes it; None on a box without quotas (before v73), and for an archived mailbox.
    :ivar mailbox: the folder of an archived mailbox.
    """

    email: str
    privileges: Tuple[str, ...]
    active: bool
    quota: Optional[str]
    mailbox: Optional[str]


class Alias(NamedTuple):
    """An alias as the box lists it: one row an address.

    :ivar address: as the box stores it, which is what removes it.
    :ivar forwards_to: canonical addresses; empty if the alias only permits senders.
    :ivar permitted_senders: canonical addresses; empty if unset, when the receivers may send.
    :ivar automatic: whether the box made it by itself, and makes it again.
    :ivar apart: whether the box keeps automatic aliases apart from those made by hand (v55 and newer).
    """

    address: str
    forwards_to: Tuple[str, ...]
    permitted_senders: Tuple[str, ...]
    automatic: bool = False
    apart: bool = True

    @property
    def canonical(self) -> str:
        return _canonical(self.address)


class Record(NamedTuple):
    """A custom DNS record, its name and value as the box stores them, which is what deletes it."""

    name: str
    rtype: str
    value: str


def _canonical(stored: str) -> str:
    """The canonical form of an address that a box lists; one that has none stays as it is."""
    try:
        return _names.address(stored, catch_all=True)
    except ValueError:
        return stored


def _shape_is_wrong(what: str, item: Any) -> UnexpectedAnswer:
    return UnexpectedAnswer("The list of %s has another shape than a box's: %.200r" % (what, item), what=what)


def _parse_users(answer: Any) -> tuple[User, ...]:
    try:
        return tuple(
            User(
                email=row["email"].lower(),
                privileges=tuple(sorted(row["privileges"])),
                active=row["status"] == "active",
                quota=row.get("quota"),
                mailbox=row.get("mailbox"),
            )
            for group in answer
            for row in group["users"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _shape_is_wrong("users", answer) from error


def _parse_aliases(answer: Any) -> tuple[Alias, ...]:
    try:
        rows = [row for group in answer for row in group["aliases"]]
        # v0.51 keeps automatic aliases among the others, as required ones that forward to the
        # administrator; a required one that forwards elsewhere was edited by hand.
        administrator = {
            (row["address"],) for row in rows if row.get("required") and row["address"].startswith("administrator@")
        }
        found = []
        for row in rows:
            # An alias that only permits senders forwards to one empty text.
            forwards_to = tuple(_canonical(receiver) for receiver in row["forwards_to"] if receiver)
            found.append(
                Alias(
                    address=row["address"],
                    forwards_to=forwards_to,
                    permitted_senders=tuple(_canonical(sender) for sender in row["permitted_senders"] or ()),
                    automatic=row["auto"] if "auto" in row else row["required"] and forwards_to in administrator,
                    apart="auto" in row,
                )
            )
        return tuple(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise _shape_is_wrong("aliases", answer) from error


def _parse_records(answer: Any) -> tuple[Record, ...]:
    try:
        return tuple(Record(row["qname"], row["rtype"], row["value"]) for row in answer)
    except (KeyError, TypeError) as error:
        raise _shape_is_wrong("custom DNS records", answer) from error


def _parse_zones(answer: Any) -> tuple[str, ...]:
    if not isinstance(answer, list) or not all(isinstance(zone, str) for zone in answer):
        raise _shape_is_wrong("DNS zones", answer)
    return tuple(answer)


def _parse_dump(answer: Any) -> tuple[Record, ...]:
    try:
        return tuple(Record(row["qname"], row["rtype"], row["value"]) for _zone, rows in answer for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise _shape_is_wrong("published DNS records", answer) from error


USERS = Read("users", "/mail/users?format=json", _parse_users)
ALIASES = Read("aliases", "/mail/aliases?format=json", _parse_aliases)
DNS_RECORDS = Read("dns_records", "/dns/custom", _parse_records)
DNS_ZONES = Read("dns_zones", "/dns/zones", _parse_zones)
DNS_DUMP = Read("dns_dump", "/dns/dump", _parse_dump)
