# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate boxes, scopes and declarations from a seed, and judge calls by what they would do, without the code under test."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

# Some are parts of others, and the box itself is in one of them.
DOMAINS = (
    "acme.example",
    "shop.acme.example",
    "in.shop.acme.example",
    "bolt.example",
    "xn--caf-dma.example",
    "example.com",
    "lab.example.com",
)
HOST = "box.example.com"
ME = "me@" + HOST
PLACES = (*DOMAINS, HOST)
LABELS = ("", "www.", "_dmarc.", "mta-sts.", "a.b.", "*.", "sub.")
LOCAL_PARTS = ("ann", "bob", "info", "postmaster", "")
VALUES = {
    "A": "192.0.2.1",
    "TXT": "text",
    "CNAME": "h.example.net.",
    "NS": "ns1.example.net.",
    "MX": "10 m.example.net.",
}


@dataclass
class World:
    """What a box has.

    :ivar users: whether they are administrators, by address.
    :ivar aliases: receivers and permitted senders by address.
    :ivar records: names and types.
    """

    users: dict[str, bool]
    aliases: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    records: set[tuple[str, str]]

    @property
    def domains(self) -> set[str]:
        return {address.partition("@")[2] for address in (*self.users, *self.aliases)}


@dataclass
class Bounds:
    """What a declaration may touch, as plain lists."""

    scope: list[str] | None
    others: list[str]

    def contain(self, name: str) -> bool:
        """The longest domain at the end of a name decides."""
        labels = name.rpartition("@")[2].split(".")
        for start in range(len(labels)):
            domain = ".".join(labels[start:])
            if domain == HOST:
                return self.scope is None
            if domain in self.others:
                return False
            if self.scope is not None and domain in self.scope:
                return True
        return self.scope is None


def zones(domains: Iterable[str]) -> set[str]:
    found = {*domains, HOST}
    return {one for one in found if not any(one != other and one.endswith("." + other) for other in found)}


def in_zone(name: str, of: Iterable[str]) -> bool:
    return any(name == zone or name.endswith("." + zone) for zone in of)


def judge(world: World, bounds: Bounds, calls: Iterable[Mapping[str, Any]]) -> list[str]:
    """What these calls would do to others, from their paths and forms alone."""
    bad: list[str] = []
    after = World(dict(world.users), dict(world.aliases), set(world.records))
    limited = bounds.scope is not None
    for call in calls:
        path, form = str(call["path"]), call.get("form") or {}
        words = path.strip("/").split("/")
        told = f"{call['method']} {path} {form.get('email') or form.get('address') or ''}"
        if words[:2] == ["mail", "users"]:
            email = form["email"].lower()
            given = {form.get("privilege"), *form.get("privileges", "").split("\n")}
            is_bad = not bounds.contain(email) or (limited and (world.users.get(email) or "admin" in given))
            if words[2] == "add":
                after.users[email] = False
            elif words[2] == "remove":
                after.users.pop(email, None)
        elif words[:2] == ["mail", "aliases"]:
            address = form["address"].lower()
            senders = set(filter(None, form.get("permitted_senders", "").split(",")))
            new = senders - set(world.aliases.get(address, ((), ()))[1])
            is_bad = not all(map(bounds.contain, [address, *new])) or (limited and bool(world.users.get(address)))
            if words[2] == "add":
                after.aliases[address] = ((), ())
            else:
                after.aliases.pop(address, None)
        elif words[:2] == ["dns", "custom"]:
            name, rtype = unquote(words[2]), words[3]
            is_bad = not bounds.contain(name)
            is_bad |= (
                rtype == "NS" and call["method"] != "DELETE" and any(in_zone(one, [name]) for one in bounds.others)
            )
            if call["method"] == "DELETE":
                after.records.discard((name, rtype))
        else:
            is_bad = limited or path not in ("/dns/secondary-nameserver", "/system/backup/config", "/system/privacy")
        if is_bad:
            bad.append(told)
    old, new_zones = zones(world.domains), zones(after.domains)
    bad += [f"zone {zone} changes" for zone in old ^ new_zones if not bounds.contain(zone)]
    bad += [
        f"record {name} loses its zone"
        for name, _rtype in after.records
        if not bounds.contain(name) and in_zone(name, old) and not in_zone(name, new_zones)
    ]
    return bad


class Maker:
    """Generates a box, bounds and a declaration."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it has to be the same each time

    def _may(self, chance: float) -> bool:
        return self._random.random() < chance

    def _some(self, of: Iterable[Any], least: int, most: int) -> list[Any]:
        items = list(of)
        return self._random.sample(items, min(len(items), self._random.randint(least, most)))

    def _address(self, *, alias: bool = False, of: Iterable[str] = PLACES) -> str:
        local = self._random.choice(LOCAL_PARTS if alias else LOCAL_PARTS[:3])
        return f"{local}@{self._random.choice(list(of))}"

    def _name(self, of: Iterable[str] = PLACES) -> str:
        return self._random.choice(LABELS) + self._random.choice(list(of))

    def world(self) -> World:
        users = {self._address(of=DOMAINS): self._may(0.2) for _number in range(self._random.randint(0, 5))}
        aliases = {}
        for _number in range(self._random.randint(0, 4)):
            address = self._address(alias=True, of=DOMAINS)
            if address not in users:
                receivers = tuple(self._some([ME, *users], 1, 2))
                aliases[address] = (receivers, tuple(self._some(users, 0, 1)))
        records: dict[str, str] = {}
        for _number in range(self._random.randint(0, 4)):
            records[self._name(DOMAINS)] = self._random.choice(["A", "TXT", "NS"])
        return World({ME: True, **users}, aliases, set(records.items()))

    def bounds(self) -> Bounds:
        picked = self._some(DOMAINS, 1, 4)
        others = self._some([one for one in DOMAINS if one not in picked], 0, 3)
        return Bounds(None, picked) if self._may(0.25) else Bounds(picked, others)

    def knows_password(self) -> bool:
        return self._may(0.5)

    def _spelled(self, name: str) -> str:
        return self._random.choice([name, name, name.upper(), name.capitalize()])

    def options(self, world: World, bounds: Bounds) -> dict[str, Any]:
        """The options of ``miab_config``. Most entries are inside, so that some declarations are."""
        domains = bounds.scope or [one for one in PLACES if one not in bounds.others]
        inside = domains if self._may(0.6) else [*domains, *domains, *PLACES]
        found: dict[str, Any] = {
            "scope": None if bounds.scope is None else [self._spelled(one) for one in bounds.scope],
            "scope_exclude": [self._spelled(one) + self._random.choice(["", "."]) for one in bounds.others],
        }
        known_users, known_aliases = sorted(world.users), sorted(world.aliases)
        if self._may(0.6):
            emails = {self._address(of=inside) for _number in range(self._random.randint(0, 3))}
            emails |= {one for one in self._some(known_users, 0, 1) if self._may(0.5) or bounds.contain(one)}
            found["users"] = [self._user(email) for email in sorted(emails)]
        if self._may(0.5):
            addresses = {self._address(alias=True, of=inside) for _number in range(self._random.randint(0, 2))}
            addresses |= {one for one in self._some(known_aliases, 0, 1) if self._may(0.5) or bounds.contain(one)}
            found["aliases"] = [self._alias(one, known_users) for one in sorted(addresses)]
        if self._may(0.5):
            keys = {(self._name(inside), self._random.choice(sorted(VALUES))) for _number in range(2)}
            found["dns_records"] = [self._record(*key) for key in sorted(keys)]
        if self._may(0.05):
            found["privacy"] = True
        if self._may(0.05):
            found["secondary_nameservers"] = ["ns2.example.net"]
        found["purge"] = [one for one in ("users", "aliases", "dns_records") if one in found and self._may(0.5)]
        found["show_undeclared"] = self._may(0.3)
        found["keep"] = self._some(["*@bolt.example", "*.acme.example", "ann@*"], 0, 1)
        return found

    def _user(self, email: str) -> dict[str, Any]:
        user: dict[str, Any] = {"email": self._spelled(email), "force": self._may(0.3)}
        if self._may(0.3):
            remove = self._random.choice(["never", "shared", "all"])
            return {**user, "state": "absent", "remove_from_aliases": remove}
        return {
            **user,
            "state": "present",
            "privileges": self._random.choice([None, None, [], ["admin"]]),
            "user_password": "some-password-1",
            "update_password": self._random.choice(["always", "on_create"]),
        }

    def _alias(self, address: str, users: list[str]) -> dict[str, Any]:
        if self._may(0.3):
            return {"address": self._spelled(address), "state": "absent", "force": self._may(0.5)}
        senders = self._some(users, 1, 1) if self._may(0.2) else None
        alias = {"address": self._spelled(address), "forwards_to": [ME], "permitted_senders": senders}
        return {**alias, "state": "present", "force": self._may(0.5)}

    def _record(self, name: str, rtype: str) -> dict[str, Any]:
        if self._may(0.3):
            return {"name": name, "type": rtype, "state": "absent"}
        return {"name": self._spelled(name), "type": rtype, "value": VALUES[rtype], "state": "present"}
