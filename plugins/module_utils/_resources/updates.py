# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuild DNS and web on demand. Only the box knows whether there is anything to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence, Tuple

from .._model.plan import SINGLE, Call, Change, Known, Planner, Question
from .._model.publishing import DIAGNOSIS
from .._model.reads import DNS_ZONES

_UPDATED = "updated"
_DNS_WORDS = "updated DNS:"


def _parse_dns(answer: str) -> Tuple[str, ...]:
    """The zones or parts of the configuration that the box reports as updated."""
    found = []
    for line in answer.splitlines():
        line = line.strip()
        words = line[len(_DNS_WORDS) :].split(",") if line.startswith(_DNS_WORDS) else [line]
        found += [word.strip() for word in words if word.strip()]
    return tuple(found)


def _parse_web(answer: str) -> bool:
    return bool(answer.strip())


def check_dns(options: Mapping[str, Any]) -> bool:
    """The option of ``miab_dns_update``: whether to rewrite every zone, also without changes."""
    return bool(options["force"])


def check_web(_options: Mapping[str, Any]) -> None:
    """``miab_web_update`` has no options."""


def needs(_wanted: Any, known: Known) -> Sequence[Question]:
    """Return one read. It can't show whether there is anything to do, but it shows whether the task can sign in."""
    return [] if DNS_ZONES.name in known else [replace(DNS_ZONES, once=True)]


def plan_dns(force: bool, known: Known) -> Change:
    """Plan the call, or report its result after it was made."""
    before = {"force": force}
    if _UPDATED in known:
        return Change("dns", SINGLE, {**before, "updated": list(known[_UPDATED])}, before)
    call = Call(
        "POST",
        "/dns/update",
        {"force": "1" if force else "0"},
        parse=_parse_dns,
        name=_UPDATED,
        # A box updates DNS by itself after each change through its API.
        likely_noop=not force,
        verifiable=False,
        diagnosis=DIAGNOSIS,
    )
    return Change("dns", SINGLE, before, before, (call,))


def plan_web(_wanted: None, known: Known) -> Change:
    """Plan the call, or report its result after it was made."""
    if _UPDATED in known:
        return Change("web", SINGLE, {"updated": known[_UPDATED]}, {})
    call = Call("POST", "/web/update", parse=_parse_web, name=_UPDATED, likely_noop=True, verifiable=False)
    return Change("web", SINGLE, {}, {}, (call,))


DNS_PLANNER = Planner(check_dns, needs, plan_dns)
WEB_PLANNER = Planner(check_web, needs, plan_web)
