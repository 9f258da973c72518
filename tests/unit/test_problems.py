# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter problems: facts of a box and the problems in them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

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
        # Python refuses to convert this many digits to a number.
        ("success", "Signed & valid. The certificate expires in %s days." % ("9" * 5000), False),
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
        ({"backup_status": {"error": "No route."}}, ["The box reports an error about its backups: No route."]),
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


# Status checks of boxes from the oldest to the newest version, and the setups in which they are ignored.
DNS_FINDINGS = [
    (
        "Nameserver glue records are incorrect. The ns1.box.example.com and ns2.box.example.com nameservers must be",
        "sp",
    ),
    ("Nameserver glue records (ns1.box.example.com and ns2.box.example.com) should be configured at your domain", "sp"),
    ("The nameservers set on this domain are incorrect. They are currently ns.provider.example. Use your", "sp"),
    ("The nameservers set on this domain at your domain name registrar should be ns1.box.example.com;", "sp"),
    ("This domain's DNSSEC DS record is not set. The DS record is optional.", "p"),
    ("This domain's DNSSEC DS record is incorrect. The chain of trust is broken between the public DNS", "p"),
    ("The DNSSEC 'DS' record for example.com is incorrect. See further details below.", "p"),
    ("DNSSEC 'DS' record set at registrar is valid but should be updated to ECDSAP256SHA256", "p"),
    ("This domain must resolve to this box's IP address (192.0.2.1) in public DNS but it currently resolves", ""),
    ("This box's reverse DNS is currently [Not Set], but it should be box.example.com.", ""),
    ("The DANE TLSA record for incoming mail (_25._tcp.box.example.com) is not correct.", ""),
    ("This domain's DNS MX record is not set. It should be '10 box.example.com'. Mail will not", ""),
    ("MTA-STS policy is missing: STSFetchResult.NONE", ""),
    ("Secondary nameserver ns2.example.net is not configured to resolve this domain.", ""),
    ("This domain should resolve to this box's IP address (A 192.0.2.1) if you would like the box to serve", ""),
    ("The zone of this domain could not be signed.", ""),
]


def test_box_texts_contain_no_terminal_or_ci_commands() -> None:
    check = {"type": "error", "text": "down\n::error::owned\x1b]0;title\x07", "extra": []}
    (problem,) = problems({"status_checks": [{"type": "heading", "text": "\x1b[2J"}, check]})
    assert problem["about"] == "\\x1b[2J"
    assert problem["text"] == "\\x1b[2J: down\\n\\x3a:error::owned\\x1b]0;title\\x07"


@pytest.mark.parametrize("hosting", ["box", "secondaries", "provider"])
@pytest.mark.parametrize("kind", ["error", "warning"])
@pytest.mark.parametrize(("text", "left_out"), DNS_FINDINGS)
def test_status_checks_that_cannot_succeed_with_the_dns_elsewhere(
    text: str, left_out: str, kind: str, hosting: str
) -> None:
    # The name of a domain must not be mistaken for such a check.
    heading = {"type": "heading", "text": "nameserver-dnssec.example"}
    for words in (text, "www.example.org: " + text):
        told = {"status_checks": [heading, {"type": kind, "text": words}]}
        found = texts(told, status_types=["error", "warning"], dns_hosting=hosting)
        assert (found == []) == (hosting[0] in left_out)


def test_an_unknown_hosting_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="must be one of box, secondaries, provider, got 'elsewhere'"):
        problems({}, dns_hosting="elsewhere")


def test_drift() -> None:
    changes = [
        {"resource": "user", "key": "a@b.example", "action": "create", "before": {"state": "absent"}, "after": {}},
        {
            "resource": "alias",
            "key": "c@b.example",
            "action": "update",
            "before": {"address": "c@b.example", "forwards_to": [], "state": "present"},
            "after": {"address": "c@b.example", "forwards_to": ["a@b.example"], "state": "present"},
        },
        {"resource": "dns_record", "key": "x A", "action": "remove", "before": {}, "after": {"state": "absent"}},
    ]
    assert problems({"drift": changes}, {"drift": "warn"}) == [
        {"check": "drift", "severity": "warn", "about": about, "text": text}
        for about, text in (
            ("user a@b.example", "user a@b.example is missing on the box."),
            ("alias c@b.example", "alias c@b.example differs in forwards_to."),
            ("dns record x A", "dns record x A is on the box, and the declaration removes it."),
        )
    ]
    assert texts({"drift": []}) == []
    assert problems({"drift": None}, {"unknown": "warn"}) == [
        {
            "check": "drift",
            "severity": "warn",
            "about": None,
            "text": "The box could not be compared with its declaration. The output of the run says why.",
        }
    ]


def mailbox(**parts: Any) -> dict[str, Any]:
    return {"email": "ann@example.org", "privileges": [], "status": "active", **parts}


@pytest.mark.parametrize(
    ("user", "found"),
    [
        (mailbox(quota="2G", used="1.8G"), ["ann@example.org: 1.8G of 2G are used, 90 %."]),
        (mailbox(quota="2G", used="1.7G"), []),
        (mailbox(quota="500M", used="1.0G"), ["ann@example.org: 1.0G of 500M are used, 204 %."]),
        (mailbox(quota="1048576", used=" 950K"), ["ann@example.org:  950K of 1048576 are used, 92 %."]),
        # A user without a quota, a user without mail, and a box without quotas.
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


def test_each_problem_names_its_subject() -> None:
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
    bad = {"name": "x.example.org", "type": "MX", "value": "not an mx", "problem": "not a valid value for an MX"}
    assert texts({"dns_problems": []}) == []
    assert texts({"dns_problems": [bad]}) == [
        "x.example.org MX not an mx takes its zone down: not a valid value for an MX"
    ]


@pytest.mark.parametrize("severity", ["fail", "warn", "ignore"])
def test_severity(severity: str) -> None:
    due = {"check": "reboot", "severity": severity, "about": None, "text": "A restart is due."}
    found = problems({"reboot_required": True}, {"reboot": severity})
    assert found == ([] if severity == "ignore" else [due])
    assert problems({"reboot_required": False}, {"reboot": severity}) == []


def test_facts_that_the_box_does_not_have() -> None:
    facts = {"certificates": None, "backup_status": None, "version": "v75"}
    found = problems(facts, {"certificates": "ignore", "unknown": "warn"})
    assert found == [
        {
            "check": "backup",
            "severity": "warn",
            "about": None,
            "text": "The box could not return the subset backup_status.",
        }
    ]
    assert problems(facts, {"unknown": "ignore"}) == []
