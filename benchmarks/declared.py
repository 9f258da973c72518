# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate a declaration of any size, and a simulated box that matches it."""

from __future__ import annotations

from typing import Any

from tests.box import Alias, CustomRecord, State, User, answer

# Half of the objects are users, three tenths are aliases, the rest are records. Number of objects in each domain:
_OBJECTS_OF_A_DOMAIN = 100

Declaration = dict[str, list[dict[str, Any]]]


def _domain(number: int) -> str:
    return f"d{number // _OBJECTS_OF_A_DOMAIN}.example.org"


def declaration(objects: int) -> Declaration:
    """Users, aliases and DNS records, as options of ``miab_config``, without passwords."""
    users, aliases, records = [], [], []
    for number in range(objects):
        domain = _domain(number)
        if number % 10 < 5:
            users.append({"email": f"user{number}@{domain}", "privileges": [], "quota": "2G"})
        elif number % 10 < 8:
            receiver = f"user{number - number % 10}@{domain}"
            aliases.append({"address": f"alias{number}@{domain}", "forwards_to": [receiver]})
        else:
            value = f"192.0.2.{number % 250}"
            records.append({"name": f"host{number}.{domain}", "type": "A", "values": [value]})
    return {"users": users, "aliases": aliases, "dns_records": records}


def password(email: str) -> str:
    """The password of a user that :func:`holding` creates."""
    return "password-of-" + email.partition("@")[0]


def holding(declared: Declaration) -> State:
    """A box that matches the declaration. Its state is set directly: its API would rebuild zones for each object."""
    state = State()
    for user in declared["users"]:
        state.users[user["email"]] = User(user["email"], password(user["email"]), [], user["quota"])
    for alias in declared["aliases"]:
        state.aliases[alias["address"]] = Alias(alias["address"], list(alias["forwards_to"]))
    for record in declared["dns_records"]:
        state.dns_records += [CustomRecord(record["name"], record["type"], value) for value in record["values"]]
    # Derive the rest, as after any change: automatic aliases, zones, websites.
    first = next(iter(state.users))
    reported = answer(state, "POST", "/mail/aliases/add", {"address": "last@box.example.com", "forwards_to": first})
    if reported.status != 200:
        raise ValueError(str(reported.body))
    return state
