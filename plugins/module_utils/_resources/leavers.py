# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The aliases that still name removed users: which of them a declaration changes, and which stay with a warning."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Container, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model.delivery import dangling_alias_warnings
from .._model.reads import Alias, Aliases
from .._values import names
from .._values.errors import Mistake
from .aliases import WantedAlias
from .users import REMOVE_ALL, REMOVE_NEVER, WantedUser

_STAYING = (
    " They were not changed, because without the user they would have no receiver or no permitted sender, or because they"
    " also permit a sender who is not a user. Declare them with other receivers and permitted senders, or with state: absent."
)

Declared = Tuple[str, WantedAlias]
"""The name of an entry in messages, and its alias."""


class Cleanup(NamedTuple):
    """What the removal of users means for aliases.

    :ivar declared: all declared aliases. If an alias doesn't declare one of its lists, and that list on the box names a
        removed user, the list is filled in without that user.
    :ivar others: changes of aliases that are not declared.
    :ivar mistakes: declared aliases that name a removed user.
    """

    declared: List[Declared]
    others: List[Declared]
    mistakes: List[Mistake]


def clean(
    leavers: Iterable[Tuple[str, WantedUser]],
    declared: Sequence[Declared],
    aliases: Aliases,
    members: Container[str],
    may_change: Callable[[WantedAlias], bool],
    needed: Container[str] = (),
) -> Cleanup:
    """Take removed users out of the aliases.

    An alias is changed only if a receiver remains and, if it has permitted senders, one of them remains: without any, the
    receivers could send from the address. An alias whose only receivers are removed users is removed only if the entries of
    all removed users that it names have ``REMOVE_ALL``, and no other alias receives their mail. An alias with a permitted
    sender who is not a user isn't changed, because a box refuses the change.

    :param leavers: the users to take out, each with the name of its entry.
    :param aliases: the aliases of the box before the run, without those that are purged.
    :param members: the users after the run.
    :param may_change: whether the declaration can have such an alias. Others stay as they are.
    :param needed: addresses that are never removed.
    """
    going = {user.email: (where, user) for where, user in leavers}
    cleaning = _Cleaning(going, {wanted.address: wanted for _where, wanted in declared}, aliases, members)
    filled = []
    for where, wanted in declared:
        changed = cleaning.with_lists_cleaned(wanted)
        filled.append((where, changed if may_change(changed) else wanted))
    mistakes = [mistake for where, wanted in declared for mistake in cleaning.contradictions(where, wanted)]
    by_hand = [(address, alias) for address, alias in aliases.items() if not alias.automatic]
    others = [
        (where, wanted)
        for address, alias in by_hand
        if address not in cleaning.declared
        for where, wanted in cleaning.changed(address, alias, address in needed)
        if may_change(wanted)
    ]
    return Cleanup(filled, others, mistakes)


class _Cleaning:
    def __init__(
        self,
        going: Mapping[str, Tuple[str, WantedUser]],
        declared: Mapping[str, WantedAlias],
        aliases: Aliases,
        members: Container[str],
    ) -> None:
        self._members = members
        self.declared = declared
        self._going = going
        self._aliases = aliases
        # Mail to an address with a +tag goes to the user without the tag, unless an alias has exactly this address.
        self._receiving = {address for address in (*aliases, *declared) if self._receives(address)}

    def _receives(self, address: str) -> bool:
        """Whether an alias of this address receives mail after the run, for somebody who is there."""
        wanted, alias = self.declared.get(address), self._aliases.get(address)
        if wanted is not None and not wanted.present:
            return False
        receivers: Sequence[str] = alias.forwards_to if alias is not None else ()
        if wanted is not None and wanted.forwards_to is not None:
            receivers = wanted.forwards_to
        return any(names.without_tag(receiver.lower()) not in self._going for receiver in receivers)

    def _leaver(self, receiver: str) -> Optional[str]:
        """The removed user that gets the mail of a receiver."""
        address = receiver.lower()
        email = names.without_tag(address)
        return email if email in self._going and (address == email or address not in self._receiving) else None

    def _staying(self, addresses: Sequence[str]) -> Tuple[str, ...]:
        return tuple(address for address in addresses if self._leaver(address) is None)

    def contradictions(self, where: str, wanted: WantedAlias) -> Iterator[Mistake]:
        """The mistakes of a declared alias that names a removed user."""
        for option, addresses in (
            ("forwards_to", wanted.forwards_to),
            ("permitted_senders", wanted.permitted_senders),
        ):
            for address in addresses or ():
                email = self._leaver(address)
                if email is not None:
                    why = "%s: %s is removed from all aliases, because %s has remove_from_aliases; take it out here"
                    yield Mistake(where, why % (option, address, self._going[email][0]))

    def with_lists_cleaned(self, wanted: WantedAlias) -> WantedAlias:
        """A declared alias. A list that it doesn't declare is filled in if it names a removed user, without that user."""
        alias = self._aliases.get(wanted.address)
        if not wanted.present or alias is None:
            return wanted
        receivers, senders = self._staying(alias.forwards_to), self._staying(alias.permitted_senders)
        found = wanted
        if wanted.forwards_to is None and receivers and receivers != alias.forwards_to:
            found = replace(found, forwards_to=receivers)
        if wanted.permitted_senders is None and senders and senders != alias.permitted_senders:
            found = replace(found, permitted_senders=senders)
        permitted = alias.permitted_senders if found.permitted_senders is None else found.permitted_senders
        return found if self._are_users(permitted) else wanted

    def _are_users(self, senders: Iterable[str]) -> bool:
        return all(sender in self._members for sender in senders)

    def changed(self, address: str, alias: Alias, is_needed: bool) -> Iterator[Declared]:
        """The change of an undeclared alias, if there is one."""
        receivers, senders = self._staying(alias.forwards_to), self._staying(alias.permitted_senders)
        if receivers == alias.forwards_to and senders == alias.permitted_senders:
            return
        gone = [
            email for email in map(self._leaver, (*alias.forwards_to, *alias.permitted_senders)) if email is not None
        ]
        where = "%s, alias %s" % (self._going[gone[0]][0], names.display(address))
        goes = all(self._going[email][1].remove_from_aliases == REMOVE_ALL for email in gone)
        if bool(receivers) != bool(alias.forwards_to) or bool(senders) != bool(alias.permitted_senders):
            if goes and not receivers and not is_needed and not self._is_taken_over(alias):
                yield where, WantedAlias(address, present=False)
        elif self._are_users(senders):
            yield (
                where,
                WantedAlias(
                    address,
                    forwards_to=receivers if receivers != alias.forwards_to else None,
                    permitted_senders=senders if senders != alias.permitted_senders else None,
                ),
            )

    def _is_taken_over(self, alias: Alias) -> bool:
        """Whether one of this alias's receivers is also the address of an alias that still receives mail."""
        return any(names.without_tag(receiver) in self._receiving for receiver in alias.receivers)


def warnings(removed: Iterable[str], leavers: Mapping[str, WantedUser], aliases: Aliases) -> Dict[str, str]:
    """Warn about aliases that still name removed users after the run.

    :param removed: the users that the run removes.
    :param leavers: the entries of removed users. An entry with ``remove_from_aliases`` counts even if its user was removed
        before this run.
    :param aliases: the aliases after the run.
    :returns: the warning by the address of the user.
    """
    asked = {email for email, user in leavers.items() if user.remove_from_aliases != REMOVE_NEVER}
    found = dangling_alias_warnings({*removed, *asked}, aliases)
    return {email: text + _STAYING if email in asked else text for email, text in found.items()}
