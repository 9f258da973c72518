# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not as it should be on a box, of what it tells of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

DOCUMENTATION = r"""
name: problems
short_description: What is not as it should be on a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Judges what M(mailinabox.admin.miab_info) has gathered. The role P(mailinabox.admin.health#role) goes by it.
  - A subset that wasn't gathered isn't judged, and neither is a check whose severity is V(ignore).
positional: _input
options:
  _input:
    description:
      - The result of M(mailinabox.admin.miab_info), of the subsets C(certificates), C(backup_status), C(reboot_required),
        C(status_checks), C(version) and C(latest_version).
    type: dict
    required: true
  severities:
    description:
      - V(fail), V(warn) or V(ignore) for each of C(certificates), C(backup), C(reboot), C(status_checks), C(version), and
        for C(unknown), which is about a subset that the box could not tell. What is left out is V(fail).
    type: dict
    default: {}
  certificate_days:
    description: For how many days more certificates have to be valid.
    type: int
    default: 10
  backup_days:
    description: How many days old the last backup may be.
    type: int
    default: 2
  status_types:
    description: Which findings of the status checks count, of V(error) and V(warning).
    type: list
    elements: str
    default: [error]
  status_except:
    description: Regular expressions. Findings in whose text, or under whose heading, one of them is found don't count.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Ask the box
  mailinabox.admin.miab_info:
    gather_subset: [backup_status, reboot_required]
  register: box

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ box | mailinabox.admin.problems(severities={'reboot': 'warn'}, backup_days=1) }}"
"""

RETURN = r"""
_value:
  description: The problems, each with C(check), C(severity), which is V(fail) or V(warn), and C(text).
  type: list
  elements: dict
  sample: [{"check": "reboot", "severity": "warn", "text": "A restart is due."}]
"""

_DATE = "%Y%m%dT%H%M%SZ"


def _certificates(told: Mapping[str, Any], least_days: int) -> Iterator[str]:
    for row in told["status"]:
        days = re.search(r"expires in (-?\d+) days?\b", row["text"])
        if row["status"] in ("warning", "danger") or (days and int(days[1]) < least_days):
            yield "%s: %s" % (row["domain"], row["text"])


def _backup(told: Mapping[str, Any], most_days: int, now: datetime) -> Iterator[str]:
    if "error" in told:
        yield "The box can't tell of its backups: %s" % told["error"]
    elif "backups" not in told:
        yield "Backups are off."
    elif not told["backups"]:
        yield "There is no backup."
    else:
        # Dates of this form are in order as text.
        last = datetime.strptime(max(row["date"] for row in told["backups"]), _DATE).replace(tzinfo=timezone.utc)
        days = (now - last).total_seconds() / 86400
        if days > most_days:
            yield "The last backup is %.1f days old." % days


def _status_checks(told: Sequence[Mapping[str, Any]], types: Sequence[str], exceptions: Sequence[str]) -> Iterator[str]:
    heading = ""
    for row in told:
        if row["type"] == "heading":
            heading = row["text"]
            continue
        told_of = (heading, row["text"])
        if row["type"] in types and not any(re.search(one, text) for one in exceptions for text in told_of):
            yield ": ".join(filter(None, told_of))


def _number(version: str) -> tuple[int, ...] | None:
    """A release in order; None for the name of something else, as forks may have."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else None


def _version(own: str, latest: str) -> Iterator[str]:
    ours, newest = _number(own), _number(latest)
    # Names that have no order can only be the same or not.
    is_behind = own != latest if ours is None or newest is None else ours < newest
    if is_behind:
        yield "The version is %s, and the newest is %s." % (own, latest)


def problems(
    told: Mapping[str, Any],
    severities: Mapping[str, str] | None = None,
    certificate_days: int = 10,
    backup_days: int = 2,
    status_types: Sequence[str] = ("error",),
    status_except: Sequence[str] = (),
) -> list[dict[str, str]]:
    """What is not as it should be: the check, its severity, and what is wrong."""
    now = datetime.now(timezone.utc)
    # By check: what it needs, and how to judge that.
    checks: dict[str, tuple[str, Callable[[Any], Iterator[str]]]] = {
        "certificates": ("certificates", lambda value: _certificates(value, certificate_days)),
        "backup": ("backup_status", lambda value: _backup(value, backup_days, now)),
        "reboot": ("reboot_required", lambda value: iter(["A restart is due."] if value else [])),
        "status_checks": ("status_checks", lambda value: _status_checks(value, status_types, status_except)),
        "version": ("latest_version", lambda value: _version(told["version"], value)),
    }
    found = []
    for check, (subset, judge) in checks.items():
        severity = (severities or {}).get(check, "fail")
        if subset not in told or severity == "ignore":
            continue
        if told[subset] is None:
            severity, texts = (severities or {}).get("unknown", "fail"), ["The box can't tell its %s." % subset]
        else:
            texts = list(judge(told[subset]))
        if severity != "ignore":
            found += [{"check": check, "severity": severity, "text": text} for text in texts]
    return found


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"problems": problems}
