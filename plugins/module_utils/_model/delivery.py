# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mailboxes receive no mail, and which aliases forward to users who are removed."""

from __future__ import annotations

from typing import Collection, Dict, Set

from .._values import names
from .reads import Aliases


def without_mail(email: str, aliases: Aliases) -> str:
    """Why a mailbox receives no mail, as a sentence; empty if it does, because no alias forwards all of it elsewhere."""
    alias = aliases.get(email)
    if alias is None or not alias.receivers or email in alias.receivers:
        return ""
    return "The mailbox of %s receives no mail, because an alias of the same address forwards it to %s." % (
        email,
        ", ".join(map(names.display, alias.forwards_to)),
    )


def dangling_alias_warnings(emails: Collection[str], aliases: Aliases) -> Dict[str, str]:
    """Warn about aliases that still name removed users: their mail to them bounces, and a box refuses to update them.

    :param aliases: the aliases after the change.
    :returns: the warning by the address of the user.
    """
    # Mail to a user is delivered if an alias has the same address.
    bouncing = {email for email in emails if not (email in aliases and aliases[email].forwards_to)}
    naming: Dict[str, Set[str]] = {}
    for alias in aliases.values():
        named = [receiver for receiver in alias.receivers if receiver in bouncing]
        # A receiver with a +tag is a user, unless an alias has the same address.
        named += [
            names.without_tag(receiver)
            for receiver in alias.receivers
            if "+" in receiver and receiver not in aliases and names.without_tag(receiver) in bouncing
        ]
        named += [sender for sender in alias.permitted_senders if sender in emails]
        for email in named:
            naming.setdefault(email, set()).add(names.display(alias.canonical))
    return {
        email: "%s is removed, but aliases still name it: %s." % (email, ", ".join(sorted(addresses)))
        for email, addresses in naming.items()
    }
