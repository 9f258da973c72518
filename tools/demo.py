# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what the collection does: predict, apply and apply again, against a simulated box.

It succeeds only if the prediction was right and the last run changed nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from checkout import ROOT, environment

EXAMPLES = ROOT / "examples"
DECLARATION = EXAMPLES / "example.org.yml"
RECAP = re.compile(r"ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


@contextmanager
def simulated_box() -> Iterator[dict[str, str]]:
    """A box that holds some mail, and how to reach it; it ends with this process, however that ends."""
    command = [sys.executable, "-m", "tests.box", "--until-stdin-closes", "--state", str(EXAMPLES / "box.json")]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as box:
        try:
            yield json.loads(box.stdout.readline() if box.stdout else "")
        finally:
            box.terminate()


@dataclass
class Run:
    """What a playbook printed of its tasks, and how many of them it counted as changed."""

    printed: str
    changed: int


def apply(title: str, box: dict[str, str], *arguments: str) -> Run:
    """Run the playbook, and show what it prints while it prints it."""
    command = ["ansible-playbook", "mailinabox.admin.apply", "-e", f"@{DECLARATION}", *arguments]
    print(f"\n=== {title}\n$ {' '.join(command).replace(str(ROOT) + os.sep, '')}", flush=True)
    surroundings = {
        **{name: value for name, value in environment().items() if name != "NO_COLOR"},
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_FORCE_COLOR": str(sys.stdout.isatty()),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "MIAB_HOST": box["url"],
        "MIAB_USERNAME": box["username"],
        "MIAB_PASSWORD": box["password"],
        "MIAB_CA_PATH": box["cacert"],
    }
    printed = []
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout or ():
            print(line, end="", flush=True)
            printed.append(line)
    text = re.sub(r"\x1b\[[\d;]*m", "", "".join(printed))
    recap = RECAP.search(text)
    if run.returncode or not recap or recap[2] != "0" or recap[3] != "0":
        sys.exit(f"{title}: failed")
    return Run(text.partition("PLAY RECAP")[0], int(recap[1]))


def show(box: dict[str, str]) -> None:
    """Print what the box holds, asked of itself and not through the collection."""

    def ask(path: str) -> Any:
        credentials = (box["username"], box["password"])
        return requests.get(box["url"] + path, auth=credentials, verify=box["cacert"], timeout=30).json()

    print("\n=== What the box holds now")
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
    with simulated_box() as box:
        predicted = apply("What would change", box, "--check", "--diff")
        applied = apply("Change it", box, "--diff")
        again = apply("Once more", box)
        show(box)
    if not applied.changed or predicted.printed != applied.printed:
        sys.exit("\nThe prediction was not what happened.")
    if again.changed:
        sys.exit(f"\nThe last run still changed something: changed={again.changed}")
    print("\nThe prediction was right, word for word, and the last run had changed=0. The box is stopped.")


if __name__ == "__main__":
    main()
