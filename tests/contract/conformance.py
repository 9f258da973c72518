# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a disposable box with the recorded boxes: make conformance HOST=... USERNAME=... [CA=...] YES=1

It replays both conversations with the box, runs playbooks against it, and prints each difference from the nearest
recording as a row of a Markdown table, which you can paste into an issue. It CHANGES AND BREAKS THE BOX.

The box must be new for each part, and set up as described in data/scenario.yml: only the user me@box.example.com
with the password adminpass123, and the host name box.example.com. A simulated box is reset in between. On another box,
restore the snapshot of the new box after each part, and name the next one: PARTS=edges, then PARTS=playbooks.

RECORD=name also writes the box's answers to data/recordings/name.json and data/edges/name.json.

Exit status: 0 no difference, 1 differences, 2 the box can't be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import yaml

from .conversation import ADMIN, DATA, SCENARIOS, Conversation, Difference, differences, recording, scenario, versions

PARTS = ("scenario", "edges", "playbooks")
_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SHOWN = 300
_DECLARATION: dict[str, Any] = {
    "miab_users": [{"email": "ann@example.org", "user_password": "ann-password-1"}],
    "miab_aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org"]}],
    "miab_dns_records": [{"name": "www.example.org", "type": "A", "values": ["192.0.2.1"]}],
    "miab_privacy": True,
}
# Each playbook, and its expected recap.
_PLAYBOOKS = (
    ("doctor", ("failed=0",)),
    ("plan", ("failed=0",)),
    ("apply", ("failed=0",)),
    ("apply", ("failed=0", "changed=0")),
    ("export", ("failed=0",)),
    ("health", ("failed=0",)),
)

Answers = Mapping[str, Mapping[str, Any]]


class NotComparableError(Exception):
    """The box can't be compared. The message says why, and what to do."""


@dataclass(frozen=True)
class Comparison:
    """The differences between a box and the nearest recorded one."""

    nearest: str
    differences: Sequence[Difference]


def compared(name: str, told: Answers, with_version: str | None = None) -> Comparison:
    """Compare a box's answers in a conversation with the nearest recording.

    Skipped steps are not compared.

    :param with_version: compare only with this version.
    """

    def found(version: str) -> list[Difference]:
        recorded = recording(name, version)
        steps = [step for step in scenario(name) if step["id"] in told]
        return [one for step in steps for one in differences(step, recorded[step["id"]], told[step["id"]])]

    comparisons = [
        Comparison(version, found(version)) for version in ([with_version] if with_version else versions(name))
    ]
    # If two recordings are equally near, use the larger one.
    return min(comparisons, key=lambda one: (len(one.differences), -sum(one.nearest in versions(s) for s in SCENARIOS)))


def table(found: Iterable[Difference]) -> str:
    """Differences as a Markdown table."""

    rows = ["| step | what | recorded | answered |", "|---|---|---|---|"]
    for one in found:
        texts = [json.dumps(value, ensure_ascii=False, sort_keys=True) for value in (one.recorded, one.answered)]
        # Skip the common start of long answers, so that the difference is visible.
        alike = next((place for place, pair in enumerate(zip(*texts, strict=False)) if len(set(pair)) > 1), 0)
        start = max(0, alike - _SHOWN // 4) if max(map(len, texts)) > _SHOWN else 0
        rows.append("| %s | %s | %s | %s |" % (one.step, one.what, *(_cell(text, start) for text in texts)))
    return "\n".join(rows)


def _cell(text: str, start: int) -> str:
    shown = ("..." if start else "") + text[start : start + _SHOWN] + ("..." if len(text) > start + _SHOWN else "")
    return "`%s`" % shown.replace("`", "'").replace("|", "\\|")


def held(conversation: Conversation, name: str) -> dict[str, dict[str, Any]]:
    """A box's answers in a conversation. Steps with a certificate are skipped if there is no CA to sign it."""
    return {
        step["id"]: told
        for step, told in conversation.replay(name)
        if conversation.signer or "{signed" not in json.dumps(step)
    }


def make_new(base: str, verify: str | bool) -> None:
    """Check that the box is new. A simulated box is reset if it isn't.

    :raises NotComparableError: if it isn't new.
    """
    if _is_new(base, verify):
        return
    reset = requests.post(base.removesuffix("/admin") + "/test/reset", verify=verify, timeout=60)
    if reset.status_code != 200 or not _is_new(base, verify):
        raise NotComparableError(
            "The box is not new. Restore the snapshot of the new box, and name the part that is next, such as PARTS=edges."
        )


def _is_new(base: str, verify: str | bool) -> bool:
    try:
        users = requests.get(base + "/mail/users", auth=ADMIN, verify=verify, timeout=60)
        records = requests.get(base + "/dns/custom", auth=ADMIN, verify=verify, timeout=60)
    except requests.RequestException as error:
        raise NotComparableError("%s can't be reached: %s" % (base, error)) from error
    return (users.status_code, users.text.strip()) == (200, ADMIN[0]) and records.text.strip() == "[]"


def run_playbooks(base: str, ca: str | None, takes_records: bool) -> list[Difference]:
    """Run playbooks of the collection against the box. Each unexpected result counts as a difference."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        declared = {name: value for name, value in _DECLARATION.items() if takes_records or name != "miab_dns_records"}
        variables: dict[str, Any] = {"ansible_connection": "local", "miab_host": base, **declared}
        variables |= {"miab_username": ADMIN[0], "miab_password": ADMIN[1]}
        variables |= {"miab_ca_path": ca} if ca else {}
        inventory = pathlib.Path(folder) / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {"box": variables}}}), encoding="utf-8")
        for name, expected in _PLAYBOOKS:
            command = [
                str(pathlib.Path(sys.executable).parent / "ansible-playbook"),
                *("-i", str(inventory), "mailinabox.admin." + name),
                *("-e", "miab_export_folder=" + folder, "-e", "miab_health_folder=" + folder),
            ]
            run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            recap = next((line for line in run.stdout.splitlines() if line.startswith("box ")), "")
            if run.returncode or not all(word in recap.split() for word in expected):
                found.append(Difference("playbook " + name, "end", " ".join(expected), recap or run.stdout[-_SHOWN:]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.conformance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--host", required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument(
        "--ca", help="the certificate that verifies the box; with ca.key beside it, certificates are tried"
    )
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--record", metavar="NAME")
    parser.add_argument("--yes", action="store_true")
    options = parser.parse_args()
    base = options.host if "://" in options.host else "https://" + options.host
    base = base.rstrip("/").removesuffix("/admin") + "/admin"
    if not (options.host and options.yes):
        print(__doc__)
        print("Nothing was sent. Name the box with HOST=..., and add YES=1 if it is a box to throw away.")
        return 2
    if options.username != ADMIN[0]:
        print("The conversations are recorded for the administrator %s; set up the box with that user." % ADMIN[0])
        return 2
    try:
        return _compare_all(base, options.ca, options.parts.split(","), options.record)
    except NotComparableError as error:
        print(error)
        return 2


def _compare_all(base: str, ca: str | None, parts: Sequence[str], record: str | None) -> int:
    key = pathlib.Path(ca).with_suffix(".key") if ca else None
    signer = (str(ca), str(key)) if key and key.exists() else None
    nearest, count = None, 0
    for part in parts:
        make_new(base, ca or True)
        if part == "playbooks":
            takes_records = not (nearest or "").startswith("power")
            found: Sequence[Difference] = run_playbooks(base, ca, takes_records)
            print("\n%s: %d of %d runs end otherwise" % (part, len(found), len(_PLAYBOOKS)))
        else:
            told = held(Conversation(base, ca or True, signer), part)
            if record:
                path = DATA / SCENARIOS[part] / (record + ".json")
                path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                print("%d answers recorded in %s" % (len(told), os.path.relpath(path, _ROOT)))
            if nearest and nearest not in versions(part):
                print("\n%s: nobody has recorded it for %s yet, so nothing is compared" % (part, nearest))
                continue
            comparison = compared(part, told, nearest)
            nearest, found = comparison.nearest, comparison.differences
            print("\n%s: %d differences from %s in %d answers" % (part, len(found), comparison.nearest, len(told)))
        if found:
            print("\n" + table(found))
        count += len(found)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
