# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup settings: the options, and the call that stores them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Iterable, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, unquote, urlsplit

from .._model.plan import SINGLE, UNKNOWN, Call, Change, Known, Planner, Question, View
from .._model.reads import BACKUP_CONFIG, BackupConfig
from .._values import names
from .._values.errors import InvalidOption, Refused, UnexpectedAnswer, Unsupported
from .._values.secrets import MASK, in_url, without_url_passwords

_PATH = BACKUP_CONFIG.path
# The box multiplies this by ten. Its nightly job fails for dates after the year 9999.
_MOST_DAYS = 36500
_STORED = "credentials were stored"

# The messages with which a box refuses a target: its own, and those of Amazon that it forwards.
_S3_ERROR = "An error occurred (%s) when calling the ListObjectsV2 operation: %s"
_KNOWN_MESSAGES = (
    "{target}",
    "Enter an S3 bucket name.",
    "Invalid S3 region/host.",
    "Invalid S3 access key or secret access key.",
    "Invalid S3 bucket name.",
    "Incorrect region for this bucket.",
    _S3_ERROR % ("AccessDenied", "Access Denied"),
    _S3_ERROR % ("NoSuchBucket", "The specified bucket does not exist"),
    _S3_ERROR % ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    _S3_ERROR
    % (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method.",
    ),
    "B2 Bucket does not exist. Please double check your information!",
)
# What to check if a box can't use a target. The box connects to the target before it stores the settings.
_HINTS = {
    "s3": "Check that the box can reach %s, and check the region, the bucket, target_user and target_password.",
    "b2": "Check that the box can reach Backblaze, and check key_id, application_key and the bucket.",
    "rsync": "Check that the box can reach %s, that the folder is there, and that the account accepts the SSH key of the box.",
}

# Placeholders for credentials in views, so that a diff shows that they change without showing them.
_DIFFERS = "(not the declared one)"
_UNKNOWN = "(not known)"
_AS_DECLARED = "(as declared)"

_B2 = re.compile(r"b2://([^:/@]*):([^@]*)@(.*)\Z", re.DOTALL)
# The only schemes that boxes support. file:// is how a box reports the target "local".
_SCHEMES = ("rsync://", "s3://", "b2://", "file://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_USER = re.compile(r"[A-Za-z0-9._-]+\Z")
_PATH_SIGNS = re.compile(r"[^\s?#@]*\Z")
_KEY_ID = re.compile(r"[A-Za-z0-9]+\Z")

OPTIONS = {
    "target": {"type": "str"},
    "rsync": {
        "type": "dict",
        "options": {
            "user": {"type": "str", "required": True},
            "host": {"type": "str", "required": True},
            "path": {"type": "str", "required": True},
            "port": {"type": "int"},
        },
    },
    "s3": {
        "type": "dict",
        "options": {
            "region": {"type": "str"},
            "host": {"type": "str"},
            "bucket": {"type": "str", "required": True},
            "path": {"type": "str", "default": ""},
        },
    },
    "b2": {
        "type": "dict",
        "options": {
            "key_id": {"type": "str", "required": True, "no_log": False},
            "application_key": {"type": "str", "no_log": True},
            "bucket": {"type": "str", "required": True},
        },
    },
    "target_user": {"type": "str"},
    "target_password": {"type": "str", "no_log": True},
    "update_credentials": {
        "type": "str",
        "choices": ["always", "on_change"],
        "default": "on_change",
        "no_log": False,
    },
    "min_age_in_days": {"type": "int"},
}
"""The options of the backup settings."""

RULES = {
    "mutually_exclusive": [("target", "rsync", "s3", "b2")],
    "required_together": [("target_user", "target_password")],
}
"""Which options exclude or require each other."""


@dataclass(frozen=True)
class B2:
    """A Backblaze bucket. Without a key, the box keeps the key that it has for the bucket."""

    key_id: str
    key: Optional[str] = field(repr=False)
    bucket: str

    def url(self, key: str) -> str:
        return "b2://%s:%s@%s" % (self.key_id, quote(key, safe=""), self.bucket)

    def is_same_place(self, other: B2) -> bool:
        return (self.key_id, self.bucket) == (other.key_id, other.bucket)


@dataclass(frozen=True)
class WantedBackup:
    """The declared backup settings. None leaves a setting unchanged.

    :ivar target: ``off``, ``local`` or a URL; None for a Backblaze target, which is in ``b2``.
    :ivar credentials: user and password of the target.
    """

    target: Optional[str] = None
    b2: Optional[B2] = None
    credentials: Optional[Tuple[str, str]] = field(default=None, repr=False)
    always: bool = False
    min_age_in_days: Optional[int] = None


def check(options: Mapping[str, Any]) -> WantedBackup:
    """The options of ``miab_backup_config`` in canonical form.

    :raises InvalidOption: for a value that no box accepts.
    """
    age = options["min_age_in_days"]
    if age is not None and not 1 <= age <= _MOST_DAYS:
        raise InvalidOption("min_age_in_days", age, "must be a number of days from 1 to %d" % _MOST_DAYS)
    user, password = options["target_user"], options["target_password"]
    credentials = None if user is None or password is None else (user, password)
    always = options["update_credentials"] == "always"
    if always and credentials is None:
        raise InvalidOption(
            "update_credentials", "always", "there are no credentials to update; set target_user and target_password"
        )
    target, b2 = None, None
    if options["rsync"] is not None:
        target = _rsync(options["rsync"])
    elif options["s3"] is not None:
        target = _s3(options["s3"])
    elif options["b2"] is not None:
        b2 = _b2(options["b2"])
    elif options["target"] is not None:
        target = _checked_target(options["target"])
        b2 = _parse_b2(target)
    return WantedBackup(None if b2 else target, b2, credentials, always, age)


def secrets(options: Mapping[str, Any]) -> Iterable[str]:
    """The secrets in a target URL."""
    found = set(in_url(str(options.get("target") or "")))
    # Also without spaces and URL-decoded, as they appear in messages and calls.
    found |= {_printable(secret) for secret in found}
    return (found | {unquote(secret) for secret in found}) - {"", MASK}


def _checked_target(given: str) -> str:
    target = given.strip()
    if target in ("off", "local"):
        return target
    plain = _printable(target)
    why = ""
    if not target.startswith(_SCHEMES):
        why = "must be off, local or a URL (rsync://, s3://, b2://)"
    elif plain != target:
        why = "a URL can't contain spaces"
    elif not target.isascii():
        why = "a URL can contain only ASCII characters"
    elif MASK in target:
        why = "the key is masked; to keep the stored key, leave target out or set b2 without application_key"
    elif target.startswith("b2://"):
        if _parse_b2(target) is None:
            why = "a Backblaze target has the form b2://KEY_ID:APPLICATION_KEY@BUCKET"
    elif not _is_url(target):
        why = "invalid host or port"
    if why:
        raise InvalidOption("target", masked(plain), why)
    return target


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable() and not character.isspace())


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname or parts.scheme == "file") and parts.port != 0
    except ValueError:
        return False


def _part(option: str, value: Optional[str], pattern: re.Pattern[str], why: str) -> str:
    if value is None or not pattern.match(value):
        raise InvalidOption(option, value, why)
    return value


def _host(option: str, value: str) -> str:
    try:
        return names.domain(value)
    except ValueError as error:
        raise InvalidOption(option, value, str(error)) from error


def _rsync(parts: Mapping[str, Any]) -> str:
    user = _part("rsync.user", parts["user"], _USER, "must be the name of an account")
    host = _host("rsync.host", parts["host"])
    path = _part("rsync.path", parts["path"] or None, _PATH_SIGNS, "must be a path without spaces")
    port = parts["port"]
    if port is not None and not 0 < port < 65536:
        raise InvalidOption("rsync.port", port, "must be a port number from 1 to 65535")
    # The first slash only separates the host from the path. An absolute path has a second one.
    return "rsync://%s@%s%s/%s" % (user, host, "" if port in (None, 22) else ":%d" % port, path)


def _s3(parts: Mapping[str, Any]) -> str:
    region, host = parts["region"], parts["host"]
    if region is not None:
        _part("s3.region", region, _USER, "must be the name of a region, such as eu-central-1")
    if region is None and host is None:
        raise InvalidOption("s3.region", None, "set the Amazon region, or s3.host for another provider")
    bucket = _part("s3.bucket", parts["bucket"], _BUCKET, "must be the name of a bucket")
    path = _part("s3.path", parts["path"].strip("/"), _PATH_SIGNS, "must be a path without spaces")
    # For Amazon, the host name contains the region. For other providers, the region is in the user part of the URL.
    place = "s3.%s.amazonaws.com" % region if host is None else _host("s3.host", host)
    if host is not None and region is not None:
        place = region + "@" + place
    return "s3://%s/%s/%s" % (place, bucket, path)


def _b2(parts: Mapping[str, Any]) -> B2:
    key = parts["application_key"]
    if key is not None and not (key and key.isascii() and key.isprintable()):
        raise InvalidOption("b2.application_key", MASK, "not a valid application key")
    return B2(
        _part("b2.key_id", parts["key_id"], _KEY_ID, "must be the ID of an application key"),
        key,
        _part("b2.bucket", parts["bucket"], _BUCKET, "must be the name of a bucket"),
    )


def _parse_b2(target: str) -> B2 | None:
    found = _B2.match(target)
    return B2(found.group(1), unquote(found.group(2)), found.group(3)) if found else None


def needs(_wanted: WantedBackup, known: Known) -> Sequence[Question]:
    """Return the questions that :func:`plan` still needs answered."""
    return [] if BACKUP_CONFIG.name in known else [BACKUP_CONFIG]


def plan(wanted: WantedBackup, known: Known) -> Change:
    """Plan the change to the declared settings: one call, which stores all of them.

    :raises InvalidOption: if the call would erase credentials, which the box never returns.
    """
    config: BackupConfig = BACKUP_CONFIG.of(known)
    target = _target(wanted, config)
    is_unknown = _is_same_but_for_the_key(target, config)
    if is_unknown:
        target = config.target
    age = config.min_age_in_days if wanted.min_age_in_days is None else wanted.min_age_in_days
    before, after = view(config), view(BackupConfig(target, age, config.folder))
    if wanted.b2 is not None:
        # The views mask the key, so they show separately whether it changes.
        before["application_key"] = _AS_DECLARED if _is_same(target, config.target) else _DIFFERS
        after["application_key"] = _AS_DECLARED
    needs_call = before != after
    if is_unknown:
        before["application_key"], after["application_key"] = UNKNOWN, _AS_DECLARED
    if wanted.always:
        before["credentials"] = _AS_DECLARED if _STORED in known else _UNKNOWN
        after["credentials"] = _AS_DECLARED
        needs_call = needs_call or before["credentials"] != _AS_DECLARED
    if not needs_call:
        return Change("backup", SINGLE, before, after)
    user, password = _credentials(wanted, target)
    form = {"target": target, "target_user": user, "target_pass": password, "min_age": str(age)}
    if config.rsync_port is not None:
        form["target_rsync_port"] = str(config.rsync_port)
    call = Call(
        "POST",
        _PATH,
        form,
        secret=("target_pass", "target") if masked(target) != target else ("target_pass",),
        known_messages=_KNOWN_MESSAGES,
        hint=_hint(target),
        name=_STORED if wanted.always else None,
        # The API never returns credentials, so a read can't verify them.
        verifiable=not wanted.always,
        rests_on=BACKUP_CONFIG,
    )
    call = replace(call, parse=partial(_parse_answer, call))
    return Change("backup", SINGLE, before, after, (call,))


def _is_same_but_for_the_key(target: str, config: BackupConfig) -> bool:
    """Whether the target equals the current one except for its key, which is masked, as in a snapshot."""
    return MASK in config.target and target != config.target and masked(target) == config.target


def _target(wanted: WantedBackup, config: BackupConfig) -> str:
    """The target in the form that the box stores."""
    if wanted.b2 is not None:
        present = _parse_b2(config.target)
        if wanted.b2.key is not None:
            target = wanted.b2.url(wanted.b2.key)
            return config.target if _is_same(target, config.target) else target
        if present is None or not present.is_same_place(wanted.b2):
            raise InvalidOption(
                "b2.application_key", None, "required, because the box has no key for this bucket and key_id"
            )
        return config.target
    if wanted.target is None:
        return config.target
    if wanted.target == "file://" + config.folder:
        return "local"
    if wanted.target.startswith("file://"):
        raise InvalidOption(
            "target", wanted.target, "the only folder of the box for backups is the default one; set target: local"
        )
    return wanted.target


def _is_same(target: str, other: str) -> bool:
    return target == other or (_parse_b2(target) is not None and _parse_b2(target) == _parse_b2(other))


def _credentials(wanted: WantedBackup, target: str) -> tuple[str, str]:
    if wanted.credentials is not None:
        return wanted.credentials
    if target.startswith("s3://"):
        raise InvalidOption(
            "target_password",
            None,
            "required with target_user for any change: the box stores all its backup settings together and never returns the"
            " credentials. If the target needs none, set both to empty strings",
        )
    return "", ""


def _parse_answer(call: Call, answer: str) -> bool:
    """Parse the answer. The box sends all answers with HTTP 200, but only "OK" means success."""
    try:
        words = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise UnexpectedAnswer(
            "POST %s: expected JSON, got something else (%d characters)." % (_PATH, len(answer)), path=_PATH
        ) from error
    if words == "OK":
        return True
    reply = masked(call.quotable(str(words).strip()))
    # If a box does not support a target, it answers with the target itself.
    if words == (call.form or {}).get("target"):
        if words.startswith("b2://"):
            raise Unsupported(
                "b2: this box can't back up to Backblaze, because its version of Mail-in-a-Box is too old. Update the box, or"
                " declare another target.",
                option="b2",
            )
        raise Refused("target: %s: this box does not support targets of this kind." % reply, path=_PATH, text=reply)
    answer = reply or "(no reason given; check that the box supports this target)"
    hint = " " + call.hint if call.hint else ""
    raise Refused("POST %s: the box refused the request: %s%s" % (_PATH, answer, hint), path=_PATH, text=reply)


def _hint(target: str) -> str:
    """What to check if a box can't use a target."""
    parts = urlsplit(target)
    hint = _HINTS.get(parts.scheme, "")
    return hint % parts.hostname if "%s" in hint else hint


def masked(text: str) -> str:
    """A text with the passwords of its URLs masked."""
    return str(without_url_passwords(text))


def view(config: BackupConfig) -> View:
    """The settings in the form of the module's options, without secrets."""
    return {"target": masked(config.target), "min_age_in_days": config.min_age_in_days}


def declared(config: BackupConfig) -> View:
    """The settings as options for the same box. A Backblaze bucket has no key, so the box keeps it."""
    b2 = _parse_b2(config.target)
    if b2 is None:
        return view(config)
    return {"b2": {"key_id": b2.key_id, "bucket": b2.bucket}, "min_age_in_days": config.min_age_in_days}


PLANNER = Planner(check, needs, plan)
