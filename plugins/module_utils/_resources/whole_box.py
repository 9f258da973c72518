# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a whole box from one declaration, with the planners of the single modules.

This file has only the rules for declarations: the order of changes, how the effects of earlier changes reach later
planners, and what is purged because it is not declared. The rules for mail are in the planners.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Container, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model import forks, publishing
from .._model.plan import Change, Known, Note, Plan, Planner, Question, Read
from .._model.reads import ALIASES, DNS_RECORDS, DNS_ZONES, USERS, VERSION, Records, Users
from .._model.scope import WHOLE, Scope, from_options
from .._values import names
from .._values.errors import BoxError, Guarded, InvalidDeclaration, Mistake
from . import aliases, backup, dns, keep, leavers, nameservers, notes, reach, system, users, zone_effects
from .limits import Limits

# A longer name can't be valid, and would only fill the screen.
_LABEL_SIGNS = 320


class Item(NamedTuple):
    """One entry of a declaration: its name in messages, and its declared state.

    :ivar declared: False for an alias that changes because an entry removes a user from aliases.
    """

    where: str
    wanted: Any
    declared: bool = True


@dataclass(frozen=True)
class WantedConfig:
    """The declared state of a box.

    :ivar sections: items by section; empty for a section that isn't declared.
    :ivar mistakes: entries with values that no box accepts.
    :ivar purge: sections whose undeclared objects are removed.
    :ivar keep: patterns of addresses and names that are never purged.
    :ivar limits: how many objects may be removed.
    :ivar show_undeclared: whether to name all undeclared objects.
    :ivar return_version: whether the plan includes the version of the box.
    :ivar scope: the part of the box that the declaration manages. No item is outside.
    """

    sections: Mapping[str, Tuple[Item, ...]]
    mistakes: Tuple[Mistake, ...]
    purge: Tuple[str, ...] = ()
    keep: Tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    show_undeclared: bool = False
    return_version: bool = False
    scope: Scope = WHOLE


class _Section(NamedTuple):
    """One section of a declaration.

    :ivar planner: plans its entries.
    :ivar label: returns the name of an entry in messages.
    :ivar key: returns the key of an entry, which must be unique in the section.
    """

    planner: Planner[Any, Change]
    label: Callable[[Mapping[str, Any]], str] = lambda _options: ""
    key: Callable[[Any], Any] = lambda _wanted: 0


def _check_record(options: Mapping[str, Any]) -> dns.WantedRecord:
    """A declaration lists all values of a name and type."""
    return dns.check({**options, "exclusive": True})


def _check_privacy(options: Mapping[str, Any]) -> system.WantedSystem:
    return system.WantedSystem(private=options["privacy"])


_SECTIONS = {
    "users": _Section(users.PLANNER, lambda options: str(options["email"]), lambda wanted: wanted.email),
    "aliases": _Section(aliases.PLANNER, lambda options: str(options["address"]), lambda wanted: wanted.address),
    "dns_records": _Section(
        replace(dns.PLANNER, check=_check_record),
        lambda options: "%s %s" % (options["name"], options["type"]),
        lambda wanted: wanted.key,
    ),
    "secondary_nameservers": _Section(nameservers.PLANNER),
    "backup": _Section(backup.PLANNER),
    "privacy": _Section(replace(system.PLANNER, check=_check_privacy)),
}


def check(options: Mapping[str, Any]) -> WantedConfig:
    """The options of ``miab_config`` in canonical form. Its mistakes are reported later, together with those of the plan."""
    scope, mistakes = from_options(options)
    # Most likely the variable of the section is missing by mistake, and everything would be purged.
    mistakes += [
        Mistake("purge", "%s: not declared; to remove all objects of this section, declare %s: []" % (name, name))
        for name in options["purge"]
        if options[name] is None
    ]
    # A pattern that can't match anything protects nothing, so the objects that it was meant for would be purged.
    mistakes += [
        Mistake("keep", "%.200r is not a valid pattern for addresses or names" % pattern)
        for pattern in dict.fromkeys(options["keep"])
        if not keep.is_pattern(pattern)
    ]
    sections = {}
    for name, section in _SECTIONS.items():
        items: list[Item] = []
        seen: dict[Any, str] = {}
        for where, entry in _entries(name, options[name], section):
            if reach.setting_refusal(name, scope):
                mistakes.append(Mistake(where, reach.setting_refusal(name, scope)))
                continue
            try:
                wanted = section.planner.check(entry)
            except BoxError as error:
                mistakes.append(Mistake(where, error.message))
                continue
            key = section.key(wanted)
            if key in seen:
                mistakes.append(Mistake(where, "declared twice; also declared as %s" % seen[key]))
            seen[key] = where
            items.append(Item(where, wanted))
        sections[name], refused = _within(name, items, lambda section, wanted: reach.refusal(section, wanted, scope))
        # If the list of domains is empty, that alone is the mistake.
        mistakes += refused if scope.inside or not scope.limited else []
    mistakes += _check_domains(options["domains"], sections)
    return WantedConfig(
        sections,
        tuple(mistakes),
        tuple(options["purge"]),
        tuple(dict.fromkeys(map(keep.canonical, options["keep"]))),
        Limits(
            options["purge_limit"],
            {name: limit for name, limit in (options["purge_limits"] or {}).items() if limit is not None},
            options["remove_limit"],
        ),
        options["show_undeclared"],
        bool(options.get("return_version")),
        scope,
    )


def _within(
    section: str, items: Sequence[Item], refusal: Callable[[str, Any], str]
) -> tuple[tuple[Item, ...], list[Mistake]]:
    """The entries that a declaration can have, and the mistakes of the others.

    The others are not planned: their plan could tell what others have.
    """
    whys = [refusal(section, item.wanted) for item in items]
    return (
        tuple(item for item, why in zip(items, whys) if not why),
        [Mistake(item.where, why) for item, why in zip(items, whys) if why],
    )


def _check_domains(declared: Optional[Sequence[str]], sections: Mapping[str, Sequence[Item]]) -> list[Mistake]:
    """The mistakes in the list of allowed domains, and of entries with other domains."""
    if declared is None:
        return []
    mistakes, domains = [], []
    for text in dict.fromkeys(declared):
        try:
            domains.append(names.domain(text))
        except ValueError as error:
            mistakes.append(Mistake("domains", "%.200r: %s" % (text, error)))
    entries = [
        (item.where, notes.domain_of(_SECTIONS[name].key(item.wanted)))
        for name in ("users", "aliases")
        for item in sections[name]
        if item.wanted.present
    ]
    return mistakes + notes.outside(entries, domains)


_SECTION_OF = {"user": "users", "alias": "aliases", "dns_record": "dns_records"}


def concerns(wanted: WantedConfig, resource: str, key: str) -> bool:
    """Whether a declaration is about an object that it may not contain, because it declares others of its kind."""
    section = _SECTION_OF.get(resource)
    is_declared = section is not None and bool(wanted.sections[section] or section in wanted.purge)
    return is_declared and wanted.scope.contains(key.partition(" ")[0])


def validate(wanted: WantedConfig) -> None:
    """Check a declaration without a box.

    :raises InvalidDeclaration: with all mistakes that can be found without the state of a box.
    """
    mistakes = [*wanted.mistakes, *_contradictions(wanted)]
    if mistakes:
        raise InvalidDeclaration(mistakes)


def _contradictions(wanted: WantedConfig) -> Iterator[Mistake]:
    """The mistakes of CNAMEs that conflict with other declared entries on any box."""
    records = [item for item in wanted.sections["dns_records"] if item.wanted.present]
    zones = {
        notes.domain_of(_SECTIONS[name].key(item.wanted)): item.where
        for name in ("users", "aliases")
        for item in wanted.sections[name]
        if item.wanted.present
    }
    for item in records:
        if item.wanted.rtype != "CNAME":
            continue
        name = item.wanted.name
        others = [other.where for other in records if other is not item and other.wanted.name == name]
        if others:
            yield Mistake(
                item.where, "type: a name with a CNAME can't have other records, but %s has the same name" % others[0]
            )
        if name in zones:
            why = "type: %s has mail addresses (%s), so its name can't be a CNAME"
            yield Mistake(item.where, why % (name, zones[name]))


def _entries(name: str, declared: Any, section: _Section) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The entries of a section, each with its name in messages."""
    if declared is None:
        return []
    if name == "secondary_nameservers":
        return [(name, {"hostnames": declared})]
    if name == "privacy":
        return [(name, {"privacy": declared})]
    if name == "backup":
        return [(name, declared)]
    return [
        ("%s[%d] %s" % (name, number, _in_a_line(section.label(entry))), entry) for number, entry in enumerate(declared)
    ]


def _in_a_line(text: str) -> str:
    """A text as part of one line of a message, escaped and shortened if necessary."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= _LABEL_SIGNS else shown[:_LABEL_SIGNS] + "..."


def needs(wanted: WantedConfig, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    wanted = _without_leavers(wanted, known)
    # Users and aliases refer to each other, and zones depend on both. Planning either needs both lists.
    mail = any(wanted.sections[name] or name in wanted.purge for name in ("users", "aliases"))
    is_part = not wanted.scope.is_unrestricted and any(wanted.sections.values())
    lists: list[Read[Any]] = [USERS, ALIASES] if mail or wanted.show_undeclared or is_part else []
    moves = mail and all(read.name in known for read in lists) and _moves_domains(wanted, known)
    if wanted.show_undeclared and not (moves or wanted.sections["dns_records"] or "dns_records" in wanted.purge):
        lists.append(replace(DNS_RECORDS, optional=True))
    elif moves or wanted.sections["dns_records"] or "dns_records" in wanted.purge:
        # A box may be unable to list its records until a domain gets an address again, which this plan may add.
        lists.append(replace(DNS_RECORDS, optional=mail))
    records = known.get(DNS_RECORDS.name)
    if "dns_records" in wanted.purge and not isinstance(records, BoxError):
        lists.append(DNS_ZONES)
        if records and any(rtype == "CNAME" for _name, rtype in records):
            lists += [USERS, ALIASES]
    if moves and (records or not wanted.scope.is_unrestricted) and not isinstance(records, BoxError):
        lists.append(DNS_ZONES)
    if wanted.return_version:
        lists.append(replace(VERSION, optional=True, once=True))
    questions: dict[str, Question] = {read.name: read for read in lists if read.name not in known}
    if not wanted.scope.is_unrestricted and questions:
        # Passwords are tried only for users whom the declaration manages.
        return list(questions.values())
    within = reach.on(wanted.scope, known)
    for name, section in _SECTIONS.items():
        if name == "dns_records" and not isinstance(records, dict):
            continue
        for item in _within(name, wanted.sections[name], within.refusal)[0]:
            for question in section.planner.needs(item.wanted, known):
                questions[question.name] = question
    return list(questions.values())


def _without_leavers(wanted: WantedConfig, known: Known) -> WantedConfig:
    """The declaration, with changes of the aliases that name removed users, as far as entries ask for them."""
    asked = [
        (item.where, item.wanted)
        for item in wanted.sections["users"]
        if item.wanted.remove_from_aliases != users.REMOVE_NEVER
    ]
    if not asked or USERS.name not in known or ALIASES.name not in known:
        return wanted
    held = ALIASES.of(known)
    needed = aliases.needed_by_the_box(held)
    within = reach.on(wanted.scope, known)

    def may_change(alias: aliases.WantedAlias) -> bool:
        return not within.refusal("aliases", alias)

    def goes(address: str) -> bool:
        return "aliases" in wanted.purge and address not in needed and not _is_kept(wanted, address)

    found = leavers.clean(
        asked,
        [(item.where, item.wanted) for item in wanted.sections["aliases"]],
        {address: alias for address, alias in held.items() if not goes(address)},
        _members(wanted, known),
        may_change,
        needed,
    )
    items = (*(Item(*pair) for pair in found.declared), *(Item(*pair, declared=False) for pair in found.others))
    return replace(
        wanted,
        sections={**wanted.sections, "aliases": items},
        mistakes=(*wanted.mistakes, *found.mistakes),
    )


def _members(wanted: WantedConfig, known: Known) -> set[str]:
    """The users after the run."""
    declared = {item.wanted.email: item.wanted.present for item in wanted.sections["users"]}
    within = reach.on(wanted.scope, known)

    def stays(email: str) -> bool:
        if email in declared:
            return bool(declared[email])
        is_purged = "users" in wanted.purge and within.manages("users", email) and email != known["caller"]
        return not is_purged or _is_kept(wanted, email)

    there = {email for email, user in USERS.of(known).items() if user.active and stays(email)}
    return there | {email for email, present in declared.items() if present}


def _moves_domains(wanted: WantedConfig, known: Known) -> bool:
    """Whether a domain may get its first address or user, or lose its last one."""
    before = publishing.domains(known)
    within = reach.on(wanted.scope, known)
    there = {
        "users": {email for email, user in USERS.of(known).items() if user.active},
        "aliases": {address for address, alias in ALIASES.of(known).items() if not alias.automatic},
    }
    staying: set[str] = set()
    for name, addresses in there.items():
        entries = [item.wanted for item in wanted.sections[name]]
        coming = {_SECTIONS[name].key(entry) for entry in entries if entry.present}
        if {*map(notes.domain_of, coming)} - (before.users if name == "users" else before.mail):
            return True
        going = {_SECTIONS[name].key(entry) for entry in entries if not entry.present}
        purged = set(within.of(name, addresses)) if name in wanted.purge else set()
        staying |= coming | (addresses - going - purged)
    return {*map(notes.domain_of, staying)} != before.mail


def plan(wanted: WantedConfig, known: Known) -> Plan:
    """Plan all changes from the current state to the declared one, in an order that works.

    :raises InvalidDeclaration: with all mistakes, each with the name of its entry.
    :raises Guarded: if more objects would be purged or removed than a limit allows.
    """
    version = known.get(VERSION.name)
    return replace(_plan(wanted, known), version=version if isinstance(version, str) else None)


def _plan(wanted: WantedConfig, known: Known) -> Plan:
    planning = _Planning(_without_leavers(wanted, known), known)
    planning.plan_users()
    planning.plan_aliases()
    planning.check_new_mailboxes()
    planning.check_effects()
    if isinstance(known.get(DNS_RECORDS.name), BoxError):
        if planning.needs_records():
            return planning.until_records_are_listed()
        planning.warn_of_unlisted()
    planning.plan_records()
    planning.check_keep()
    planning.plan_settings()
    planning.check_zones()
    if planning.mistakes:
        raise InvalidDeclaration(planning.mistakes)
    planning.check_limits()
    return Plan(planning.in_order(), planning.notes())


class _Planning:
    """The changes planned so far, and the predicted state of the box after them."""

    def __init__(self, wanted: WantedConfig, known: Known) -> None:
        self._reach = reach.on(wanted.scope, known)
        self.mistakes = [*wanted.mistakes, *reach.mistakes(wanted.scope, self._reach)]
        sections = {}
        for name, items in wanted.sections.items():
            sections[name], refused = _within(name, items, self._reach.refusal)
            self.mistakes += refused
        self._wanted = replace(wanted, sections=sections)
        self._read = known
        self._known = dict(known)
        self._added: dict[str, list[Change]] = {name: [] for name in _SECTIONS}
        self._removed: dict[str, list[Change]] = {name: [] for name in _SECTIONS}
        self._purged: dict[str, list[Change]] = {}
        self._purgeable: dict[str, int] = {}
        self._warnings: list[str] = []

    def plan_users(self) -> None:
        items = self._wanted.sections["users"]
        if not self._concerns("users"):
            return
        current = self._known[USERS.name] = dict(USERS.of(self._known))
        there = self._reach.of("users", [email for email, user in current.items() if user.active])
        protected = {item.wanted.email for item in items} | {self._known["caller"]}

        current_aliases = self._known[ALIASES.name] = dict(ALIASES.of(self._known))

        def apply_change(change: Change) -> None:
            users.apply_change(current, change)
            if change.action == "create":
                aliases.apply_automatic(current_aliases, current, change.key)

        # New users first: one of them may be an administrator, without whom another could not be removed.
        self._add(
            "users",
            sorted(items, key=lambda item: (not item.wanted.present, item.wanted.email in current)),
            apply_change,
        )
        self._purge("users", there, protected, lambda email: users.WantedUser(email, present=False), apply_change)
        self._check_administrators(items, current)

    def _check_administrators(self, items: Iterable[Item], current: Users) -> None:
        """Refuse entries that together would remove the last administrator, unless all of them are forced."""
        if any(user.active and users.ADMIN in user.privileges for user in current.values()):
            return
        by_email = {item.wanted.email: item for item in items}
        for change in (*self._added["users"], *self._removed["users"]):
            item = by_email.get(change.key)
            if users.takes_admin(change) and item is not None and not item.wanted.force:
                why = "email: no administrator would be left. To do it anyway, set force: true."
                self.mistakes.append(Mistake(item.where, why))

    def plan_aliases(self) -> None:
        items = self._wanted.sections["aliases"]
        if not self._concerns("aliases"):
            return
        current = self._known[ALIASES.name] = dict(ALIASES.of(self._known))
        there = self._reach.of("aliases", [address for address, alias in current.items() if not alias.automatic])
        protected = {item.wanted.address for item in items} | aliases.needed_by_the_box(current)

        def apply_change(change: Change) -> None:
            aliases.apply_change(current, USERS.of(self._known), change)

        # A box removes some aliases while their domain has no other address, so they come last.
        self._add("aliases", sorted(items, key=lambda item: aliases.is_kept(item.wanted.address)), apply_change)
        self._purge(
            "aliases", there, protected, lambda address: aliases.WantedAlias(address, present=False), apply_change
        )

    def check_new_mailboxes(self) -> None:
        """Refuse new users whose mail a declared or existing alias forwards elsewhere, unless one of the entries is forced."""
        forced = {item.wanted.address for item in self._wanted.sections["aliases"] if item.wanted.force}
        coming = {change.key for change in self._added["users"] if change.action == "create"} - forced
        for item in self._wanted.sections["users"]:
            if item.wanted.email in coming:
                try:
                    users.guard_mail(item.wanted, ALIASES.of(self._known))
                except Guarded as refusal:
                    self.mistakes.append(Mistake(item.where, refusal.message))

    def plan_records(self) -> None:
        items = self._wanted.sections["dns_records"]
        if not self._concerns("dns_records"):
            return
        current = self._known[DNS_RECORDS.name] = dict(DNS_RECORDS.of(self._known))
        there = self._reach.of("dns_records", current)
        protected = {(item.wanted.name, item.wanted.rtype) for item in items}
        if DNS_ZONES.name in self._known:
            zones = DNS_ZONES.of(self._known)
            to_come = self._zones_to_come()
            # A record can be removed while its zone exists. Records that lose their zone are found by check_zones.
            self._known[DNS_ZONES.name] = self._reach.zones(tuple(dict.fromkeys((*zones, *to_come))))
            stuck = {key for key in there if names.zone_of(key[0], DNS_ZONES.of(self._known)) is None}
            if "dns_records" in self._wanted.purge:
                self._warn_of(sorted(stuck - protected), current)
                protected |= stuck

        def apply_change(change: Change) -> None:
            dns.apply_change(current, change)

        # Removals first: a new address record may take the place of a removed CNAME.
        self._add("dns_records", [item for item in items if not item.wanted.present], apply_change)
        self._purge(
            "dns_records",
            there,
            protected,
            lambda key: dns.WantedRecord(key[0], key[1], None, present=False),
            apply_change,
        )
        self._add("dns_records", [item for item in items if item.wanted.present], apply_change)

    def _warn_of(self, stuck: Sequence[tuple[str, str]], current: Records) -> None:
        """Warn about undeclared records that can't be removed."""
        by_key = {(view["name"], view["type"]): view for view in dns.views(current)}
        for key in stuck:
            view, label = by_key[key], " ".join(key)
            warning = "purge: %s was not removed, because it is not in any zone of the box. %s." % (
                label,
                publishing.ORPHAN_REMEDY,
            )
            self._added["dns_records"].append(Change("dns_record", label, view, view, warnings=(warning,)))

    def check_effects(self) -> None:
        """Refuse a declaration that would change the zones of others."""
        self.mistakes += self._zone_effects().effects_on_others()

    def check_zones(self) -> None:
        """Refuse a declaration that would break a zone, or leave records behind without a zone."""
        self.mistakes += self._zone_effects().harm()

    def _zone_effects(self) -> zone_effects.ZoneEffects:
        changed = {
            change.key for change in (*self._added["dns_records"], *self._removed["dns_records"]) if change.calls
        }
        purged = {section: [change.key for change in self._purged.get(section, ())] for section in ("users", "aliases")}
        return zone_effects.ZoneEffects(self._reach, self._read, self._known, self._wanted.sections, changed, purged)

    def needs_records(self) -> bool:
        """Whether the rest of the plan depends on the custom records."""
        goes = publishing.domains(self._read).mail - publishing.domains(self._known).mail
        return self._concerns("dns_records") or bool(goes)

    def _bringing_domains(self) -> list[Change]:
        """The changes that add the first address of a domain."""
        old = publishing.domains(self._read).mail
        return [
            change
            for name in ("users", "aliases")
            for change in self._added[name]
            if change.action == "create" and notes.domain_of(change.key) not in old
        ]

    def warn_of_unlisted(self) -> None:
        """Warn that the zone of a new domain can't be checked, because the box can't list its records."""
        for change in self._bringing_domains()[:1]:
            changes = self._added["users" if change.resource == "user" else "aliases"]
            changes[changes.index(change)] = publishing.warn_if_unlisted(change, self._read)

    def until_records_are_listed(self) -> Plan:
        """A plan of only the new addresses. After they are added, the box may be able to list its records again.

        :raises BoxError: the error of the box, if no addresses are added.
        """
        coming = self._bringing_domains()
        if self.mistakes:
            raise InvalidDeclaration(self.mistakes)
        if not coming:
            raise self._read[DNS_RECORDS.name]
        warning = (
            "The box can't list its custom DNS records now. It may list them again after the declared addresses are added."
            " Everything else is planned after that."
        )
        first = replace(coming[0], warnings=(*coming[0].warnings, warning), needs_replan=True)
        return Plan((first, *coming[1:]))

    def check_keep(self) -> None:
        """Check for patterns in ``keep`` that match nothing while something is purged.

        Several boxes may share a pattern, so a pattern without a match is only a warning. It is a mistake if it matches
        a purged object after one typo is corrected.
        """
        going = [change.key.partition(" ")[0] for changes in self._purged.values() for change in changes]
        if not going:
            return
        for pattern in self._wanted.keep:
            if not self._matches_nothing(pattern):
                continue
            meant = keep.misspelt(pattern, going)
            if meant is not None:
                why = (
                    "%r matches nothing, and %s would be purged. Correct the pattern, or declare %s with state: absent."
                )
                self.mistakes.append(Mistake("keep", why % (pattern, meant, meant)))
                continue
            self._warnings.append(
                "keep: %r matches nothing on the box or in the declaration, and %d objects are purged. Check its"
                " spelling." % (pattern, len(going))
            )

    def _matches_nothing(self, pattern: str) -> bool:
        """Whether a pattern certainly matches nothing on the box or in the declaration."""
        known = {
            _SECTIONS[name].key(item.wanted) for name in ("users", "aliases") for item in self._wanted.sections[name]
        }
        known |= {item.wanted.name for item in self._wanted.sections["dns_records"]}
        for read in (USERS, ALIASES):
            known |= set(filter(self._reach.scope.contains, self._read.get(read.name, ())))
        records = self._read.get(DNS_RECORDS.name)
        is_listed = isinstance(records, dict)
        known |= {name for name, _rtype in records or () if self._reach.scope.contains(name)} if is_listed else set()
        # The pattern may match an object that was not read.
        is_all_read = (is_listed or "@" in pattern) and (USERS.name in self._read or not set("@*?[") & set(pattern))
        return keep.is_pattern(pattern) and is_all_read and not any(keep.matches(pattern, name) for name in known)

    def plan_settings(self) -> None:
        for name in ("secondary_nameservers", "backup", "privacy"):
            self._add(name, self._wanted.sections[name])

    def check_limits(self) -> None:
        """Refuse to remove more objects than the limits allow.

        :raises Guarded: with the names of the objects.
        """
        removed = [change for changes in self._removed.values() for change in changes]
        self._wanted.limits.check(self._purged, self._purgeable, removed)

    def in_order(self) -> tuple[Change, ...]:
        """The changes in an order in which objects are added before others need them, and removed after."""
        added, removed = self._added, self._removed
        current = self._known.get(ALIASES.name, {}).items()
        visible = {address: alias for address, alias in current if self._reach.scope.contains(address)}
        coming = {change.after["name"] for change in added["dns_records"] if change.calls}
        naming = leavers.warnings(
            (change.key for change in removed["users"] if change.calls),
            {item.wanted.email: item.wanted for item in self._wanted.sections["users"] if not item.wanted.present},
            visible,
        )
        in_order = (
            *(change for change in added["users"] if change.key != self._known["caller"]),
            *added["aliases"],
            *(change for change in removed["dns_records"] if change.after["name"] in coming),
            *added["dns_records"],
            *added["secondary_nameservers"],
            *added["backup"],
            *added["privacy"],
            *(change for change in removed["dns_records"] if change.after["name"] not in coming),
            *removed["aliases"],
            # The warnings about aliases that still name a user depend on the final state.
            *(
                replace(change, warnings=(naming[change.key],) if change.key in naming else ())
                # Any change of our own account can end the session of this run, so it comes last.
                for change in sorted(removed["users"], key=lambda change: change.key == self._known["caller"])
            ),
            *(change for change in added["users"] if change.key == self._known["caller"]),
        )
        first, *others = map(self._in_turn, in_order) if in_order else [None]
        if first is None:
            return ()
        return (replace(first, warnings=(*first.warnings, *self._warnings)), *others)

    def _in_turn(self, change: Change) -> Change:
        """A change in its regular order, not as an early repair, if its zone does not exist yet."""
        if not any(call.repairs for call in change.calls):
            return change
        if names.zone_of(change.after["name"], DNS_ZONES.of(self._read)) is not None:
            return change
        return replace(change, calls=tuple(replace(call, repairs=False) for call in change.calls))

    def _concerns(self, name: str) -> bool:
        return bool(self._wanted.sections[name]) or name in self._wanted.purge

    def _add(
        self, name: str, items: Iterable[Item], apply_change: Callable[[Change], None] = lambda _change: None
    ) -> list[Change]:
        """Plan the entries of a section one after the other, and return the changes."""
        made = []
        for item in items:
            try:
                change = _SECTIONS[name].planner.plan(item.wanted, self._known)
                forks.refuse_losses(change, forks.of(self._known))
            except BoxError as error:
                self.mistakes.append(Mistake(item.where, error.message))
                continue
            goes = change.after.get("state") == "absent"
            (self._removed if goes else self._added)[name].append(change)
            apply_change(change)
            made.append(change)
        return made

    def _purge(
        self,
        name: str,
        there: Sequence[Any],
        protected: Container[Any],
        gone: Callable[[Any], Any],
        apply_change: Callable[[Change], None],
    ) -> None:
        """Plan the removal of undeclared objects.

        :param there: the objects on the box before the run, from which the limit is calculated.
        :param protected: objects that are declared or needed.
        """
        if name not in self._wanted.purge:
            return
        self._purgeable[name] = len(there)
        items = [
            Item("purge of %s %s" % (name, _called(key)), gone(key))
            for key in there
            if key not in protected and not _is_kept(self._wanted, key)
        ]
        self._purged[name] = self._add(name, items, apply_change)

    def notes(self) -> tuple[Note, ...]:
        """The notes on the plan."""
        declared = [item.wanted for item in self._declared("aliases") if item.wanted.present]
        addresses = [item.wanted.email for item in self._declared("users")] + [alias.address for alias in declared]
        return (
            *notes.about_domains(self._read, self._known, self._reach.scope),
            *notes.about_aliases(declared, self._known, self._reach.scope),
            *notes.about_mailboxes(addresses, self._known),
            *notes.about_undeclared(self._undeclared(), self._wanted.show_undeclared),
        )

    def _declared(self, name: str) -> list[Item]:
        """The entries of a section."""
        return [item for item in self._wanted.sections[name] if item.declared]

    def _undeclared(self) -> dict[str, list[str]]:
        """The undeclared objects by section: of the declared sections, or of all with ``show_undeclared``."""
        current_aliases = self._read.get(ALIASES.name, {})
        there: dict[str, list[Any]] = {
            "users": [email for email, user in self._read.get(USERS.name, {}).items() if user.active],
            "aliases": [address for address, alias in current_aliases.items() if not alias.automatic],
        }
        needed = {"aliases": aliases.needed_by_the_box(current_aliases)}
        records = self._read.get(DNS_RECORDS.name, {})
        if not isinstance(records, BoxError):
            there["dns_records"] = list(records)
        found = {}
        for name, keys in there.items():
            items = self._declared(name)
            if name in self._wanted.purge or not (items or self._wanted.show_undeclared):
                continue
            declared = {_SECTIONS[name].key(item.wanted) for item in items} | needed.get(name, set())
            keys = self._reach.of(name, keys)
            found[name] = sorted(
                _called(key) for key in keys if _called(key) not in declared and not _is_kept(self._wanted, key)
            )
        return found

    def _zones_to_come(self) -> tuple[str, ...]:
        """The zones after the changes of users and aliases. A box has a zone for each domain with mail."""
        if not publishing.content_is_known(self._read):
            zones: tuple[str, ...] = DNS_ZONES.of(self._read)
            return zones
        return publishing.content(self._known, publishing.content(self._read)).zones


def _is_kept(wanted: WantedConfig, key: Any) -> bool:
    """Whether a pattern in ``keep`` matches an object."""
    called = _called(key).partition(" ")[0]
    return any(keep.matches(pattern, called) for pattern in wanted.keep)


def _called(key: Any) -> str:
    """The name of an object: an address, or a name and a type."""
    return key if isinstance(key, str) else " ".join(key)


PLANNER = Planner(check, needs, plan)
