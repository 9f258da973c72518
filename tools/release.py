# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release checklist: fail, and list everything that must be fixed before the version in galaxy.yml can be released.

usage: release.py [tag]     with a tag (after the release), also check that the commit has it
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from checkout import ROOT, files

VERSION_ADDED = re.compile(r"""^\s*version_added: *["']?([\d.]+)""", re.MULTILINE)


def git(*arguments: str) -> list[str]:
    """The output lines of a git command."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def faults_of_changelog(root: Path, version: str) -> list[str]:
    """List what is missing in changelogs/ and CHANGELOG.md for a release of this version."""
    found = []
    released = root / "changelogs" / "changelog.yaml"
    releases = list(read_yaml(released)["releases"]) if released.exists() else []
    if version not in releases:
        found.append(f"changelogs/changelog.yaml has no release {version}; `make changelog` writes it")
    elif max(releases, key=as_numbers) != version:
        found.append(f"changelogs/changelog.yaml has a later release than {version}; raise the version in galaxy.yml")
    left = sorted(path.name for path in (root / "changelogs" / "fragments").glob("*.y*ml"))
    if left:
        found.append(f"fragments that are not part of a release: {', '.join(left)}")
    # antsibull-changelog escapes dots with a backslash.
    if f"## v{version}\n" not in (root / "CHANGELOG.md").read_text(encoding="utf-8").replace("\\", ""):
        found.append(f"CHANGELOG.md has no section for {version}")
    return found


def faults_of_documentation(version: str) -> list[str]:
    """List every `version_added` that is later than this version."""
    return [
        f"{path} has version_added: {added}"
        for path in files()
        if path.parts[0] in ("plugins", "roles")
        for added in VERSION_ADDED.findall((ROOT / path).read_text(encoding="utf-8"))
        if as_numbers(added) > as_numbers(version)
    ]


def faults_of_tags(version: str, tag: str | None) -> list[str]:
    """Report a version that is already tagged or, with a tag, that the tag doesn't match the version or the commit."""
    if tag is None:
        return (
            [f"there is a tag {version} already; raise the version in galaxy.yml"] if git("tag", "-l", version) else []
        )
    if tag != version:
        return [f"the tag is {tag}, but galaxy.yml names {version}"]
    return [] if tag in git("tag", "--points-at", "HEAD") else [f"this commit does not have the tag {tag}"]


def main() -> int:
    tag = sys.argv[1] if sys.argv[1:] else None
    version = read_yaml(ROOT / "galaxy.yml")["version"]
    faults = [f"not committed: {line[3:]}" for line in git("status", "--porcelain")]
    faults += faults_of_changelog(ROOT, version) + faults_of_documentation(version) + faults_of_tags(version, tag)
    if faults:
        print(f"Not ready to be released as {version}:", *faults, sep="\n- ")
        return 1
    print(f"Ready to be released as {version}.")
    if tag is None:
        print(
            "\nOnce the tests have passed on exactly this commit, too:\n"
            f"    git tag --annotate {version} --message 'mailinabox.admin {version}'\n"
            f"    git push origin {version}\n"
            "The release workflow then publishes it. Without the workflow, with your token in ~/.ansible/galaxy_token:\n"
            f"    ansible-galaxy collection publish .cache/artifact/mailinabox-admin-{version}.tar.gz",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
