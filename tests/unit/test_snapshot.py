# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of boxes: their content, invalid ones, and plans from them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model import snapshot
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import BACKUP_CONFIG, USERS
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import backup
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import BoxError
from tests.box import Box, prepare
from tests.tasks import run_task

URL = "https://box.example.com/admin"
KEY = "K0secretsecret"
CONFIG = {
    "target": f"b2://id:{KEY}@bucket",
    "min_age_in_days": 3,
    "file_target_directory": "/backup",
    "target_pass": KEY,
    "enc_pw_file": "/secret_key.txt",
}


def saved(**parts: Any) -> dict[str, Any]:
    answers = {USERS.name: [{"domain": "example.org", "users": []}], "privacy": True, "dns_records": None}
    return {
        "format": 1,
        "url": URL,
        "username": "me@example.org",
        "made_at": "2026-11-27T12:00:00Z",
        "marks": [],
        "answers": answers,
        **parts,
    }


def test_a_snapshot_keeps_what_planning_needs_and_no_secret() -> None:
    kept = snapshot.pruned(BACKUP_CONFIG, CONFIG)
    assert kept == {"target": "b2://id:********@bucket", "min_age_in_days": 3, "file_target_directory": "/backup"}
    row = {"email": "ann@example.org", "status": "active", "privileges": [], "box_size": "1M", "api_key": KEY}
    assert KEY not in json.dumps(snapshot.pruned(USERS, [{"domain": "example.org", "users": [row]}]))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "plan_invalid"),
        ("{", "plan_invalid"),
        ("[]", "plan_invalid"),
        ("{}", "plan_invalid"),
        (json.dumps({"format": 1, "boxes": []}), "plan_invalid"),
        (json.dumps(saved(format=2)), "plan_format"),
        (json.dumps(saved(format=True)), "plan_format"),
        (json.dumps(saved(url="https://other.example.com/admin")), "plan_other_box"),
        (json.dumps(saved(made_at="yesterday")), "plan_invalid"),
        (json.dumps(saved(answers=[])), "plan_invalid"),
        (json.dumps(saved(username=None)), "plan_invalid"),
        (json.dumps(saved(marks=[["power"]])), "plan_invalid"),
        (json.dumps(saved(marks=[{}])), "plan_invalid"),
    ],
)
def test_snapshots_that_are_refused(text: str, code: str) -> None:
    with pytest.raises(BoxError) as caught:
        snapshot.read(text, URL)
    assert caught.value.code == code
    assert "Make a new snapshot" in caught.value.message


def test_a_question_at_which_the_box_failed() -> None:
    found = snapshot.read(json.dumps(saved()), URL)
    assert found.answer(USERS) == {}
    with pytest.raises(BoxError) as caught:
        found.answer(BACKUP_CONFIG)
    # As if the read had failed now. A planner may not need it.
    assert caught.value.details["status"] == 500


@pytest.mark.parametrize(("key", "days", "calls"), [("other", 3, 0), (None, 3, 0), ("other", 5, 1)])
def test_a_masked_key_of_a_backup_is_unknown(key: str | None, days: int, calls: int) -> None:
    spec = dict.fromkeys(backup.OPTIONS)
    declared = {"b2": {"key_id": "id", "application_key": key, "bucket": "bucket"}, "min_age_in_days": days}
    wanted = backup.check({**spec, **declared, "update_credentials": "on_change"})
    known = {BACKUP_CONFIG.name: BACKUP_CONFIG.parse(snapshot.pruned(BACKUP_CONFIG, CONFIG))}
    change = backup.plan(wanted, known)
    assert len(change.calls) == calls
    assert change.before["application_key"] == ("(as declared)" if key is None else "(unknown until applied)")


def test_a_plan_from_a_snapshot_sends_no_request() -> None:
    declared = {
        "users": [
            {"email": "ann@example.org", "user_password": "ann-password-1"},
            # Whether it is this password, only the box knows.
            {"email": "bob@example.org", "user_password": "bob-password-2"},
        ],
    }
    with Box("v75") as box:
        prepare(box.state, {"users": [{"email": "bob@example.org", "password": "bob-password-1"}]})
        made = run_task(box, "miab_info", {"gather_subset": ["snapshot"]})["snapshot"]
        offline = {**declared, "snapshot": {**made, "made_at": "2026-11-27T12:00:00Z"}}
        before = len(box.log)
        planned = run_task(box, "miab_config", offline, check_mode=True)
        refused = run_task(box, "miab_config", offline)
        assert len(box.log) == before
        applied = run_task(box, "miab_config", declared)
    assert planned["changed"], planned
    assert planned["requests"] == {"reads": 0, "writes": 0}
    assert "ann@example.org" in [change["key"] for change in planned["changes"]]
    assert planned["plan"]["unknown"]
    assert refused["failed"]
    assert "a snapshot can only be planned against; use check mode" in refused["msg"]
    assert [change["key"] for change in applied["changes"]] == ["ann@example.org", "bob@example.org"]
