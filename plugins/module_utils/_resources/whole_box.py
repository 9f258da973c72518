# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole box as one declaration: the planners of the single modules, one after the other.

There are no rules about mail here, only about a declaration: the order, what a planner may take as
given because an earlier one sees to it, and what goes because nobody declares it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable, Container, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model import forks, publishing
from .._model.plan import Change, Known, Note, Plan, Planner, Question, Read
from .._model.reads import ALIASES, DNS_RECORDS, DNS_ZONES, USERS, VERSION, Records, Users
from .._values import names as _names
from .._values.errors import BoxError, Guarded, InvalidDeclaration, Mistake
from . import aliases, backup, dns, keep, nameservers, notes, system, users

# By default so many objects may be purged, or this part of all that could be, whichever is more.
_PURGE_OBJECTS = 5
_PURGE_PERCENT = 20

# So many objects that would be removed are named in a message; its details name all.
_SHOWN = 20
_UNDECLARED = "%d objects that are not declared"
_ABSENT = "%d objects with state=absent"
_KEEP = " To keep some, declare them, or list them in keep (in playbooks miab_keep)."

# A longer name can't be right, and would only fill the screen.
_LABEL_SIGNS = 320


class Item(NamedTuple):
    """One entry of a declaration: where it stands, and what it asks for."""

    where: str
    wanted: Any


@dataclass(frozen=True)
class WantedConfig:
    """What a task declares of a box.

    :ivar sections: items by section; a section that isn't declared has none.
    :ivar mistakes: entries that ask for what no box takes.
    :ivar purge: sections of which only what is declared may stay.
    :ivar keep: patterns of addresses and names that are never purged.
    :ivar purge_limit: how many objects may be purged, of the sections that have no limit of their own.
    :ivar purge_limits: how many objects may be purged of one section.
    :ivar remove_limit: how many objects may be removed that are declared as absent.
    :ivar show_undeclared: whether to name all objects of the box that nobody declares.
    :ivar tell_version: whether the plan has the version of the box.
    """

    sections: Mapping[str, Tuple[Item, ...]]
    mistakes: Tuple[Mistake, ...]
    purge: Tuple[str, ...] = ()
    keep: Tuple[str, ...] = ()
    purge_limit: Optional[int] = None
    purge_limits: Mapping[str, int] = field(default_factory=dict)
    remove_limit: Optional[int] = None
    show_undeclared: bool = False
    tell_version: bool = False


class _Section(NamedTuple):
    """One section of a declaration.

    :ivar planner: plans its entries.
    :ivar label: the words that name an entry in messages.
    :ivar key: what no two entries may have in common.
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
    """The options of ``miab_config`` in canonical form; its mistakes are told along with those that only a box shows."""
    # Most likely its variable was lost on the way here, and everything there would go.
    mistakes = [
        Mistake("purge", "%s: not declared; to remove all objects of this section, declare %s: []" % (name, name))
        for name in options["purge"]
        if options[name] is None
    ]
    # A pattern that can match nothing keeps nothing, and what it was to keep would go.
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
        sections[name] = tuple(items)
    mistakes += _check_domains(options["domains"], sections)
    return WantedConfig(
        sections,
        tuple(mistakes),
        tuple(options["purge"]),
        tuple(dict.fromkeys(map(keep.canonical, options["keep"]))),
        options["purge_limit"],
        {name: limit for name, limit in (options["purge_limits"] or {}).items() if limit is not None},
        options["remove_limit"],
        options["show_undeclared"],
        bool(options.get("tell_version")),
    )


def _check_domains(declared: Optional[Sequence[str]], sections: Mapping[str, Sequence[Item]]) -> list[Mistake]:
    """The mistakes of the list of domains that the box may serve, and of entries that would bring another."""
    if declared is None:
        return []
    mistakes, domains = [], []
    for text in dict.fromkeys(declared):
        try:
            domains.append(_names.domain(text))
        except ValueError as error:
            mistakes.append(Mistake("domains", "%.200r: %s" % (text, error)))
    entries = [
        (item.where, notes.domain_of(_SECTIONS[name].key(item.wanted)))
        for name in ("users", "aliases")
        for item in sections[name]
        if item.wanted.present
    ]
    return mistakes + notes.outside(entries, domains)


def validate(wanted: WantedConfig) -> None:
    """Find the mistakes that can be known without the box.

    :raises InvalidDeclaration: with all of them.
    """
    mistakes = [*wanted.mistakes, *_contradictions(wanted)]
    if mistakes:
        raise InvalidDeclaration(mistakes)


def _contradictions(wanted: WantedConfig) -> Iterator[Mistake]:
    """The CNAMEs that would stand beside something else that is declared, on any box."""
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
    """The entries of a section, each with the words that name it."""
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
    """A text for one line of a message, whatever is in it."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= _LABEL_SIGNS else shown[:_LABEL_SIGNS] + "..."


def needs(wanted: WantedConfig, known: Known) -> Sequence[Question]:
    """What has to be read, beyond what is known, before :func:`plan` can tell."""
    # Zones come and go with users and aliases, and these name each other: who plans one reads both.
    mail = any(wanted.sections[name] or name in wanted.purge for name in ("users", "aliases"))
    lists: list[Read] = [USERS, ALIASES] if mail or wanted.show_undeclared else []
    moves = mail and all(read.name in known for read in lists) and _moves_domains(wanted, known)
    if wanted.show_undeclared and not (moves or wanted.sections["dns_records"] or "dns_records" in wanted.purge):
        lists.append(replace(DNS_RECORDS, optional=True))
    elif moves or wanted.sections["dns_records"] or "dns_records" in wanted.purge:
        # What brings a domain its mail back may be what a box needs to list its records again.
        lists.append(replace(DNS_RECORDS, optional=mail))
    records = known.get(DNS_RECORDS.name)
    if "dns_records" in wanted.purge and not isinstance(records, BoxError):
        lists.append(DNS_ZONES)
        if records and any(rtype == "CNAME" for _name, rtype in records):
            lists += [USERS, ALIASES]
    if moves and records and not isinstance(records, BoxError):
        lists.append(DNS_ZONES)
    if wanted.tell_version:
        lists.append(replace(VERSION, optional=True, once=True))
    questions: dict[str, Question] = {read.name: read for read in lists if read.name not in known}
    for name, section in _SECTIONS.items():
        if name == "dns_records" and not isinstance(records, dict):
            continue
        for item in wanted.sections[name]:
            for question in section.planner.needs(item.wanted, known):
                questions[question.name] = question
    return list(questions.values())


def _moves_domains(wanted: WantedConfig, known: Known) -> bool:
    """Whether a domain may get its first address or user, or lose its last."""
    before = publishing.domains(known)
    there = {
        "users": {email for email, user in known[USERS.name].items() if user.active},
        "aliases": {address for address, alias in known[ALIASES.name].items() if not alias.automatic},
    }
    staying: set[str] = set()
    for name, addresses in there.items():
        entries = [item.wanted for item in wanted.sections[name]]
        coming = {_SECTIONS[name].key(entry) for entry in entries if entry.present}
        if {*map(notes.domain_of, coming)} - (before.users if name == "users" else before.mail):
            return True
        going = {_SECTIONS[name].key(entry) for entry in entries if not entry.present}
        staying |= coming | ((addresses - going) if name not in wanted.purge else set())
    return {*map(notes.domain_of, staying)} != before.mail


def plan(wanted: WantedConfig, known: Known) -> Plan:
    """Everything that leads from what was read to what is declared, in an order that works.

    :raises InvalidDeclaration: with all mistakes at once, each with the words that name its entry.
    :raises Guarded: if more would be purged, or removed, than a limit allows.
    """
    version = known.get(VERSION.name)
    return replace(_plan(wanted, known), version=version if isinstance(version, str) else None)


def _plan(wanted: WantedConfig, known: Known) -> Plan:
    planning = _Planning(wanted, known)
    planning.plan_users()
    planning.plan_aliases()
    planning.check_new_mailboxes()
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
    """The changes so far, and what is known of the box as it will be after them."""

    def __init__(self, wanted: WantedConfig, known: Known) -> None:
        self.mistakes = list(wanted.mistakes)
        self._wanted = wanted
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
        current = self._known[USERS.name] = dict(self._known[USERS.name])
        there = [email for email, user in current.items() if user.active]
        protected = {item.wanted.email for item in items} | {self._known["caller"]}

        current_aliases = self._known[ALIASES.name] = dict(self._known[ALIASES.name])

        def apply_change(change: Change) -> None:
            users.apply_change(current, change)
            if change.action == "create":
                aliases.apply_automatic(current_aliases, current, change.key)

        # Who comes is first: there may be an administrator among them, without whom another could not go.
        self._add(
            "users",
            sorted(items, key=lambda item: (not item.wanted.present, item.wanted.email in current)),
            apply_change,
        )
        self._purge("users", there, protected, lambda email: users.WantedUser(email, present=False), apply_change)
        self._check_administrators(items, current)

    def _check_administrators(self, items: Iterable[Item], current: Users) -> None:
        """Refuse to leave no administrator by entries that could each go alone, and of which not all are forced."""
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
        current = self._known[ALIASES.name] = dict(self._known[ALIASES.name])
        there = [address for address, alias in current.items() if not alias.automatic]
        protected = {item.wanted.address for item in items} | aliases.needed_by_the_box(current)

        def apply_change(change: Change) -> None:
            aliases.apply_change(current, self._known[USERS.name], change)

        # A box removes some of them as long as their domain has no other.
        self._add("aliases", sorted(items, key=lambda item: aliases.is_kept(item.wanted.address)), apply_change)
        self._purge(
            "aliases", there, protected, lambda address: aliases.WantedAlias(address, present=False), apply_change
        )

    def check_new_mailboxes(self) -> None:
        """Refuse new users whose mail an alias takes, after all that is declared, if neither entry is forced."""
        forced = {item.wanted.address for item in self._wanted.sections["aliases"] if item.wanted.force}
        coming = {change.key for change in self._added["users"] if change.action == "create"} - forced
        for item in self._wanted.sections["users"]:
            if item.wanted.email in coming:
                try:
                    users.guard_mail(item.wanted, self._known[ALIASES.name])
                except Guarded as refusal:
                    self.mistakes.append(Mistake(item.where, refusal.message))

    def plan_records(self) -> None:
        items = self._wanted.sections["dns_records"]
        if not self._concerns("dns_records"):
            return
        current = self._known[DNS_RECORDS.name] = dict(self._known[DNS_RECORDS.name])
        there = list(current)
        protected = {(item.wanted.name, item.wanted.rtype) for item in items}
        if DNS_ZONES.name in self._known:
            zones = self._known[DNS_ZONES.name]
            to_come = self._zones_to_come()
            # What goes can go while its zone is there, and what loses its zone is found in the end, with all the rest.
            self._known[DNS_ZONES.name] = tuple(dict.fromkeys((*zones, *to_come)))
            stuck = {key for key in current if _names.zone_of(key[0], self._known[DNS_ZONES.name]) is None}
            if "dns_records" in self._wanted.purge:
                self._warn_of(sorted(stuck - protected), current)
                protected |= stuck

        def apply_change(change: Change) -> None:
            dns.apply_change(current, change)

        # What goes is gone before what comes is looked at: a CNAME may give way to an address.
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
        """Say of records that nobody declares, and that can't be removed, why they stay."""
        by_key = {(view["name"], view["type"]): view for view in dns.views(current)}
        for key in stuck:
            view, label = by_key[key], " ".join(key)
            warning = "purge: %s was not removed, because it is not in any zone of the box. %s." % (
                label,
                publishing.ORPHAN_REMEDY,
            )
            self._added["dns_records"].append(Change("dns_record", label, view, view, warnings=(warning,)))

    def check_zones(self) -> None:
        """Refuse what takes a zone down, or leaves records without one, once everything is as it is declared."""
        if not publishing.content_is_known(self._read):
            return
        before = publishing.content(self._read)
        after = publishing.content(self._known, before)
        harm = publishing.harm(before, after)
        for name, why in harm.collided.items():
            why = "name: " + publishing.collision_message({name: why})
            self.mistakes.append(Mistake(self._who_collides(name, before), why))
        left: dict[str, list[tuple[str, str]]] = {}
        for key in harm.orphaned:
            where = self._who_orphans(key)
            if where:
                left.setdefault(where, []).append(key)
        self.mistakes += [Mistake(where, publishing.orphan_message(keys)) for where, keys in left.items()]

    def _who_collides(self, name: str, before: publishing.Content) -> str:
        """The entry that puts something beside a CNAME, or the CNAME beside something."""
        records = self._wanted.sections["dns_records"]
        for names in ((name,), (name.partition("_dmarc.")[2],)):
            for item in records:
                if item.wanted.name in names and self._changes(item):
                    return item.where
        for section, old in (("users", before.users), ("aliases", before.mail)):
            for item in self._wanted.sections[section]:
                domain = notes.domain_of(_SECTIONS[section].key(item.wanted))
                if item.wanted.present and domain not in old and _names.zone_of(name, (domain,)):
                    return item.where
        return next((item.where for item in records if item.wanted.name == name), "dns_records")

    def _changes(self, item: Item) -> bool:
        """Whether an entry of the records has something to change."""
        changes = (*self._added["dns_records"], *self._removed["dns_records"])
        return any(change.key == item.wanted.key and change.calls for change in changes)

    def _who_orphans(self, key: tuple[str, str]) -> str:
        """The entry that takes the zone of a record away; empty if that is forced."""
        for item in self._wanted.sections["dns_records"]:
            if item.wanted.present and (item.wanted.name, item.wanted.rtype) == key:
                return item.where
        going = [
            item
            for section in ("users", "aliases")
            for item in self._wanted.sections[section]
            if not item.wanted.present
            and _names.zone_of(key[0], (notes.domain_of(_SECTIONS[section].key(item.wanted)),))
        ]
        if any(item.wanted.force for item in going):
            return ""
        return going[0].where if going else "purge"

    def needs_records(self) -> bool:
        """Whether nothing more can be planned without the custom records."""
        goes = publishing.domains(self._read).mail - publishing.domains(self._known).mail
        return self._concerns("dns_records") or bool(goes)

    def _bringing_domains(self) -> list[Change]:
        """The changes that bring a domain its first address."""
        old = publishing.domains(self._read).mail
        return [
            change
            for name in ("users", "aliases")
            for change in self._added[name]
            if change.action == "create" and notes.domain_of(change.key) not in old
        ]

    def warn_of_unlisted(self) -> None:
        """Warn that a domain comes whose zone can't be judged, because the box can't list its records."""
        for change in self._bringing_domains()[:1]:
            changes = self._added["users" if change.resource == "user" else "aliases"]
            changes[changes.index(change)] = publishing.warn_if_unlisted(change, self._read)

    def until_records_are_listed(self) -> Plan:
        """Only what brings addresses, if the box can't list its records: it may list them again once these are there.

        :raises BoxError: the box's own, if nothing comes.
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
        """Find patterns of what is to stay that match nothing although something goes.

        Many boxes may share a pattern, so that one without a match is no mistake in itself. It is one if it matches
        something that goes once a typing error is corrected.
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
        """Whether a pattern matches nothing, as far as is known of the box."""
        known = {
            _SECTIONS[name].key(item.wanted) for name in ("users", "aliases") for item in self._wanted.sections[name]
        }
        known |= {item.wanted.name for item in self._wanted.sections["dns_records"]}
        for read in (USERS, ALIASES):
            known |= set(self._read.get(read.name, ()))
        records = self._read.get(DNS_RECORDS.name)
        is_listed = isinstance(records, dict)
        known |= {name for name, _rtype in records or ()} if is_listed else set()
        # What was not read may be what it matches.
        is_all_read = (is_listed or "@" in pattern) and (USERS.name in self._read or not set("@*?[") & set(pattern))
        return keep.is_pattern(pattern) and is_all_read and not any(keep.matches(pattern, name) for name in known)

    def plan_settings(self) -> None:
        for name in ("secondary_nameservers", "backup", "privacy"):
            self._add(name, self._wanted.sections[name])

    def check_limits(self) -> None:
        """Refuse to remove more than anybody would expect; most likely the declaration was cut short.

        :raises Guarded: with what would be removed.
        """
        limits = self._wanted.purge_limits
        for name, changes in self._purged.items():
            if name in limits:
                self._check_limit(
                    changes, limits[name], "purge_limits.%s" % name, "miab_purge_limits.%s" % name, _UNDECLARED, _KEEP
                )
        others = [name for name in self._purged if name not in limits]
        limit = self._wanted.purge_limit
        if limit is None:
            limit = max(_PURGE_OBJECTS, sum(self._purgeable[name] for name in others) * _PURGE_PERCENT // 100)
        changes = [change for name in others for change in self._purged[name]]
        self._check_limit(changes, limit, "purge_limit", "miab_purge_limit", _UNDECLARED, _KEEP)
        if self._wanted.remove_limit is not None:
            purged = {id(change) for changes in self._purged.values() for change in changes}
            absent = [
                change
                for changes in self._removed.values()
                for change in changes
                if change.calls and id(change) not in purged
            ]
            self._check_limit(absent, self._wanted.remove_limit, "remove_limit", "miab_remove_limit", _ABSENT, "")

    def _check_limit(
        self, changes: Sequence[Change], limit: int, option: str, variable: str, which: str, instead: str
    ) -> None:
        names = ["%s %s" % (change.resource, change.key) for change in changes]
        if len(names) <= limit:
            return
        shown = ", ".join(names[:_SHOWN]) + (" and %d more" % (len(names) - _SHOWN) if len(names) > _SHOWN else "")
        raise Guarded(
            "%s: %s would be removed, and the limit is %d. Nothing was changed. To be removed: %s. If that is right, set"
            " %s (in playbooks %s) to %d.%s"
            % (option, which % len(names), limit, shown, option, variable, len(names), instead),
            option=option,
            value=limit,
            would_go=names,
        )

    def in_order(self) -> tuple[Change, ...]:
        """What comes is there before what needs it, and what goes is gone before what it needs."""
        added, removed = self._added, self._removed
        coming = {change.after["name"] for change in added["dns_records"] if change.calls}
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
            # Which aliases still name a user is to be told as it is in the end.
            *(
                replace(
                    change,
                    warnings=users.dangling_alias_warnings(change.key, self._known[ALIASES.name])
                    if change.calls
                    else (),
                )
                # The own account may end what the run is signed in with, however it changes.
                for change in sorted(removed["users"], key=lambda change: change.key == self._known["caller"])
            ),
            *(change for change in added["users"] if change.key == self._known["caller"]),
        )
        first, *others = map(self._in_turn, in_order) if in_order else [None]
        if first is None:
            return ()
        return (replace(first, warnings=(*first.warnings, *self._warnings)), *others)

    def _in_turn(self, change: Change) -> Change:
        """A change that can't mend anything before other changes bring its zone is made after them."""
        if not any(call.repairs for call in change.calls):
            return change
        if _names.zone_of(change.after["name"], self._read[DNS_ZONES.name]) is not None:
            return change
        return replace(change, calls=tuple(replace(call, repairs=False) for call in change.calls))

    def _concerns(self, name: str) -> bool:
        return bool(self._wanted.sections[name]) or name in self._wanted.purge

    def _add(
        self, name: str, items: Iterable[Item], apply_change: Callable[[Change], None] = lambda _change: None
    ) -> list[Change]:
        """Plan entries of a section, each on top of those before, and return the changes."""
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
        """Plan the removal of what nobody declares.

        :param there: what the box has now; what is added makes no room for more to go.
        :param protected: what is declared, or needed.
        """
        if name not in self._wanted.purge:
            return
        self._purgeable[name] = len(there)
        items = [
            Item("purge of %s %s" % (name, _called(key)), gone(key))
            for key in there
            if key not in protected and not self._is_kept(key)
        ]
        self._purged[name] = self._add(name, items, apply_change)

    def _is_kept(self, key: Any) -> bool:
        """Whether a pattern of ``keep`` names an object."""
        called = _called(key).partition(" ")[0]
        return any(keep.matches(pattern, called) for pattern in self._wanted.keep)

    def notes(self) -> tuple[Note, ...]:
        """What a person should know beside the changes."""
        declared = [item.wanted for item in self._wanted.sections["aliases"] if item.wanted.present]
        return (
            *notes.about_domains(self._read, self._known),
            *notes.about_aliases(declared, self._known),
            *notes.about_undeclared(self._undeclared(), self._wanted.show_undeclared),
        )

    def _undeclared(self) -> dict[str, list[str]]:
        """What the box has and nobody declares, by section; of the sections that are declared, or of all if asked."""
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
            if name in self._wanted.purge or not (self._wanted.sections[name] or self._wanted.show_undeclared):
                continue
            declared = {_SECTIONS[name].key(item.wanted) for item in self._wanted.sections[name]} | needed.get(
                name, set()
            )
            found[name] = sorted(_called(key) for key in keys if key not in declared and not self._is_kept(key))
        return found

    def _zones_to_come(self) -> tuple[str, ...]:
        """The zones once users and aliases are what is declared: a box has one for each domain with mail."""
        if not publishing.content_is_known(self._read):
            zones: tuple[str, ...] = self._read[DNS_ZONES.name]
            return zones
        return publishing.content(self._known, publishing.content(self._read)).zones


def _called(key: Any) -> str:
    """What an object is called: an address, or a name and a type."""
    return key if isinstance(key, str) else " ".join(key)


PLANNER = Planner(check, needs, plan)
