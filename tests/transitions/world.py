# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate boxes in random states and random declarations from a seed."""

from __future__ import annotations

import contextlib
import random
from typing import Any

from tests.box import Alias, CustomRecord, State, User, new_state
from tests.box.answers import BrokenError
from tests.box.domains import listed_aliases
from tests.box.publishing import after_mail_change

PASSWORDS = ["password-1", "password-2"]
# The box adds each domain with its first address and removes it with its last one.
DOMAINS = ["example.org", "lists.example.org", "gone.example", "xn--bcher-kva.example"]
BOX = "box.example.com"
ME = "me@box.example.com"
USERS = [f"{local}@{domain}" for domain in DOMAINS for local in ("ann", "bob")]
ALIASES = [f"{local}@{domain}" for domain in DOMAINS for local in ("sales", "postmaster")]
RECEIVERS = [*USERS[:4], ME, "Eve.E@example.net"]
# Older boxes accepted capital letters.
OLD_USER, OLD_ALIAS = "Bo.Cap@example.org", "News.Cap@example.org"

# Names at which a box publishes records itself, or can start to.
LABELS = [
    "",
    "www",
    "shop",
    "lists",
    "_dmarc",
    "_dmarc.shop",
    "_dmarc.www",
    "_mta-sts",
    "mta-sts",
    "autoconfig",
    "sub.shop",
]
# Most declared records use these interesting names.
RECORD_DOMAINS = [*DOMAINS, "example.org", "example.org", BOX]
VALUES = {
    "A": ["192.0.2.1", "192.0.2.2", "local"],
    "AAAA": ["2001:db8::1", "local"],
    "CNAME": ["h.example.net.", "i.example.net."],
    "TXT": ["one", "two", "v=spf1 -all"],
    "MX": ["10 mx.example.net.", "20 mx.example.net."],
    "CAA": ['0 issue "letsencrypt.org"'],
}
# The box stores these values, but then can't publish the zone, or the name server doesn't load it.
BROKEN_VALUES = {"MX": "not an mx", "CAA": '0 ISSUE "x"', "TXT": "one\ntwo"}


class Maker:
    """Generates a box and a declaration for it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it has to be the same each time

    def _may(self, chance: float) -> bool:
        return self._random.random() < chance

    def _some(self, of: list[Any], most: int) -> list[Any]:
        return self._random.sample(of, self._random.randint(0, min(most, len(of))))

    def _name_and_type(self) -> tuple[str, str]:
        name = f"{self._random.choice(LABELS)}.{self._random.choice(RECORD_DOMAINS)}".removeprefix(".")
        return name, self._random.choice(sorted(VALUES))

    def _values(self, rtype: str) -> list[str]:
        return self._some(VALUES[rtype], 1 if rtype == "CNAME" else 3) or VALUES[rtype][:1]

    def state(self, version: str) -> State:
        """A box in a state that its history could have produced."""
        state = new_state(version)
        for email in self._some(USERS, 4):
            state.users[email] = User(email, self._random.choice(PASSWORDS), ["admin"] if self._may(0.3) else [])
        if self._may(0.1):
            state.users[OLD_USER] = User(OLD_USER, PASSWORDS[0])
        for address in self._some(ALIASES, 3):
            state.aliases[address] = Alias(address, self._some(RECEIVERS, 2) or [ME])
        if self._may(0.1):
            state.aliases[OLD_ALIAS] = Alias(OLD_ALIAS, [ME])
        state.dns_records = self._records()
        # A value that breaks its zone keeps the others from being published, too.
        with contextlib.suppress(BrokenError):
            after_mail_change(state, "")
        # Nobody can read of an alias that an automatic one hides, until it doesn't any more.
        seen = listed_aliases(state)
        state.aliases = {address: alias for address, alias in state.aliases.items() if seen[address] == (alias, False)}
        return state

    def _records(self) -> list[CustomRecord]:
        found: dict[str, dict[str, list[CustomRecord]]] = {}
        for _number in range(self._random.randint(0, 4)):
            name, rtype = self._name_and_type()
            found.setdefault(name, {})[rtype] = [CustomRecord(name, rtype, value) for value in self._values(rtype)]
        # Sometimes two of them, which may be in one zone.
        for _number in range(2 if self._may(0.03) else 1 if self._may(0.1) else 0):
            name, rtype = self._name_and_type()[0], self._random.choice(sorted(BROKEN_VALUES))
            found.setdefault(name, {})[rtype] = [CustomRecord(name, rtype, BROKEN_VALUES[rtype])]
        return [record for by_type in found.values() for records in by_type.values() for record in records]

    def declaration(self) -> dict[str, Any]:
        """The options of ``miab_config``."""
        declared: dict[str, Any] = {"users": None, "aliases": None, "dns_records": None}
        if self._may(0.8):
            declared["users"] = [self._user(email) for email in self._some([*USERS, OLD_USER.lower()], 4)]
        if self._may(0.7):
            declared["aliases"] = [self._alias(address) for address in self._some([*ALIASES, OLD_ALIAS.lower()], 3)]
        if self._may(0.8):
            kinds = {self._name_and_type() for _number in range(self._random.randint(0, 4))}
            declared["dns_records"] = [self._record(*kind) for kind in sorted(kinds)]
        sections = [name for name, entries in declared.items() if entries is not None]
        purge = [name for name in sections if self._may(0.4)]
        return {**declared, "purge": purge, "purge_limit": 100}

    def _user(self, email: str) -> dict[str, Any]:
        if self._may(0.2):
            levels = {"remove_from_aliases": self._random.choice(["shared", "all"])} if self._may(0.5) else {}
            return {"email": email, "state": "absent", **levels}
        user: dict[str, Any] = {"email": email, "user_password": self._random.choice(PASSWORDS)}
        return {**user, "privileges": ["admin"] if self._may(0.3) else []}

    def _alias(self, address: str) -> dict[str, Any]:
        if self._may(0.2):
            return {"address": address, "state": "absent"}
        return {"address": address, "forwards_to": self._some(RECEIVERS, 2) or [ME]}

    def _record(self, name: str, rtype: str) -> dict[str, Any]:
        if self._may(0.25):
            return {"name": name, "type": rtype, "state": "absent"}
        return {"name": name, "type": rtype, "values": self._values(rtype)}
