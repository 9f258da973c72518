# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup settings: URLs from parts, credentials that a box never returns, and masked keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import BACKUP_CONFIG, BackupConfig
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import backup
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import (
    BoxError,
    InvalidOption,
    Refused,
    UnexpectedAnswer,
)

FOLDER = "/home/user-data/backup/encrypted"
S3 = "s3://s3.eu-central-1.amazonaws.com/bucket/box"
B2 = "b2://0011aabb:K001%2Fkey@bucket"
KEYS = {"target_user": "ACCESS", "target_password": "SECRET"}
B2_PARTS = {"key_id": "0011aabb", "application_key": "K001/key", "bucket": "bucket"}


def wanted(**options: Any) -> backup.WantedBackup:
    defaults = {
        **dict.fromkeys(("target", "rsync", "s3", "b2", "target_user", "target_password", "min_age_in_days")),
        "update_credentials": "on_change",
    }
    return backup.check({**defaults, **options})


def known(target: str = "local", age: int = 3, **more: Any) -> dict[str, Any]:
    return {"caller": "me", BACKUP_CONFIG.name: BackupConfig(target, age, FOLDER), **more}


def rsync(**parts: Any) -> dict[str, Any]:
    return {"rsync": {"user": "box", "host": "backup.example.net", "path": "/srv/box", "port": None, **parts}}


def s3(**parts: Any) -> dict[str, Any]:
    return {"s3": {"region": None, "host": None, "bucket": "bucket", "path": "", **parts}}


def b2(**parts: Any) -> dict[str, Any]:
    return {"b2": {**B2_PARTS, **parts}}


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"target": " off "}, "off"),
        ({"target": "file://" + FOLDER}, "local"),
        (rsync(), "rsync://box@backup.example.net//srv/box"),
        (rsync(path="box", port=22), "rsync://box@backup.example.net/box"),
        (rsync(host="Bücher.example", port=2222), "rsync://box@xn--bcher-kva.example:2222//srv/box"),
        ({**s3(region="eu-central-1", path="/box/"), **KEYS}, S3),
        ({**s3(region="eu-central-1"), **KEYS}, "s3://s3.eu-central-1.amazonaws.com/bucket/"),
        ({**s3(host="s3.example.net"), **KEYS}, "s3://s3.example.net/bucket/"),
        ({**s3(host="s3.example.net", region="nl-1"), **KEYS}, "s3://nl-1@s3.example.net/bucket/"),
        (b2(), B2),
    ],
)
def test_targets(options: dict[str, Any], target: str) -> None:
    # The box has another target, so that there is a call.
    (call,) = backup.plan(wanted(**options), known("rsync://u@other.example.net//x")).calls
    assert call.form is not None
    assert call.form["target"] == target


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"target": ""}, "target"),
        ({"target": "remote"}, "target"),
        # A box supports no other schemes, but stores URLs that it can't parse.
        ({"target": "ftp://backup.example.net/"}, "target"),
        ({"target": "rsync://u@h.example.net:many//srv"}, "target"),
        ({"target": "rsync://u@[h//srv"}, "target"),
        ({"target": "s3:///bucket"}, "target"),
        ({"target": "b2://0011\uff0f:key@bucket"}, "target"),
        ({"min_age_in_days": 36501}, "min_age_in_days"),
        ({"target": "rsync://u@h.example.net//a b"}, "target"),
        ({"target": "rsync://u@h.example.net//a\nb"}, "target"),
        ({"target": "b2://0011aabb@bucket"}, "target"),
        ({"target": "b2://0011aabb:********@bucket"}, "target"),
        ({"min_age_in_days": 0}, "min_age_in_days"),
        ({"update_credentials": "always"}, "update_credentials"),
        (rsync(user="me@home"), "rsync.user"),
        (rsync(host="backup"), "rsync.host"),
        (rsync(path=""), "rsync.path"),
        (rsync(path="a b"), "rsync.path"),
        (rsync(port=0), "rsync.port"),
        (s3(), "s3.region"),
        (s3(region="eu central"), "s3.region"),
        (s3(host="no host"), "s3.host"),
        (s3(region="eu-central-1", bucket="a/b"), "s3.bucket"),
        (s3(region="eu-central-1", path="a b"), "s3.path"),
        (b2(key_id="a:b"), "b2.key_id"),
        (b2(application_key=""), "b2.application_key"),
        (b2(bucket=""), "b2.bucket"),
    ],
)
def test_bad_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        wanted(**options)
    assert caught.value.details["option"] == option


def test_local_folders_other_than_the_default_are_rejected() -> None:
    with pytest.raises(InvalidOption, match="the only folder of the box"):
        backup.plan(wanted(target="file:///etc"), known())


def test_a_key_is_in_no_message() -> None:
    for options in ({"target": "b2://0011aabb:K001 key@bucket"}, b2(application_key="K001 kéy")):
        with pytest.raises(InvalidOption) as caught:
            wanted(**options)
        assert "K001" not in str(caught.value.as_failure())
    assert "K001" not in repr(wanted(target=B2)) + repr(wanted(**b2())) + repr(BackupConfig(B2, 3, FOLDER))
    assert "SECRET" not in repr(wanted(target=S3, **KEYS))


ROWS: list[tuple[dict[str, Any], dict[str, Any], dict[str, str] | None]] = [
    ({}, known(), None),
    ({"target": "local", "min_age_in_days": 3}, known(), None),
    ({"min_age_in_days": 4}, known(), {"target": "local", "min_age": "4"}),
    ({"target": "off"}, known(), {"target": "off", "min_age": "3"}),
    ({"target": "local"}, known("off", 7), {"target": "local", "min_age": "7"}),
    ({"target": S3}, known(S3), None),
    ({"target": S3, **KEYS}, known(S3), None),
    (
        {"target": S3, **KEYS, "update_credentials": "always"},
        known(S3),
        {"target": S3, "min_age": "3", "target_user": "ACCESS", "target_pass": "SECRET"},
    ),
    (
        {"min_age_in_days": 5, **KEYS},
        known(S3),
        {"target": S3, "min_age": "5", "target_user": "ACCESS", "target_pass": "SECRET"},
    ),
    ({"target": "off"}, known(S3), {"target": "off", "min_age": "3"}),
    ({"target": B2}, known(B2), None),
    ({"target": "b2://0011aabb:K001/key@bucket"}, known(B2), None),
    (b2(), known("b2://0011aabb:K001/key@bucket"), None),
    (b2(application_key=None), known(B2), None),
    ({**b2(application_key=None), "min_age_in_days": 9}, known(B2), {"target": B2, "min_age": "9"}),
    (b2(application_key="K002"), known(B2), {"target": "b2://0011aabb:K002@bucket", "min_age": "3"}),
    ({"min_age_in_days": 9}, known(B2), {"target": B2, "min_age": "9"}),
]


@pytest.mark.parametrize(("options", "state", "form"), ROWS)
def test_calls(options: dict[str, Any], state: dict[str, Any], form: dict[str, str] | None) -> None:
    change = backup.plan(wanted(**options), state)
    sent = [call.form for call in change.calls]
    assert sent == ([] if form is None else [{"target_user": "", "target_pass": "", **form}])
    assert (change.before != change.after) == bool(sent)
    shown = str([change.before, change.after, *(call.as_result() for call in change.calls)])
    assert "K001" not in shown
    assert "K002" not in shown
    assert "SECRET" not in shown


def test_after_the_write_nothing_is_left_to_do() -> None:
    declared = wanted(target=S3, update_credentials="always", **KEYS)
    first = backup.plan(declared, known(S3))
    (call,) = first.calls
    again = backup.plan(declared, known(S3, **{str(call.name): True}))
    assert again.before == first.after
    assert again.calls == ()


@pytest.mark.parametrize(
    ("options", "state", "option"),
    [
        ({"target": S3}, known(), "target_password"),
        ({"min_age_in_days": 5}, known(S3), "target_password"),
        (b2(application_key=None), known(), "b2.application_key"),
        (b2(application_key=None, bucket="another"), known(B2), "b2.application_key"),
    ],
)
def test_what_the_box_does_not_have(options: dict[str, Any], state: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        backup.plan(wanted(**options), state)
    assert caught.value.details["option"] == option


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ('"Enter an S3 bucket name."', Refused, "Enter an S3 bucket name"),
        ('""', Refused, "no reason given"),
        ('"ftp://backup.example.net/"', Refused, "ftp://backup"),
        ('"b2://0011aabb:K001@bucket"', Refused, r"b2://0011aabb:\*{8}@bucket"),
        ("OK", UnexpectedAnswer, "expected JSON"),
        ("[" * 200_000, UnexpectedAnswer, "expected JSON"),
    ],
)
def test_errors_that_arrive_as_success(said: str, error: type[BoxError], words: str) -> None:
    (call,) = backup.plan(wanted(target="off"), known()).calls
    assert call.parse is not None
    assert call.parse('"OK"\n') is True
    with pytest.raises(error, match=words) as caught:
        call.parse(said)
    assert "K001" not in str(caught.value.as_failure())


NO_KEY = "An error occurred (InvalidAccessKeyId) when calling the ListObjectsV2 operation: The AWS Access Key Id you"
S3_HINT = "Check that the box can reach s3.eu-central-1.amazonaws.com, and check the region, the bucket, target_user"


@pytest.mark.parametrize(
    ("options", "said", "code", "words"),
    [
        (
            {"target": S3, **KEYS},
            "Invalid S3 bucket name.",
            "refused",
            "refused the request: Invalid S3 bucket name. " + S3_HINT,
        ),
        (
            {"target": S3, **KEYS},
            NO_KEY + " provided does not exist in our records.",
            "refused",
            "you provided does not",
        ),
        # Any other message may repeat a secret.
        ({"target": S3, **KEYS}, "Bad key SECRET", "refused", "(text left out"),
        (b2(), "B2 connection error", "refused", "Check that the box can reach Backblaze, and check key_id"),
        (
            b2(),
            "B2 Bucket does not exist. Please double check your information!",
            "refused",
            "B2 Bucket does not exist",
        ),
        # The answer of v0.51.
        (b2(), B2, "unsupported", "b2: this box can't back up to Backblaze"),
        (
            rsync(),
            "Connection to rsync host failed",
            "refused",
            "can reach backup.example.net, that the folder is there",
        ),
        (
            rsync(),
            "rsync://box@backup.example.net//srv/box",
            "refused",
            "this box does not support targets of this kind",
        ),
    ],
)
def test_a_target_that_the_box_can_not_use(options: dict[str, Any], said: str, code: str, words: str) -> None:
    (call,) = backup.plan(wanted(**options), known()).calls
    assert call.parse is not None
    with pytest.raises(BoxError) as caught:
        call.parse(json.dumps(said))
    assert caught.value.code == code
    assert words in caught.value.message
    assert "K001" not in caught.value.message
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize(
    ("options", "secrets"),
    [
        ({"target": None}, set()),
        ({"target": "local"}, set()),
        ({"target": "s3://region@host/bucket"}, set()),
        ({"target": B2}, {"K001%2Fkey", "K001/key"}),
        ({"target": "b2:/id:K001@bucket"}, {"/id:K001", "K001"}),
        ({"target": "b2://id:K0 01@bucket"}, {"K0 01", "K001"}),
        ({"target": "rsync://box:p@w@host//srv"}, {"p@w"}),
        ({"target": "b2://id:********@bucket"}, set()),
        ({"target": 5}, set()),
        ({}, set()),
    ],
)
def test_secrets(options: dict[str, Any], secrets: set[str]) -> None:
    assert set(backup.secrets(options)) == secrets


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ({"target": "file://" + FOLDER}, "local"),
        ({"target": "file:///mnt/backup"}, "file:///mnt/backup"),
        ({"target": "off"}, "off"),
    ],
)
def test_settings_as_read(answer: dict[str, Any], target: str) -> None:
    config = BACKUP_CONFIG.parse({"file_target_directory": FOLDER, "min_age_in_days": 3, **answer})
    assert config == BackupConfig(target, 3, FOLDER)


def test_settings_of_another_shape() -> None:
    with pytest.raises(UnexpectedAnswer) as caught:
        BACKUP_CONFIG.parse({"target": B2})
    assert "K001" not in str(caught.value.as_failure())


def test_exported_bucket_settings_contain_no_key() -> None:
    declared = backup.declared(BackupConfig(B2, 3, FOLDER))
    assert declared == {"b2": {"key_id": "0011aabb", "bucket": "bucket"}, "min_age_in_days": 3}
    assert backup.declared(BackupConfig(S3, 3, FOLDER)) == {"target": S3, "min_age_in_days": 3}
