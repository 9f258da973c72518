# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the commands of the section "Installation" in the README, with the artifact that `make build` built.

Each way to install gets its own home folder. A local server replaces Galaxy. Everything else is real.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from checkout import CACHE, ROOT, environment
from galaxy_server import serving

FOLDER = CACHE / "installation"
# The proof of a complete installation: a playbook that fails because no box is configured, and for no other reason.
PROOF = (
    "ansible-doc --type module mailinabox.admin.miab_user > /dev/null"
    " && ansible-playbook mailinabox.admin.export -i localhost, --syntax-check"
)
IMPORTS = "import requests, dns, pyotp, cryptography"


def section(text: str) -> str:
    start = text.index("## Installation")
    return text[start : text.index("\n## ", start)]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def type_in(name: str, lines: list[str], galaxy: str, setup: str = "true") -> None:
    """Run commands in one shell session with a new home folder. If they fail, print their output and stop."""
    home = FOLDER / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    surroundings = {
        **environment(),
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:{environment()['PATH']}",
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path("~/.cache/pip").expanduser())),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # Each installation is used for a few seconds only.
        "PIP_NO_COMPILE": "1",
        "ANSIBLE_GALAXY_SERVER": galaxy,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    # Make only the packages visible that the commands install.
    for variable in ("ANSIBLE_COLLECTIONS_PATH", "VIRTUAL_ENV"):
        surroundings.pop(variable, None)
    script = "\n".join(["set -e", setup, *lines])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=home,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(
            f"{done.stdout[-4000:]}\nThe README's way to install ({name}) failed with exit code {done.returncode}."
        )
    print(f"installed: {name}", flush=True)


def main() -> None:
    (artifact,) = (CACHE / "artifact").glob("*.tar.gz")
    text = section((ROOT / "README.md").read_text(encoding="utf-8"))
    venv, pipx, repository, download, offline, navigator = map(commands, blocks(text, "console"))
    (requirements,) = blocks(text, "yaml")
    activate = f". {FOLDER}/virtual-environment/mail-venv/bin/activate"
    with serving(artifact) as galaxy:
        type_in("virtual-environment", [*venv, f'python -c "{IMPORTS}"', PROOF], galaxy)
        type_in("pipx", [*pipx, f'~/.local/share/pipx/venvs/ansible-core/bin/python -c "{IMPORTS}"', PROOF], galaxy)
        write = f"cat > requirements.yml <<'END'\n{requirements}END"
        type_in("requirements-file", [write, *repository, PROOF], galaxy, setup=activate)
        type_in("download", download, galaxy, setup=activate)
        copied = f"python3 -m venv venv && . venv/bin/activate && cp -r {FOLDER}/download/* ."
        nowhere = "export PIP_INDEX_URL=http://127.0.0.1:9 ANSIBLE_GALAXY_SERVER=http://127.0.0.1:9"
        type_in("offline", [copied, nowhere, *offline, "cd ..", PROOF], galaxy)
    run_with_navigator(navigator)


def run_with_navigator(lines: list[str]) -> None:
    """Check that ansible-navigator finds the playbook, and that the playbook fails because no box is configured."""
    home = FOLDER / "navigator"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    surroundings = {**environment(), "HOME": str(home), "ANSIBLE_NAVIGATOR_LOG_FILE": os.devnull}
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=home,
        env={**surroundings, "ANSIBLE_NAVIGATOR_PLAYBOOK_ARTIFACT_ENABLE": "false"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    # The playbook ran and lacked only the name of a box.
    if "PLAY RECAP" not in done.stdout or not re.search(r"MIAB_HOST|missing required arguments: host", done.stdout):
        sys.exit(f"{done.stdout[-4000:]}\nThe README's command for ansible-navigator failed.")
    print("installed: ansible-navigator finds the playbooks", flush=True)


if __name__ == "__main__":
    main()
