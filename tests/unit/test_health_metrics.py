# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter health_metrics: metrics from the facts of boxes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from ansible_collections.mailinabox.admin.plugins.filter.health_metrics import METRICS, RUN_METRICS, health_metrics
from ansible_collections.mailinabox.admin.plugins.filter.status_counts import status_counts

ROOT = Path(__file__).parents[2]
MADE = "1970-01-11T00:00:00Z"
NOW = 10 * 86400
BOX = "box.example.com"
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(text: str) -> Series:
    """The series of a text by name and labels, as both parsers read it."""
    found: list[Series] = []
    for parse in (prometheus, open_metrics):
        samples = [sample for family in parse(text) for sample in family.samples]
        found.append({(one.name, tuple(sorted(one.labels.items()))): one.value for one in samples})
        # There are no duplicates.
        assert len(found[-1]) == len(samples)
    assert found[0] == found[1]
    return found[0]


def problem(check: str, severity: str = "fail") -> dict[str, Any]:
    return {"check": check, "severity": severity, "about": None, "text": "..."}


def measured(facts: dict[str, Any], *problems: dict[str, Any], **options: Any) -> dict[str, float]:
    """The series of one box that have no other labels, by name, and the others by name and labels."""
    counts = status_counts(facts["status_checks"]) if facts.get("status_checks") else {}
    health = {"problems": list(problems), "status_checks": counts}
    found = series(health_metrics({BOX: facts}, {BOX: health}, MADE, 1.5, **options))
    return {
        " ".join([name, *(value for label, value in labels if label != "box")]): value
        for (name, labels), value in found.items()
    }


ALWAYS = {
    "miab_up": 1,
    "miab_problems fail": 0,
    "miab_problems warn": 0,
    "miab_unknown_subsets": 0,
    "miab_run_timestamp_seconds": NOW,
    "miab_run_duration_seconds": 1.5,
}


def mailbox(email: str, **parts: Any) -> dict[str, Any]:
    return {"email": email, "privileges": [], "status": "active", **parts}


def certificate(domain: str, text: str, status: str = "success") -> dict[str, Any]:
    return {"domain": domain, "status": status, "text": text}


MAILBOXES = [
    mailbox("ann@example.org", quota="2G", used="1.5G"),
    mailbox("bob@example.org", quota="0", used="512M"),
    mailbox("new@example.org", quota="1G", used=None),
    mailbox("gone@example.org", status="inactive"),
]
GIB = 1 << 30


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, {}),
        ({"version": "v75"}, {"miab_version_info v75": 1}),
        (
            {"version": "v74", "latest_version": "v75"},
            {"miab_version_info v74": 1, "miab_latest_version_info v75": 1, "miab_version_outdated": 1},
        ),
        (
            {"version": "v75", "latest_version": None},
            {"miab_version_info v75": 1, "miab_unknown_subsets": 1},
        ),
        (
            {
                "certificates": {
                    "status": [
                        certificate("a.example", "Signed & valid. The certificate expires in 80 days on 1970-04-01."),
                        certificate("b.example", "Signed & valid. The certificate expires on 1970-04-01."),
                        certificate("c.example", "The certificate expires in 5 days on 01/16/70.", "danger"),
                        certificate("d.example", "No certificate installed.", "danger"),
                        certificate("e.example", "The domain's website is hosted elsewhere.", "not-applicable"),
                    ]
                }
            },
            {
                "miab_certificate_valid a.example": 1,
                "miab_certificate_valid b.example": 1,
                "miab_certificate_valid c.example": 0,
                "miab_certificate_valid d.example": 0,
                "miab_certificate_expiry_timestamp_seconds a.example": 90 * 86400,
                "miab_certificate_expiry_timestamp_seconds b.example": 90 * 86400,
                "miab_certificate_expiry_timestamp_seconds c.example": NOW + 5 * 86400,
            },
        ),
        (
            {
                "backup_status": {
                    "backups": [
                        {"date": "19700110T030000Z", "full": False, "size": 100},
                        {"date": "19700109T030000Z", "full": True, "size": 900},
                    ]
                }
            },
            {
                "miab_backup_enabled": 1,
                "miab_backup_files": 2,
                "miab_backup_size_bytes": 1000,
                "miab_backup_last_timestamp_seconds": 9 * 86400 + 3 * 3600,
            },
        ),
        (
            {"backup_status": {"backups": []}},
            {"miab_backup_enabled": 1, "miab_backup_files": 0, "miab_backup_size_bytes": 0},
        ),
        ({"backup_status": {}}, {"miab_backup_enabled": 0}),
        ({"backup_status": {"error": "No route."}}, {"miab_unknown_subsets": 1}),
        (
            {"users": MAILBOXES},
            {
                "miab_mailboxes active": 3,
                "miab_mailboxes archived": 1,
                "miab_mailboxes_used_bytes": 2 * GIB,
                "miab_mailboxes_quota_bytes": 3 * GIB,
                "miab_mailboxes_fullest_ratio": 0.75,
            },
        ),
        # Before v73 there were no quotas.
        ({"users": [mailbox("a@b.example")]}, {"miab_mailboxes active": 1, "miab_mailboxes archived": 0}),
        ({"updates": [{"package": "openssl", "version": "3"}]}, {"miab_updates_available": 1}),
        ({"reboot_required": True}, {"miab_reboot_required": 1}),
        (
            {"status_checks": [{"type": "heading", "text": "System"}, {"type": "error", "text": "Down."}]},
            {f"miab_status_checks {result}": result == "error" for result in ("ok", "warning", "error", "ignored")},
        ),
        (
            {"dns_problems": [{"breaks_zone": True}, {"breaks_zone": False}, {"breaks_zone": True}]},
            {"miab_dns_broken_records zone_down": 2, "miab_dns_broken_records no_zone": 1},
        ),
        (
            {
                "published_dns": {
                    "zones": [{"counts": {"right": 3, "cut": 1}}, {"counts": {"right": 4, "missing": 2}}],
                    "problems": [],
                }
            },
            {
                **{f"miab_published_dns_records {status}": 0 for status in ("different", "extra", "cname", "unknown")},
                "miab_published_dns_records right": 7,
                "miab_published_dns_records cut": 1,
                "miab_published_dns_records missing": 2,
            },
        ),
        (
            {"drift": [{"action": "create"}, {"action": "create"}]},
            {"miab_drift_objects create": 2, "miab_drift_objects update": 0, "miab_drift_objects remove": 0},
        ),
        ({"drift": None}, {"miab_unknown_subsets": 1}),
    ],
)
def test_metrics(facts: dict[str, Any], expected: dict[str, float]) -> None:
    assert measured(facts) == {**ALWAYS, **expected}


def test_a_box_that_could_not_be_asked() -> None:
    expected = {**ALWAYS, "miab_up": 0, "miab_problems fail": 1}
    del expected["miab_unknown_subsets"]
    assert measured({"version": "v75", "reboot_required": False}, problem("reachable")) == expected


def test_problems_by_severity() -> None:
    found = measured({}, problem("drift", "warn"), problem("dns"), problem("backup"))
    assert (found["miab_problems fail"], found["miab_problems warn"]) == (2, 1)


def test_a_thousand_mailboxes_are_a_thousand_series_only_if_wanted() -> None:
    users = [mailbox(f"user-{number}@example.org", quota="1G", used="1M") for number in range(1000)]
    assert len(measured({"users": users})) == len(ALWAYS) + 5
    found = measured({"users": users}, each_mailbox=True)
    assert len(found) == len(ALWAYS) + 5 + 2000
    assert found["miab_mailbox_used_bytes user-7@example.org"] == 1 << 20
    assert found["miab_mailbox_quota_bytes user-7@example.org"] == GIB


HOSTILE = ['"} 1\nmiab_up{box="other"} 0', "\\", "\ud800", "\u202e", "long" * 100, "x\r\n# EOF", ""]


def test_box_texts_cannot_escape_their_label() -> None:
    for text in HOSTILE:
        facts = {"version": text, "certificates": {"status": [certificate(text, text), certificate(text, text)]}}
        health = {"problems": [], "status_checks": {}}
        found = series(health_metrics({text: facts, "b": {}}, {text: health, "b": health}, MADE, 1))
        ups = [labels for name, labels in found if name == "miab_up"]
        assert len(ups) == 2
        values = [value for _name, labels in found for _label, value in labels]
        assert max(map(len, values)) <= 128
        assert all(value.isprintable() for value in values)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("9" * 5000),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "text", "date", "size", "backups", "quota", "used", "email", "action", "zones", "counts"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)
SUBSETS = (
    "version",
    "latest_version",
    "certificates",
    "backup_status",
    "users",
    "updates",
    "reboot_required",
    "dns_problems",
    "published_dns",
    "drift",
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SUBSETS, ANYTHING)))
# Shrinking an example of thousands of digits would take minutes.
@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_an_answer_of_another_shape_costs_other_boxes_nothing(facts: dict[str, Any]) -> None:
    health = {"problems": [], "status_checks": {}}
    found = series(
        health_metrics({"a": facts, "b": {"reboot_required": True}}, dict.fromkeys("ab", health), MADE, 1, True)
    )
    assert found["miab_reboot_required", (("box", "b"),)] == 1


def test_without_the_library_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.metrics_core", None)
    with pytest.raises(AnsibleFilterError, match=r"health_metrics needs prometheus-client\. .*prometheus-client"):
        health_metrics({}, {}, MADE, 1)


# The words in PromQL queries that are not names of metrics.
WORD = re.compile(r"\b(?:miab|mailinabox)_\w+")
NAMES = {*METRICS, *RUN_METRICS}


def test_the_guide_lists_all_metrics_with_their_labels() -> None:
    text = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(miab_\w+)` \| (.*?) \|", text, re.MULTILINE)
    listed = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows if name in NAMES}
    assert listed == {
        **{name: ("box", *labels) for name, (labels, _description) in METRICS.items()},
        **dict.fromkeys(RUN_METRICS, ()),
    }


def queries() -> list[str]:
    """All queries of the dashboard."""
    dashboard = json.loads((ROOT / "examples/monitoring/dashboard.json").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return found + [one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]


def test_the_dashboard_shows_metrics_that_exist() -> None:
    assert len(queries()) > 15
    for query in queries():
        named = set(WORD.findall(query))
        assert named
        assert named <= NAMES, query
        known = {"box"}.union(*(METRICS[name][0] for name in named & set(METRICS)))
        assert set(re.findall(r"(\w+)=~?\"", query)) <= known, query


def test_rules_use_metrics_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "examples/monitoring/rules.yml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        named = set(WORD.findall(rule["expr"]))
        assert named
        assert named <= NAMES
        labels = {"box", "instance", "job"}.union(*(METRICS[name][0] for name in named & set(METRICS)))
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels
