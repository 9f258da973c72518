# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what the collection does: plan, apply and apply again, for the company of examples/ and two simulated boxes.

It succeeds only if the plan was what happened, and the last run changed nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from checkout import ROOT, environment

COMPANY = ROOT / "examples" / "inventory.yml"
# What each box holds at first, and the version that it has.
STATES = ROOT / "tools" / "demo_boxes"
VERSIONS = {"box.example.com": "v75", "box.example.net": "v60"}
RECAP = re.compile(r"ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+).* ignored=(\d+)")


@contextmanager
def simulated_box(host: str) -> Iterator[dict[str, str]]:
    """A box that holds some mail, and how to reach it; it ends with this process, however that ends."""
    command = [sys.executable, "-m", "tests.box", "--until-stdin-closes", "--version", VERSIONS[host]]
    command += ["--state", str(STATES / f"{host}.json")]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as box:
        try:
            yield json.loads(box.stdout.readline() if box.stdout else "")
        finally:
            box.terminate()


def write_inventory(boxes: dict[str, dict[str, str]], folder: Path) -> Path:
    """Where the boxes of the company really are: an inventory beside the company's own."""
    hosts = {
        host: {
            "miab_host": box["url"],
            "miab_username": box["username"],
            "miab_password": box["password"],
            "miab_ca_path": box["cacert"],
        }
        for host, box in boxes.items()
    }
    path = folder / "simulated.json"
    path.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return path


@dataclass
class Run:
    """What a playbook printed of the comparison with the declaration, and how many changes each box had."""

    compared: str
    changed: list[int]


def run(title: str, playbook: str, inventory: Path, *arguments: str) -> Run:
    """Run a playbook, and show what it prints while it prints it."""
    command = ["ansible-playbook", f"mailinabox.admin.{playbook}", "-i", str(COMPANY), "-i", str(inventory), *arguments]
    print(f"\n=== {title}\n$ {' '.join(command).replace(str(ROOT) + os.sep, '')}", flush=True)
    surroundings = {
        **{name: value for name, value in environment().items() if name != "NO_COLOR"},
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_FORCE_COLOR": str(sys.stdout.isatty()),
        # One box after the other, so that what two runs print can be compared.
        "ANSIBLE_FORKS": "1",
    }
    printed = []
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            printed.append(line)
    text = re.sub(r"\x1b\[[\d;]*m", "", "".join(printed))
    recaps = RECAP.findall(text)
    if process.returncode or len(recaps) != len(VERSIONS) or any(recap[1:] != ("0", "0", "0") for recap in recaps):
        sys.exit(f"{title}: failed")
    return Run(text.split("\nTASK ")[1], [int(recap[0]) for recap in recaps])


def show(host: str, box: dict[str, str]) -> None:
    """Print what a box holds, asked of itself and not through the collection."""

    def ask(path: str) -> Any:
        credentials = (box["username"], box["password"])
        return requests.get(box["url"] + path, auth=credentials, verify=box["cacert"], timeout=30).json()

    print(f"\n=== What {host} ({VERSIONS[host]}) holds now")
    for group in ask("/mail/users?format=json"):
        for user in group["users"]:
            told = (user["status"], user.get("quota", ""), *user["privileges"])
            print(f"user    {user['email']:<32}{' '.join(told)}")
    for group in ask("/mail/aliases?format=json"):
        for alias in group["aliases"]:
            if not alias["auto"]:
                print(f"alias   {alias['address_display']:<32}to {', '.join(alias['forwards_to'])}")
    for record in ask("/dns/custom"):
        print(f"record  {record['qname']:<32}{record['rtype']:<6}{record['value']}")


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        boxes = {host: stack.enter_context(simulated_box(host)) for host in VERSIONS}
        inventory = write_inventory(boxes, folder)
        planned = run("What would change", "plan", inventory, "--diff", "-e", f"miab_plan_folder={folder}")
        print("\n=== plan.md\n" + (folder / "plan.md").read_text(encoding="utf-8"), flush=True)
        applied = run("Change it", "apply", inventory, "--diff")
        again = run("Once more", "apply", inventory, "--diff")
        for host, box in boxes.items():
            show(host, box)
    if not all(applied.changed) or planned.compared != applied.compared:
        sys.exit("\nThe prediction was not what happened.")
    if any(again.changed):
        sys.exit(f"\nThe last run still changed something: changed={again.changed}")
    print("\nThe prediction was right, word for word, and the last run had changed=0. The boxes are stopped.")


if __name__ == "__main__":
    main()
