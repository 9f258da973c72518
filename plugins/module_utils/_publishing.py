# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a box publishes what it has stored, and which custom records keep it from that.

A box stores values that it can't publish. From then on each change that concerns their zone fails, whatever
it is about; and a zone with a CNAME beside other data is dropped by the name server without a word.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence, Tuple

from . import _records
from ._answers import DNS_RECORDS, Records
from ._plan import Call, Read


class BadRecord(NamedTuple):
    """A custom record that is stored, and takes its zone down.

    :ivar value: as the box stores it, which is what deletes it.
    """

    name: str
    rtype: str
    value: str
    why: str

    def __str__(self) -> str:
        return "%s %s %.100r: %s" % self


def unpublishable(records: Records) -> Tuple[BadRecord, ...]:
    """The records that can't be written into a zone.

    :raises MissingLibrary: if there are records of a type whose grammar is dnspython's, and dnspython isn't there.
    """
    found = []
    for (name, rtype), rows in sorted(records.items()):
        for record in rows:
            try:
                _records.canonical(rtype, record.value)
            except ValueError as error:
                found.append(BadRecord(name, rtype, record.value, str(error)))
    return tuple(found)


def conflicting(records: Records, zones: Sequence[str]) -> Tuple[BadRecord, ...]:
    """The CNAMEs that stand beside other data, or at the name of a zone, which always has some."""
    found = []
    for (name, rtype), rows in sorted(records.items()):
        if rtype != "CNAME":
            continue
        others = sorted(other for at, other in records if at == name and other != rtype)
        why = ""
        if name in zones:
            why = "a zone's own name can't be a CNAME"
        elif others:
            why = "beside it stands other data (%s)" % ", ".join(others)
        elif len({_records.canonical_stored(rtype, record.value) for record in rows}) > 1:
            why = "a name has one CNAME at most"
        found += [BadRecord(name, rtype, record.value, why) for record in rows if why]
    return tuple(found)


def _parse_suspects(answer: Any) -> Tuple[str, ...]:
    return tuple(map(str, unpublishable(DNS_RECORDS.parse(answer))))


SUSPECTS = Read("suspects", DNS_RECORDS.path, _parse_suspects)
"""What the box holds that it can't publish, in words."""

REBUILD_DNS = Call("POST", "/dns/update", {"force": "1"}, suspects=SUSPECTS)
REBUILD_WEB = Call("POST", "/web/update")
