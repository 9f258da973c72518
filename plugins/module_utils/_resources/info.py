# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subsets of ``miab_info``: the reads that each needs, and the facts that it returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, NamedTuple, Sequence, Tuple

from .._model import forks, snapshot
from .._model.plan import SINGLE, Change, Known, Planner, Question, Read, View
from .._model.publishing import ORPHAN_REMEDY, OVERRIDDEN, conflicting, content, is_overridden, orphans, unpublishable
from .._model.reads import (
    ALIASES,
    BACKUP_CONFIG,
    BACKUP_STATUS,
    DNS_DUMP,
    DNS_RECORDS,
    DNS_ZONES,
    DOMAINS,
    LATEST_VERSION,
    PRIVACY,
    REBOOT_REQUIRED,
    SECONDARY_NAMESERVERS,
    SSL_STATUS,
    STATUS_CHECKS,
    UPDATES,
    USERS,
    VERSION,
    WEB_DOMAINS,
    Alias,
    User,
    mfa_status,
    zone_file,
)
from .._model.scope import WHOLE, Scope, from_options
from .._values import names, secrets
from .._values.errors import BoxError, InvalidOption, MissingLibrary
from . import aliases, backup, dns, nameservers, reach, users

ALL = "all"
# The key of the scope of the subset config in what is known.
_SCOPE = "scope of config"


@dataclass(frozen=True)
class Subset:
    """One subset of facts.

    :param reads: the reads that it needs.
    :param facts: returns the facts from the values of the reads.
    :param each: returns more reads that depend on the values of the first ones.
    :param slow: whether the box needs long for it, or queries other servers. A slow subset is gathered only by name.
    :param optional: whether the task continues if the subset fails, as with all slow subsets.
    :param partial: whether it can be gathered although some of the reads failed.
    :param exact: whether the strings must stay exactly as the box returns them, because they are declared or compared.
        In all other subsets, passwords in URLs are masked.
    """

    reads: Tuple[Read[Any], ...]
    facts: Callable[[Known], Any]
    each: Callable[[Known], Sequence[Read[Any]]] = lambda _known: ()
    slow: bool = False
    optional: bool = False
    partial: bool = False
    exact: bool = False

    @property
    def may_fail(self) -> bool:
        return self.slow or self.optional


def _user(user: User) -> View:
    gathered = {**_declared(users.view(user)), "status": "active" if user.active else "inactive"}
    if user.mailbox is not None:
        gathered["mailbox"] = user.mailbox
    if user.quota is not None:
        gathered["used"] = user.used
    return gathered


def _alias(alias: Alias) -> View:
    return {**_declared(aliases.view(alias)), "automatic": alias.automatic}


def _declared(view: View) -> View:
    """A view as an item of a declared list, where ``state`` is not needed."""
    return {key: value for key, value in view.items() if key != "state"}


def _active(known: Known) -> list[User]:
    return [user for user in USERS.of(known).values() if user.active]


def _mfa(known: Known) -> dict[str, Any]:
    return {
        email: [{"id": scheme.id, "type": scheme.kind, "label": scheme.label} for scheme in status.schemes]
        for email, status in ((user.email, mfa_status(user.spelling).of(known)) for user in _active(known))
    }


def _certificates(known: Known) -> dict[str, Any]:
    status = SSL_STATUS.of(known)
    return {
        "status": [{"domain": row.domain, "status": row.status, "text": row.text} for row in status.certificates],
        "can_provision": list(status.can_provision),
    }


def _published(known: Known) -> list[View]:
    zones: dict[str, list[View]] = {}
    for row in DNS_DUMP.of(known):
        gathered = {"name": row.name, "type": row.rtype, "value": row.value, "explanation": row.explanation}
        zones.setdefault(row.zone, []).append(gathered)
    return [{"zone": zone, "records": records} for zone, records in zones.items()]


def _updates(known: Known) -> list[View]:
    found = []
    for line in UPDATES.of(known):
        package, _blank, version = line.partition(" ")
        found.append({"package": package, "version": version.strip("()")})
    return found


def _backup_config(known: Known) -> View:
    config = BACKUP_CONFIG.of(known)
    return {**backup.view(config), "folder": config.folder}


def _nameservers(known: Known) -> list[str]:
    hostnames: list[str] = nameservers.view(SECONDARY_NAMESERVERS.of(known))["hostnames"]
    return hostnames


def _records(known: Known) -> list[View]:
    return [_declared(view) for view in dns.views(DNS_RECORDS.of(known))]


def _dns_problems(known: Known) -> list[View]:
    """Custom records that break their zones, or that the box does not publish."""
    records = DNS_RECORDS.of(known)
    box = content(known)
    left = set(orphans(box))
    lost = [
        {
            "name": name,
            "type": rtype,
            "value": record.value,
            "problem": "not in any zone of the box. %s" % ORPHAN_REMEDY,
        }
        for name, rtype in left
        for record in records[name, rtype]
    ]
    published = {key: rows for key, rows in records.items() if key not in left}
    found = [
        {"name": bad.name, "type": bad.rtype, "value": bad.value, "problem": bad.why}
        for bad in (*unpublishable(published), *conflicting(box))
    ]
    lost += [
        {"name": name, "type": rtype, "value": record.value, "problem": OVERRIDDEN}
        for (name, rtype), rows in published.items()
        for record in rows
        if is_overridden(name, rtype, record.value, box.hostname)
    ]
    gathered = [{**row, "breaks_zone": breaks} for rows, breaks in ((found, True), (lost, False)) for row in rows]
    return sorted(gathered, key=lambda row: (row["name"], row["type"], row["value"], row["problem"]))


def _config(known: Known) -> View:
    """The manual configuration of the box as a declaration, without secrets: what its scope contains."""
    scope: Scope = known[_SCOPE]
    within = reach.on(scope, known)
    active = {email: user for email, user in USERS.of(known).items() if user.active}
    manual = {address: alias for address, alias in ALIASES.of(known).items() if not alias.automatic}
    records = DNS_RECORDS.of(known)
    settings: dict[str, Callable[[], Any]] = {
        "secondary_nameservers": lambda: _nameservers(known),
        "backup": lambda: backup.declared(BACKUP_CONFIG.of(known)),
        "privacy": lambda: PRIVACY.of(known),
    }
    return {
        "users": [_declared(users.view(active[email])) for email in within.of("users", active)],
        "aliases": [
            reach.without_others(within, _declared(aliases.view(manual[address])))
            for address in within.of("aliases", manual)
        ],
        "dns_records": list(
            map(_declared, dns.views({key: records[key] for key in within.of("dns_records", records)}))
        ),
        **{name: read() for name, read in settings.items() if not reach.setting_refusal(name, scope)},
    }


def _box(known: Known) -> View:
    box = forks.of(known)
    return {
        "kind": box.kind,
        "version": VERSION.of(known),
        "marks": list(box.marks),
        "support": box.support,
        "refused": [{"what": what, "why": why} for what, why in box.refused],
        "clock_offset": box.clock_offset,
    }


def _as_is(read: Read[Any], slow: bool = False) -> Subset:
    """A subset with the value of one read, unchanged."""

    def facts(known: Known) -> Any:
        value = read.of(known)
        return list(value) if isinstance(value, tuple) else value

    return Subset((read,), facts, slow=slow)


SUBSETS: Mapping[str, Subset] = {
    "users": Subset((USERS,), lambda known: [_user(user) for user in USERS.of(known).values()], exact=True),
    "aliases": Subset((ALIASES,), lambda known: [_alias(alias) for alias in ALIASES.of(known).values()], exact=True),
    "domains": Subset((DOMAINS,), lambda known: [names.display(name) for name in DOMAINS.of(known)], exact=True),
    "dns_records": Subset((DNS_RECORDS,), _records, exact=True),
    "dns_problems": Subset((DNS_RECORDS, DNS_ZONES, USERS, ALIASES), _dns_problems, optional=True, exact=True),
    "dns_zones": _as_is(DNS_ZONES),
    "dns_dump": Subset((DNS_DUMP,), _published, slow=True, exact=True),
    "zonefiles": Subset(
        (DNS_ZONES,),
        lambda known: {zone: zone_file(zone).of(known) for zone in DNS_ZONES.of(known)},
        each=lambda known: [zone_file(zone) for zone in DNS_ZONES.of(known)],
        slow=True,
        exact=True,
    ),
    "secondary_nameservers": Subset((SECONDARY_NAMESERVERS,), _nameservers, exact=True),
    "certificates": Subset((SSL_STATUS,), _certificates, slow=True),
    "web_domains": _as_is(WEB_DOMAINS, slow=True),
    "mfa": Subset(
        (USERS,), _mfa, each=lambda known: [mfa_status(user.spelling) for user in _active(known)], slow=True, exact=True
    ),
    "version": _as_is(VERSION),
    "box": Subset((VERSION, USERS, ALIASES), _box),
    "latest_version": _as_is(LATEST_VERSION, slow=True),
    "status_checks": _as_is(STATUS_CHECKS, slow=True),
    "updates": Subset((UPDATES,), _updates, slow=True),
    "reboot_required": _as_is(REBOOT_REQUIRED),
    "privacy": _as_is(PRIVACY),
    "backup_config": Subset((BACKUP_CONFIG,), _backup_config),
    "backup_status": _as_is(BACKUP_STATUS, slow=True),
    "config": Subset(
        (USERS, ALIASES, DNS_RECORDS, SECONDARY_NAMESERVERS, BACKUP_CONFIG, PRIVACY),
        _config,
        exact=True,
    ),
    "snapshot": Subset(tuple(snapshot.READS.values()), snapshot.contents, slow=True, partial=True, exact=True),
}


class WantedInfo(NamedTuple):
    """The names of the requested subsets, without duplicates, and the scope of the subset ``config``."""

    subsets: Tuple[str, ...]
    scope: Scope = WHOLE


def check(options: Mapping[str, Any]) -> WantedInfo:
    """The options of ``miab_info`` in canonical form.

    :raises InvalidOption: for a scope that is not valid.
    """
    asked = options["gather_subset"]
    scope, mistakes = from_options(options)
    for where, why in mistakes:
        raise InvalidOption(where, options[where], why)
    named = (name for name, subset in SUBSETS.items() if name in asked or (ALL in asked and not subset.slow))
    return WantedInfo(tuple(named), scope)


def needs(wanted: WantedInfo, known: Known) -> Sequence[Question]:
    """Return the reads that :func:`plan` still needs, without duplicates."""
    first: dict[str, Read[Any]] = {}
    then: dict[str, Read[Any]] = {}
    for name in wanted.subsets:
        subset = SUBSETS[name]
        for read in subset.reads:
            # Other reads depend on these lists, so they are required.
            optional = subset.may_fail and read not in (USERS, DNS_ZONES)
            if read.name not in first or not optional:
                first[read.name] = replace(read, optional=optional)
        if all(read.name in known for read in subset.reads):
            then.update({read.name: replace(read, optional=True) for read in subset.each(known)})
    return [read for read in {**first, **then}.values() if read.name not in known]


def plan(wanted: WantedInfo, known: Known) -> Change:
    """Return a change without calls that contains all requested facts.

    :raises BoxError: if all requested subsets failed.
    """
    gathered: View = {}
    failures = {}
    for name in wanted.subsets:
        subset = SUBSETS[name]
        reads = (*subset.reads, *subset.each(known))
        failed = [known[read.name] for read in reads if isinstance(known[read.name], BoxError)]
        gathered[name] = None
        if failed and not (subset.partial and len(failed) < len(reads)):
            failures[name] = failed[0]
            continue
        try:
            value = subset.facts({**known, _SCOPE: wanted.scope})
            gathered[name] = value if subset.exact else secrets.without_url_passwords(value)
        except MissingLibrary as error:
            if not subset.may_fail:
                raise
            failures[name] = error
    if failures and len(failures) == len(wanted.subsets):
        raise next(iter(failures.values()))
    warnings = tuple("%s is left empty: %s" % (name, error.message) for name, error in failures.items())
    return Change("info", SINGLE, gathered, gathered, warnings=warnings)


PLANNER = Planner(check, needs, plan)
