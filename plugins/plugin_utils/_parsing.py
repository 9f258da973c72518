# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the facts of miab_info: days, dates, sizes, versions and findings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

_DATE = "%Y%m%dT%H%M%SZ"
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

# A box checks that it is the name server of its domains. If it isn't, these findings are wrong.
_GLUE_RECORDS = r"\bNameserver glue records\b"
_DELEGATION = r"\bThe nameservers set on this domain\b"
_DNSSEC = r"\bDNSSEC '?DS'? record\b"
# The name servers that serve the zones of a box, and the findings that are wrong in this setup.
DNS_HOSTING: Mapping[str, Sequence[str]] = {
    "box": (),
    "secondaries": (_GLUE_RECORDS, _DELEGATION),
    # The provider signs the zones with its own keys or not at all.
    "provider": (_GLUE_RECORDS, _DELEGATION, _DNSSEC),
}


def days_left(text: str) -> int | None:
    """The number of days until a certificate expires, from the text of the box; None if unknown."""
    days = re.search(r"expires in (-?[0-9]{1,6}) days?\b", text)
    return int(days[1]) if days else None


def backup_times(status: Mapping[str, Any]) -> list[datetime]:
    """The times of the backups, newest first."""
    dates = [datetime.strptime(row["date"], _DATE) for row in status.get("backups", [])]
    return sorted((date.replace(tzinfo=timezone.utc) for date in dates), reverse=True)


def size(text: str) -> float | None:
    """The bytes of a size such as ``1.5M``; None if it is not a size."""
    found = re.fullmatch(r"(\d{1,20}(?:\.\d{1,20})?)([KMGT]?)", text.strip(), re.ASCII)
    return float(found[1]) * _UNITS[found[2]] if found else None


def fullness(user: Mapping[str, Any]) -> float | None:
    """The used share of a mailbox's quota, in percent; None if it has no quota or the box doesn't know."""
    used, quota = size(user.get("used") or ""), size(user.get("quota") or "")
    return None if used is None or not quota else 100 * used / quota


def _number(version: str) -> tuple[int, ...] | None:
    """A version as a sortable tuple; None for other names, which forks may use."""
    found = re.match(r"v?([0-9]{1,9}(?:\.[0-9]{1,9})*)", version)
    return tuple(map(int, found[1].split("."))) if found else None


def is_behind(own: str, latest: str) -> bool:
    """Whether a box does not have the latest version."""
    ours, newest = _number(own), _number(latest)
    # Other names can only be compared for equality.
    return own != latest if ours is None or newest is None else ours < newest


def findings(
    checks: Sequence[Mapping[str, Any]], exceptions: Sequence[str] = (), dns_hosting: str = "box"
) -> Iterator[tuple[str, str, str]]:
    """The findings of the status checks, each with its type, its heading and its text.

    :param exceptions: regular expressions. The type of what they match, in the text or in the heading, is ``ignored``
        unless it is ``ok``.
    :param dns_hosting: a key of :data:`DNS_HOSTING`, whose findings are ignored, too.
    """
    heading = ""
    for row in checks:
        kind, text = row["type"], row["text"]
        if kind == "heading":
            heading = text
            continue
        if kind != "ok" and (
            any(re.search(one, words) for one in exceptions for words in (heading, text))
            or any(re.search(one, text) for one in DNS_HOSTING[dns_hosting])
        ):
            kind = "ignored"
        yield kind, heading, text


def drift(change: Mapping[str, Any]) -> tuple[str, str]:
    """The name of an object that differs from the declaration, and how, from a change of miab_config."""
    before, after = change["before"], change["after"]
    if change["action"] == "create":
        difference = "is missing on the box"
    elif change["action"] == "remove":
        difference = "is on the box, and the declaration removes it"
    else:
        difference = "differs in %s" % ", ".join(name for name in after if before.get(name) != after[name])
    words = change["resource"].replace("_", " ")
    return words if change["key"] == "box" else "%s %s" % (words, change["key"]), difference
