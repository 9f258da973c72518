# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter health_page: an HTML page from the facts of boxes."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _parsing

ROOT = Path(__file__).parents[2]
MADE = "2026-11-22T06:30:00Z"
HOST = "box.example.com"


def problem(check: str, text: str, severity: str = "fail", about: str | None = None) -> dict[str, Any]:
    return {"check": check, "severity": severity, "about": about, "text": text}


def test_every_check_of_the_role_has_a_name() -> None:
    defaults = yaml.safe_load((ROOT / "roles/health/defaults/main.yml").read_text(encoding="utf-8"))
    severities = {name for name, value in defaults.items() if value in ("fail", "warn", "ignore")}
    checks = {name.removeprefix("miab_health_") for name in severities} - {"unknown"}
    assert len(checks) >= 7
    page = shown({}, *(problem(check, f"About {check}.") for check in checks))
    assert all(f"About {check}." in page for check in checks)


def shown(facts: dict[str, Any] | None = None, *problems: dict[str, Any]) -> str:
    """The text of the page for one box, without its head, and in one line."""
    return text(health_page({HOST: facts or {}}, {HOST: list(problems)}, MADE))


def text(page: str) -> str:
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", body)).split())


def certificate(domain: str, words: str, status: str = "success") -> dict[str, Any]:
    return {"domain": domain, "status": status, "text": words}


def backups(*dates: str) -> dict[str, Any]:
    return {"backup_status": {"backups": [{"date": date, "full": True, "size": 1 << 20} for date in dates]}}


def user(email: str, **parts: Any) -> dict[str, Any]:
    return {"email": email, "privileges": [], "status": "active", **parts}


def test_no_box_at_all() -> None:
    assert (
        "0 boxes. Checked on Sunday 22 November 2026, 06:30 UTC . Needs attention Nothing to do. Boxes Generated"
        in text(health_page({}, {}, MADE))
    )


def test_a_healthy_box() -> None:
    page = health_page({HOST: {"version": "v75", "latest_version": "v75"}}, {HOST: []}, MADE)
    assert "1 box: 1 healthy. Checked" in text(page)
    assert "Needs attention Nothing to do. All boxes are healthy." in text(page)
    assert "<title>All healthy" in page


@pytest.mark.parametrize(
    ("own", "latest", "words"),
    [
        ("v75", "v75", "v75, latest"),
        ("v74", "v75", "v74, v75 is available"),
        ("v0.51", "v55", "v0.51, v55 is available"),
        ("v75", None, "v75 healthy Not available from box.example.com ."),
        ("our-own", "our-own", "our-own, latest"),
    ],
)
def test_versions(own: str, latest: str | None, words: str) -> None:
    assert f"{HOST} {words}" in shown({"version": own, "latest_version": latest})


def test_problems_are_sorted_by_urgency() -> None:
    problems = {
        "a": [
            problem("version", "old", "warn"),
            problem("reboot", "due", "warn"),
            problem("status_checks", "found"),
            problem("certificates", "x: expires in 9 days", about="x"),
        ],
        "b": [problem("backup", "none"), problem("mailboxes", "full", "warn")],
        "c": [problem("certificates", "y: expires in 3 days", about="y")],
        "d": [problem("certificates", "z: No certificate installed.", about="z")],
        "e": [problem("reachable", "down")],
    }
    page = text(health_page({host: {} for host in problems}, problems, MADE))
    assert page.partition("Boxes")[0].partition("Needs attention ")[2] == (
        "urgent Unreachable down e "
        "urgent Certificate z: No certificate installed. d "
        "urgent Certificate y: expires in 3 days c "
        "urgent Certificate x: expires in 9 days a "
        "urgent Backup none b "
        "urgent Status check found a "
        "soon Mailbox full b "
        "soon Restart due a "
        "soon Version old a "
    )
    # The boxes are sorted in the same way; equally urgent ones by name.
    assert "Boxes e unreachable a urgent 4 problems b urgent 2 problems c urgent 1 problem d" in page
    assert "5 boxes: 1 unreachable, 4 urgent." in page


def test_the_same_problem_on_several_boxes_is_listed_once() -> None:
    hosts = ["a", "b", "c"]
    old = problem("version", "The version is v74, and the newest is v75.", "warn")
    page = text(health_page({host: {} for host in hosts}, {host: [old] for host in hosts}, MADE))
    assert "soon Version The version is v74, and the newest is v75. a , b , c Boxes" in page


def test_a_missing_certificate_is_listed_once_after_outages() -> None:
    names = ["example.org", "www.example.org", "mta-sts.example.org"]
    page = shown(
        {},
        *(problem("certificates", f"{name}: No certificate installed.", about=name) for name in names),
        problem("certificates", "example.net: No certificate installed.", about="example.net"),
        problem("status_checks", "example.org: The TLS (SSL) certificate has a problem.", about="example.org"),
        *(problem("status_checks", f"No. {i}.") for i in range(34)),
        problem("status_checks", "System: Incoming Mail (SMTP/postfix) is not running (port 25).", about="System"),
    )
    expected = (
        "urgent Service down System: Incoming Mail (SMTP/postfix) is not running (port 25). box.example.com "
        "urgent Certificate \u00d7 2 example.org, www.example.org, mta-sts.example.org: No certificate installed. "
        "example.net: No certificate installed. box.example.com urgent Status check \u00d7 34"
    )
    assert expected in page


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("", "https://box.example.com/admin"),
        ("192.0.2.1:8443", "https://192.0.2.1:8443/admin"),
        ("https://other.example/admin", "https://other.example/admin"),
        ("javascript://x", None),
        ("https://me:secret@box.example.com", None),
    ],
)
def test_a_link_to_the_control_panel(address: str, link: str | None) -> None:
    page = health_page({HOST: {}}, {HOST: []}, MADE, {HOST: address})
    found = re.findall(r'href="(?!#)([^"]*)"', page.partition("<body>")[2].partition("</main>")[0])
    assert found == ([link] if link else [])


@pytest.mark.parametrize(("number", "unfolded"), [(3, 3), (4, 4), (5, 3), (9, 3)])
def test_many_problems_of_a_kind_are_folded(number: int, unfolded: int) -> None:
    page = shown({}, *(problem("status_checks", f"No. {i}.") for i in range(number)))
    words = " ".join(f"No. {i}." for i in range(unfolded))
    folded = "" if number == unfolded else f" {number - unfolded} more"
    assert f"urgent Status check \u00d7 {number} {words}{folded}" in page


def test_published_dns_and_drift() -> None:
    zones = [
        {"zone": "right.example", "ok": True, "text": "", "counts": {"right": 12}},
        {"zone": "wrong.example", "ok": False, "text": "", "counts": {"right": 9, "missing": 2, "cut": 1}},
        {"zone": "lost.example", "ok": False, "text": "No server answers.", "counts": {"unknown": 12}},
    ]
    change = {"resource": "user", "key": "a@b.example", "action": "create", "before": {}, "after": {}}
    facts = {"published_dns": {"zones": zones, "problems": []}, "drift": [change]}
    page = shown(facts, problem("published_dns", "...", about="wrong.example"), problem("drift", "...", "warn"))
    assert "Published DNS lost.example 12 unknown, 0 right No server answers." in page
    assert "wrong.example urgent 1 cut, 2 missing, 9 right right.example 12 right Drift" in page
    assert f"Drift {HOST} soon 1 object differs Which objects user a@b.example is missing on the box" in page
    silent = shown({"published_dns": None, "drift": None})
    assert silent.count(f"Not available from {HOST}") == 2


def test_certificates_by_the_days_that_are_left() -> None:
    rows = [
        certificate("long.example", "Signed & valid. The certificate expires in 80 days on 2027-02-10."),
        certificate("silent.example", "Signed & valid. The certificate expires on 02/10/27."),
        certificate("elsewhere.example", "The domain's website is hosted elsewhere.", "not-applicable"),
        certificate("soon.example", "Problem: expiring soon: The certificate expires in 1 days on x.", "danger"),
        certificate("today.example", "Problem: expiring soon: The certificate expires in 0 days on x.", "danger"),
        certificate("none.example", "No certificate installed.", "danger"),
        certificate("half.example", "Signed & valid. The certificate expires in 45 days on 2027-01-06."),
    ]
    facts = {"certificates": {"can_provision": [], "status": rows}}
    page = health_page({HOST: facts}, {HOST: [problem("certificates", "...", about="none.example")]}, MADE)
    assert text(page).partition("Certificates ")[2].partition(" Generated by")[0] == (
        "none.example urgent No certificate installed. today.example today soon.example in 1 day "
        "half.example in 45 days long.example in 80 days "
        "silent.example Signed & valid. The certificate expires on 02/10/27."
    )
    assert re.findall(r"width:(\d+)%", page) == ["0", "1", "50", "88"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (backups("20261122T053100Z"), "1 backup, 1.0 MB less than an hour ago"),
        (backups("20261121T023000Z", "20261122T023000Z"), "2 backups, 2.0 MB 4 hours ago"),
        (backups("20261120T063000Z"), "1 backup, 1.0 MB 2 days ago"),
        # The box's clock is ahead of the controller's.
        (backups("20261122T070000Z"), "1 backup, 1.0 MB less than an hour ago"),
        (backups(), "none yet"),
        ({"backup_status": {}}, "off"),
        ({"backup_status": {"error": "No route."}}, "unknown No route."),
        ({"backup_status": None}, "The days of the last 14 with a backup are marked. Not available from"),
    ],
)
def test_backups(facts: dict[str, Any], words: str) -> None:
    assert words in shown(facts).partition("Backups")[2]


def test_backups_by_age() -> None:
    facts = {
        "new": backups("20261122T023000Z"),
        "none": backups(),
        "old": backups("20261101T023000Z"),
        "off": {"backup_status": {}},
    }
    page = text(health_page(facts, {host: [] for host in facts}, MADE)).partition("Backups ")[2]
    places = [page.index(host + " ") for host in ("none", "off", "old", "new")]
    assert places == sorted(places)


def test_days_with_a_backup() -> None:
    page = health_page({HOST: backups("20261122T023000Z", "20261119T023000Z", "20260101T023000Z")}, {HOST: []}, MADE)
    strip = re.findall(r"<i( class=\"kept\")?></i>", page)
    assert [bool(kept) for kept in strip] == [False] * 10 + [True, False, False, True]


def test_mailboxes_by_their_quota() -> None:
    users = [
        user("empty@x", quota="2G", used=None),
        user("half@x", quota="2G", used="1.0G"),
        user("over@x", quota="1M", used="2.0M"),
        user("free@x", quota="0", used="9.0G"),
        {"email": "gone@x", "privileges": [], "status": "inactive", "mailbox": "/x/gone"},
    ]
    page = health_page({HOST: {"users": users}}, {HOST: [problem("mailboxes", "...", "warn", "over@x")]}, MADE)
    assert text(page).partition("Mailboxes ")[2].partition(" Generated by")[0] == (
        "over@x soon 200 % 2.0M of 1M half@x 50 % 1.0G of 2G empty@x no mail yet quota 2G "
        "1 mailbox without a quota. 1 archived mailbox of removed users."
    )
    assert re.findall(r"width:(\d+)%", page) == ["100", "50", "0"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("upstream", f"{HOST} v76 "),
        ("kiekerjan", f"{HOST} v76, fork kiekerjan"),
        ("unknown", f"{HOST} v76, unknown kind of box"),
    ],
)
def test_the_kind_of_a_box(kind: str, words: str) -> None:
    assert words in shown({"version": "v76", "box": {"kind": kind}})


def test_a_version_without_quotas() -> None:
    facts = {"version": "v0.51", "users": [user("ann@x"), user("bob@x")]}
    assert f"Mailboxes 2 mailboxes on {HOST} , whose version has no quotas. Generated" in shown(facts)


def test_updates_and_restarts() -> None:
    facts: dict[str, dict[str, Any]] = {
        "fresh": {"updates": [], "reboot_required": False},
        "many": {"updates": [{"package": "a", "version": "1"}, {"package": "b", "version": "2"}]},
        "due": {"updates": [], "reboot_required": True},
        "silent": {"updates": None, "reboot_required": False},
    }
    page = text(health_page(facts, {host: [] for host in facts}, MADE)).partition("Updates and restarts ")[2]
    assert page.startswith(
        "due restart due up to date many 2 updates Which packages a 1 b 2 fresh up to date silent Not available from silent"
    )


def test_status_checks() -> None:
    checks = [
        {"type": "ok", "text": "Fine."},
        {"type": "heading", "text": "System"},
        {"type": "error", "text": "Bad.", "extra": [{"text": "why", "monospace": True}]},
        {"type": "warning", "text": "Poor."},
        {"type": "in a later version", "text": "New."},
    ]
    page = shown({"status_checks": checks})
    assert (
        f"Status checks {HOST} 1 error, 1 warning, 1 ok Errors System Bad. why Warnings System Poor. Generated" in page
    )


def test_subsets_that_were_not_gathered_have_no_section() -> None:
    page = health_page({HOST: {"version": "v75"}}, {HOST: []}, MADE)
    assert re.findall(r"<h2 .*?>(.*?)</h2>", page) == ["Needs attention", "Boxes"]


def test_an_unreachable_box_has_no_sections() -> None:
    """The registered result of an unreachable box is the failure."""
    facts = {"failed": True, "msg": "down", "version": "v75", "users": [user("ann@x")]}
    page = shown(facts, problem("reachable", "down"))
    assert "1 box: 1 unreachable." in page
    assert "v75" not in page
    assert "Mailboxes" not in page


@settings(deadline=None)
@given(st.text())
def test_box_texts_are_escaped(words: str) -> None:
    def page(value: str) -> str:
        facts = {
            "version": value,
            "latest_version": value,
            "users": [user(value, quota="1M", used="1.0M")],
            "certificates": {"can_provision": [], "status": [certificate(value, value, "danger")]},
            "backup_status": {"error": value},
            "updates": [{"package": value, "version": value}],
            "status_checks": [
                {"type": kind, "text": value, "extra": [{"text": value}]} for kind in ("heading", "error")
            ],
        }
        return health_page({value: facts}, {value: [problem("backup", value)]}, MADE, {value: "box.example.com"})

    def tags(value: str) -> list[str]:
        return re.findall(r"<[^>]*>", page(value))

    # Jinja skips the surrounding element of an empty text.
    assert not words or tags(words) == tags("x")
    assert all(sign.isprintable() or sign == "\n" for sign in page(words))


@pytest.mark.parametrize(
    ("facts", "size"),
    [("1.5M", 1.5 * 2**20), (" 12K", 12 * 2**10), ("0", 0), ("2G", 2**31), ("1048576", 2**20), ("?", None), ("", None)],
)
def test_sizes(facts: str, size: float | None) -> None:
    assert _parsing.size(facts) == size
