# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary name servers: the options, and the call that sets them."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping, Sequence, Tuple

from .._model.plan import SINGLE, Call, Change, Known, Planner, Question, View
from .._model.publishing import REBUILD_DNS
from .._model.reads import SECONDARY_NAMESERVERS
from .._values import names
from .._values.errors import InvalidOption

_XFR = "xfr:"

Wanted = Tuple[str, ...]
"""The declared list with canonical entries, in the declared order."""


def check(options: Mapping[str, Any]) -> Wanted:
    """The option of ``miab_secondary_nameserver`` in canonical form.

    :raises InvalidOption: for an entry that no box accepts.
    """
    found = []
    for entry in options["hostnames"]:
        try:
            found.append(canonical(entry))
        except ValueError as error:
            raise InvalidOption("hostnames", entry, str(error)) from error
    return tuple(dict.fromkeys(found))


def canonical(entry: str) -> str:
    """The canonical form of an entry: a host name, or ``xfr:`` followed by an address or a network.

    :raises ValueError: with the reason.
    """
    text = entry.strip()
    if not text:
        raise ValueError("must be a host name; to remove all entries, set an empty list")
    if text[: len(_XFR)].lower() == _XFR:
        return _XFR + _canonical_peer(text[len(_XFR) :].strip())
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return names.domain(text[:-1] if text.endswith(".") else text)
    raise ValueError("must be a host name; to let an address transfer zones, use %s%s" % (_XFR, text))


def _canonical_peer(text: str) -> str:
    if "%" in text:
        raise ValueError("the address can't have a zone index")
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError("%s must be followed by an address or a network: %s" % (_XFR, error)) from error


def _canonical_stored(entry: str) -> str:
    """The canonical form of a stored entry, or the entry itself if it is malformed."""
    try:
        return canonical(entry)
    except ValueError:
        return entry


def needs(_wanted: Wanted, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    return [] if SECONDARY_NAMESERVERS.name in known else [SECONDARY_NAMESERVERS]


def plan(wanted: Wanted, known: Known) -> Change:
    """Plan the change to the declared list."""
    stored = tuple(_canonical_stored(entry) for entry in SECONDARY_NAMESERVERS.of(known))
    before, after = view(stored), view(wanted)
    if before == after:
        return Change("secondary_nameservers", SINGLE, before, before)
    # An empty string clears the list.
    call = Call(
        "POST",
        "/dns/secondary-nameserver",
        {"hostnames": ",".join(wanted)},
        rebuild=(REBUILD_DNS,),
        rests_on=SECONDARY_NAMESERVERS,
    )
    return Change("secondary_nameservers", SINGLE, before, after, (call,))


def view(entries: Sequence[str]) -> View:
    """Entries of a box in the form of the module's option. Their order has no meaning."""
    return {"hostnames": sorted({_canonical_stored(entry) for entry in entries})}


PLANNER = Planner(check, needs, plan)
