# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create or update .venv with the packages for the demo or for development. Takes no time if it is up to date.

Environment variables: PYTHON is the interpreter. CORE is the minor version of ansible-core, such as 2.20, or "devel".
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from checkout import COLLECTION, COLLECTIONS, ROOT, VENV, environment, search_path

REQUIREMENTS = {
    "demo": ("meta/ee-requirements.txt", "requirements-demo.txt"),
    "dev": ("meta/ee-requirements.txt", "requirements-demo.txt", "requirements-dev.txt"),
}
# The oldest Python for ansible-core 2.18 on a controller.
OLDEST = (3, 11)
PROBE = """
import ensurepip, os, ssl, sys, venv
print(os.path.realpath(sys.executable), *sys.version_info[:2], sep="\\n")
"""


def probe(python: str) -> tuple[str, tuple[int, int]] | None:
    """Return the real path and the version of an interpreter, if it runs and can create a virtual environment."""
    try:
        answer = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    path, major, minor = answer.stdout.splitlines()
    return path, (int(major), int(minor))


def candidates() -> Iterator[str]:
    """List the candidate interpreters, best first."""
    if os.environ.get("PYTHON"):
        yield os.environ["PYTHON"]
        return
    yield sys.executable
    for minor in (14, 13, 12, 11):
        found = shutil.which(f"python3.{minor}", path=search_path())
        if found:
            yield found


def choose_python() -> str:
    tried = []
    for command in candidates():
        found = probe(command)
        if found and found[1] >= OLDEST:
            return found[0]
        tried.append(command)
    sys.exit(
        f"No Python 3.11 or newer that can make a virtual environment; tried {', '.join(dict.fromkeys(tried))}.\n"
        "Install one (on Debian and Ubuntu with the package python3-venv), or name it: make PYTHON=/path/to/python3"
    )


def ansible_core(core: str) -> str:
    """The requirement for a minor version of ansible-core, release candidates included, or for ``devel``."""
    if core == "devel":
        return "ansible-core @ https://github.com/ansible/ansible/archive/devel.tar.gz"
    return f"ansible-core>={core}.0rc1,=={core}.*"


def run(what: str, command: list[str]) -> None:
    """Run a verbose command, and print its output only if it fails."""
    # Print to standard error: the first line that `make box` prints to standard output must be JSON.
    print(f"{what} ...", file=sys.stderr, flush=True)
    result = subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"{result.stdout}\n{what}: failed with exit code {result.returncode}")


def link_collection(collections: Path) -> None:
    """Link the checkout into a folder as ansible_collections/mailinabox/admin."""
    link = collections / COLLECTION
    if link.is_symlink() and link.resolve() == ROOT:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT, target_is_directory=True)


def holds(stamp: Path, content: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == content


def set_up(level: str) -> None:
    # A virtual environment works only in its original place and with its original interpreter.
    core = os.environ.get("CORE", "")
    base = f"{choose_python()}\n{ROOT}\n{core}\n"
    if not holds(VENV / "made-with", base):
        python = base.splitlines()[0]
        run(f"Making .venv with {python}", [python, "-m", "venv", "--clear", str(VENV)])
        (VENV / "made-with").write_text(base, encoding="utf-8")

    stamps = {
        VENV / f"installed-{name}": hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in files)).hexdigest()
        for name, files in REQUIREMENTS.items()
        if set(files) <= set(REQUIREMENTS[level])
    }
    if not all(holds(stamp, content) for stamp, content in stamps.items()):
        wanted = REQUIREMENTS[level][-1]
        pip = [str(VENV / "bin/python"), "-m", "pip", "install", "--requirement", wanted]
        run(f"Installing {wanted}", [*pip, ansible_core(core)] if core else pip)
        for stamp, content in stamps.items():
            stamp.write_text(content, encoding="utf-8")

    link_collection(COLLECTIONS)
    for site_packages in VENV.glob("lib/python3*/site-packages"):
        link_collection(site_packages)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in REQUIREMENTS:
        sys.exit(f"usage: setup_venv.py {{{','.join(REQUIREMENTS)}}}")
    # The lock keeps two parallel runs of make from installing into the same unfinished environment.
    lock = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    set_up(sys.argv[1])


if __name__ == "__main__":
    main()
