# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the rows of a table of people into users and aliases of a declaration. Pure.

The cells are not trusted. Only canonical addresses and quotas leave this file, so a template, a formula or a control
character in a cell is a mistake or is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..module_utils._values import names
from ..module_utils._values.errors import Mistake
from ._tables import Row, Table, column_key
from ._variables import nearest

COLUMNS = {"email": "email", "state": "state", "groups": "groups", "forward_to": "forward_to", "quota": "quota"}
"""The usual name of each column."""

PRESENT = ("present", "active", "joiner")
ABSENT = ("absent", "inactive", "leaver")

# What separates the addresses in one cell.
_SEPARATORS = re.compile(r"[\s,;|]+")
# The addresses of groups. Boxes accept more characters, but a template or a formula needs them.
_ADDRESS = re.compile(r"[a-z0-9_][a-z0-9_.&+-]*@[a-z0-9.-]+\Z")

# A message shows this many characters of a cell.
_SHOWN = 100


@dataclass(frozen=True)
class Rules:
    """How a table is read.

    :ivar columns: the name of each column that differs from :data:`COLUMNS`. These columns must exist.
    :ivar domain: the domain of addresses without an @; empty to refuse them.
    :ivar present: the words in the column ``state`` for people who have a mailbox.
    :ivar absent: the words for people who have left.
    :ivar groups: the addresses of the groups that the table manages; None for those that it names.
    :ivar aliases: the aliases of the box, each with ``address`` and ``forwards_to``, whose other receivers stay; None
        if the table has all receivers.
    :ivar passwords: the passwords of new users by address.
    :ivar remove_from_aliases: the option of this name for people who have left; None to leave it out.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    domain: str = ""
    present: Sequence[str] = PRESENT
    absent: Sequence[str] = ABSENT
    groups: Sequence[str] | None = None
    aliases: Sequence[Mapping[str, Any]] | None = None
    passwords: Mapping[str, Any] = field(default_factory=dict, repr=False)
    remove_from_aliases: str | None = None


@dataclass
class _Person:
    """One valid row."""

    where: str
    email: str
    present: bool
    groups: tuple[str, ...] = ()
    forward_to: tuple[str, ...] = ()
    quota: str = ""


def declare(table: Table, rules: Rules) -> tuple[dict[str, Any], list[Mistake]]:
    """The declaration, and all mistakes. With mistakes, the declaration is incomplete.

    :returns: ``{users, aliases, present, absent}``: entries for ``miab_config``, and the addresses of people. All lists
        are sorted by address, so the order of the rows doesn't matter.
    """
    reading = _Reading(table, rules)
    people = reading.people()
    groups = reading.groups(people)
    reading.check_clashes(people, groups)
    present = sorted(person.email for person in people.values() if person.present)
    absent = sorted(person.email for person in people.values() if not person.present)
    forwarded = {person.email: person.forward_to for person in people.values() if person.forward_to}
    aliases = {**groups, **forwarded}
    declared = {
        "users": [reading.user(people[email]) for email in sorted(people)],
        "aliases": [{"address": address, "forwards_to": sorted(aliases[address])} for address in sorted(aliases)],
        "present": present,
        "absent": absent,
    }
    return declared, sorted(reading.mistakes, key=_place)


def _place(mistake: Mistake) -> int:
    """The number of the row of a mistake; 0 for a mistake of an option."""
    found = re.match(r"(?:line|row) (\d+)\Z", mistake.where)
    return int(found[1]) if found else 0


class _Reading:
    """Collects the mistakes of one table."""

    def __init__(self, table: Table, rules: Rules) -> None:
        self.mistakes = list(table.mistakes)
        self._table = table
        self._rules = rules
        self._domain = self._checked_domain()
        self._columns = self._found_columns()
        self._words = {
            word.strip().casefold(): present
            for present, words in ((True, rules.present), (False, rules.absent))
            for word in words
        }

    def _mistake(self, where: str, why: str) -> None:
        self.mistakes.append(Mistake(where, why))

    def _checked_domain(self) -> str:
        try:
            return names.domain(self._rules.domain.removeprefix("@")) if self._rules.domain else ""
        except ValueError as error:
            self._mistake("domain", "%.100r: %s" % (self._rules.domain, error))
            return ""

    def _found_columns(self) -> dict[str, str]:
        """The key of each column that the table has, by its purpose."""
        for purpose in sorted(set(self._rules.columns) - set(COLUMNS)):
            self._mistake("columns", "%.100r is none of %s" % (purpose, ", ".join(COLUMNS)))
        there = {column_key(name): name for name in self._table.columns}
        found = {}
        for purpose, usual in COLUMNS.items():
            name = self._rules.columns.get(purpose, usual)
            if column_key(name) in there:
                found[purpose] = column_key(name)
            elif there and (purpose == "email" or purpose in self._rules.columns):
                meant = nearest(name, there.values())
                hint = "; did you mean %r?" % meant if meant else "; it has %s" % ", ".join(map(repr, there.values()))
                self._mistake("columns", "the table has no column %.100r for %s%.300s" % (name, purpose, hint))
        return found

    def people(self) -> dict[str, _Person]:
        """Each person by address."""
        people: dict[str, _Person] = {}
        for row in self._table.rows if "email" in self._columns else ():
            person = self._person(row)
            if person is None:
                continue
            if person.email in people:
                self._mistake(row.where, "email: %s is also in %s" % (person.email, people[person.email].where))
                continue
            people[person.email] = person
        return people

    def _person(self, row: Row) -> _Person | None:
        """The person in a row; None after a mistake."""
        before = len(self.mistakes)
        email = self._email(row)
        person = _Person(row.where, email, self._is_present(row))
        if person.present:
            person.groups = self._addresses(row, "groups")
            person.quota = self._quota(row)
            if self._texts(row, "forward_to"):
                why = "it is for people who have left; to forward the mail of others, declare an alias"
                self._mistake(row.where, "forward_to: " + why)
        else:
            person.forward_to = self._addresses(row, "forward_to")
            if email in person.forward_to:
                self._mistake(row.where, "forward_to: the mail of %s would go back to the same address" % email)
        return person if len(self.mistakes) == before else None

    def _texts(self, row: Row, purpose: str) -> tuple[str, ...]:
        """The values of a cell without blanks around them. A directory can have several values."""
        value = row.cells.get(self._columns.get(purpose, ""))
        values = value if isinstance(value, (list, tuple)) else [value]
        texts = []
        for one in values:
            if one is None:
                continue
            if isinstance(one, bool) or not isinstance(one, (str, int)):
                self._mistake(row.where, "%s: it must be a text" % purpose)
                continue
            # Without its tags: what a cell says is never a template.
            texts.append("".join(str(one)).strip())
        return tuple(text for text in texts if text)

    def _text(self, row: Row, purpose: str) -> str:
        found = self._texts(row, purpose)
        if len(found) > 1:
            self._mistake(row.where, "%s: there are %d values; only one is possible" % (purpose, len(found)))
        return found[0] if found else ""

    def _email(self, row: Row) -> str:
        text = self._text(row, "email")
        if not text:
            self._mistake(row.where, "email: the address is missing")
            return ""
        try:
            email = names.user_address(self._with_domain(text))
            names.check_accepted(email)
        except ValueError as error:
            self._refuse(row, "email", text, str(error))
            return ""
        if not _ADDRESS.match(email):
            self._refuse(row, "email", text, "the first character must be a letter, a digit or _")
        if names.is_dcv(email):
            self._refuse(row, "email", text, "boxes reserve %s for aliases to administrators" % email.partition("@")[0])
        return email

    def _is_present(self, row: Row) -> bool:
        text = self._text(row, "state")
        present = self._words.get(text.casefold()) if text else True
        if present is None:
            why = "it must be one of %s, or for people who have left one of %s"
            self._refuse(row, "state", text, why % (", ".join(self._rules.present), ", ".join(self._rules.absent)))
        return present is not False

    def _quota(self, row: Row) -> str:
        text = self._text(row, "quota")
        try:
            return names.quota(text) if text else ""
        except ValueError as error:
            self._refuse(row, "quota", text, str(error))
            return ""

    def _addresses(self, row: Row, purpose: str) -> tuple[str, ...]:
        texts = [part for text in self._texts(row, purpose) for part in _SEPARATORS.split(text) if part]
        addresses = []
        for text in texts:
            try:
                addresses.append(self._address(text))
            except ValueError as error:
                self._refuse(row, purpose, text, str(error))
        return tuple(dict.fromkeys(addresses))

    def _address(self, text: str) -> str:
        """The canonical address of a group or a receiver.

        :raises ValueError: with the reason.
        """
        address = names.address(self._with_domain(text))
        if not _ADDRESS.match(address):
            raise ValueError("only letters a-z, digits and _ . & + - are possible before the @")
        names.check_accepted(address)
        return address

    def _with_domain(self, text: str) -> str:
        if "@" in text:
            return text
        if not self._domain:
            raise ValueError("it has no domain; write a whole address, or set the option domain")
        return "%s@%s" % (text, self._domain)

    def _refuse(self, row: Row, purpose: str, text: str, why: str) -> None:
        self._mistake(row.where, "%s: %s: %.300s" % (purpose, ascii(text[:_SHOWN]), why))

    def groups(self, people: Mapping[str, _Person]) -> dict[str, list[str]]:
        """The receivers of each group."""
        members: dict[str, list[str]] = {}
        for address in self._managed_groups():
            members.setdefault(address, [])
        for person in people.values():
            for group in person.groups:
                if self._rules.groups is not None and group not in members:
                    meant = nearest(group, members)
                    hint = "; did you mean %s?" % meant if meant else ""
                    self._mistake(person.where, "groups: %s is not in the option groups%s" % (group, hint))
                    continue
                members.setdefault(group, []).append(person.email)
        held = self._held()
        for group in members:
            members[group] += [spelled for receiver, spelled in held.get(group, {}).items() if receiver not in people]
            if not members[group] and not self.mistakes:
                why = "%s would have no member; take it out of groups, and declare the alias with state: absent"
                self._mistake("groups", why % group)
        return members

    def _managed_groups(self) -> list[str]:
        found = []
        for text in self._rules.groups or ():
            try:
                found.append(self._address(str(text)))
            except ValueError as error:
                self._mistake("groups", "%s: %.300s" % (ascii(str(text)[:_SHOWN]), error))
        return found

    def _held(self) -> dict[str, dict[str, str]]:
        """The receivers of the box's aliases by address: in lower case, and as listed.

        A box is not trusted. As listed, they keep Ansible's mark for strings that are not templates.
        """
        held: dict[str, dict[str, str]] = {}
        for alias in self._rules.aliases or ():
            try:
                address = names.address(str(alias["address"]), catch_all=True)
                held[address] = {names.receiver(receiver).lower(): receiver for receiver in alias["forwards_to"]}
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                self._mistake("aliases", "not a list of aliases as miab_info returns it: %.200s" % error)
                break
        return held

    def check_clashes(self, people: Mapping[str, _Person], groups: Mapping[str, Any]) -> None:
        """Refuse a group with the address of a person, whose mail it would take, and mail to people who have left."""
        for email in sorted(set(people) & set(groups)):
            person = people[email]
            if person.present or person.forward_to:
                self._mistake(person.where, "email: %s is also a group; one of them needs another address" % email)
        gone = {email for email, person in people.items() if not person.present and not person.forward_to}
        for person in people.values():
            for receiver in sorted(gone.intersection(person.forward_to)):
                self._mistake(person.where, "forward_to: %s has left, too" % receiver)

    def user(self, person: _Person) -> dict[str, Any]:
        """The entry of a person."""
        if not person.present:
            option = self._rules.remove_from_aliases
            return {
                "email": person.email,
                "state": "absent",
                **({} if option is None else {"remove_from_aliases": option}),
            }
        # A person chooses a new password, so the first one must not be set again.
        user: dict[str, Any] = {"email": person.email, "update_password": "on_create"}
        if person.quota:
            user["quota"] = person.quota
        if person.email in self._rules.passwords:
            user["user_password"] = self._rules.passwords[person.email]
        return user
