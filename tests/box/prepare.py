# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a box from a file.

The file contains a JSON object; all keys are optional:

    {
      "users": [{"email": "ann@example.org", "password": "ann-password-1", "privileges": ["admin"], "quota": "2G"}],
      "aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org"], "permitted_senders": []}],
      "dns_records": [{"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"}],
      "secondary_nameservers": ["ns2.example.net"],
      "mailboxes": {"old@example.org": 1024}
    }

privileges, quota and permitted_senders are optional, too. mailboxes are sizes of received mail in bytes. A mailbox
without a user is an archived one.

Everything is applied in this order through the box's rules, so a file can't create an impossible state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .routes import answer
from .state import State


def ask(state: State, method: str, path: str, form: Mapping[str, str] | None = None, body: str = "") -> None:
    """Send a request as an administrator. Raises ValueError with the box's message if the box rejects it."""
    reply = answer(state, method, path, form=form, body=body)
    if reply.status != 200:
        raise ValueError(f"{method} {path} {dict(form or {}) or body}: {reply.body}")


def prepare(state: State, wanted: Mapping[str, Any]) -> None:
    """Apply a description. Raises ValueError with the box's message if the box rejects it."""
    for user in wanted.get("users", []):
        form = {
            "email": user["email"],
            "password": user["password"],
            "privileges": "\n".join(user.get("privileges", [])),
            "quota": user.get("quota", "0"),
        }
        ask(state, "POST", "/mail/users/add", form)
    for alias in wanted.get("aliases", []):
        form = {
            "update_if_exists": "0",
            "address": alias["address"],
            "forwards_to": "\n".join(alias["forwards_to"]),
            "permitted_senders": "\n".join(alias.get("permitted_senders") or []),
        }
        ask(state, "POST", "/mail/aliases/add", form)
    for record in wanted.get("dns_records", []):
        ask(state, "POST", f"/dns/custom/{record['qname']}/{record['rtype']}", body=record["value"])
    if "secondary_nameservers" in wanted:
        form = {"hostnames": ",".join(wanted["secondary_nameservers"])}
        ask(state, "POST", "/dns/secondary-nameserver", form)
    for email, size in wanted.get("mailboxes", {}).items():
        state.deliver(email, size)
