# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of boxes as metrics for Prometheus."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.basic import missing_required_lib

from ..module_utils._values.texts import printable
from ..plugin_utils import _parsing

DOCUMENTATION = r"""
name: health_metrics
short_description: Export the health of boxes as Prometheus metrics
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Converts the results of M(mailinabox.admin.miab_info) for several boxes to metrics in the text format of Prometheus,
    which is also valid OpenMetrics. The textfile collector of node_exporter reads it. The guide on monitoring lists the
    metrics.
  - There is one series for each certificate and a fixed number of others for each box, unless you set O(each_mailbox).
  - The same input gives the same metrics.
requirements:
  - prometheus-client
options:
  _input:
    description: The results of M(mailinabox.admin.miab_info), by the name of the host.
    type: dict
    required: true
  health:
    description:
      - The fact C(miab_health) of the role P(mailinabox.admin.health#role), by the name of the host. A problem with the
        C(check) C(reachable) means that the box could not be read.
    type: dict
    required: true
  made:
    description: When the boxes were checked, in UTC, such as V(2026-11-22T06:30:00Z).
    type: str
    required: true
  seconds:
    description: How many seconds the checks took.
    type: float
    required: true
  each_mailbox:
    description: Whether to add series for each mailbox.
    type: bool
    default: false
seealso:
  - plugin: mailinabox.admin.health_page
    plugin_type: filter
  - plugin: mailinabox.admin.health
    plugin_type: role
"""

EXAMPLES = r"""
# The role mailinabox.admin.health has set both facts.
- name: Write the metrics of one box
  ansible.builtin.copy:
    content: >-
      {{ {'box': miab_health_gathered} | mailinabox.admin.health_metrics({'box': miab_health}, made, seconds=1.5) }}
    dest: health.prom
    mode: "0644"
  vars:
    made: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

# The labels of each metric besides box, and its description. All metrics are gauges.
METRICS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "miab_up": ((), "Whether the box could be read."),
    "miab_version_info": (("version",), "The version of Mail-in-a-Box, in a label. Always 1."),
    "miab_latest_version_info": (("version",), "The newest version of Mail-in-a-Box, in a label. Always 1."),
    "miab_version_outdated": ((), "Whether there is a newer version of Mail-in-a-Box."),
    "miab_certificate_valid": (("domain",), "Whether the box reports the certificate of a domain as valid."),
    "miab_certificate_expiry_timestamp_seconds": (("domain",), "When the certificate of a domain expires."),
    "miab_backup_enabled": ((), "Whether the box makes backups."),
    "miab_backup_last_timestamp_seconds": ((), "When the last backup was made."),
    "miab_backup_files": ((), "The number of backups that are kept, full and incremental ones."),
    "miab_backup_size_bytes": ((), "The size of all backups that are kept."),
    "miab_mailboxes": (("status",), "The number of mailboxes: active ones, and archived ones of removed users."),
    "miab_mailboxes_used_bytes": ((), "The size of all active mailboxes together."),
    "miab_mailboxes_quota_bytes": ((), "The quotas of all active mailboxes together, of those that have one."),
    "miab_mailboxes_fullest_ratio": ((), "How much of its quota the fullest mailbox uses, from 0 to 1."),
    "miab_mailbox_used_bytes": (("mailbox",), "The size of a mailbox."),
    "miab_mailbox_quota_bytes": (("mailbox",), "The quota of a mailbox."),
    "miab_updates_available": ((), "The number of packages that can be upgraded."),
    "miab_reboot_required": ((), "Whether a restart is required."),
    "miab_status_checks": (("result",), "The number of status checks by result: ok, warning, error or ignored."),
    "miab_dns_broken_records": (
        ("effect",),
        "The number of custom DNS records that take their zone down or are in no zone.",
    ),
    "miab_published_dns_records": (("status",), "The number of DNS records that the box needs, by their status."),
    "miab_drift_objects": (
        ("action",),
        "The number of objects that differ from the declaration, by the action that would fix them.",
    ),
    "miab_problems": (("severity",), "The number of problems that the role health finds, by severity."),
    "miab_unknown_subsets": ((), "The number of subsets that the box could not return."),
}
# Metrics of the run, not of a box.
RUN_METRICS: Mapping[str, str] = {
    "miab_run_timestamp_seconds": "When the boxes were checked.",
    "miab_run_duration_seconds": "How long the checks of all boxes took.",
}

# Longer label values are truncated.
_LONGEST = 128
_STATUSES = {"active": "active", "inactive": "archived"}
_ACTIONS = ("create", "update", "remove")
_SEVERITIES = ("fail", "warn")
_RECORDS = ("right", "missing", "different", "extra", "cut", "cname", "unknown")

# The name of a metric, the values of its labels beside box, and its value.
_Sample = tuple[str, tuple[str, ...], float]


def _version(facts: Mapping[str, Any]) -> Iterator[_Sample]:
    yield "miab_version_info", (facts["version"],), 1


def _latest_version(facts: Mapping[str, Any]) -> Iterator[_Sample]:
    yield "miab_latest_version_info", (facts["latest_version"],), 1
    yield "miab_version_outdated", (), _parsing.is_behind(facts["version"], facts["latest_version"])


def _certificates(facts: Mapping[str, Any], now: datetime) -> Iterator[_Sample]:
    for row in facts["certificates"]["status"]:
        if row["status"] == "not-applicable":
            continue
        yield "miab_certificate_valid", (row["domain"],), row["status"] == "success"
        end = _expiry(row["text"], now)
        if end is not None:
            yield "miab_certificate_expiry_timestamp_seconds", (row["domain"],), end.timestamp()


def _expiry(text: str, now: datetime) -> datetime | None:
    """The earliest time at which a certificate expires; a box reports the day only."""
    date = re.search(r"\bexpires (?:in -?[0-9]+ days? )?on ([0-9]{4}-[0-9]{2}-[0-9]{2})\b", text)
    if date:
        return datetime.strptime(date[1], "%Y-%m-%d").replace(tzinfo=timezone.utc)
    days = _parsing.days_left(text)
    return None if days is None else now + timedelta(days=days)


def _backup_status(facts: Mapping[str, Any]) -> Iterator[_Sample]:
    status = facts["backup_status"]
    if "error" in status:
        return
    yield "miab_backup_enabled", (), "backups" in status
    if "backups" in status:
        times = _parsing.backup_times(status)
        yield "miab_backup_files", (), len(times)
        yield "miab_backup_size_bytes", (), sum(float(backup.get("size", 0)) for backup in status["backups"])
        if times:
            yield "miab_backup_last_timestamp_seconds", (), times[0].timestamp()


def _users(facts: Mapping[str, Any], each_mailbox: bool) -> Iterator[_Sample]:
    users = facts["users"]
    counts = Counter(user["status"] for user in users)
    for status, label in _STATUSES.items():
        yield "miab_mailboxes", (label,), counts[status]
    active = [user for user in users if user["status"] == "active"]
    # Boxes without quotas don't report the used size.
    used = {user["email"]: _parsing.size(user.get("used") or "") for user in active}
    sizes = [size for size in used.values() if size is not None]
    if sizes:
        yield "miab_mailboxes_used_bytes", (), sum(sizes)
    quotas = [quota for quota in (_parsing.size(user.get("quota") or "") for user in active) if quota]
    if quotas:
        yield "miab_mailboxes_quota_bytes", (), sum(quotas)
    shares = [share for share in map(_parsing.fullness, active) if share is not None]
    if shares:
        yield "miab_mailboxes_fullest_ratio", (), max(shares) / 100
    if each_mailbox:
        for user in active:
            size, quota = used[user["email"]], _parsing.size(user.get("quota") or "")
            if size is not None:
                yield "miab_mailbox_used_bytes", (user["email"],), size
            if quota:
                yield "miab_mailbox_quota_bytes", (user["email"],), quota


def _dns_problems(facts: Mapping[str, Any]) -> Iterator[_Sample]:
    rows = facts["dns_problems"]
    down = sum(bool(row.get("breaks_zone", True)) for row in rows)
    yield "miab_dns_broken_records", ("zone_down",), down
    yield "miab_dns_broken_records", ("no_zone",), len(rows) - down


def _published_dns(facts: Mapping[str, Any]) -> Iterator[_Sample]:
    counts: Counter[str] = Counter()
    for zone in facts["published_dns"]["zones"]:
        counts.update(zone["counts"])
    for status in _RECORDS:
        yield "miab_published_dns_records", (status,), counts[status]


def _drift(facts: Mapping[str, Any]) -> Iterator[_Sample]:
    counts = Counter(change["action"] for change in facts["drift"])
    for action in _ACTIONS:
        yield "miab_drift_objects", (action,), counts[action]


def _box(facts: Mapping[str, Any], health: Mapping[str, Any], now: datetime, each_mailbox: bool) -> Iterator[_Sample]:
    """The metrics of one box."""
    problems: Sequence[Mapping[str, Any]] = health["problems"]
    is_reached = all(problem["check"] != "reachable" for problem in problems)
    yield "miab_up", (), is_reached
    counts = Counter(problem["severity"] for problem in problems)
    for severity in _SEVERITIES:
        yield "miab_problems", (severity,), counts[severity]
    if not is_reached:
        return
    subsets: dict[str, Callable[[], Iterator[_Sample]]] = {
        "version": lambda: _version(facts),
        "latest_version": lambda: _latest_version(facts),
        "certificates": lambda: _certificates(facts, now),
        "backup_status": lambda: _backup_status(facts),
        "users": lambda: _users(facts, each_mailbox),
        "updates": lambda: iter([("miab_updates_available", (), len(facts["updates"]))]),
        "reboot_required": lambda: iter([("miab_reboot_required", (), facts["reboot_required"])]),
        "status_checks": lambda: (
            ("miab_status_checks", (result,), count) for result, count in health["status_checks"].items()
        ),
        "dns_problems": lambda: _dns_problems(facts),
        "published_dns": lambda: _published_dns(facts),
        "drift": lambda: _drift(facts),
    }
    unknown = 0
    for subset, samples in subsets.items():
        if subset not in facts:
            continue
        try:
            # The box could not return it, or only a part of it.
            if facts[subset] is None or "error" in (facts[subset] if subset == "backup_status" else ()):
                unknown += 1
            else:
                yield from [(name, tuple(map(_label, labels)), float(value)) for name, labels, value in samples()]
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # An answer with an unexpected shape must not remove the metrics of other boxes.
            unknown += 1
    yield "miab_unknown_subsets", (), unknown


def _label(text: object) -> str:
    """The value of a label, without invisible characters, truncated to the maximum length."""
    label = printable(str(text))
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "\u2026"


def health_metrics(
    facts: Mapping[str, Mapping[str, Any]],
    health: Mapping[str, Mapping[str, Any]],
    made: str,
    seconds: float,
    each_mailbox: bool = False,
) -> str:
    """The text of the metrics.

    :raises AnsibleFilterError: if prometheus-client is missing.
    """
    try:
        from prometheus_client.metrics_core import GaugeMetricFamily, Metric
        from prometheus_client.openmetrics.exposition import generate_latest
        from prometheus_client.registry import Collector, CollectorRegistry
    except ImportError as error:
        raise AnsibleFilterError(
            "The filter health_metrics needs prometheus-client. %s" % missing_required_lib("prometheus-client")
        ) from error

    now = datetime.strptime(made, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    # By name and labels, because Prometheus rejects a file with duplicate series.
    samples: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in METRICS}
    for host in sorted(facts):
        for name, labels, value in _box(facts[host], health[host], now, each_mailbox):
            samples[name].setdefault((_label(host), *labels), value)

    class Boxes(Collector):
        def collect(self) -> Iterator[Metric]:
            for name, (labels, description) in METRICS.items():
                family = GaugeMetricFamily(name, description, labels=("box", *labels))
                for values, value in samples[name].items():
                    family.add_metric(values, value)
                if samples[name]:
                    yield family
            for (name, description), value in zip(RUN_METRICS.items(), (now.timestamp(), seconds), strict=True):
                yield GaugeMetricFamily(name, description, value=value)

    registry = CollectorRegistry()
    registry.register(Boxes())
    # The library's function has no annotations, so mypy needs this one.
    generate: Callable[[CollectorRegistry], bytes] = generate_latest
    return generate(registry).decode("utf-8")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"health_metrics": health_metrics}
