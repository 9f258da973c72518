# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what the collection does for the company of examples/ and two simulated boxes: plan; apply that plan, which is
refused because somebody has changed a box; plan again, and apply that; apply once more. A third box, which is slow, shows
the progress.

It succeeds only if the plan was what happened, the last run changed nothing, and the slow one showed its progress.

usage: demo.py [FOLDER]     show the collection that is installed in FOLDER, not that of the checkout
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
from checkout import CACHE, COLLECTION, COLLECTIONS, ROOT, environment

FOLDER = Path(*sys.argv[1:]).resolve() if sys.argv[1:] else COLLECTIONS
COMPANY = (FOLDER / COLLECTION).resolve() / "examples" / "inventory.yml"
# What each box holds at first, and the version that it has.
STATES = ROOT / "tools" / "demo_boxes"
VERSIONS = {"box.example.com": "v75", "box.example.net": "v60"}
# A box with so many aliases to come, and the seconds that it takes for each.
SLOW_BOX, SLOW_ALIASES, SLOW_SECONDS = "box.example.org", 20, 0.3
# What somebody changes by hand between the plan and its application.
DRIFTED, DRIFTED_QUOTA = "ann@example.org", "5G"
# What the first run plans; it stays there.
PLAN = CACHE / "demo" / "plan.md"
RECAP = re.compile(r"ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+).* ignored=(\d+)")
PROGRESS = re.compile(r"^miab_config: \[[\w.]+\] .*(?:reads|calls) made.*\n", re.MULTILINE)


@contextmanager
def simulated_box(*arguments: str) -> Iterator[dict[str, str]]:
    """A box, and how to reach it; it ends with this process, however that ends."""
    command = [sys.executable, "-m", "tests.box", "--until-stdin-closes", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as box:
        try:
            yield json.loads(box.stdout.readline() if box.stdout else "")
        finally:
            box.terminate()


def reached(box: dict[str, str]) -> dict[str, Any]:
    """The variables of a host that lead to a box."""
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
    """What a playbook printed of the comparison with the declaration, how many changes each box had, and its progress."""

    compared: str
    changed: list[int]
    progress: list[str]


def run(title: str, playbook: str, inventories: list[Path], *arguments: str, refused: str = "") -> Run:
    """Run a playbook on a terminal of its own, and show what it prints while it prints it.

    :param refused: what it has to print, if it has to fail.
    """
    command = ["ansible-playbook", f"mailinabox.admin.{playbook}", *arguments]
    for inventory in inventories:
        command += ["-i", str(inventory)]
    print(f"\n=== {title}\n$ {' '.join(command).replace(str(ROOT) + os.sep, '')}", flush=True)
    # It shows what a person would see, also where there is none.
    dropped = {"CI", "AWX_ISOLATED_DATA_DIR"} | ({"NO_COLOR"} if sys.stdout.isatty() else set())
    surroundings = {
        **{name: value for name, value in environment().items() if name not in dropped},
        "ANSIBLE_COLLECTIONS_PATH": str(FOLDER),
        # Nor what else is installed: the environment has the checkout, too.
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        # One box after the other, so that what two runs print can be compared.
        "ANSIBLE_FORKS": "1",
    }
    printed = []
    screen, terminal = pty.openpty()
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        # A terminal ends with an error once nobody writes to it any more.
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
    # Without its first line: a plan compares, and apply changes.
    compared = next(part for part in parts if part.startswith(("[Compare", "[Change"))).partition("\n")[2]
    compared = PROGRESS.sub("", compared)
    return Run(compared, [int(recap[0]) for recap in recaps], PROGRESS.findall(text))


def show(host: str, box: dict[str, str]) -> None:
    """Print what a box holds, asked of itself and not through the collection."""

    def ask(path: str) -> Any:
        credentials = (box["username"], box["password"])
        return requests.get(box["url"] + path, auth=credentials, verify=box["cacert"], timeout=30).json()

    print(f"\n=== What {host} ({VERSIONS[host]}) holds now")
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
    """Change a box as an administrator does in its control panel."""
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
        # Where the boxes of the company really are stands beside the company's own inventory.
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
        sys.exit("\nThe prediction was not what happened.")
    if any(again.changed):
        sys.exit(f"\nThe last run still changed something: changed={again.changed}")
    if len(slow.progress) < 2:
        sys.exit(f"\nThe slow box did not tell how far it was: {slow.progress}")
    print("\nThe prediction was right, word for word, and the last run had changed=0. The boxes are stopped.")


if __name__ == "__main__":
    main()
