# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check metrics, alert rules and dashboard queries with Prometheus's promtool."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.mailinabox.admin.plugins.filter.health_metrics import health_metrics
from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from ansible_collections.mailinabox.admin.plugins.filter.status_counts import status_counts
from tests.integration.test_health import BAD, DECLARED, DOWN, GOOD, OLD, fleet
from tests.tasks import run_task

ROOT = Path(__file__).parents[2]
RULES = ROOT / "examples/monitoring/rules.yml"
ALERTS = {rule["alert"] for rule in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]}

# The simulated time of promtool starts in 1970. After this time, all alerts with a waiting time are active.
HOURS = 240
SUBSETS = [
    "version",
    "certificates",
    "backup_status",
    "users",
    "reboot_required",
    "status_checks",
    "dns_problems",
    "latest_version",
    "updates",
]
# A box that is down, and boxes with only one known problem each.
FACTS: dict[str, dict[str, Any]] = {
    DOWN: {},
    "silent.example.com": {"certificates": None},
    "without-backups.example.com": {"backup_status": {"backups": []}},
    "backups-off.example.com": {"backup_status": {}},
    "elsewhere.example.com": {"published_dns": {"zones": [{"counts": {"right": 9, "missing": 1}}], "problems": []}},
}
EXPECTED: dict[str, set[str]] = {
    GOOD: set(),
    OLD: set(),
    BAD: {
        "MailInABoxBackupOld",
        "MailInABoxCertificateExpires",
        "MailInABoxCertificateInvalid",
        "MailInABoxDnsBroken",
        "MailInABoxDrift",
        "MailInABoxMailboxFull",
        "MailInABoxRestartDue",
        "MailInABoxStatusChecksFail",
        "MailInABoxUpdatesAvailable",
        "MailInABoxVersionOutdated",
    },
    DOWN: {"MailInABoxUnreachable"},
    "silent.example.com": {"MailInABoxUnknown"},
    "without-backups.example.com": {"MailInABoxBackupMissing"},
    "backups-off.example.com": {"MailInABoxBackupOff"},
    "elsewhere.example.com": {"MailInABoxPublishedDnsWrong"},
}


@pytest.fixture(scope="module")
def promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool: Prometheus has not judged the metrics, the rules and the dashboard")
    return program


def check(program: str, *arguments: str, given: str = "") -> str:
    """The output of promtool, which must not report an error."""
    done = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def metrics() -> dict[str, str]:
    """The metrics of each box, and their time."""
    facts = dict(FACTS)
    now = datetime.now(timezone.utc)
    with fleet() as boxes:
        for host in (GOOD, BAD, OLD):
            facts[host] = run_task(boxes[host], "miab_info", {"gather_subset": SUBSETS})
            declared = {name.removeprefix("miab_"): value for name, value in DECLARED.get(host, {}).items()}
            if declared:
                result = run_task(boxes[host], "miab_config", declared, check_mode=True)
                facts[host]["drift"] = result["changes"]
    made = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    texts = {}
    for host, box in facts.items():
        found = [{"check": "reachable", "severity": "fail"}] if host == DOWN else problems(box)
        health = {"problems": found, "status_checks": status_counts(box["status_checks"]) if len(box) > 1 else {}}
        texts[host] = health_metrics({host: box}, {host: health}, made, 12.5, each_mailbox=True)
    return texts


@pytest.mark.parametrize("host", [GOOD, BAD, OLD, DOWN])
def test_metrics_follow_the_conventions(host: str, promtool: str, metrics: dict[str, str]) -> None:
    # promtool prints nothing if everything is right.
    assert check(promtool, "check", "metrics", given=metrics[host]) == ""


def test_rules_are_valid(promtool: str) -> None:
    assert f"{len(ALERTS)} rules found" in check(promtool, "check", "rules", str(RULES))


def series(text: str) -> list[dict[str, str]]:
    """The metrics as a series for promtool that begins in 1970 and never changes; the boxes were asked after HOURS."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    [made] = [sample.value for sample in samples if sample.name == "miab_run_timestamp_seconds"]
    found = []
    for sample in samples:
        shift = made - HOURS * 3600 if sample.name.endswith("_timestamp_seconds") else 0
        labels = ",".join(f"{label}={json.dumps(value)}" for label, value in sample.labels.items())
        found.append({"series": f"{sample.name}{{{labels}}}", "values": f"{sample.value - shift:.6f}x{HOURS + 10}"})
    return found


def test_each_alert_fires_and_a_healthy_box_has_none(promtool: str, metrics: dict[str, str], tmp_path: Path) -> None:
    cases = [(host, series(metrics[host]), HOURS, alerts) for host, alerts in EXPECTED.items()]
    # The same box four hours after the last run, and no metrics at all.
    cases.append(("stale", series(metrics[GOOD]), HOURS + 4, {"MailInABoxMetricsStale"}))
    cases.append(("nothing", [], HOURS, {"MailInABoxMetricsMissing"}))
    assert set().union(*(alerts for *_case, alerts in cases)) == ALERTS
    tests = [
        {
            "name": name,
            "interval": "1h",
            "input_series": given,
            "promql_expr_test": [
                {
                    "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{hours}h",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)],
                }
            ],
        }
        for name, given, hours, alerts in cases
    ]
    file = tmp_path / "test.yml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1h", "tests": tests}), encoding="utf-8"
    )
    check(promtool, "test", "rules", str(file))


def test_queries_of_the_dashboard_are_valid(promtool: str, tmp_path: Path) -> None:
    dashboard = json.loads((ROOT / "examples/monitoring/dashboard.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [
        {"record": f"query_{number}", "expr": re.sub(r"\$\w+", ".*", query)} for number, query in enumerate(queries)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    check(promtool, "check", "rules", str(file))
