# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a problem of a box, as tables."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.problems import problems


def texts(facts: dict[str, Any], **options: Any) -> list[str]:
    return [problem["text"] for problem in problems(facts, **options)]


def certificate(status: str, text: str) -> dict[str, Any]:
    return {"certificates": {"can_provision": [], "status": [{"domain": "a.example", "status": status, "text": text}]}}


@pytest.mark.parametrize(
    ("status", "text", "is_problem"),
    [
        ("success", "Signed & valid. The certificate expires in 10 days on 2026-01-31.", False),
        ("success", "Signed & valid. The certificate expires in 9 days on 2026-01-30.", True),
        ("success", "Signed & valid. The certificate expires in 1 day on 2026-01-22.", True),
        ("success", "Signed & valid. The certificate expires on 2026-09-30.", False),
        ("warning", "Self-signed. Get a signed certificate to stop warnings.", True),
        ("danger", "No certificate installed.", True),
        ("not-applicable", "The domain's website is hosted elsewhere.", False),
    ],
)
def test_certificates(status: str, text: str, is_problem: bool) -> None:
    assert texts(certificate(status, text)) == (["a.example: " + text] if is_problem else [])


def made(*days_ago: float) -> dict[str, Any]:
    dates = [time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - days * 86400)) for days in days_ago]
    return {"backup_status": {"backups": [{"date": date, "full": True, "size": 1} for date in dates]}}


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (made(1.9), []),
        (made(5, 1, 9), []),
        (made(2.51, 30), ["The last backup is 2.5 days old."]),
        (made(), ["There is no backup."]),
        ({"backup_status": {}}, ["Backups are off."]),
        ({"backup_status": {"error": "No route."}}, ["The box can't tell of its backups: No route."]),
    ],
)
def test_backup(facts: dict[str, Any], found: list[str]) -> None:
    assert texts(facts) == found


@pytest.mark.parametrize(
    ("own", "latest", "is_behind"),
    [
        ("v75", "v75", False),
        ("v0.51", "v55", True),
        ("v9", "v10", True),
        ("v75", "v74", False),
        ("v75", "v75.1", True),
        ("v75-3-gabcdef", "v76", True),
        ("our-own", "v76", True),
        ("our-own", "our-own", False),
    ],
)
def test_version(own: str, latest: str, is_behind: bool) -> None:
    expected = ["The version is %s, and the newest is %s." % (own, latest)] if is_behind else []
    assert texts({"version": own, "latest_version": latest}) == expected


CHECKS = {
    "status_checks": [
        {"type": "error", "text": "Before any heading."},
        {"type": "heading", "text": "System"},
        {"type": "ok", "text": "All is up."},
        {"type": "error", "text": "There are 2 software packages that can be updated."},
        {"type": "heading", "text": "a.example"},
        {"type": "warning", "text": "No DNSSEC."},
        {"type": "error", "text": "No MX."},
    ]
}
BEFORE, PACKAGES = "Before any heading.", "System: There are 2 software packages that can be updated."


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, [BEFORE, PACKAGES, "a.example: No MX."]),
        ({"status_types": ["error", "warning"]}, [BEFORE, PACKAGES, "a.example: No DNSSEC.", "a.example: No MX."]),
        ({"status_except": [r"packages that can be updated", "^Before"]}, ["a.example: No MX."]),
        ({"status_except": [r"^a\.example$"]}, [BEFORE, PACKAGES]),
    ],
)
def test_status_checks(options: dict[str, Any], found: list[str]) -> None:
    assert texts(CHECKS, **options) == found


def mailbox(**parts: Any) -> dict[str, Any]:
    return {"email": "ann@example.org", "privileges": [], "status": "active", **parts}


@pytest.mark.parametrize(
    ("user", "found"),
    [
        (mailbox(quota="2G", used="1.8G"), ["ann@example.org: 1.8G of 2G are used, 90 %."]),
        (mailbox(quota="2G", used="1.7G"), []),
        (mailbox(quota="500M", used="1.0G"), ["ann@example.org: 1.0G of 500M are used, 204 %."]),
        (mailbox(quota="1048576", used=" 950K"), ["ann@example.org:  950K of 1048576 are used, 92 %."]),
        # Without a quota, with one but no mail yet, and on a box that has none.
        (mailbox(quota="0", used="9.0T"), []),
        (mailbox(quota="0M", used="1.0K"), []),
        (mailbox(quota="2G", used=None), []),
        (mailbox(), []),
        (mailbox(quota="plenty", used="much"), []),
    ],
)
def test_mailboxes(user: dict[str, Any], found: list[str]) -> None:
    assert texts({"users": [user]}) == found


def test_how_full_a_mailbox_may_be() -> None:
    facts = {"users": [mailbox(quota="2G", used="1.0G")]}
    assert texts(facts) == []
    assert len(texts(facts, mailbox_percent=50)) == 1


def test_what_a_problem_is_about() -> None:
    facts = {
        **certificate("danger", "No certificate installed."),
        **CHECKS,
        "users": [mailbox(quota="1G", used="1.0G")],
        "reboot_required": True,
    }
    assert [problem["about"] for problem in problems(facts)] == [
        "a.example",
        "ann@example.org",
        None,
        None,
        "System",
        "a.example",
    ]


def test_dns() -> None:
    bad = {"name": "x.example.org", "type": "MX", "value": "not an mx", "problem": "not the form of an MX"}
    assert texts({"dns_problems": []}) == []
    assert texts({"dns_problems": [bad]}) == ["x.example.org MX not an mx takes its zone down: not the form of an MX"]


@pytest.mark.parametrize("severity", ["fail", "warn", "ignore"])
def test_severity(severity: str) -> None:
    due = {"check": "reboot", "severity": severity, "about": None, "text": "A restart is due."}
    found = problems({"reboot_required": True}, {"reboot": severity})
    assert found == ([] if severity == "ignore" else [due])
    assert problems({"reboot_required": False}, {"reboot": severity}) == []


def test_what_the_box_cannot_tell() -> None:
    facts = {"certificates": None, "backup_status": None, "version": "v75"}
    found = problems(facts, {"certificates": "ignore", "unknown": "warn"})
    assert found == [
        {"check": "backup", "severity": "warn", "about": None, "text": "The box can't tell its backup_status."}
    ]
    assert problems(facts, {"unknown": "ignore"}) == []
