# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_backup_config as playbooks use it: four versions, both doors, and no secret in any output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.faults import Fault

from .expected import Expected, check_tasks
from .playbooks import Run, play

MODULE = "miab_backup_config"
RSYNC = "rsync://box@backup.example.net//srv/box"
S3 = "s3://s3.eu-central-1.amazonaws.com/example-backups/box"
AMAZON = {"region": "eu-central-1", "bucket": "example-backups", "path": "box"}
KEYS = {"target_user": "ACCESSKEY", "target_password": "secret-key-of-s3"}
B2_KEY = "K001/secret+key"
B2 = "b2://0011aabb:K001%2Fsecret%2Bkey@bucket"


def stored(target: str, age: int, user: str = "", password: str = "") -> Any:
    expected = {"target": target, "target_user": user, "target_pass": password, "min_age_in_days": age}
    return lambda state: state["backup"] == expected


def task(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin." + MODULE: options}


TASKS = """
- name: Keep the default folder, written as a URL
  mailinabox.admin.miab_backup_config:
    target: file:///home/user-data/backup/encrypted

- name: Turn backups off
  mailinabox.admin.miab_backup_config:
    target: "off"

- name: Back up to the box itself, and keep backups for a week
  mailinabox.admin.miab_backup_config:
    target: local
    min_age_in_days: 7

- name: Back up to another machine
  mailinabox.admin.miab_backup_config:
    rsync:
      user: box
      host: Backup.example.net
      path: /srv/box
      port: 22

- name: Back up to Amazon S3
  mailinabox.admin.miab_backup_config:
    s3: &bucket
      region: eu-central-1
      bucket: example-backups
      path: box
    target_user: ACCESSKEY
    target_password: secret-key-of-s3

- name: Declare another password, which alone does not cause a change
  mailinabox.admin.miab_backup_config:
    s3: *bucket
    target_user: ACCESSKEY
    target_password: another

- name: Keep backups for five days, which also sends the password
  mailinabox.admin.miab_backup_config:
    s3: *bucket
    target_user: ACCESSKEY
    target_password: secret-key-of-s3
    min_age_in_days: 5

- name: Back up to the box itself again
  mailinabox.admin.miab_backup_config:
    target: local
"""


def test_settings(box: Box, door: str, tmp_path: Path) -> None:
    box.state.backup_targets |= {RSYNC, S3}
    expected = {
        "Keep the default folder, written as a URL": Expected(stored("local", 3), changed=False),
        "Turn backups off": Expected(stored("off", 3)),
        "Back up to the box itself, and keep backups for a week": Expected(stored("local", 7), calls=1),
        "Back up to another machine": Expected(stored(RSYNC, 7)),
        "Back up to Amazon S3": Expected(stored(S3, 7, "ACCESSKEY", "secret-key-of-s3")),
        "Declare another password, which alone does not cause a change": Expected(
            stored(S3, 7, "ACCESSKEY", "secret-key-of-s3"), changed=False
        ),
        "Keep backups for five days, which also sends the password": Expected(
            stored(S3, 5, "ACCESSKEY", "secret-key-of-s3")
        ),
        "Back up to the box itself again": Expected(stored("local", 5)),
    }
    check_tasks(box, TASKS, expected, tmp_path, door)


def test_credentials_can_be_sent_each_time(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.state.backup_targets.add(S3)
    always = task(s3=AMAZON, update_credentials="always", **KEYS)
    run = play(newest_box, [always, always, {**always, "check_mode": True}], tmp_path, door)
    for outcome in run.outcomes:
        assert outcome.result["changed"], outcome.result
        assert outcome.result["backup_config"]["target"] == S3
    assert run.outcomes[1].result["diff"] == run.outcomes[2].result["diff"]
    assert run.outcomes[1].result["diff"]["before"]["credentials"] == "(not known)"
    assert newest_box.state.backup.target_pass == "secret-key-of-s3"
    assert "secret-key-of-s3" not in run.output + json.dumps([outcome.result for outcome in run.outcomes])


def test_no_change_loses_credentials(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.state.backup.target = S3
    newest_box.state.backup.target_pass = "secret-key-of-s3"
    newest_box.state.backup_targets.add(S3)
    reported, empty = play(
        newest_box,
        [task(min_age_in_days=9), task(min_age_in_days=9, target_user="", target_password="")],
        tmp_path,
        door,
    ).outcomes
    assert reported.result["failure"]["details"]["option"] == "target_password"
    assert reported.state["backup"]["target_pass"] == "secret-key-of-s3"
    assert empty.state["backup"] == {"target": S3, "target_user": "", "target_pass": "", "min_age_in_days": 9}


REFUSALS = [
    ({"target": "rsync://u@backup.example.invalid//srv/box"}, "Provided path /srv/box/ is invalid."),
    ({"target": "s3://s3.eu-central-1.amazonaws.com/", **KEYS}, "Enter an S3 bucket name."),
]


def test_refusals(box: Box, door: str, tmp_path: Path) -> None:
    run = play(box, [task(**options) for options, _words in REFUSALS], tmp_path, door)
    for outcome, (_options, words) in zip(run.outcomes, REFUSALS, strict=True):
        assert outcome.result["failure"]["code"] == "refused", outcome.result
        assert words in outcome.result["msg"]
        assert not outcome.result["changed"]
        assert outcome.result["calls"] == []
        assert outcome.state["backup"]["target"] == "local"


# The secrets are not in the playbook itself, because Ansible shows its lines in errors.
SECRETS: dict[str, Any] = {"arguments": ["-vvv"], "environment": {"B2_TARGET": B2, "B2_KEY": B2_KEY}}
WITH_URL = task(target="{{ lookup('env', 'B2_TARGET') }}")
BUCKET = {"key_id": "0011aabb", "bucket": "bucket"}
WITH_PARTS = task(b2={**BUCKET, "application_key": "{{ lookup('env', 'B2_KEY') }}"})
SHOWN = "b2://0011aabb:********@bucket"


def check_secrecy(run: Run) -> None:
    text = run.output + json.dumps([outcome.result for outcome in run.outcomes])
    assert "secret+key" not in text
    assert "secret%2Bkey" not in text


def test_a_key_in_the_target_is_never_shown(box: Box, door: str, tmp_path: Path) -> None:
    box.state.backup_targets.add(B2)
    tasks = [
        {**WITH_URL, "check_mode": True, "diff": True},
        {**WITH_URL, "diff": True},
        WITH_PARTS,
        task(b2=BUCKET, min_age_in_days=8),
    ]
    run = play(box, tasks, tmp_path, door, **SECRETS)
    assert [outcome.result["changed"] for outcome in run.outcomes] == [True, True, False, True]
    assert run.outcomes[0].result["diff"] == run.outcomes[1].result["diff"]
    assert run.outcomes[1].result["diff"]["after"]["target"] == SHOWN
    assert (box.state.backup.target, box.state.backup.min_age_in_days) == (B2, 8)
    check_secrecy(run)


def test_a_key_that_only_the_box_has_is_never_shown(box: Box, door: str, tmp_path: Path) -> None:
    box.state.backup_targets.add(B2)
    box.state.backup.target = B2
    info = {"mailinabox.admin.miab_info": {"gather_subset": ["backup_config", "config"]}}
    run = play(box, [info, task(min_age_in_days=9)], tmp_path, door, arguments=["-vvv"])
    facts, changed = run.outcomes
    assert facts.result["backup_config"]["target"] == SHOWN
    assert facts.result["config"]["backup"] == {"b2": BUCKET, "min_age_in_days": 3}
    assert changed.result["calls"][0]["form"]["target"] == "********"
    assert changed.result["diff"]["before"]["target"] == SHOWN
    assert box.state.backup.target == B2
    check_secrecy(run)


def test_a_key_that_the_box_rejects_is_never_shown(box: Box, door: str, tmp_path: Path) -> None:
    run = play(box, [WITH_URL, WITH_PARTS], tmp_path, door, **SECRETS)
    for outcome in run.outcomes:
        # A box that does not support such targets repeats the whole target in its answer.
        knows_b2 = box.state.capabilities.b2_backups
        assert outcome.result["failure"]["code"] == ("refused" if knows_b2 else "unsupported")
        words = "check key_id" if knows_b2 else "this box can't back up to Backblaze"
        assert words in outcome.result["msg"]
    check_secrecy(run)


def test_an_answer_that_is_lost(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.faults.append(Fault("504", "POST /system/backup/config", after=True))
    kept = play(newest_box, [task(target="off")], tmp_path, door).outcomes[0]
    assert "stored anyway." in kept.result["warnings"][0]
    assert kept.result["backup_config"]["target"] == "off"
    newest_box.faults.append(Fault("504", "POST /system/backup/config"))
    lost = play(newest_box, [task(target="local")], tmp_path, door).outcomes[0]
    assert lost.result["failure"]["code"] == "box_failed"
    assert "The change was not stored" in lost.result["msg"]
