# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the artifact for Galaxy, check its contents, run Galaxy's importer on it, install it, and run the demo with it.

usage: artifact.py [build]     with "build", only the first two steps
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml
from checkout import CACHE, COLLECTION, ROOT, copy_checkout, environment, files
from links import make_absolute

FOLDER = CACHE / "artifact"
# What users of the collection need. Add files for developers to build_ignore in galaxy.yml instead.
WANTED = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "LICENSES",
    "README.md",
    "REUSE.toml",
    "SECURITY.md",
    "changelogs",
    "docs",
    "examples",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}
# What the collection itself may use. Ansible's rules for collections require that it works without all other files.
USED = {"meta", "playbooks", "plugins", "roles"}
# Files that the build generates.
MANIFESTS = {"FILES.json", "MANIFEST.json"}
# In bytes.
LARGEST = 450_000


def run(*command: str, cwd: Path = ROOT) -> str:
    """Run a program that must succeed, and return its output."""
    done = subprocess.run(
        command, cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{' '.join(command)}: exit code {done.returncode}")
    return done.stdout


def build() -> Path:
    shutil.rmtree(FOLDER, ignore_errors=True)
    source = FOLDER / "source"
    copy_checkout(source)
    make_absolute(source, yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    run("ansible-galaxy", "collection", "build", "--output-path", str(FOLDER), cwd=source)
    (artifact,) = FOLDER.glob("*.tar.gz")
    return artifact


def check_contents(artifact: Path) -> None:
    """Fail if the artifact contains files that users don't need, or that are not in the repository."""
    with tarfile.open(artifact) as archive:
        members = {member.name: member for member in archive if not member.name.startswith(tuple(MANIFESTS))}
    surplus = sorted({name.split("/")[0] for name in members} - WANTED)
    if surplus:
        sys.exit(
            f"{artifact.name} contains {', '.join(surplus)}; add what users don't need to build_ignore in galaxy.yml"
        )
    held = {name for name, member in members.items() if not member.isdir()}
    strange = sorted(held - {path.as_posix() for path in files()})
    if strange:
        sys.exit(f"{artifact.name} contains files that are not in the repository: {', '.join(strange)}")
    size = artifact.stat().st_size
    if size > LARGEST:
        sys.exit(f"{artifact.name} has {size} bytes, more than {LARGEST}")
    print(f"{artifact.name}: {len(held)} files, {size} bytes", flush=True)


def check_import(artifact: Path) -> None:
    """Fail if Galaxy would print warnings when the artifact is uploaded."""
    printed = run("python", "-m", "galaxy_importer.main", str(artifact), cwd=FOLDER)
    said = [line for line in printed.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    if said or "Importer processing completed successfully" not in printed:
        sys.exit("\n".join(["Galaxy's importer reported problems:", *(said or [printed])]))
    print("Galaxy's importer reported no problems.", flush=True)


def leave_only_used(collection: Path) -> None:
    """Delete everything from an installed collection that it must not use."""
    for path in collection.iterdir():
        if path.name not in USED:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def main() -> int:
    artifact = build()
    check_contents(artifact)
    if sys.argv[1:] == ["build"]:
        print(artifact.relative_to(ROOT))
        return 0
    check_import(artifact)
    installed = FOLDER / "installed"
    # Otherwise it finds the checkout and reports that the collection is already installed.
    install = ("ansible-galaxy", "collection", "install", "--force", "--offline")
    run(*install, "--collections-path", str(installed), str(artifact))
    leave_only_used(installed / COLLECTION)
    return subprocess.run([sys.executable, "tools/demo.py", str(installed)], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
