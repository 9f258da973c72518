# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom DNS records: the options for one name and type, and the calls that change its values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote

from .._model.plan import Call, Change, Known, Planner, Question, View
from .._model.publishing import (
    ONE_CNAME,
    ORPHAN_REMEDY,
    OVERRIDDEN,
    REBUILD_DNS,
    content,
    content_is_known,
    host_name,
    is_overridden,
    refuse_harm,
)
from .._model.reads import ALIASES, DNS_DUMP, DNS_RECORDS, DNS_ZONES, USERS, Record, Records
from .._values import names, record_values
from .._values.errors import InvalidOption, UnexpectedAnswer

OPTIONS = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True},
    "value": {"type": "str"},
    "values": {"type": "raw"},
    "exclusive": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
"""The options for one name and type."""

RULES = {"mutually_exclusive": [("value", "values")]}
"""Which options exclude each other."""


@dataclass(frozen=True)
class WantedRecord:
    """The declared values of one name and type.

    :ivar values: canonical values; None, only with ``present=False``, means all values.
    :ivar exclusive: whether all other values are removed.
    """

    name: str
    rtype: str
    values: Optional[Tuple[str, ...]]
    present: bool = True
    exclusive: bool = False
    warnings: Tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.name + " " + self.rtype


def check(options: Mapping[str, Any]) -> WantedRecord:
    """The options of ``miab_dns_record`` in canonical form.

    :raises InvalidOption: for a value that no box accepts, or that would break its zone.
    """
    present = options["state"] == "present"
    try:
        name = names.record_name(options["name"]) if present else names.dns_name(options["name"])
    except ValueError as error:
        raise InvalidOption("name", options["name"], str(error)) from error
    rtype = options["type"].upper()
    # Some non-ASCII letters become ASCII letters in upper case.
    if not options["type"].isascii() or rtype not in record_values.RECORD_TYPES:
        raise InvalidOption(
            "type",
            options["type"],
            "must be one of the types of custom records: %s" % ", ".join(record_values.RECORD_TYPES),
        )
    given = _given_values(options)
    if given is None:
        if present:
            raise InvalidOption("values", None, "value or values is required with state: present")
        return WantedRecord(name, rtype, None, present=False)
    # A value to remove may be malformed: it may be the stored value that breaks the zone.
    canonical = _canonical if present else record_values.canonical_stored
    values = tuple(dict.fromkeys(canonical(rtype, value) for value in given))
    if rtype == "CNAME" and present and len(values) > 1:
        raise InvalidOption("values", list(values), ONE_CNAME)
    warnings = tuple(
        "%s TXT: the quotes around %s become part of the value, because the box adds its own." % (name, value)
        for value in values
        if present and rtype == "TXT" and len(value) > 1 and value[0] == value[-1] == '"'
    )
    return WantedRecord(name, rtype, values, present, options["exclusive"], warnings)


def _given_values(options: Mapping[str, Any]) -> list[str] | None:
    """``value`` or ``values`` as a list of strings; None if neither was given."""
    if options["value"] is not None:
        return [options["value"]]
    values = options["values"]
    if values is None:
        return None
    # The option is raw, because Ansible would split a string at its commas, and TXT values may contain commas.
    if not isinstance(values, (list, tuple)):
        values = [values]
    if not values:
        raise InvalidOption(
            "values", [], "the list is empty; to remove all values, set state: absent and leave values out"
        )
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise InvalidOption("values", str(value), "must be a string; put it in quotes")
    return [str(value) for value in values]


def _canonical(rtype: str, value: str) -> str:
    try:
        return record_values.canonical(rtype, value)
    except ValueError as error:
        raise InvalidOption("value", value, str(error)) from error


def needs(wanted: WantedRecord, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    if DNS_RECORDS.name not in known:
        return [DNS_RECORDS]
    stored = DNS_RECORDS.of(known).get((wanted.name, wanted.rtype), ())
    present = _distinct(stored)
    if set(_target(wanted, present)) == set(present):
        return []
    questions: list[Question] = [DNS_ZONES]
    if not DNS_RECORDS.of(known):
        # An empty list does not show whether the box is a fork that would store something else.
        questions.append(USERS)
    new_cname = wanted.present and wanted.rtype == "CNAME" and not stored
    # The records that the box publishes by itself matter only for CNAMEs. A change at a name can affect two CNAMEs.
    beside = ["_dmarc." + wanted.name] + [wanted.name] * (wanted.present and wanted.rtype != "CNAME")
    if new_cname or any((name, "CNAME") in DNS_RECORDS.of(known) for name in beside):
        questions += [USERS, ALIASES]
    if new_cname:
        questions.append(DNS_DUMP)
    # A box lists the zone of its host name first. The host name doesn't matter for names in other zones.
    first_zone = known.get(DNS_ZONES.name, ())[:1]
    if wanted.present and wanted.rtype in ("A", "AAAA") and names.zone_of(wanted.name, first_zone):
        questions.append(ALIASES)
    return [read for read in dict.fromkeys(questions) if read.name not in known]


def plan(wanted: WantedRecord, known: Known) -> Change:
    """Plan the change to the declared values, with as few writes as possible.

    :raises InvalidOption: for a name that is not in any zone of the box, or a record that would break its zone.
    """
    stored = DNS_RECORDS.of(known).get((wanted.name, wanted.rtype), ())
    present = _distinct(stored)
    target = _target(wanted, present)
    view_before, view_after = _view(wanted, present), _view(wanted, target)
    calls: tuple[Call, ...] = ()
    warnings = wanted.warnings
    if set(target) != set(present):
        _check_zone(wanted, DNS_ZONES.of(known))
        added = [value for value in target if value not in present]
        if added:
            _check_added(wanted, added, target, known)
            warnings += _overridden(wanted, added, known)
        calls = _calls(wanted, stored, target)
    return Change("dns_record", wanted.key, view_before, view_after, calls, warnings)


def plan_alone(wanted: WantedRecord, known: Known) -> Change:
    """Like :func:`plan`, for a task with no other changes: also checks the effects on DNS zones.

    :raises InvalidOption: also for a CNAME that conflicts with other published records.
    """
    change = plan(wanted, known)
    if change.calls and content_is_known(known):
        before = content(known)
        records = dict(DNS_RECORDS.of(known))
        apply_change(records, change)
        refuse_harm(before, content({**known, DNS_RECORDS.name: records}, before), "name", wanted.name)
    return change


def _target(wanted: WantedRecord, present: tuple[str, ...]) -> tuple[str, ...]:
    """The values after the change."""
    if not wanted.present:
        return () if wanted.values is None else tuple(value for value in present if value not in wanted.values)
    values = wanted.values or ()
    if wanted.exclusive:
        return values
    return present + tuple(value for value in values if value not in present)


def _calls(wanted: WantedRecord, stored: Sequence[Record], target: tuple[str, ...]) -> tuple[Call, ...]:
    """The fewest writes from the stored records to the target. There is never a moment without any value.

    The API has three writes: POST adds a value, DELETE removes one, PUT replaces all values with one. A value that is
    kept but not declared is never removed in between.
    """
    path = _path(wanted.name, wanted.rtype)
    kept = {_value(record) for record in stored} & set(target)
    gone = [record for record in stored if _value(record) not in kept]
    added = [value for value in target if value not in kept]
    # A box compares names case-sensitively, so PUT misses a record whose name has capital letters.
    # A value that breaks the zone must be removed first: until then, every other write fails.
    _check_gone(gone)
    put_works = all(
        record.name == wanted.name and record_values.is_publishable(record.rtype, record.value) for record in stored
    )

    # An undeclared value that is removed and added again would be lost if the run stopped in between.
    none_is_lost = len(target) < 2 or (wanted.present and wanted.exclusive)
    if target and len(added) + len(gone) > len(target) and put_works and none_is_lost:
        only, *others = sorted(target, key=lambda value: value not in kept)
        return (
            _put(path, only, stored, is_new=only not in kept),
            *(_post(path, value) for value in others),
        )
    if not target and len(gone) > 2 and put_works:
        last = gone[0].value
        return (_put(path, last, stored, is_new=False), _delete(gone[0]))
    deletes = [_delete(record) for record in gone]
    # Every other write fails as long as the zone has a value that breaks it.
    return (
        *(call for call in deletes if call.repairs),
        *(_post(path, value) for value in added),
        *(call for call in deletes if not call.repairs),
    )


def _check_gone(gone: Sequence[Record]) -> None:
    """Refuse to remove a value that a request can't transmit.

    A box drops all non-ASCII characters from the body of a request. What is left may be another value, or empty, which
    removes all values.
    """
    for record in gone:
        if not record.value.isascii():
            raise InvalidOption(
                "value",
                record.value,
                "the box stores this value for %s %s, but its API can't remove values with non-ASCII characters; remove it"
                " from custom.yaml on the box" % (record.name, record.rtype),
            )


def _post(path: str, value: str) -> Call:
    return Call("POST", path, body=value, rebuild=(REBUILD_DNS,), undo=(Call("DELETE", path, body=value),))


def _put(path: str, value: str, stored: Sequence[Record], is_new: bool) -> Call:
    """Replace all values with one. A value that was there before can't be the cause of a failure, so it has no undo."""
    call = Call("PUT", path, body=value, rebuild=(REBUILD_DNS,), rests_on=DNS_RECORDS)
    if not is_new:
        return call
    delete, undo = Call("DELETE", path, body=value), [Call("POST", path, body=record.value) for record in stored]
    return replace(call, undo=(delete, *undo))


def _delete(record: Record) -> Call:
    return Call(
        "DELETE",
        _path(record.name, record.rtype),
        body=record.value,
        rebuild=(REBUILD_DNS,),
        repairs=not record_values.is_publishable(record.rtype, record.value),
    )


def _path(name: str, rtype: str) -> str:
    """
    :raises UnexpectedAnswer: for a name or a type that would change the path. No box stores such a record.
    """
    if {name, rtype} & {"", ".", ".."}:
        raise UnexpectedAnswer(
            "The list of custom DNS records has an unexpected format: a record has the name %.100r and the type"
            " %.100r." % (name, rtype),
            what="custom DNS records",
        )
    return "/dns/custom/%s/%s" % (quote(name, safe="*"), quote(rtype, safe=""))


def _check_zone(wanted: WantedRecord, zones: tuple[str, ...]) -> None:
    if names.zone_of(wanted.name, zones) is None:
        if not wanted.present:
            raise InvalidOption("name", wanted.name, "no longer in any zone of this box. %s" % ORPHAN_REMEDY)
        raise InvalidOption(
            "name",
            wanted.name,
            "not in any zone of this box (its zones: %s); to create a zone, add a user or an alias in its domain"
            % (", ".join(sorted(zones)) or "none"),
        )


def _check_added(wanted: WantedRecord, added: list[str], target: tuple[str, ...], known: Known) -> None:
    """Refuse values that the box would store but its name server could not publish."""
    for value in added:
        if record_values.needs_final_dot(wanted.rtype, value):
            raise InvalidOption(
                "value", value, "add a final dot to the host name, or the name server appends the zone to it"
            )
    at_apex = wanted.name in DNS_ZONES.of(known)
    if wanted.rtype == "NS" and at_apex:
        raise InvalidOption(
            "name", wanted.name, "NS records can be set only for subdomains, and this is a zone of the box"
        )
    if wanted.rtype == "CNAME" and len(target) > 1:
        raise InvalidOption(
            "value", added[0], "%s has the CNAME %s; to replace it, set exclusive: true" % (wanted.name, target[0])
        )


def _overridden(wanted: WantedRecord, added: list[str], known: Known) -> tuple[str, ...]:
    """A warning if the box would store the values without publishing them."""
    hostname = host_name(ALIASES.of(known)) if ALIASES.name in known else ""
    if not any(is_overridden(wanted.name, wanted.rtype, value, hostname) for value in added):
        return ()
    return ("%s %s: %s. Remove it from your declaration." % (wanted.name, wanted.rtype, OVERRIDDEN),)


def _value(record: Record) -> str:
    return record_values.canonical_stored(record.rtype, record.value)


def _distinct(records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_value(record) for record in records))


def views(records: Records) -> list[View]:
    """The stored records, grouped by name and type, in the form of the module's options."""
    return [
        {"name": name, "type": rtype, "values": sorted(_distinct(rows)), "state": "present"}
        for (name, rtype), rows in sorted(records.items())
    ]


def _view(wanted: WantedRecord, values: tuple[str, ...]) -> View:
    view: View = {"name": wanted.name, "type": wanted.rtype, "state": "present" if values else "absent"}
    if values:
        view["values"] = sorted(values)
    return view


def apply_change(records: Records, change: Change) -> None:
    """Update ``records`` in place to their state after a change."""
    after = change.after
    key = (after["name"], after["type"])
    if after["state"] == "absent":
        records.pop(key, None)
    else:
        records[key] = tuple(Record(*key, value) for value in after["values"])


PLANNER = Planner(check, needs, plan, single_plan=plan_alone)
