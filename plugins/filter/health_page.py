# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of boxes as an HTML page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from ..module_utils._values.texts import printable
from ..plugin_utils import _parsing

DOCUMENTATION = r"""
name: health_page
short_description: Show the health of boxes as an HTML page
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Shows the problems of all boxes, most urgent first. Below are certificates by the days until they expire, backups by
    age, mailboxes by quota, updates, restarts, status checks and versions.
  - The page is one file. It has no scripts and loads no other resources. Text from a box is escaped.
  - The same input gives the same page.
options:
  _input:
    description: The results of M(mailinabox.admin.miab_info), by the name of the host.
    type: dict
    required: true
  problems:
    description:
      - The problems, as P(mailinabox.admin.problems#filter) returns them, by the name of the host. A problem with the
        C(check) C(reachable) means that the box could not be read.
    type: dict
    required: true
  made:
    description: When the boxes were checked, in UTC, such as V(2026-11-22T06:30:00Z).
    type: str
    required: true
  addresses:
    description:
      - The address of each box, by the name of the host, for links to the control panels. Defaults to the host names.
    type: dict
    version_added: 1.1.0
seealso:
  - plugin: mailinabox.admin.problems
    plugin_type: filter
  - plugin: mailinabox.admin.health
    plugin_type: role
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ {'box': texts} | mailinabox.admin.health_page({'box': facts | mailinabox.admin.problems}, made) }}"
    dest: health.html
    mode: "0600"
  vars:
    made: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
"""

RETURN = r"""
_value:
  description: The text of the page.
  type: str
"""

# In the filter folder, ansible-doc would list it as a filter.
_TEMPLATE = Path(__file__).parents[1] / "plugin_utils" / "health_page.html.j2"

# The checks, the most urgent first, and their titles.
_CHECKS = {
    "reachable": "Unreachable",
    "outage": "Service down",
    "dns": "DNS record",
    "published_dns": "Published DNS",
    "certificates": "Certificate",
    "backup": "Backup",
    "mailboxes": "Mailbox",
    "status_checks": "Status check",
    "drift": "Drift",
    "reboot": "Restart",
    "version": "Version",
}
# A status check for a service that is not running or not reachable.
_OUTAGE = re.compile(r"\bis not (?:running|publicly accessible)\b")
# An address of a box that can be linked to.
_ADDRESS = re.compile(r"https://[A-Za-z0-9.:\[\]_-]+(?:/admin)?/?")
_URGENCY = {"fail": "urgent", "warn": "soon"}
_RANKS = list(_URGENCY)

# A certificate from Let's Encrypt is valid for this many days.
_CERTIFICATE_DAYS = 90
# The number of days in the strip of backups.
_BACKUP_DAYS = 14
# The number of rows that are shown before the rest is collapsed.
_SHOWN = 8

_Row = dict[str, Any]


class _Box:
    """A box: its facts and its problems.

    A subset is missing from the facts if it was not read, and None if the box could not return it.
    """

    def __init__(
        self, host: str, facts: Mapping[str, Any], problems: Sequence[Mapping[str, Any]], place: int, address: str = ""
    ) -> None:
        self.host = host
        url = address if "://" in address else "https://%s/admin" % (address or host)
        self.panel = url if _ADDRESS.fullmatch(url) else ""
        self.anchor = "box-%d" % place
        self.problems = problems
        self.is_reached = all(problem["check"] != "reachable" for problem in problems)
        self.facts: Mapping[str, Any] = facts if self.is_reached else {}

    def urgency(self, check: str | None = None, about: str | None = None) -> str:
        """The urgency of the worst problem, of all checks or of one; empty if there is none."""
        severities = [
            problem["severity"]
            for problem in self.problems
            if check in (None, problem["check"]) and about in (None, problem["about"])
        ]
        return _URGENCY[min(severities, key=_RANKS.index)] if severities else ""


def _counted(number: int, word: str, words: str = "") -> str:
    return "%d %s" % (number, word if number == 1 else words or word + "s")


def _in_days(days: int) -> str:
    return "today" if days == 0 else "in " + _counted(days, "day") if days > 0 else _counted(-days, "day") + " ago"


def _age(age: timedelta) -> str:
    hours = age // timedelta(hours=1)
    return "less than an hour" if hours < 1 else _counted(hours, "hour") if hours < 48 else _counted(age.days, "day")


def _readable(size: float) -> str:
    units = ["B", "KB", "MB", "GB", "TB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return ("%.1f %s" if size < 10 and units[0] != "B" else "%.0f %s") % (size, units[0])


def _overview(boxes: Sequence[_Box]) -> list[_Row]:
    rows = []
    for box in boxes:
        own, latest = box.facts.get("version"), box.facts.get("latest_version")
        kind = (box.facts.get("box") or {}).get("kind", "upstream")
        if own is None:
            version = ""
        elif latest is None:
            version = own
        else:
            version = "%s, %s" % (own, latest + " is available" if _parsing.is_behind(own, latest) else "latest")
        if version and kind != "upstream":
            version += ", unknown kind of box" if kind == "unknown" else ", fork %s" % kind
        rows.append({"box": box, "urgency": box.urgency(), "problems": len(box.problems), "version": version})
    return rows


def _to_do(boxes: Sequence[_Box]) -> list[_Row]:
    """The problems, the most urgent first. The same problem of several boxes is one row."""
    where: dict[tuple[str, str, str], list[_Box]] = {}
    for box in boxes:
        for severity, check, text in _once(box.problems):
            where.setdefault((severity, check, text), []).append(box)
    groups: dict[tuple[str, str, tuple[_Box, ...]], list[str]] = {}
    for (severity, check, text), there in where.items():
        groups.setdefault((severity, check, tuple(there)), []).append(text)

    def place(key: tuple[str, str, tuple[_Box, ...]]) -> tuple[int, int, int]:
        severity, check, _there = key
        days = [_parsing.days_left(text) for text in groups[key]] if check == "certificates" else []
        return (
            _RANKS.index(severity),
            list(_CHECKS).index(check),
            min((-1 if one is None else one for one in days), default=0),
        )

    return [
        {
            "urgency": _URGENCY[severity],
            "check": _CHECKS[check],
            "texts": groups[severity, check, there],
            "boxes": there,
        }
        for severity, check, there in sorted(groups, key=place)
    ]


def _once(problems: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """The problems of a box as ``(severity, check, text)``, without duplicates.

    A missing certificate is found for each name of its domain, and again by the status checks.
    """
    certificates = [problem for problem in problems if problem["check"] == "certificates"]
    names = sorted((problem["about"] for problem in certificates if problem["about"]), key=len)
    texts: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        severity, check, text, about = (problem[key] for key in ("severity", "check", "text", "about"))
        if check == "status_checks" and about in names and "certificate" in text:
            continue
        if check == "status_checks" and _OUTAGE.search(text):
            check = "outage"
        if check == "certificates" and about and text.startswith(about + ": "):
            domain = next(name for name in names if about == name or about.endswith("." + name))
            texts.setdefault((severity, check, domain + text[len(about) :]), []).append(about)
        else:
            texts.setdefault((severity, check, text), [])
    rows = []
    for (severity, check, text), abouts in texts.items():
        first = text.partition(": ")[0]
        others = [about for about in abouts if about != first]
        rows.append((severity, check, ", ".join([first, *others]) + text[len(first) :] if others else text))
    return rows


def _certificates(boxes: Sequence[_Box]) -> list[_Row]:
    """Invalid certificates first, then by the days left, which a box does not always report."""
    rows = []
    for box in boxes:
        for row in (box.facts.get("certificates") or {}).get("status", ()):
            if row["status"] == "not-applicable":
                continue
            days = _parsing.days_left(row["text"])
            is_bad = row["status"] != "success"
            rows.append(
                {
                    "box": box,
                    "name": row["domain"],
                    "text": "" if days is None else _in_days(days),
                    "details": "",
                    "note": row["text"] if days is None else "",
                    "share": None if days is None else max(0, min(100, 100 * days // _CERTIFICATE_DAYS)),
                    "urgency": box.urgency("certificates", row["domain"]),
                    "place": (days is not None or not is_bad, days is None, days or 0),
                }
            )
    return sorted(rows, key=lambda row: row["place"])


def _backups(boxes: Sequence[_Box], now: datetime) -> list[_Row]:
    """Boxes without backups first, then by the age of the last one."""
    rows = []
    for box in boxes:
        if box.facts.get("backup_status") is None:
            continue
        status = box.facts["backup_status"]
        times = _parsing.backup_times(status)
        ages = [max(now - time, timedelta(0)) for time in times]
        row = {"box": box, "urgency": box.urgency("backup"), "details": "", "note": "", "strip": []}
        row["age"] = ages[0] if ages else timedelta.max
        if "error" in status:
            row.update(text="unknown", note=status["error"])
        elif "backups" not in status:
            row["text"] = "off"
        elif not ages:
            row["text"] = "none yet"
        else:
            row["text"] = _age(ages[0]) + " ago"
            held = sum(backup.get("size", 0) for backup in status["backups"])
            row["details"] = "%s, %s" % (_counted(len(ages), "backup"), _readable(held))
            kept = {age.days for age in ages}
            row["strip"] = [day in kept for day in reversed(range(_BACKUP_DAYS))]
        rows.append(row)
    return sorted(rows, key=lambda row: row["age"], reverse=True)


def _mailboxes(boxes: Sequence[_Box]) -> dict[str, Any]:
    """Mailboxes with a quota, the fullest first, and the number of others."""
    rows, unlimited, archived, without_quotas = [], 0, 0, []
    for box in boxes:
        users = box.facts.get("users") or []
        active = [user for user in users if user["status"] == "active"]
        archived += len(users) - len(active)
        if active and all(user.get("quota") is None for user in active):
            without_quotas.append((box, len(active)))
            continue
        for user in active:
            percent = _parsing.fullness(user)
            if not _parsing.size(user.get("quota") or ""):
                unlimited += 1
                continue
            rows.append(
                {
                    "box": box,
                    "name": user["email"],
                    "text": "no mail yet" if percent is None else "%d %%" % percent,
                    "details": "quota %s" % user["quota"]
                    if percent is None
                    else "%s of %s" % (user["used"], user["quota"]),
                    "note": "",
                    "share": min(100, int(percent or 0)),
                    "urgency": box.urgency("mailboxes", user["email"]),
                    "place": -1 if percent is None else percent,
                }
            )
    rows.sort(key=lambda row: row["place"], reverse=True)
    return {"rows": rows, "unlimited": unlimited, "archived": archived, "without_quotas": without_quotas}


def _updates(boxes: Sequence[_Box]) -> list[_Row]:
    """Boxes that need a restart first, then those with the most updates."""
    rows = [
        {"box": box, "restart": box.facts.get("reboot_required"), "packages": box.facts.get("updates")}
        for box in boxes
        if box.facts.get("reboot_required") is not None or box.facts.get("updates") is not None
    ]
    return sorted(rows, key=lambda row: (not row["restart"], -len(row["packages"] or ())))


def _status_checks(boxes: Sequence[_Box]) -> list[_Row]:
    """The status checks of each box, boxes with the most errors first."""
    rows = []
    for box in boxes:
        if box.facts.get("status_checks") is None:
            continue
        heading = ""
        found: dict[str, list[_Row]] = {"error": [], "warning": [], "ok": []}
        for check in box.facts["status_checks"]:
            if check["type"] == "heading":
                heading = check["text"]
            elif check["type"] in found:
                lines = [line["text"] for line in check.get("extra") or ()]
                found[check["type"]].append({"heading": heading, "text": check["text"], "lines": lines})
        rows.append({"box": box, **found})
    return sorted(rows, key=lambda row: (-len(row["error"]), -len(row["warning"])))


def _published_dns(boxes: Sequence[_Box]) -> list[_Row]:
    """The zones with the numbers of right and wrong records, those with the most wrong records first."""
    rows = []
    for box in boxes:
        for zone in (box.facts.get("published_dns") or {}).get("zones", ()):
            right = zone["counts"].get("right", 0)
            wrong = [pair for pair in sorted(zone["counts"].items()) if pair[0] != "right" and pair[1]]
            rows.append(
                {
                    "box": box,
                    "name": zone["zone"],
                    "text": ", ".join("%d %s" % (number, status) for status, number in [*wrong, ("right", right)]),
                    "details": "",
                    "note": zone["text"],
                    "share": None,
                    "urgency": "" if zone["ok"] else box.urgency("published_dns", zone["zone"]),
                    "place": (zone["ok"], -sum(number for _status, number in wrong)),
                }
            )
    return sorted(rows, key=lambda row: row["place"])


def _drift(boxes: Sequence[_Box]) -> list[_Row]:
    """The differences of each box from its declaration, boxes with the most differences first."""
    rows = [
        {"box": box, "urgency": box.urgency("drift"), "objects": list(map(_parsing.drift, box.facts["drift"]))}
        for box in boxes
        if box.facts.get("drift") is not None
    ]
    return sorted(rows, key=lambda row: -len(row["objects"]))


def _silent(boxes: Sequence[_Box], subset: str) -> list[_Box]:
    """The boxes that could not return a subset."""
    return [box for box in boxes if subset in box.facts and box.facts[subset] is None]


def _shown(rows: Sequence[object], number: int = _SHOWN) -> int:
    """The number of rows to show before the rest is collapsed. A single remaining row is shown, too."""
    return number + 1 if len(rows) == number + 1 else number


def _summary(boxes: Sequence[_Box]) -> str:
    lost = sum(not box.is_reached for box in boxes)
    urgent = sum(box.is_reached and box.urgency() == "urgent" for box in boxes)
    soon = sum(box.urgency() == "soon" for box in boxes)
    well = sum(not box.urgency() for box in boxes)
    parts = (
        (lost, "unreachable"),
        (urgent, "urgent"),
        (soon, "to fix soon"),
        (well, "healthy"),
    )
    return ", ".join("%d %s" % part for part in parts if part[0])


def _visible(value: Any) -> Any:
    """A value for the page, without invisible characters."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(re.sub(r"\s+", " ", value))
    return value


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, finalize=_visible, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(counted=_counted, shown=_shown)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def health_page(
    facts: Mapping[str, Mapping[str, Any]],
    problems: Mapping[str, Sequence[Mapping[str, Any]]],
    made: str,
    addresses: Mapping[str, str] | None = None,
) -> str:
    """The text of the page."""
    where = addresses or {}
    now = datetime.strptime(made, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    boxes = [
        _Box(str(host), facts[host], problems[host], place, str(where.get(host, "")))
        for place, host in enumerate(sorted(facts), 1)
    ]
    # The sort is stable: equally urgent boxes stay sorted by name.
    boxes.sort(key=lambda box: (box.is_reached, ["urgent", "soon", ""].index(box.urgency())))
    return _template().render(
        made=made,
        when="%s %d %s" % (now.strftime("%A"), now.day, now.strftime("%B %Y, %H:%M UTC")),
        boxes=boxes,
        summary=_summary(boxes),
        overview=_overview(boxes),
        to_do=_to_do(boxes),
        certificates=_certificates(boxes),
        backups=_backups(boxes, now),
        mailboxes=_mailboxes(boxes),
        updates=_updates(boxes),
        status_checks=_status_checks(boxes),
        published_dns=_published_dns(boxes),
        drift=_drift(boxes),
        silent={
            subset: _silent(boxes, subset)
            for subset in (
                "certificates",
                "backup_status",
                "updates",
                "status_checks",
                "latest_version",
                "published_dns",
                "drift",
            )
        },
        backup_days=_BACKUP_DAYS,
        asked={
            subset
            for box in boxes
            for subset in (
                "certificates",
                "backup_status",
                "users",
                "updates",
                "reboot_required",
                "status_checks",
                "published_dns",
                "drift",
            )
            if subset in box.facts
        },
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"health_page": health_page}
