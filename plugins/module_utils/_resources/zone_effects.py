# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects of a whole declaration on DNS zones that it must not have, each as a mistake of the entry that causes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Any, List, Mapping, Sequence, Tuple

from .._model import publishing
from .._model.plan import Known
from .._values import names
from .._values.errors import Mistake
from . import reach
from .notes import domain_of


@dataclass(frozen=True)
class ZoneEffects:
    """A declaration, and the state of the box before and after it.

    :ivar sections: its entries, which have ``where`` and ``wanted``.
    :ivar changed: the keys of the declared records that need a change.
    :ivar purged: the addresses that are purged, by section.
    """

    reach: reach.Reach
    before: Known
    after: Known
    sections: Mapping[str, Sequence[Any]]
    changed: AbstractSet[str]
    purged: Mapping[str, Sequence[str]]

    def effects_on_others(self) -> List[Mistake]:
        """The mistakes of entries that would change the zones of others."""
        found = []
        for domain, why in reach.effects(self.reach, self.before, self.after):
            where = self._entry_that_moves(domain)
            option = {"users": "email: ", "aliases": "address: "}.get(where.partition("[")[0], "")
            found.append(Mistake(where, option + why))
        return found

    def harm(self) -> List[Mistake]:
        """The mistakes of entries that would break a zone, or leave records behind without a zone."""
        if not publishing.content_is_known(self.before):
            return []
        before = publishing.content(self.before)
        done = publishing.harm(before, publishing.content(self.after, before))
        found = []
        for name, why in done.collided.items():
            is_own = self.reach.scope.contains(name)
            why = "name: " + (publishing.collision_message({name: why}) if is_own else reach.BREAKS)
            found.append(Mistake(self._entry_in_conflict(name, before), why))
        left: dict[str, list[Tuple[str, str]]] = {}
        own, others = reach.split(self.reach, done.orphaned)
        for key in own:
            where = self._entry_that_removes_zone_of(key)
            if where:
                left.setdefault(where, []).append(key)
        found += [Mistake(where, publishing.orphan_message(keys)) for where, keys in left.items()]
        # Nobody can force this on others.
        losers = dict.fromkeys(self._entry_that_removes_zone_of(key, is_forcible=False) for key in others)
        return found + [Mistake(where, reach.LEFT_BEHIND) for where in losers]

    def _domain(self, section: str, item: Any) -> str:
        return domain_of(item.wanted.email if section == "users" else item.wanted.address)

    def _entry_that_moves(self, domain: str) -> str:
        """The name of the first entry that adds the first address of a domain, or removes its last one."""
        comes = domain in publishing.domains(self.after).mail
        for section in ("users", "aliases"):
            for item in self.sections[section]:
                if item.wanted.present == comes and self._domain(section, item) == domain:
                    return str(item.where)
        for section, addresses in self.purged.items():
            for address in addresses:
                if domain_of(address) == domain:
                    return "purge of %s %s" % (section, address)
        return "scope"

    def _entry_in_conflict(self, name: str, before: publishing.Content) -> str:
        """The name of the entry that causes a conflict with a CNAME."""
        records = self.sections["dns_records"]
        for affected in (name, name.partition("_dmarc.")[2]):
            for item in records:
                if item.wanted.name == affected and item.wanted.key in self.changed:
                    return str(item.where)
        for section, old in (("users", before.users), ("aliases", before.mail)):
            for item in self.sections[section]:
                domain = self._domain(section, item)
                if item.wanted.present and domain not in old and names.zone_of(name, (domain,)):
                    return str(item.where)
        return next((str(item.where) for item in records if item.wanted.name == name), "dns_records")

    def _entry_that_removes_zone_of(self, key: Tuple[str, str], is_forcible: bool = True) -> str:
        """The name of the entry that removes the zone of a record; empty if that is forced."""
        for item in self.sections["dns_records"]:
            if item.wanted.present and (item.wanted.name, item.wanted.rtype) == key:
                return str(item.where)
        going = [
            item
            for section in ("users", "aliases")
            for item in self.sections[section]
            if not item.wanted.present and names.zone_of(key[0], (self._domain(section, item),))
        ]
        if is_forcible and any(item.wanted.force for item in going):
            return ""
        return str(going[0].where) if going else "purge"
