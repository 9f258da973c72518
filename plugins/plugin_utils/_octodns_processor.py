# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit octoDNS to records that it created for a box, or that were equal to the wanted records.

octoDNS loads this file by itself, so it imports nothing of the collection. Each record set that belongs to a box has a
marker, a TXT record ``_miab-owner.<type>.<name>``. Its value names the box. A name can also have TXT values
that do not belong to the box, so the marker of a TXT record also has a digest of each value that belongs to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

try:
    from octodns.processor.base import ProcessorException
    from octodns.processor.ownership import OwnershipProcessor
    from octodns.record import Record
except ImportError:
    # Ansible may import this file where octoDNS is not installed.
    ProcessorException, OwnershipProcessor, Record = Exception, object, None

Key = tuple[str, str]

MARKER = "_miab-owner"
MARKER_TTL = 3600
# Prefixes of TXT values of which a name can have only one.
_ONE_OF_A_KIND = ("v=spf1", "v=dkim1", "v=dmarc1", "v=stsv1", "v=tlsrptv1")


def _digest(value: Any) -> str:
    return hashlib.sha256(str(value).encode("utf-8")).hexdigest()[:16]


def _values(record: Any) -> list[Any]:
    return list(record.values) if hasattr(record, "values") else [record.value]


def _are_equal(one: Any, other: Any) -> bool:
    return sorted(map(repr, _values(one))) == sorted(map(repr, _values(other)))


def _kind(value: Any) -> str | None:
    return next((kind for kind in _ONE_OF_A_KIND if str(value).lower().startswith(kind)), None)


class KeepOthers(OwnershipProcessor):
    """Ownership that never takes over a record set that differs from the wanted one.

    :param owner: the box, as its markers name it.
    :param take_over: patterns of a name and a type, such as ``example.org MX``, of which to replace what others made.
    :param create_zones: whether zones may be created that the provider does not have.
    :param report: a file for a JSON list of the wanted records that were not written, each ``{zone, name, type, reason}``.
    """

    def __init__(
        self,
        name: str,
        owner: str,
        report: str,
        take_over: Sequence[str] = (),
        create_zones: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(name, txt_name=MARKER, txt_value="mailinabox.admin %s" % owner, txt_ttl=MARKER_TTL, **options)
        self._report = report
        self._take_over = list(take_over)
        self._create_zones = create_zones
        self._kept: list[dict[str, str]] = []

    def process_source_zone(self, desired: Any, sources: Any, lenient: bool = False) -> Any:
        """Do not change the wanted records here. Which of them get a marker depends on the existing records."""
        return desired

    def process_source_and_target_zones(
        self, desired: Any, existing: Any, target: Any, lenient: bool = False
    ) -> tuple[Any, Any]:
        there = {(record.name, record._type): record for record in existing.records}
        mine, others = self._markers(existing)
        for record in sorted(desired.records, key=lambda record: (record.name, record._type)):
            key = (record.name, record._type)
            reason = self._why_not(record, there, mine, others)
            if reason:
                desired.remove_record(record)
                self._kept.append(
                    {"zone": desired.name[:-1], "name": record.fqdn[:-1], "type": key[1], "reason": reason}
                )
                continue
            if key[1] == "TXT" and key in there:
                self._share(desired, record, there[key], mine.get(key))
            self._mark(desired, record)
        self._return_texts(desired, there, mine)
        with open(self._report, "w", encoding="utf-8") as file:
            json.dump(self._kept, file)
        return desired, existing

    def process_plan(self, plan: Any, sources: Any, target: Any, lenient: bool = False) -> Any:
        if plan and plan.exists is False and not self._create_zones:
            raise ProcessorException(
                "the provider has no zone %s; create it there, or set create_zones" % plan.desired.name[:-1]
            )
        return super().process_plan(plan, sources, target, lenient=lenient)

    def _is_ownership(self, record: Any) -> bool:
        return self._is_ownership_name(record) and self._digests(record) is not None

    def _is_ownership_name(self, record: Any) -> bool:
        return bool(record._type == "TXT" and record.name.split(".")[0] == self.txt_name)

    def _digests(self, marker: Any) -> set[str] | None:
        """The digests in a marker of this box; None if it is not one."""
        value = str(_values(marker)[0])
        if value != self.txt_value and not value.startswith(self.txt_value + " "):
            return None
        return set(value[len(self.txt_value) :].split())

    def _markers(self, zone: Any) -> tuple[dict[Key, set[str]], dict[Key, str]]:
        """By name and type, the digests in the markers of this box, and the values of all other markers."""
        mine: dict[Key, set[str]] = {}
        others: dict[Key, str] = {}
        for record in zone.records:
            if self._is_ownership_name(record):
                key = self._decode_ownership_name(record)
                digests = self._digests(record)
                if digests is None:
                    others[key] = str(_values(record)[0])
                else:
                    mine[key] = digests
        return mine, others

    def _takes_over(self, record: Any) -> bool:
        return any(
            fnmatchcase(record.fqdn[:-1], name.lower()) and fnmatchcase(record._type, rtype.strip().upper() or "*")
            for name, _blank, rtype in (pattern.partition(" ") for pattern in self._take_over)
        )

    def _why_not(
        self, record: Any, there: Mapping[Key, Any], mine: Mapping[Key, set[str]], others: Mapping[Key, str]
    ) -> str | None:
        """Why a wanted record can't be written without changing a record that this box does not own; None if it can."""
        key = (record.name, record._type)
        current = there.get(key)
        if key in others:
            return "it belongs to %s" % others[key]
        if record._type == "CNAME":
            beside = sorted(
                rtype for name, rtype in there if name == record.name and rtype != "CNAME" and (name, rtype) not in mine
            )
            if beside:
                return "the name has other records (%s), and a CNAME must be the only record of its name" % ", ".join(
                    beside
                )
        elif (record.name, "CNAME") in there and (record.name, "CNAME") not in mine:
            return "the name has a CNAME that this box does not own"
        if current is None or key in mine or _are_equal(record, current) or self._takes_over(record):
            return None
        if record._type != "TXT":
            return "there is another value that this box does not own"
        wanted = _values(record)
        kinds = {_kind(value) for value in wanted} - {None}
        rivals = {_kind(value) for value in _values(current) if value not in wanted} & kinds
        return (
            "there is another TXT value of this kind that this box does not own: %s" % ", ".join(map(str, rivals))
            if rivals
            else None
        )

    def _share(self, desired: Any, record: Any, current: Any, digests: set[str] | None) -> None:
        """Keep the values that this box does not own beside the wanted values."""
        wanted = _values(record)
        kinds = {_kind(value) for value in wanted} - {None}
        takes_over = digests is None and self._takes_over(record)
        others = [
            value
            for value in _values(current)
            if value not in wanted
            and _digest(value) not in (digests or ())
            and not (takes_over and _kind(value) in kinds)
        ]
        if others:
            self._replace(desired, record, current.ttl, [*others, *wanted])

    def _return_texts(self, desired: Any, there: Mapping[Key, Any], mine: Mapping[Key, set[str]]) -> None:
        """Keep the TXT values that this box does not own at names where the box no longer needs a value."""
        wanted = {(record.name, record._type) for record in desired.records}
        for key, digests in mine.items():
            current = there.get(key)
            if key[1] == "TXT" and key not in wanted and current is not None:
                others = [value for value in _values(current) if _digest(value) not in digests]
                if others:
                    self._replace(desired, current, current.ttl, others)

    def _replace(self, desired: Any, record: Any, ttl: int, values: list[Any]) -> None:
        data = {"type": record._type, "ttl": ttl, "values": [str(value) for value in values]}
        new = Record.new(desired, record.name, data, source=record.source, lenient=True)
        desired.add_record(new, replace=True, lenient=True)

    def _mark(self, desired: Any, record: Any) -> None:
        name = ".".join(filter(None, (self.txt_name, record._type, record.name.replace("*", "_wildcard"))))
        digests = sorted(map(_digest, _values(record))) if record._type == "TXT" else []
        data = {"type": "TXT", "ttl": self.txt_ttl, "value": " ".join([self.txt_value, *digests])}
        marker = Record.new(desired, name, data, source=record.source, lenient=True)
        desired.add_record(marker, replace=True, lenient=True)
