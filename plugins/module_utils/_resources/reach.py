# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects of a box a declaration with a scope manages, and which effects on the objects of others it must not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, FrozenSet, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .._model import publishing
from .._model.plan import Known
from .._model.reads import ALIASES, DNS_RECORDS, DNS_ZONES, USERS, Aliases, Records, Users
from .._model.scope import WHOLE, Scope, of_box
from .._values import names
from .._values.errors import Mistake
from . import aliases as _aliases
from . import users as _users

# These settings exist once for the whole box.
SETTINGS = ("secondary_nameservers", "backup", "privacy")

_OF_WHOLE_BOX = "a setting of the whole box, which a declaration with a scope can't have. Declare it without a scope"
_ADMIN = (
    "privileges: a declaration with a scope can't make anybody an administrator, because an administrator manages the"
    " whole box"
)
_IS_ADMIN = (
    "is an administrator of the box, and only a declaration without miab_scope can manage administrators. Leave it out"
)
_IS_NEEDED = (
    "receives the mail of the box itself, and only a declaration without miab_scope can manage it. Leave it out"
)
_DELEGATES = "an NS record here would delegate %s, which another declaration of this box manages"


def setting_refusal(name: str, scope: Scope) -> str:
    """Why a scope can't have a setting; empty if it can."""
    return _OF_WHOLE_BOX if scope.limited and name in SETTINGS else ""


def refusal(section: str, wanted: Any, scope: Scope) -> str:
    """Why an entry can't be in a declaration with this scope, as far as this is certain without the box.

    :return: the reason, which starts with the name of an option; empty if there is none.
    """
    if scope.is_unrestricted:
        return ""
    if section == "users":
        why = _outside("email", wanted.email, scope)
        return why or (_ADMIN if scope.limited and _users.ADMIN in (wanted.privileges or ()) else "")
    if section == "aliases":
        strangers = (_outside("permitted_senders", sender, scope) for sender in wanted.permitted_senders or ())
        return _outside("address", wanted.address, scope) or next(filter(None, strangers), "")
    if section == "dns_records":
        return _record_refusal(wanted.name, wanted.rtype, scope)
    return ""


def _outside(option: str, name: str, scope: Scope) -> str:
    why = scope.refusal(name)
    return "%s: %s %s" % (option, names.display(name), why) if why else ""


def _record_refusal(name: str, rtype: str, scope: Scope) -> str:
    hidden = scope.hidden_below(name) if rtype == "NS" else ""
    return _outside("name", name, scope) or ("name: " + _DELEGATES % names.display(hidden) if hidden else "")


@dataclass(frozen=True)
class Reach:
    """A scope on one box.

    :ivar administrators: the addresses of the administrators. A limited declaration doesn't manage them.
    :ivar needed: the aliases that receive the box's own mail. A limited declaration doesn't manage them.
    """

    scope: Scope = WHOLE
    administrators: FrozenSet[str] = frozenset()
    needed: FrozenSet[str] = frozenset()

    def manages(self, section: str, key: Any) -> bool:
        """Whether the declaration manages an object.

        :param key: an address, or a name and type.
        """
        if self.scope.is_unrestricted:
            return True
        if section == "dns_records":
            return not _record_refusal(key[0], key[1], self.scope)
        return self.scope.contains(key) and not self._is_of_box(section, key)

    def of(self, section: str, keys: Iterable[Any]) -> List[Any]:
        """The objects that the declaration manages."""
        return [key for key in keys if self.manages(section, key)]

    def refusal(self, section: str, wanted: Any) -> str:
        """Why an entry can't be in the declaration; empty if it can."""
        if self.scope.is_unrestricted or section not in ("users", "aliases", "dns_records"):
            return ""
        why = refusal(section, wanted, self.scope)
        if why or section == "dns_records":
            return why
        option, key = ("email", wanted.email) if section == "users" else ("address", wanted.address)
        why = self._is_of_box(section, key)
        return "%s: %s %s" % (option, names.display(key), why) if why else ""

    def _is_of_box(self, section: str, key: str) -> str:
        if key in self.administrators:
            return _IS_ADMIN
        return _IS_NEEDED if section == "aliases" and key in self.needed else ""

    def zones(self, zones: Iterable[str]) -> Tuple[str, ...]:
        """The zones that can have names that the declaration manages."""
        return tuple(zone for zone in zones if self.scope.is_unrestricted or self.scope.needs_zone(zone))


def on(scope: Scope, known: Known) -> Reach:
    """A scope on the box of which something is known."""
    if scope.is_unrestricted:
        return Reach()
    users: Users = known.get(USERS.name, {})
    aliases: Aliases = known.get(ALIASES.name, {})
    scope = scope.with_box(_host_names(aliases, names.host_of(known.get("url", ""))))
    if not scope.limited:
        return Reach(scope)
    administrators = {email for email, user in users.items() if user.active and _users.ADMIN in user.privileges}
    needed = _aliases.needed_by_the_box(aliases) if publishing.host_name(aliases) else set()
    return Reach(scope, frozenset(administrators), frozenset(needed))


def _host_names(aliases: Aliases, address: str) -> List[str]:
    """The host name of the box, and the name in its address.

    A box that was renamed still has automatic aliases that lead to its old name.
    """
    own = "administrator@" + address
    if any(alias.automatic and own in alias.receivers for alias in aliases.values()):
        return [address]
    return [publishing.host_name(aliases), address]


def mistakes(scope: Scope, reach: Reach) -> List[Mistake]:
    """The mistakes in a scope that only the box shows.

    :param scope: as declared.
    """
    return of_box(scope, reach.scope.box - scope.box)


class Effect(NamedTuple):
    """A forbidden effect on what others manage.

    :ivar domain: the domain that gets its first address, or loses its last one.
    """

    domain: str
    why: str


def effects(reach: Reach, before: Known, after: Known) -> List[Effect]:
    """The effects of a change of users and aliases on the zones of others."""
    if reach.scope.is_unrestricted or USERS.name not in before or ALIASES.name not in before:
        return []
    if publishing.domains(before) == publishing.domains(after):
        return []
    records: Records = {}
    now = publishing.content({**before, DNS_RECORDS.name: records, DNS_ZONES.name: before.get(DNS_ZONES.name, ())})
    later = publishing.content({**after, DNS_RECORDS.name: records}, now)
    old, new = now.zones, later.zones
    found = []
    for zone in sorted({*old} ^ {*new}):
        if reach.scope.contains(zone):
            continue
        moved = [domain for domain in sorted(now.mail ^ later.mail) if names.zone_of(zone, (domain,))]
        domain = moved[-1] if moved else zone
        words = _SWALLOWED if zone in old else _SPLIT
        found.append(Effect(domain, words % tuple(map(names.display, (domain, zone)))))
    return found


_SWALLOWED = (
    "with its first address, %s becomes a zone, and the zone %s, which is outside the scope of this declaration, becomes a"
    " part of it. Ask the owner of the box to make this change in the control panel"
)
_SPLIT = (
    "with its last address, %s stops being a zone, and %s, which is outside the scope of this declaration, becomes a zone of"
    " its own. Keep an address in the domain, or ask the owner of the box to make this change in the control panel"
)
LEFT_BEHIND = (
    "the domain loses its zone with its last address, and records outside the scope of this declaration would be left behind"
    " without a zone. Keep an address in the domain"
)
BREAKS = "this would break the zone, because of a CNAME outside the scope of this declaration. Ask the owner of the box to remove it"


def split(reach: Reach, keys: Sequence[Tuple[str, str]]) -> Tuple[List[Tuple[str, str]], List[Tuple[str, str]]]:
    """Records that the declaration manages, and records of others."""
    own = reach.of("dns_records", keys)
    return own, [key for key in keys if key not in own]


def without_others(reach: Reach, view: Mapping[str, Any]) -> Mapping[str, Any]:
    """An alias as a declaration with this scope can declare it: without permitted senders that are outside."""
    senders = view.get("permitted_senders") or ()
    if all(reach.scope.contains(_address(sender)) for sender in senders):
        return view
    return {key: value for key, value in view.items() if key != "permitted_senders"}


def _address(text: str) -> str:
    try:
        return names.address(text, catch_all=True)
    except ValueError:
        return text
