# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_config: a whole box in one task, four versions, both doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.box import Box
from tests.box.faults import Fault
from tests.box.prepare import prepare

from .playbooks import play

STATE: dict[str, Any] = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
        {"email": "old@example.org", "password": "old-password-1"},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": ["old@example.org"], "permitted_senders": ["old@example.org"]},
        {"address": "stale@example.org", "forwards_to": ["ann@example.org"]},
    ],
    "dns_records": [
        {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"},
        {"qname": "blog.example.org", "rtype": "CNAME", "value": "host.example.net"},
        {"qname": "stale.example.org", "rtype": "TXT", "value": "stale"},
    ],
}

DECLARATION: dict[str, Any] = {
    "users": [
        {"email": "ann@example.org", "user_password": "ann-password-2"},
        {"email": "bob@example.org", "user_password": "bob-password-1", "privileges": ["admin"]},
        {"email": "eve@new.example", "user_password": "eve-password-1"},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": ["eve@new.example"], "permitted_senders": ["eve@new.example"]},
        {"address": "@shop.example", "forwards_to": ["@example.org"]},
    ],
    "dns_records": [
        {"name": "www.example.org", "type": "A", "values": ["192.0.2.2", "192.0.2.3"]},
        {"name": "blog.example.org", "type": "CNAME", "state": "absent"},
        {"name": "blog.example.org", "type": "A", "value": "192.0.2.4"},
        {"name": "www.new.example", "type": "TXT", "value": "one, two"},
        {"name": "www.shop.example", "type": "CNAME", "value": "www.example.org"},
    ],
    "secondary_nameservers": ["ns2.example.net", "xfr:192.0.2.60"],
    "backup": {"target": "local", "min_age_in_days": 5},
    "privacy": False,
    "purge": ["users", "aliases", "dns_records"],
}


def config(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_config": options}


def test_a_whole_box(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    task = {**config(**DECLARATION), "diff": True}
    tasks = [{**task, "check_mode": check_mode} for check_mode in (True, False, True, False)]
    predicted, real, still, again = play(box, tasks, tmp_path, door).outcomes
    for outcome in (predicted, real, still, again):
        assert not outcome.failed, outcome.result["msg"]
    for key in ("changes", "calls", "diff"):
        assert predicted.result[key] == real.result[key]
    assert [(change["action"], change["key"]) for change in real.result["changes"]] == [
        ("create", "eve@new.example"),
        ("update", "ann@example.org"),
        ("update", "sales@example.org"),
        ("create", "@shop.example"),
        ("remove", "blog.example.org CNAME"),
        ("update", "www.example.org A"),
        ("create", "blog.example.org A"),
        ("create", "www.new.example TXT"),
        ("create", "www.shop.example CNAME"),
        ("update", "box"),
        ("update", "box"),
        ("update", "box"),
        ("remove", "stale.example.org TXT"),
        ("remove", "stale@example.org"),
        ("remove", "old@example.org"),
    ]
    assert "warnings" not in real.result
    for outcome in (still, again):
        assert not outcome.result["changed"]
        assert outcome.result["changes"] == outcome.result["diff"] == []
    state = again.state
    assert set(state["users"]) == {"me@box.example.com", "ann@example.org", "bob@example.org", "eve@new.example"}
    assert state["users"]["ann@example.org"]["password"] == "ann-password-2"
    assert not {"stale@example.org"} & set(state["aliases"])
    assert {(row["qname"], row["rtype"], row["value"]) for row in state["dns_records"]} == {
        ("www.example.org", "A", "192.0.2.2"),
        ("www.example.org", "A", "192.0.2.3"),
        ("blog.example.org", "A", "192.0.2.4"),
        ("www.new.example", "TXT", "one, two"),
        ("www.shop.example", "CNAME", "www.example.org."),
    }
    assert box.state.broken_zones() == box.state.dropped_zones() == []
    # One read for each list and one for each password.
    assert still.result["requests"] == {"reads": 7 + 4, "writes": 0}


MISTAKES = config(
    users=[
        {"email": "not-an-address"},
        {"email": "gus@example.org"},
        {"email": "me@box.example.com", "state": "absent"},
    ],
    aliases=[
        {"address": "x@example.org", "forwards_to": ["ann@example.org"], "permitted_senders": ["nobody@example.org"]},
        {"address": "ann@example.org", "forwards_to": ["bob@example.org"]},
    ],
    dns_records=[
        {"name": "www.example.net", "type": "A", "value": "192.0.2.1"},
        {"name": "x.example.org", "type": "MX", "value": "not an mx"},
        {"name": "www.example.org", "type": "TLSA", "value": "3 1 1 00"},
    ],
)


def test_eight_mistakes_are_eight_errors_and_no_write(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    box.read_only = True
    outcome = play(box, [MISTAKES], tmp_path, door).outcomes[0]
    assert outcome.result["failure"]["code"] == "invalid_declaration"
    assert [mistake["where"] for mistake in outcome.result["failure"]["details"]["mistakes"]] == [
        "users[0] not-an-address",
        "dns_records[1] x.example.org MX",
        "dns_records[2] www.example.org TLSA",
        "users[1] gus@example.org",
        "users[2] me@box.example.com",
        "aliases[0] x@example.org",
        "aliases[1] ann@example.org",
        "dns_records[0] www.example.net A",
    ]
    assert not [entry for entry in box.log if entry.is_write]


def test_a_purge_beyond_the_limit_changes_nothing(newest_box: Box, door: str, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    task = config(
        users=[{"email": "new@example.org", "user_password": "new-password-1"}], purge=["users"], purge_limit=1
    )
    outcome = play(newest_box, [task], tmp_path, door).outcomes[0]
    assert outcome.result["failure"]["code"] == "guarded"
    assert len(outcome.result["failure"]["details"]["would_go"]) == 3
    assert not [entry for entry in newest_box.log if entry.is_write]


@pytest.mark.parametrize("call", ["POST /mail/users/add", "POST /mail/aliases/add", "POST /mail/users/remove"])
def test_a_write_that_fails_ends_the_run_and_the_next_goes_on(box: Box, tmp_path: Path, call: str) -> None:
    prepare(box.state, STATE)
    # A write that stored nothing is sent again.
    box.faults.append(Fault("500", call, times=2))
    failed, ended = play(box, [config(**DECLARATION), config(**DECLARATION)], tmp_path).outcomes
    assert failed.failed
    failure = failed.result["failure"]
    assert failure["code"] == "box_failed"
    assert failure["details"]["left"][0]["path"] == call.partition(" ")[2]
    assert not ended.failed, ended.result["msg"]
    done = [called["path"] for called in failed.result["calls"]]
    rest = [called["path"] for called in ended.result["calls"]]
    assert rest == [called["path"] for called in failure["details"]["left"]]
    assert len(done) + len(rest) == 16


def test_of_a_thousand_objects_only_those_that_change_are_shown(newest_box: Box, tmp_path: Path) -> None:
    users = [{"email": "u%04d@example.org" % number, "password": "password-1"} for number in range(1000)]
    prepare(newest_box.state, {"users": users})
    declared = [{"email": user["email"]} for user in users]
    for number in (3, 500, 999):
        declared[number]["quota"] = "1G"
    outcome = play(newest_box, [{**config(users=declared), "diff": True}], tmp_path).outcomes[0]
    assert not outcome.failed, outcome.result
    assert [change["key"] for change in outcome.result["changes"]] == [
        declared[number]["email"] for number in (3, 500, 999)
    ]
    assert len(outcome.result["diff"]) == 3
    assert outcome.result["requests"] == {"reads": 4, "writes": 3}
