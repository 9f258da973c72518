# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find problems in the facts of a box."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._values.texts import printable
from ..plugin_utils import _parsing

DOCUMENTATION = r"""
name: problems
short_description: Find the problems of a Mail-in-a-Box
version_added: 1.0.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Finds problems in the result of M(mailinabox.admin.miab_info). The role P(mailinabox.admin.health#role) uses it.
  - A check is skipped if its subset was not read or its severity is V(ignore).
positional: _input
options:
  _input:
    description:
      - The result of M(mailinabox.admin.miab_info). The checks use the subsets C(certificates), C(backup_status),
        C(users), C(reboot_required), C(status_checks), C(dns_problems), C(version) and C(latest_version).
      - You can add C(published_dns), the result of M(mailinabox.admin.dns_verify).
      - You can add C(drift), the C(changes) of M(mailinabox.admin.miab_config) in check mode, or null if that task
        failed.
    type: dict
    required: true
  severities:
    description:
      - V(fail), V(warn) or V(ignore) for each of C(certificates), C(backup), C(mailboxes), C(reboot), C(status_checks),
        C(dns), C(published_dns), C(version) and C(drift). C(unknown) is the severity of a check whose subset the box
        could not return. Defaults to V(fail) for each.
    type: dict
    default: {}
  certificate_days:
    description: The minimum number of days that certificates must still be valid.
    type: int
    default: 10
  backup_days:
    description: The maximum age of the last backup, in days.
    type: int
    default: 2
  mailbox_percent:
    description: The share of its quota, in percent, from which a mailbox counts as nearly full.
    type: int
    default: 90
  status_types:
    description: The types of status check results that count as problems - V(error), V(warning) or both.
    type: list
    elements: str
    default: [error]
  status_except:
    description: Regular expressions. A status check is ignored if one of them matches in its text or its heading.
    type: list
    elements: str
    default: []
  dns_hosting:
    description:
      - Which name servers serve the zones of the box. Status checks that can't pass in this setup are ignored.
      - V(box) means the box itself.
      - V(secondaries) means secondary name servers that transfer the zones from the box. Checks of glue records and of
        the delegation are ignored.
      - V(provider) means a DNS provider. Checks of glue records, of the delegation and of DNSSEC DS records are
        ignored.
    type: str
    choices: [box, secondaries, provider]
    default: box
    version_added: 1.1.0
seealso:
  - plugin: mailinabox.admin.health_page
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the box
  mailinabox.admin.miab_info:
    gather_subset: [backup_status, reboot_required]
  register: box

- name: Show the problems
  ansible.builtin.debug:
    msg: "{{ box | mailinabox.admin.problems(severities={'reboot': 'warn'}, backup_days=1) }}"
"""

RETURN = r"""
_value:
  description:
    - The problems, each with C(check), C(text), and C(severity), which is V(fail) or V(warn).
    - C(about) is the domain, the mailbox or the status check heading of the problem, or null if it concerns the whole
      box.
  type: list
  elements: dict
  sample: [{"check": "reboot", "severity": "warn", "about": null, "text": "A restart is due."}]
"""

_UNKNOWN = {
    "drift": "The box could not be compared with its declaration. The output of the run says why.",
    "published_dns": "The records that its zones need could not be read from the box, so the zones were not verified.",
}

# The subject of a problem, and its text.
Finding = tuple[str | None, str]


def _certificates(facts: Mapping[str, Any], least_days: int) -> Iterator[Finding]:
    for row in facts["status"]:
        days = _parsing.days_left(row["text"])
        if row["status"] in ("warning", "danger") or (days is not None and days < least_days):
            yield row["domain"], "%s: %s" % (row["domain"], row["text"])


def _backup(facts: Mapping[str, Any], most_days: int, now: datetime) -> Iterator[Finding]:
    if "error" in facts:
        yield None, "The box reports an error about its backups: %s" % facts["error"]
    elif "backups" not in facts:
        yield None, "Backups are off."
    elif not facts["backups"]:
        yield None, "There is no backup."
    else:
        days = (now - _parsing.backup_times(facts)[0]).total_seconds() / 86400
        if days > most_days:
            yield None, "The last backup is %.1f days old." % days


def _mailboxes(facts: Sequence[Mapping[str, Any]], most_percent: int) -> Iterator[Finding]:
    for user in facts:
        percent = _parsing.fullness(user)
        if percent is not None and percent >= most_percent:
            yield (
                user["email"],
                "%s: %s of %s are used, %d %%."
                % (
                    *(user[key] for key in ("email", "used", "quota")),
                    percent,
                ),
            )


def _status_checks(
    facts: Sequence[Mapping[str, Any]], types: Sequence[str], exceptions: Sequence[str], dns_hosting: str
) -> Iterator[Finding]:
    for kind, heading, text in _parsing.findings(facts, exceptions, dns_hosting):
        if kind in types:
            yield heading or None, ": ".join(filter(None, (heading, text)))


def _dns(facts: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for row in facts:
        harm = "takes its zone down" if row.get("breaks_zone", True) else "is not published"
        yield row["name"], "%s %s %s %s: %s" % (row["name"], row["type"], row["value"], harm, row["problem"])


def _published_dns(facts: Mapping[str, Any]) -> Iterator[Finding]:
    for row in facts["problems"]:
        yield row["zone"], row["text"]


def _version(own: str, latest: str) -> Iterator[Finding]:
    if _parsing.is_behind(own, latest):
        yield None, "The version is %s, and the newest is %s." % (own, latest)


def _drift(changes: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for change in changes:
        name, difference = _parsing.drift(change)
        yield name, "%s %s." % (name, difference)


def problems(
    facts: Mapping[str, Any],
    severities: Mapping[str, str] | None = None,
    certificate_days: int = 10,
    backup_days: int = 2,
    mailbox_percent: int = 90,
    status_types: Sequence[str] = ("error",),
    status_except: Sequence[str] = (),
    dns_hosting: str = "box",
) -> list[dict[str, str | None]]:
    """The problems: each with its check, severity, subject and text.

    :raises AnsibleFilterError: if ``dns_hosting`` has an unknown value.
    """
    if dns_hosting not in _parsing.DNS_HOSTING:
        raise AnsibleFilterError(
            "dns_hosting must be one of %s, got %r." % (", ".join(_parsing.DNS_HOSTING), str(dns_hosting))
        )
    now = datetime.now(timezone.utc)
    # By check: the subset that it needs, and the function that finds problems in it.
    checks: dict[str, tuple[str, Callable[[Any], Iterator[Finding]]]] = {
        "certificates": ("certificates", lambda value: _certificates(value, certificate_days)),
        "backup": ("backup_status", lambda value: _backup(value, backup_days, now)),
        "mailboxes": ("users", lambda value: _mailboxes(value, mailbox_percent)),
        "reboot": ("reboot_required", lambda value: iter([(None, "A restart is due.")] if value else [])),
        "status_checks": (
            "status_checks",
            lambda value: _status_checks(value, status_types, status_except, dns_hosting),
        ),
        "dns": ("dns_problems", _dns),
        "published_dns": ("published_dns", _published_dns),
        "version": ("latest_version", lambda value: _version(facts["version"], value)),
        "drift": ("drift", _drift),
    }
    found: list[dict[str, str | None]] = []
    for check, (subset, find) in checks.items():
        severity = (severities or {}).get(check, "fail")
        if subset not in facts or severity == "ignore":
            continue
        if facts[subset] is None:
            severity = (severities or {}).get("unknown", "fail")
            findings: list[Finding] = [(None, _UNKNOWN.get(subset, "The box could not return the subset %s." % subset))]
        else:
            findings = list(find(facts[subset]))
        if severity != "ignore":
            # These are printed to terminals and CI logs, and the answers of a box are not trusted.
            found += [
                {
                    "check": check,
                    "severity": severity,
                    "about": None if about is None else printable(about),
                    "text": printable(text),
                }
                for about, text in findings
            ]
    return found


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"problems": problems}
