# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push record sets to a DNS provider with octoDNS: its configuration, its process and its output.

Credentials are only in the environment of that process. Its files contain no secrets and are removed at the end.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..module_utils._values import secrets
from ..module_utils._values.errors import BoxError, InvalidOption, MissingLibrary
from ..module_utils._values.texts import printable
from ._dns_export import octodns_zone, shown_value, unfit_for_octodns

_PROCESSOR = Path(__file__).with_name("_octodns_processor.py")
# Options of providers that hold secrets. octoDNS reads them from its environment: env/NAME.
_SECRET = re.compile(r"token|passw|secret|(?:^|_)key$|api_?key|credential|private", re.IGNORECASE)
_CHECKSUM = re.compile(r"\bchecksum=([0-9a-f]{64})\b")
# A log line: time, thread, level, logger and message.
_LOGGED = re.compile(r"^\d{4}-\d\d-\d\dT\S+ +\[\d+\] +(\w+) +(\S+) (.*)$")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Plan|Change|Refused|Unauthorized|NotFound|\w+)?: \S")


class PushFailed(BoxError):
    """octoDNS failed. ``planned`` and ``left`` are the numbers of changes before and after, ``left`` None if unknown."""

    code = "push_failed"


@dataclass
class Push:
    """The options of a push.

    :param zones: as the filter dns_wanted returns them.
    :param provider: the provider's block of octoDNS's configuration.
    :param environment: variables for the provider, most of them secret.
    :param owner: the box that the records belong to.
    """

    zones: Sequence[Mapping[str, Any]]
    provider: Mapping[str, Any]
    environment: Mapping[str, str]
    owner: str
    take_over: Sequence[str] = ()
    create_zones: bool = False
    force: bool = False
    executable: str = ""
    timeout: int = 300


@dataclass
class Pushed:
    """The planned or completed changes, and the wanted records that were not pushed."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, str]] = field(default_factory=list)
    checksum: str = ""


def check(push: Push) -> None:
    """:raises InvalidOption: if the provider is invalid, or a secret would be written to a file."""
    if not isinstance(push.provider.get("class"), str) or "." not in push.provider["class"]:
        raise InvalidOption(
            "provider",
            push.provider.get("class"),
            "class is missing; set it, for example to octodns_route53.Route53Provider",
        )
    for name, value in push.provider.items():
        if _SECRET.search(str(name)) and not str(value).startswith("env/"):
            why = "a secret is not allowed here; set this to env/SOME_NAME, and SOME_NAME in environment to the secret"
            raise InvalidOption("provider.%s" % name, secrets.MASK, why)
        variable = value[4:] if isinstance(value, str) and value.startswith("env/") else ""
        # The text after a second slash is octoDNS's default.
        if variable and "/" not in variable and variable not in push.environment and variable not in os.environ:
            raise InvalidOption("provider.%s" % name, value, "environment has no %s; add it" % variable)
    for pattern in push.take_over:
        if len(pattern.split()) != 2:
            raise InvalidOption("take_over", pattern, "expected a name and a type, such as: example.org MX")


def find(executable: str) -> str:
    """The path of octodns-sync.

    :raises MissingLibrary: if it is not found.
    """
    if executable:
        found = shutil.which(os.path.expanduser(executable))
    else:
        beside = Path(sys.executable).with_name("octodns-sync")
        found = str(beside) if beside.exists() else shutil.which("octodns-sync")
    if found is None:
        raise MissingLibrary("octodns", "on the controller, with the package of your provider")
    return found


@contextmanager
def configured(push: Push) -> Iterator[Path]:
    """A folder with octoDNS's configuration, which is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="miab-octodns-"))
    try:
        zones = folder / "zones"
        zones.mkdir()
        (folder / _PROCESSOR.name).symlink_to(_PROCESSOR)
        for zone in push.zones:
            (zones / ("%s.yaml" % zone["zone"])).write_text(json.dumps(octodns_zone(zone)), encoding="utf-8")
        configuration = {
            "manager": {"enable_checksum": True, "plan_outputs": {"json": {"class": "octodns.provider.plan.PlanJson"}}},
            "providers": {
                "wanted": {
                    "class": "octodns.provider.yaml.YamlProvider",
                    "directory": str(zones),
                    "enforce_order": False,
                    "escaped_semicolons": True,
                },
                "provider": dict(push.provider),
            },
            "processors": {
                "ours": {
                    "class": "%s.KeepOthers" % _PROCESSOR.stem,
                    "owner": push.owner,
                    "report": str(folder / "kept.json"),
                    "take_over": list(push.take_over),
                    "create_zones": push.create_zones,
                }
            },
            "zones": {
                "%s." % zone["zone"]: {
                    "sources": ["wanted"],
                    "processors": ["ours"],
                    "targets": ["provider"],
                    # A custom record that octoDNS would reject must not block all others.
                    "lenient": True,
                }
                for zone in push.zones
            },
        }
        # JSON is valid YAML, and values in JSON can't be misread.
        (folder / "config.yaml").write_text(json.dumps(configuration, indent=1), encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder)


def _run(push: Push, folder: Path, *arguments: str) -> tuple[int, str, str]:
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, **push.environment, "PYTHONPATH": path}
    command = [find(push.executable), "--config-file", str(folder / "config.yaml"), *arguments]
    try:
        ended = subprocess.run(  # noqa: S603 - the program and its arguments are our own
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=push.timeout,
            check=False,
            # Ctrl-C must not stop it in the middle of a change.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return -1, "", "TimeoutExpired: octoDNS did not end within %d seconds" % push.timeout
    return ended.returncode, ended.stdout, ended.stderr


def _masked(push: Push, text: str) -> str:
    masked: str = secrets.masked(text, [value for value in push.environment.values() if value])
    return masked


def _reason(errors: str) -> str:
    """Why octoDNS failed: the last exception, or the last error in the log."""
    lines = [line for line in errors.splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line) and not _LOGGED.match(line)]
    if len(raised) > 1 and "Incorrect provider config" in raised[-1]:
        # The cause is in the previous exception.
        return raised[-2]
    if raised:
        return raised[-1]
    logged = [found for found in map(_LOGGED.match, lines) if found and found[1] in ("ERROR", "CRITICAL")]
    return logged[-1][3] if logged else (lines or ["no output"])[-1]


def _plan(push: Push, folder: Path) -> Pushed:
    """:raises PushFailed: if octoDNS can't plan, or rejects its plan."""
    arguments = ["--force"] if push.force else []
    code, output, errors = _run(push, folder, *arguments)
    if code:
        raise PushFailed(_explained(push, errors), planned=None, left=None)
    start = output.find("{")
    output_plan = json.loads(output[start:]) if start >= 0 else {}
    checksum = _CHECKSUM.search(errors)
    report = folder / "kept.json"
    return Pushed(
        changes=[
            _change(zone.rstrip("."), change)
            for zone, plan in sorted(output_plan.get("provider", {}).items())
            for change in plan["changes"]
        ],
        kept=json.loads(report.read_text(encoding="utf-8")) if report.exists() else [],
        checksum=checksum[1] if checksum else "",
    )


def _explained(push: Push, errors: str) -> str:
    reason = _masked(push, _reason(errors))
    hint = ""
    if "force required" in reason:
        hint = " Review the plan in check mode. If it is right, push once with force."
    elif re.search(r"\b(?:ModuleNotFoundError|Unknown provider class)\b", errors):
        hint = " Check that the package of the provider is installed and that its class is %s." % push.provider["class"]
    elif re.search(r"\b40[13]\b|[Uu]nauthori[sz]ed|[Ff]orbidden|[Aa]uthenticat", errors):
        hint = " Check the credentials."
    return "octoDNS could not update the zones: %.1000s.%s" % (printable(reason).rstrip("."), hint)


def _change(zone: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """A change from the plan of octoDNS in the form of our results."""
    name = change["name"]
    rtype = change.get("record_type") or (change.get("new") or change["existing"])["type"]

    def values(data: Mapping[str, Any] | None) -> list[str]:
        if not data:
            return []
        found = data["values"] if "values" in data else [data["value"]]
        return [shown_value(rtype, value) for value in found]

    return {
        "zone": zone,
        "name": "%s.%s" % (name, zone) if name else zone,
        "type": rtype,
        "action": {"create": "create", "update": "update", "delete": "remove"}[change["type"]],
        "before": values(change.get("existing")),
        "after": values(change.get("new")),
    }


def plan(push: Push) -> Pushed:
    """The changes that a push would make.

    :raises BoxError: if they can't be planned.
    """
    check(push)
    with configured(push) as folder:
        return _plan(push, folder)


def apply(push: Push) -> Pushed:
    """Push and return the changes.

    :raises PushFailed: if octoDNS failed; the details have the number of changes that are left.
    :raises BoxError: for other errors, before anything was changed.
    """
    check(push)
    with configured(push) as folder:
        planned = _plan(push, folder)
        if not planned.changes:
            return planned
        arguments = ["--doit", "--checksum", planned.checksum, *(["--force"] if push.force else [])]
        code, _output, errors = _run(push, folder, *arguments)
        if code:
            message = _explained(push, errors)
            try:
                left: int | None = len(_plan(push, folder).changes)
            except PushFailed:
                left = None
            raise PushFailed(message, planned=len(planned.changes), left=left)
        return planned


def not_pushed(zones: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Record sets that can't be pushed with octoDNS, and why."""
    return [
        {"zone": zone["zone"], "name": record["name"], "type": record["type"], "reason": reason}
        for zone in zones
        for record in zone["records"]
        for reason in [unfit_for_octodns(record)]
        if reason
    ]
