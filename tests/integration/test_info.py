# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_info in playbooks, on four versions and through both doors. Each request is sent once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.box.routes import answer
from tests.box.state import Totp

from .playbooks import play

STATE = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1", "quota": "2048m"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": ["bob@example.org", "ann@example.org"]},
        {
            "address": "info@bücher.example",
            "forwards_to": ["ann@example.org"],
            "permitted_senders": ["ann@example.org"],
        },
    ],
    "dns_records": [
        {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.2"},
        {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"},
        {"qname": "www.example.org", "rtype": "TXT", "value": "a, b"},
    ],
    "secondary_nameservers": ["ns3.example.net", "ns2.example.net"],
    "mailboxes": {"ann@example.org": 1_572_864, "old@example.org": 1},
}
QUICK = [
    *("users", "aliases", "domains", "dns_records", "dns_problems", "dns_zones", "secondary_nameservers", "version"),
    *("reboot_required", "privacy", "backup_config", "config"),
]
SLOW = [
    *("dns_dump", "zonefiles", "certificates", "web_domains", "mfa", "latest_version", "status_checks", "updates"),
    "backup_status",
]


def gather(*subsets: str, **keywords: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_info": {"gather_subset": list(subsets)} if subsets else {}, **keywords}


def asked(box: Box) -> list[str]:
    return [entry.path for entry in box.log]


def test_quick_subsets(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    run = play(box, [gather(), gather("all", check_mode=True), gather("config")], tmp_path, door)
    gathered, checked, config = (outcome.result for outcome in run.outcomes)
    own = {key: gathered[key] for key in QUICK}
    assert {key: checked[key] for key in QUICK} == own
    assert config["config"] == own["config"]
    assert not set(SLOW) & set(gathered)
    assert gathered["requests"] == {"reads": 10, "writes": 0}
    assert config["requests"] == {"reads": 6, "writes": 0}
    assert not gathered["changed"]
    assert gathered["calls"] == []
    assert "diff" not in gathered

    quotas = box.state.capabilities.quotas
    with_quota = {"quota": "2G"} if quotas else {}
    assert own["version"] == box.state.version_text
    assert own["dns_zones"] == list(box.state.zone_names)
    assert "bücher.example" in own["domains"]
    assert own["secondary_nameservers"] == ["ns2.example.net", "ns3.example.net"]
    assert own["backup_config"]["target"] == "local"
    assert own["dns_problems"] == []
    assert own["privacy"] is True
    assert own["reboot_required"] is False
    users = {user["email"]: user for user in own["users"]}
    assert users["ann@example.org"] == {
        "email": "ann@example.org",
        "privileges": [],
        "status": "active",
        **({"quota": "2G", "used": "1.5M"} if quotas else {}),
    }
    assert users["old@example.org"]["status"] == "inactive"
    assert users["old@example.org"]["mailbox"].endswith("/example.org/old")
    automatic = {alias["address"]: alias["automatic"] for alias in own["aliases"]}
    assert automatic["sales@example.org"] is False
    assert automatic["abuse@example.org"] is True
    assert own["config"] == {
        "users": [
            {"email": "me@box.example.com", "privileges": ["admin"], **({"quota": "0"} if quotas else {})},
            {"email": "ann@example.org", "privileges": [], **with_quota},
            {"email": "bob@example.org", "privileges": ["admin"], **({"quota": "0"} if quotas else {})},
        ],
        "aliases": [
            {
                "address": "administrator@box.example.com",
                "forwards_to": ["me@box.example.com"],
                "permitted_senders": [],
            },
            {
                "address": "info@bücher.example",
                "forwards_to": ["ann@example.org"],
                "permitted_senders": ["ann@example.org"],
            },
            {
                "address": "sales@example.org",
                "forwards_to": ["ann@example.org", "bob@example.org"],
                "permitted_senders": [],
            },
        ],
        "dns_records": [
            {"name": "www.example.org", "type": "A", "values": ["192.0.2.1", "192.0.2.2"]},
            {"name": "www.example.org", "type": "TXT", "values": ["a, b"]},
        ],
        "secondary_nameservers": ["ns2.example.net", "ns3.example.net"],
        "backup": {"target": "local", "min_age_in_days": 3},
        "privacy": True,
    }


def test_slow_subsets(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    box.state.upstream_version = "v76"
    box.state.add_backup(2)
    box.state.users["ann@example.org"].totp.append(Totp(1, "JBSWY3DPEHPK3PXP" * 2, "phone"))
    result = play(box, [gather(*SLOW)], tmp_path, door).outcomes[0].result
    assert max(Counter(path for path in asked(box) if path != "/mfa/status").values()) == 1
    assert asked(box).count("/mfa/status") == 3
    zones = sorted(box.state.zone_names)
    assert sorted(row["zone"] for row in result["dns_dump"]) == zones
    assert set(result["dns_dump"][0]["records"][0]) == {"name", "type", "value", "explanation"}
    if box.state.capabilities.zone_files:
        assert sorted(result["zonefiles"]) == zones
        assert "$ORIGIN example.org." in result["zonefiles"]["example.org"]
        assert "warnings" not in result
    else:
        assert result["zonefiles"] is None
        assert "zonefiles is left empty" in result["warnings"][0]
    assert "example.org" in result["certificates"]["can_provision"]
    assert {row["domain"]: row["status"] for row in result["certificates"]["status"]}["box.example.com"] == "warning"
    assert "example.org" in [row["domain"] for row in result["web_domains"]]
    assert result["mfa"] == {
        "me@box.example.com": [],
        "ann@example.org": [{"id": 1, "type": "totp", "label": "phone"}],
        "bob@example.org": [],
    }
    assert result["latest_version"] == "v76"
    assert result["status_checks"][0]["type"] == "heading"
    assert result["updates"] == [
        {"package": "openssl", "version": "3.0.2-0ubuntu1.21"},
        {"package": "tzdata", "version": "2026b-0ubuntu0.22.04"},
    ]
    assert len(result["backup_status"]["backups"]) == 1


def test_records_that_take_their_zones_down(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    for rtype, value in (("MX", "not an mx"), ("TXT", "a harmless text")):
        answer(box.state, "POST", "/dns/custom/x.example.org/" + rtype, body=value)
    for name in ("www.example.org", "example.org"):
        answer(box.state, "POST", f"/dns/custom/{name}/CNAME", body="host.example.net")
    result = play(box, [gather("dns_problems")], tmp_path, door).outcomes[0].result
    gathered = [(row["name"], row["type"], row["value"]) for row in result["dns_problems"]]
    assert gathered == [
        ("example.org", "CNAME", "host.example.net."),
        ("www.example.org", "CNAME", "host.example.net."),
        ("x.example.org", "MX", "not an mx"),
    ]
    apex, beside, malformed = (row["problem"] for row in result["dns_problems"])
    assert apex == "the name of a zone can't be a CNAME"
    assert beside == "the name has other records (A, TXT)"
    assert malformed.startswith("not a valid value for an MX record (such as 10 mail.example.net.)")
    assert result["requests"] == {"reads": 4, "writes": 0}


def test_subsets_that_the_box_does_not_support(box: Box, door: str, tmp_path: Path) -> None:
    box.state.backup_error = "Something is wrong with the backup."
    tasks = [gather("latest_version", "version", "backup_status"), gather("latest_version")]
    some, alone = play(box, tasks, tmp_path, door).outcomes
    assert some.result["latest_version"] is None
    assert some.result["version"] == box.state.version_text
    assert some.result["backup_status"] == {"error": "Something is wrong with the backup."}
    assert len(some.result["warnings"]) == 1
    assert (
        "latest_version is left empty: POST /system/latest-upstream-version: the box answered 500"
        in (some.result["warnings"][0])
    )
    assert alone.failed
    assert alone.result["failure"]["code"] == "unexpected_answer"


def test_another_website_is_not_mistaken_for_an_old_box(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.faults.append(Fault("html", times=9))
    outcome = play(newest_box, [gather("dns_dump", "version")], tmp_path, door).outcomes[0]
    assert "Check that host is a Mail-in-a-Box" in outcome.result["msg"]


@pytest.mark.parametrize("subset", ["everything", "!users"])
def test_no_such_subset(newest_box: Box, door: str, tmp_path: Path, subset: str) -> None:
    outcome = play(newest_box, [gather(subset)], tmp_path, door).outcomes[0]
    assert "gather_subset" in outcome.result["msg"]
    assert newest_box.log == []
