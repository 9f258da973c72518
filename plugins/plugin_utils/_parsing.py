# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of a box mean: days, dates, sizes and versions in what miab_info gathers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

_DATE = "%Y%m%dT%H%M%SZ"
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def days_left(text: str) -> int | None:
    """For how many days a certificate is valid, of what the box says about it; None if it doesn't say."""
    days = re.search(r"expires in (-?\d+) days?\b", text)
    return int(days[1]) if days else None


def backup_times(status: Mapping[str, Any]) -> list[datetime]:
    """When the backups were made, the last one first."""
    dates = [datetime.strptime(row["date"], _DATE) for row in status.get("backups", [])]
    return sorted((date.replace(tzinfo=timezone.utc) for date in dates), reverse=True)


def size(text: str) -> float | None:
    """Bytes of a size such as ``1.5M``; None if it is none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None


def fullness(user: Mapping[str, Any]) -> float | None:
    """How much of its quota a mailbox uses, in percent; None if it has none, or the box doesn't know."""
    used, quota = size(user.get("used") or ""), size(user.get("quota") or "")
    return None if used is None or not quota else 100 * used / quota


def _number(version: str) -> tuple[int, ...] | None:
    """A release in order; None for the name of something else, as forks may have."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else None


def is_behind(own: str, latest: str) -> bool:
    """Whether a box has an older version than the newest."""
    ours, newest = _number(own), _number(latest)
    # Names that have no order can only be the same or not.
    return own != latest if ours is None or newest is None else ours < newest
