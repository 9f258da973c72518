# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognize upstream and forks by their answers, and refuse writes that would lose data on a fork.

Everything that depends on the kind of a box is in this file. Resources use the properties of :class:`Box` and never
compare kinds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, FrozenSet, Iterable, Mapping, NamedTuple, Optional, Tuple

from .._values.errors import LosesData, UnknownBox
from .plan import Call, Change, Known
from .reads import ALIASES, BACKUP_CONFIG, DNS_RECORDS, SECONDARY_NAMESERVERS, USERS, VERSION

UPSTREAM = "upstream"
POWER = "power-mailinabox"
KIEKERJAN = "kiekerjan"
GESEIDL = "geseidl"
LDAP = "mailinabox-ldap"
UNKNOWN = "unknown"
KINDS = (UPSTREAM, KIEKERJAN, GESEIDL, POWER, LDAP)

BOX = "box"
"""The key of the :class:`Box` in ``Known``."""

# The fields of a row in any version of upstream.
_FIELDS: Mapping[str, FrozenSet[str]] = {
    USERS.name: frozenset(("email", "privileges", "status", "mailbox", "quota", "box_quota", "box_size", "percent")),
    ALIASES.name: frozenset(("address", "address_display", "forwards_to", "permitted_senders", "auto", "required")),
    DNS_RECORDS.name: frozenset(("qname", "rtype", "value", "sort-order", "zone")),
    BACKUP_CONFIG.name: frozenset(
        (
            "enc_pw_file",
            "file_target_directory",
            "min_age_in_days",
            "ssh_pub_key",
            "target",
            "target_user",
            "target_pass",
        )
    ),
    SECONDARY_NAMESERVERS.name: frozenset(("hostnames",)),
}
# Fields that only a fork has.
_FORK_FIELDS: Mapping[Tuple[str, str], str] = {
    (USERS.name, "box_count"): POWER,
    (DNS_RECORDS.name, "ttl"): POWER,
    (BACKUP_CONFIG.name, "target_rsync_port"): POWER,
    (USERS.name, "display_name"): LDAP,
    (ALIASES.name, "description"): LDAP,
}
# power-mailinabox also has versions that look like those of upstream.
_VERSIONS = (
    (re.compile(r"v\d+(\.\d+){0,2}[a-z]?\Z"), UPSTREAM),
    (re.compile(r"v[\d.]+POWER[\d.]*\Z"), POWER),
    (re.compile(r"v\d+(\.\d+){0,2}[a-z]?-kj\d*\Z"), KIEKERJAN),
    (re.compile(r"geseidl-v\d+(\.\d+){0,2}[a-z]?(-\d+)?\Z"), GESEIDL),
)
# Local parts that kiekerjan's fork reserves in every domain. They can't be mailboxes, and their aliases can forward only
# to administrators.
_RESERVED = frozenset(("dmarc-reports", "tls-reports"))
# Characters with a meaning in a search of LDAP.
_SEARCH_CHARACTERS = frozenset("*()\\")
_ADDRESS_FIELDS = ("email", "user", "address", "forwards_to", "permitted_senders")
_LONGEST_MARK = 60


class Mark(NamedTuple):
    """Something in an answer that upstream does not have.

    :ivar kind: the fork that has it, or ``unknown``.
    :ivar what: a description for people.
    """

    kind: str
    what: str


@dataclass(frozen=True)
class Box:
    """The kind of a box, as far as its answers have shown it.

    :ivar kind: one of ``KINDS``, or ``unknown``.
    :ivar marks: descriptions of what shows that it is not upstream.
    :ivar clock_offset: how many seconds its clock is ahead of this machine's; None if no answer had a date.
    """

    kind: str = UPSTREAM
    marks: Tuple[str, ...] = ()
    clock_offset: Optional[int] = None

    @property
    def support(self) -> str:
        """``full``, ``partial`` if some writes are refused, or ``unknown``."""
        if self.kind == UNKNOWN:
            return UNKNOWN
        return "partial" if self.refused else "full"

    @property
    def refused(self) -> Tuple[Tuple[str, str], ...]:
        """The writes that are refused because they would lose data, each with the reason."""
        return tuple((loss.what, loss.why) for loss in _LOSSES if loss.kind == self.kind and loss.what)

    @property
    def reserved(self) -> FrozenSet[str]:
        """Local parts that are reserved in every domain, in addition to those for domain control validation."""
        return _RESERVED if self.kind == KIEKERJAN else frozenset()

    @property
    def website_prefixes(self) -> Tuple[str, ...]:
        """The prefixes of websites for each domain with mail, in addition to those of upstream."""
        return ("openpgpkey.",) if self.kind == POWER else ()

    @property
    def publishes_more_keys(self) -> bool:
        """Whether the box publishes TLSA records for all websites, and a second DKIM key."""
        return self.kind == KIEKERJAN

    @property
    def ignores_privileges_of_new_users(self) -> bool:
        return self.kind == LDAP

    @property
    def needs_descriptions(self) -> bool:
        """Whether aliases have descriptions. A new catch-all alias fails without one."""
        return self.kind == LDAP


def of(known: Known) -> Box:
    """The known :class:`Box`; upstream if there is no other information."""
    box: Box = known.get(BOX, Box())
    return box


def marks(name: str, answer: Any) -> FrozenSet[Mark]:
    """The parts of an answer that upstream does not have.

    :param name: the name of the :class:`Read`.
    :param answer: the decoded answer, in any format.
    """
    if name == VERSION.name:
        return _version_marks(str(answer).strip())
    if name not in _FIELDS:
        return frozenset()
    found = set()
    for row in _rows(name, answer):
        for key in row.keys() - _FIELDS[name]:
            kind = _FORK_FIELDS.get((name, key), UNKNOWN)
            found.add(Mark(kind, "the field %.*r in %s" % (_LONGEST_MARK, key, name.replace("_", " "))))
        local = str(row.get("address")).partition("@")[0]
        if name == ALIASES.name and row.get("auto") is True and local in _RESERVED:
            found.add(Mark(KIEKERJAN, "the automatic alias %s@" % local))
    return frozenset(found)


def _version_marks(text: str) -> FrozenSet[Mark]:
    kind = next((kind for pattern, kind in _VERSIONS if pattern.match(text)), UNKNOWN)
    return frozenset() if kind == UPSTREAM else frozenset([Mark(kind, "the version %.*r" % (_LONGEST_MARK, text))])


def _rows(name: str, answer: Any) -> Iterable[Mapping[str, Any]]:
    """The rows in an answer."""
    if isinstance(answer, dict):
        return [answer]
    groups = [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []
    if name == DNS_RECORDS.name:
        return groups
    inner = [group.get(name) for group in groups]
    return [row for rows in inner if isinstance(rows, list) for row in rows if isinstance(row, dict)]


def recognize(found: Iterable[Mark]) -> Box:
    """The box that has these marks."""
    by_kind: dict[str, list[str]] = {}
    for mark in sorted(found):
        by_kind.setdefault(mark.kind, []).append(mark.what)
    every = tuple(what for whats in by_kind.values() for what in whats)
    if UNKNOWN in by_kind:
        return Box(UNKNOWN, tuple(by_kind[UNKNOWN]))
    if len(by_kind) > 1:
        return Box(UNKNOWN, every)
    return Box(next(iter(by_kind), UPSTREAM), every)


class _Loss(NamedTuple):
    """Writes that lose data on a fork, and the reason.

    :ivar what: a description for users; empty if planners never plan such a write.
    """

    kind: str
    what: str
    is_lost: Callable[[Change, Call], bool]
    why: str


def _is_alias_update(call: Call) -> bool:
    return call.path == "/mail/aliases/add" and (call.form or {}).get("update_if_exists") == "1"


def _removes_needed_alias(_change: Change, call: Call) -> bool:
    local = (call.form or {}).get("address", "").lower().partition("@")[0]
    needed = ("abuse", "admin", "postmaster", "hostmaster", "administrator")
    return call.path == "/mail/aliases/remove" and local in needed


def _has_search_characters(_change: Change, call: Call) -> bool:
    form = call.form or {}
    return any(not _SEARCH_CHARACTERS.isdisjoint(form.get(name, "")) for name in _ADDRESS_FIELDS)


_LOSSES = (
    _Loss(
        POWER,
        "custom DNS records",
        lambda _change, call: call.path.startswith("/dns/custom/"),
        "power-mailinabox expects the value of a DNS record in another form. It would ignore the value: an address"
        " record would get the address of this machine, and the removal of one value would remove all values of that"
        " name and type. Change DNS records in the control panel of the box.",
    ),
    _Loss(
        POWER,
        "",
        lambda _change, call: call.path == BACKUP_CONFIG.path and "target_rsync_port" not in (call.form or {}),
        "power-mailinabox would reset the rsync port of the backups to 22. Change the backup settings in the control"
        " panel of the box.",
    ),
    _Loss(
        LDAP,
        "aliases that stop forwarding",
        lambda _change, call: _is_alias_update(call) and not (call.form or {}).get("forwards_to"),
        "mailinabox-ldap would drop the whole mail domain, with its DNS zone, if an alias stops forwarding. Keep a"
        " receiver in forwards_to, or remove the alias and create it again.",
    ),
    _Loss(
        LDAP,
        "",
        lambda _change, call: _is_alias_update(call) and "description" not in (call.form or {}),
        "mailinabox-ldap would erase the description of the alias. Change the alias in the control panel of the box.",
    ),
    _Loss(
        LDAP,
        "the removal of required aliases",
        _removes_needed_alias,
        "mailinabox-ldap would not create this alias again, although mail to it is required, and what forwards to it"
        " would lose its receiver. Leave the alias in place, or change where it forwards to.",
    ),
    _Loss(
        LDAP,
        "addresses with *, (, ) or \\",
        _has_search_characters,
        "mailinabox-ldap reads *, (, ) and \\ in an address as a search pattern, so it could change or remove another"
        " user or alias. Use an address without these characters.",
    ),
)


def refuse_losses(change: Change, box: Box) -> None:
    """Refuse a change with a call that would lose data on this kind of box.

    :raises LosesData: with the reason and what to do.
    """
    for call in change.calls:
        for loss in _LOSSES:
            if loss.kind == box.kind and loss.is_lost(change, call):
                raise LosesData(
                    "%s: %s Nothing was sent." % (change.label, loss.why),
                    box=box.kind,
                    resource=change.resource,
                    key=change.key,
                )


def refuse_unknown(box: Box) -> None:
    """Refuse to write to a box that is neither upstream nor a known fork.

    :raises UnknownBox: with its marks.
    """
    if box.kind == UNKNOWN:
        raise UnknownBox(
            "%s A write in the usual form could lose data there, so none was sent. Run the playbook"
            " mailinabox.admin.doctor to see what is known about the box. To write anyway, set unknown_box: write, or"
            " MIAB_UNKNOWN_BOX=write." % _strangeness(box),
            marks=list(box.marks),
        )


def warnings(box: Box, writes_to_unknown: bool) -> Tuple[str, ...]:
    """Warnings before writes to the box.

    :param writes_to_unknown: whether the task may write to a box that is neither upstream nor a known fork.
    """
    if box.kind != UNKNOWN:
        return ()
    if writes_to_unknown:
        return (_strangeness(box),)
    return (
        "%s Outside check mode the task stops before its first write, unless unknown_box is write." % _strangeness(box),
    )


def _strangeness(box: Box) -> str:
    return "This box has %s, which no known version of Mail-in-a-Box and no known fork has." % ", ".join(box.marks)
