# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predict what a box publishes in DNS, and find custom records that prevent it.

A box stores values that it can't publish. After that, every change that concerns their zone fails. The name server
silently drops a zone that has a CNAME together with other records of the same name.

A box also publishes records of its own. They depend on its users, aliases and custom records, so a change of any of them
can add a record at the name of an existing CNAME. When a zone is removed, the box keeps its custom records, and they
can't be removed any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, FrozenSet, Iterable, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from .._values import record_values
from .._values.errors import BoxError, Guarded, InvalidOption
from .._values.names import zone_of
from . import forks
from .plan import Call, Change, Known, Question, Read
from .reads import ALIASES, DNS_DUMP, DNS_RECORDS, DNS_ZONES, USERS, Aliases, Published, Records, Users

ONE_CNAME = "a name can have only one CNAME"
"""Why a second CNAME is refused."""


class BadRecord(NamedTuple):
    """A stored custom record that breaks its zone.

    :ivar value: the value as the box stores it, which is needed to delete it.
    """

    name: str
    rtype: str
    value: str
    why: str

    def __str__(self) -> str:
        return "%s %s %.100r: %s" % self


def unpublishable(records: Records) -> Tuple[BadRecord, ...]:
    """The records whose values can't be part of a zone.

    :raises MissingLibrary: if dnspython is missing and there are records of a type that needs it.
    """
    found = []
    for (name, rtype), rows in sorted(records.items()):
        for record in rows:
            try:
                record_values.canonical(rtype, record.value)
            except ValueError as error:
                found.append(BadRecord(name, rtype, record.value, str(error)))
    return tuple(found)


@dataclass(frozen=True)
class Content:
    """The state that determines what a box publishes.

    :ivar hostname: the host name of the box; empty if it is unknown.
    :ivar mail: the domains with users or manual aliases.
    :ivar users: the domains with users.
    :ivar apexes: names of zones that may have no mail, such as the zone of the box itself.
    :ivar newer: whether the box treats generated names, such as autoconfig, as domains (v55 and newer).
    :ivar unpredicted: names and types that it also publishes, for reasons that this module does not know.
    :ivar box: the kind of box, because forks publish more.
    """

    hostname: str
    mail: FrozenSet[str]
    users: FrozenSet[str]
    apexes: FrozenSet[str]
    newer: bool
    records: Records
    unpredicted: FrozenSet[Tuple[str, str]] = frozenset()
    box: forks.Box = field(default_factory=forks.Box)

    @property
    def zones(self) -> Tuple[str, ...]:
        """The zones of the box: one for each domain that is not part of the zone of another domain."""
        zones: list[str] = []
        for domain in sorted(self.mail | self.apexes, key=lambda name: (len(name), name)):
            if zone_of(domain, tuple(zones)) is None:
                zones.append(domain)
        return tuple(zones)


class Collision(NamedTuple):
    """A CNAME, and the type of another record that has, or will have, the same name.

    :ivar when: when the box will add the other record; empty if it is there now.
    """

    name: str
    rtype: str
    when: str = ""


class Domains(NamedTuple):
    """The domains with users or manual aliases, and the domains with users."""

    mail: FrozenSet[str]
    users: FrozenSet[str]


def domains(known: Known) -> Domains:
    users: Users = USERS.of(known)
    aliases: Aliases = ALIASES.of(known)
    with_users = frozenset(_domain(email) for email, user in users.items() if user.active)
    hand_made = {_domain(address) for address, alias in aliases.items() if not alias.automatic}
    return Domains(with_users | hand_made, with_users)


def content(known: Known, now: Optional[Content] = None) -> Content:
    """The content of a box, from its users, aliases and custom records, and from its zones if they were read.

    :param now: the content of the same box before a change, from which unchanged parts are taken.
    """
    mail, users = domains(known)
    if now is not None:
        return replace(now, mail=mail, users=users, records=DNS_RECORDS.of(known))
    aliases: Aliases = ALIASES.of(known)
    hostname = host_name(aliases)
    apexes = {hostname} if hostname else set()
    # A zone without mail is the zone of the box, or a zone that contains the name of the box.
    apexes |= {zone for zone in known.get(DNS_ZONES.name, ()) if zone not in mail}
    found = Content(
        hostname,
        mail,
        users,
        frozenset(apexes),
        all(alias.apart for alias in aliases.values()),
        DNS_RECORDS.of(known),
        box=forks.of(known),
    )
    if DNS_DUMP.name in known:
        found = replace(found, unpredicted=_unpredicted(found, DNS_DUMP.of(known)))
    return found


def _domain(address: str) -> str:
    return address.partition("@")[2]


def host_name(aliases: Aliases) -> str:
    """The host name of a box, from the receiver of its automatic aliases; empty if there are none."""
    for alias in aliases.values():
        if alias.automatic:
            for receiver in alias.receivers:
                if receiver.startswith("administrator@"):
                    return _domain(receiver)
    return ""


def _unpredicted(found: Content, dump: Iterable[Published]) -> FrozenSet[Tuple[str, str]]:
    """The published names and types that this module can't predict, such as those of a fork."""
    ours = published(found)
    return frozenset(
        (name, row.rtype)
        for row in dump
        for name in [row.name.lower()]
        if (name, row.rtype) not in found.records and row.rtype not in ours.get(name, ()) and row.rtype != "CNAME"
    )


class _Draft:
    """Collects the names and types of records."""

    def __init__(self, found: Content) -> None:
        self.types: Dict[str, Set[str]] = {}
        self.custom: Dict[str, Set[str]] = {}
        for name, rtype in found.records:
            self.custom.setdefault(name, set()).add(rtype)

    def add(self, name: str, *rtypes: str) -> None:
        self.types.setdefault(name, set()).update(rtypes)

    def add_addresses(self, name: str, gives_way: bool = True) -> None:
        """Add the address records of the box, unless the box lets custom addresses or a CNAME replace them."""
        if not gives_way or not self.custom.get(name, set()) & {"A", "CNAME"}:
            self.add(name, "A", "AAAA")

    def has(self, name: str, *rtypes: str) -> bool:
        return bool((self.types.get(name, set()) | self.custom.get(name, set())) & set(rtypes))


def published(found: Content) -> Mapping[str, Set[str]]:
    """The types of the records that a box publishes in addition to its custom records, by name.

    A custom record may replace one of the same type. That does not matter here, because the type is published anyway.
    """
    draft = _Draft(found)
    zones = found.zones
    elsewhere = {
        name
        for (name, rtype), rows in found.records.items()
        if rtype == "CNAME" or (rtype in ("A", "AAAA") and any(row.value != record_values.LOCAL for row in rows))
    }
    www_names = {"www." + zone for zone in zones}
    service_names = {"mta-sts." + domain for domain in found.mail}
    service_names |= {prefix + domain for domain in found.mail for prefix in found.box.website_prefixes}
    service_names |= {service + domain for domain in found.users for service in ("autoconfig.", "autodiscover.")}
    domains = set(found.mail)
    if found.hostname:
        domains.add(found.hostname)
        for name in ("ns1." + found.hostname, "ns2." + found.hostname):
            draft.add_addresses(name, gives_way=False)
        draft.add_addresses(found.hostname, gives_way=False)
        for port in ("_25._tcp.", "_443._tcp."):
            draft.add(port + found.hostname, "TLSA")
    for zone in zones:
        draft.add(zone, "NS")
    for domain in domains | ((www_names | (service_names if found.newer else set())) - elsewhere) | set(zones):
        draft.add_addresses(domain)
    for domain in found.mail if found.newer else domains | set(zones):
        draft.add(domain, "MX", "TXT")
        draft.add("mail._domainkey." + domain, "TXT")
        draft.add("_dmarc." + domain, "TXT")
    if found.box.publishes_more_keys:
        for domain in found.mail:
            draft.add("box-ed25519._domainkey." + domain, "TXT")
        for domain in domains | ((www_names | service_names) - elsewhere):
            draft.add("_443._tcp." + domain, "TLSA")
    for domain in found.users - {found.hostname}:
        draft.add("_carddavs._tcp." + domain, "SRV")
        draft.add("_caldavs._tcp." + domain, "SRV")
    if not found.newer:
        # On these boxes, a CNAME does not replace these records.
        for name in service_names:
            draft.add_addresses(name, gives_way=False)
    # For names with addresses but without mail, the box publishes that they send and receive no mail.
    for name in {*draft.types, *draft.custom}:
        if not draft.has(name, "A", "AAAA") or zone_of(name, zones) is None:
            continue
        is_custom = draft.custom.get(name, set()) & {"A", "AAAA"}
        if not found.newer and not is_custom and name in service_names and name.partition(".")[2] in zones:
            continue
        if found.newer and draft.has(name, "MX"):
            continue
        draft.add(name, "TXT", *(("MX",) if found.newer else ()))
        draft.add("_dmarc." + name, "TXT")
    for name, rtype in found.unpredicted:
        draft.add(name, rtype)
    return draft.types


def collisions(found: Content) -> FrozenSet[Collision]:
    """The CNAMEs in zones of the box that conflict with other records, or will do so without a further change.

    All checks of CNAMEs use this function: planners refuse new collisions, and ``dns_problems`` reports existing ones.
    """
    zones = found.zones
    cnames = [name for name, rtype in found.records if rtype == "CNAME" and zone_of(name, zones) is not None]
    if not cnames:
        return frozenset()
    ours = published(found)
    collided = set()
    for name in cnames:
        collided |= {Collision(name, rtype) for at, rtype in found.records if at == name and rtype != "CNAME"}
        collided |= {Collision(name, rtype) for rtype in ours.get(name, ())}
        label, _dot, domain = name.partition(".")
        if label == "_mta-sts" and domain in found.mail:
            collided.add(Collision(name, "TXT", "as soon as it has a certificate for mta-sts.%s" % domain))
    return frozenset(collided)


OVERRIDDEN = "the box always publishes its own addresses at its host name, and ignores this record"
"""The problem with a custom address record at the host name of a box."""


def is_overridden(name: str, rtype: str, value: str, hostname: str) -> bool:
    """Whether a box stores a custom record but never publishes it."""
    return name == hostname and rtype in ("A", "AAAA") and value != record_values.LOCAL


def orphans(found: Content) -> Tuple[Tuple[str, str], ...]:
    """The names and types of custom records that are not in any zone of the box."""
    zones = found.zones
    return tuple(sorted(key for key in found.records if zone_of(key[0], zones) is None))


def why_collided(name: str, found: Content, collided: Iterable[Collision]) -> str:
    """The reason why there can't be a CNAME at a name, as text after "name: "."""
    if name in found.zones:
        return "the name of a zone can't be a CNAME"
    here = sorted(one for one in collided if one.name == name)
    custom = [one.rtype for one in here if (name, one.rtype) in found.records]
    if custom:
        return "the name has other records (%s)" % ", ".join(custom)
    at_once = [one.rtype for one in here if not one.when]
    if at_once:
        return "the box itself publishes %s records there" % ", ".join(at_once)
    return "the box will publish a %s record there %s" % (here[0].rtype, here[0].when)


def conflicting(found: Content) -> Tuple[BadRecord, ...]:
    """The CNAMEs that break their zones, or will."""
    collided = collisions(found)
    names = {one.name for one in collided}
    bad = []
    for (name, rtype), rows in sorted(found.records.items()):
        if rtype != "CNAME":
            continue
        why = ""
        if name in names:
            why = why_collided(name, found, collided)
        elif len({record_values.canonical_stored(rtype, record.value) for record in rows}) > 1:
            why = ONE_CNAME
        bad += [BadRecord(name, rtype, record.value, why) for record in rows if why]
    return tuple(bad)


class Harm(NamedTuple):
    """The damage that a change would do to the zones of a box.

    :ivar collided: the reason for each CNAME that would conflict with other records, by name.
    :ivar orphaned: the names and types of the records that would lose their zones.
    """

    collided: Mapping[str, str]
    orphaned: Tuple[Tuple[str, str], ...]


def harm(before: Content, after: Content) -> Harm:
    """The problems that a change would add."""
    more = collisions(after) - collisions(before)
    left = set(orphans(before))
    return Harm(
        {name: why_collided(name, after, more) for name in sorted({one.name for one in more})},
        tuple(key for key in orphans(after) if key not in left),
    )


def in_words(keys: Iterable[Tuple[str, str]]) -> str:
    """Names and types of records as text for a message."""
    return ", ".join("%s %s" % key for key in keys)


def refuse_harm(
    before: Content, after: Content, option: str, value: str, forced: bool = False, forcible: bool = True
) -> None:
    """Refuse a change that would break a zone, or leave custom records behind without a zone.

    :param forced: whether the user allows records to be left behind.
    :param forcible: whether the task has the option ``force``.
    :raises InvalidOption: if a zone would break.
    :raises Guarded: if records would be left behind.
    """
    done = harm(before, after)
    if done.collided:
        raise InvalidOption(option, value, collision_message(done.collided))
    if done.orphaned and not forced:
        raise Guarded(
            "%s: %s: %s%s"
            % (
                option,
                value,
                orphan_message(done.orphaned),
                "; to leave them behind, set force: true." if forcible else ".",
            ),
            option=option,
            value=value,
            records=[list(key) for key in done.orphaned],
        )


def collision_message(collided: Mapping[str, str]) -> str:
    """The message about CNAMEs that would break their zones, with what to do."""
    return (
        "this would break the zone, because of the CNAME at %s. Remove that CNAME (state: absent), or leave out what conflicts"
        " with it" % "; ".join("%s: %s" % pair for pair in collided.items())
    )


def orphan_message(keys: Iterable[Tuple[str, str]]) -> str:
    """The message about records whose zone would be removed, with what to do."""
    return (
        "this is the last address of its domain, so the box would remove the zone but keep these custom records, and the"
        " API could not remove them any more: %s. Remove them first, with state: absent; in miab_config also with purge"
        % in_words(keys)
    )


def questions(known: Known, domain: str, domains: Iterable[str], goes: bool) -> Sequence[Question]:
    """The reads that are needed to check a change that adds the first address of a domain, or removes its last one.

    :param domains: the domains with other addresses than the one that changes.
    """
    if domain in domains:
        return []
    if DNS_RECORDS.name not in known:
        # A box that can't list its records may be able to after the address is added.
        return [replace(DNS_RECORDS, optional=not goes)]
    if isinstance(known[DNS_RECORDS.name], BoxError):
        return []
    records = DNS_RECORDS.of(known)
    if any(zone_of(name, (domain,)) and (goes or rtype == "CNAME") for name, rtype in records):
        return [read for read in (USERS, ALIASES, DNS_ZONES) if read.name not in known]
    return []


def content_is_known(known: Known) -> bool:
    """Whether everything that :func:`content` needs was read."""
    return all(
        read.name in known and not isinstance(known[read.name], BoxError) for read in (USERS, ALIASES, DNS_RECORDS)
    )


def warn_if_unlisted(change: Change, known: Known) -> Change:
    """Add a warning to a change that adds the first address of a domain, if the box can't list its custom records."""
    if not (change.calls and isinstance(known.get(DNS_RECORDS.name), BoxError)):
        return change
    return replace(change, warnings=(*change.warnings, UNLISTED))


UNLISTED = (
    "The box can't list its custom DNS records now, so a CNAME among them could break the zone of the new domain."
    " After this task, check dns_problems with miab_info."
)
"""The warning for a new domain whose existing custom records can't be read."""

ORPHAN_REMEDY = (
    "A box can remove a record only while its domain has mail. Add an address in the domain, remove the record, then"
    " remove the address; miab_config does the first two in one task"
)
"""What to do about records whose zone was removed."""


def _parse_diagnosis(answer: Any) -> Tuple[str, ...]:
    return tuple(map(str, unpublishable(DNS_RECORDS.parse(answer))))


DIAGNOSIS = Read("diagnosis", DNS_RECORDS.path, _parse_diagnosis)
"""A read of the stored values that the box can't publish, as descriptions."""

REBUILD_DNS = Call("POST", "/dns/update", {"force": "1"}, diagnosis=DIAGNOSIS)
REBUILD_WEB = Call("POST", "/web/update")
