# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: their target, and the list of existing ones."""

from __future__ import annotations

import math
import time
from urllib.parse import urlsplit

from ..answers import Answer, BadValueError, BrokenError, RefusedError, Request, data
from ..state import Backup, BackupConfig, State

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def _folder(state: State) -> str:
    return f"{state.storage}/backup/encrypted"


def config(state: State, request: Request) -> Answer:
    """The target without its credentials. A local target is returned in full."""
    target = state.backup.target
    reply: dict[str, object] = {
        "enc_pw_file": f"{state.storage}/backup/secret_key.txt",
        "file_target_directory": _folder(state),
        "min_age_in_days": state.backup.min_age_in_days,
        "target": "file://" + _folder(state) if target == "local" else target,
    }
    if state.ssh_public_key:
        reply["ssh_pub_key"] = state.ssh_public_key
    return data(reply)


def _check_target(state: State, target: str) -> None:
    """Connect to a remote target. Raises RefusedError with the box's message if that fails."""
    if target in ("off", "local") or target in state.backup_targets:
        return
    parts = urlsplit(target)
    if parts.scheme == "file":
        if parts.path != _folder(state):
            raise BrokenError("There is no such folder.")
    elif parts.scheme == "rsync":
        folder = "/" + parts.path.strip("/") + "/"
        raise RefusedError(f"Connection to rsync host failed: Provided path {folder} is invalid.")
    elif parts.scheme == "s3":
        if not parts.path.strip("/"):
            raise RefusedError("Enter an S3 bucket name.")
        raise RefusedError("Could not connect to S3: the bucket can't be reached.")
    elif parts.scheme == "b2" and state.capabilities.b2_backups:
        raise RefusedError("B2 connection error: the bucket can't be reached.")
    else:
        raise RefusedError(target)


def set_config(state: State, request: Request) -> Answer:
    """All four fields are stored, even those that were not sent."""
    form = request.form
    try:
        min_age = int(form.get("min_age", ""))
    except ValueError as error:
        raise BadValueError(str(error)) from None
    target = form.get("target", "")
    try:
        _check_target(state, target)
    except RefusedError as error:
        return data(str(error))
    state.backup = BackupConfig(target, form.get("target_user", ""), form.get("target_pass", ""), min_age)
    return data("OK")


def _duration(seconds: float) -> str:
    """A duration in words, with its two largest units."""
    words = []
    for unit, length in _UNITS:
        count, seconds = divmod(int(seconds), length)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return ", ".join(words[:2]) or "now"


def _described(state: State, backup: Backup) -> dict[str, object]:
    made = time.gmtime(backup.made)
    age = state.clock() - backup.made
    days_left = max(0, math.ceil(state.backup.min_age_in_days + 1 - age / 86400))
    return {
        "date": time.strftime("%Y%m%dT%H%M%SZ", made),
        "date_str": time.strftime("%Y-%m-%d %H:%M:%S UTC", made),
        "date_delta": _duration(age),
        "deleted_in": f"approx. {days_left} days",
        "full": backup.full,
        "size": backup.size,
        "volumes": backup.volumes,
    }


def status(state: State, request: Request) -> Answer:
    if state.backup.target == "off":
        return data({})
    if state.backup_error:
        return data({"error": state.backup_error})
    newest_first = sorted(state.backups, key=lambda backup: backup.made, reverse=True)
    return data({"backups": [_described(state, backup) for backup in newest_first], "unmatched_file_size": 0})
