# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the collection with the inventory in examples/ on two simulated boxes:

1. Plan.
2. Apply the plan. This fails, because a box was changed by hand in the meantime.
3. Plan again, and apply the new plan.
4. Apply again: nothing changes.

A third, slow box then shows progress lines.

The demo fails if the changes differ from the plan, if the last run changes something, or if no progress is shown.

usage: demo.py [FOLDER]     use the collection that is installed in FOLDER instead of the checkout
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from checkout import CACHE, COLLECTIONS, ROOT, environment

FOLDER = Path(*sys.argv[1:]).resolve() if sys.argv[1:] else COLLECTIONS
COMPANY = ROOT / "examples" / "inventory.yml"
# The initial content and the version of each box.
STATES = ROOT / "tools" / "demo_boxes"
VERSIONS = {"box.example.com": "v75", "box.example.net": "v60"}
# The number of aliases to add to the slow box, and the seconds that it needs for each.
SLOW_BOX, SLOW_ALIASES, SLOW_SECONDS = "box.example.org", 20, 0.3
# The change by hand between the plan and its application.
DRIFTED, DRIFTED_QUOTA = "ann@example.org", "5G"
# The plan of the first run; the file is kept.
PLAN = CACHE / "demo" / "plan.md"
RECAP = re.compile(r"ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+).* ignored=(\d+)")
PROGRESS = re.compile(r"^miab_config: \[[\w.]+\] .*(?:reads|calls) made.*\n", re.MULTILINE)


@contextmanager
def simulated_box(*arguments: str) -> Iterator[dict[str, str]]:
    """A box and its connection details; the box stops when this process ends."""
    command = [sys.executable, "-m", "tests.box", "--until-stdin-closes", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as box:
        try:
            yield json.loads(box.stdout.readline() if box.stdout else "")
        finally:
            box.terminate()


def reached(box: dict[str, str]) -> dict[str, Any]:
    """The host variables for the connection to a box."""
    return {
        "miab_host": box["url"],
        "miab_username": box["username"],
        "miab_password": box["password"],
        "miab_ca_path": box["cacert"],
    }


def write_inventory(path: Path, hosts: dict[str, dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return path


@dataclass
class Run:
    """The output of a playbook: its diffs, the number of changes for each box, and its progress."""

    compared: str
    changed: list[int]
    progress: list[str]


def run(title: str, playbook: str, inventories: list[Path], *arguments: str, refused: str = "") -> Run:
    """Run a playbook in a pseudo-terminal, and print its output as it arrives.

    :param refused: if set, the playbook must fail and print this text.
    """
    command = ["ansible-playbook", f"mailinabox.admin.{playbook}", *arguments]
    for inventory in inventories:
        command += ["-i", str(inventory)]
    print(f"\n=== {title}\n$ {' '.join(command).replace(str(ROOT) + os.sep, '')}", flush=True)
    # Show what a person would see at a terminal, even in CI.
    dropped = {"CI", "AWX_ISOLATED_DATA_DIR"} | ({"NO_COLOR"} if sys.stdout.isatty() else set())
    surroundings = {
        **{name: value for name, value in environment().items() if name not in dropped},
        "ANSIBLE_COLLECTIONS_PATH": str(FOLDER),
        # Ignore other installed collections: the virtual environment contains the checkout, too.
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        # One box at a time, so that the outputs of two runs can be compared.
        "ANSIBLE_FORKS": "1",
    }
    printed = []
    screen, terminal = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        # Reading a pseudo-terminal fails once the program has closed it.
        with open(screen, encoding="utf-8") as output, suppress(OSError):
            for line in output:
                print(line, end="", flush=True)
                printed.append(line)
    text = re.sub(r"\x1b\[[\d;]*m", "", "".join(printed))
    recaps = RECAP.findall(text)
    ended_well = not process.returncode and all(recap[1:] == ("0", "0", "0") for recap in recaps)
    is_right = process.returncode == 2 and refused in text if refused else ended_well
    if not recaps or not is_right:
        sys.exit(f"{title}: {'was not refused' if refused else 'failed'}")
    parts = text.split("\nTASK ")
    # Skip the first line: it differs between plan and apply.
    compared = next(part for part in parts if part.startswith(("[Compare", "[Change"))).partition("\n")[2]
    compared = PROGRESS.sub("", compared)
    return Run(compared, [int(recap[0]) for recap in recaps], PROGRESS.findall(text))


def show(host: str, box: dict[str, str]) -> None:
    """Print the content of a box, read from its API directly and not through the collection."""

    def ask(path: str) -> Any:
        credentials = (box["username"], box["password"])
        return requests.get(box["url"] + path, auth=credentials, verify=box["cacert"], timeout=30).json()

    print(f"\n=== Content of {host} ({VERSIONS[host]})")
    for group in ask("/mail/users?format=json"):
        for user in group["users"]:
            reported = (user["status"], user.get("quota", ""), *user["privileges"])
            print(f"user    {user['email']:<32}{' '.join(reported)}")
    for group in ask("/mail/aliases?format=json"):
        for alias in group["aliases"]:
            if not alias["auto"]:
                print(f"alias   {alias['address_display']:<32}to {', '.join(alias['forwards_to'])}")
    for record in ask("/dns/custom"):
        print(f"record  {record['qname']:<32}{record['rtype']:<6}{record['value']}")


def drift(host: str, box: dict[str, str]) -> None:
    """Change a box as an administrator would in its control panel."""
    print(f"\n=== Meanwhile, somebody gives {DRIFTED} {DRIFTED_QUOTA} in the control panel of {host}", flush=True)
    form = {"email": DRIFTED, "quota": DRIFTED_QUOTA}
    credentials = (box["username"], box["password"])
    url = box["url"] + "/mail/users/quota"
    requests.post(url, form, auth=credentials, verify=box["cacert"], timeout=30).raise_for_status()


def change_a_slow_box(folder: Path) -> Run:
    aliases = [
        {"address": f"list-{number}@example.org", "forwards_to": ["ann@example.org"]} for number in range(SLOW_ALIASES)
    ]
    with simulated_box("--delay", str(SLOW_SECONDS)) as box:
        inventory = write_inventory(folder / "slow.json", {SLOW_BOX: {**reached(box), "miab_aliases": aliases}})
        title = f"A slow box: {SLOW_ALIASES} aliases, {SLOW_SECONDS} s each. Every two seconds it tells how far it is"
        return run(title, "apply", [inventory])


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        boxes = {
            host: stack.enter_context(simulated_box("--version", version, "--state", str(STATES / f"{host}.json")))
            for host, version in VERSIONS.items()
        }
        hosts = {host: reached(box) for host, box in boxes.items()}
        # Override the addresses of the boxes in the example inventory with those of the simulated boxes.
        inventories = [COMPANY, write_inventory(folder / "simulated.json", hosts)]
        run("What would change", "plan", inventories, "--diff", "-e", f"miab_plan_folder={PLAN.parent}")
        print("\n=== plan.md\n" + PLAN.read_text(encoding="utf-8"), flush=True)
        host = next(iter(boxes))
        drift(host, boxes[host])
        shutil.copy(PLAN.with_name("plan.json"), folder)
        approved = ("-e", f"miab_plan={folder / 'plan.json'}")
        refused = f"user {DRIFTED}: approved: change"
        run("Apply the plan: refused", "apply", inventories, *approved, "--limit", host, refused=refused)
        planned = run("Plan again", "plan", inventories, "--diff", "-e", f"miab_plan_folder={folder}")
        applied = run("Apply the new plan", "apply", inventories, "--diff", *approved)
        again = run("Once more", "apply", inventories, "--diff")
        for host, box in boxes.items():
            show(host, box)
        slow = change_a_slow_box(folder)
    if not all(applied.changed) or planned.compared != applied.compared:
        sys.exit("\nThe changes differ from the plan.")
    if any(again.changed):
        sys.exit(f"\nThe last run still changed something: changed={again.changed}")
    if len(slow.progress) < 2:
        sys.exit(f"\nThe slow box showed too little progress: {slow.progress}")
    print("\nThe changes matched the plan exactly, and the last run had changed=0. The boxes are stopped.")


if __name__ == "__main__":
    main()
