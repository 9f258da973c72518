# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release checklist."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from release import faults_of_changelog, faults_of_documentation, faults_of_tags


@pytest.mark.parametrize(
    ("releases", "fragments", "changelog", "faults"),
    [
        (["1.0.0"], [], "## v1\\.0\\.0\n", []),
        (["1.0.0", "0.9.0"], [], "## v1\\.0\\.0\n\n## v0\\.9\\.0\n", []),
        (["1.0.0"], ["new.yml"], "## v1\\.0\\.0\n", ["not part of a release: new.yml"]),
        (
            [],
            ["new.yml"],
            "Nothing\n",
            ["has no release 1.0.0", "not part of a release: new.yml", "has no section for 1.0.0"],
        ),
        (["1.0.0", "1.0.10"], [], "## v1\\.0\\.0\n", ["a later release than 1.0.0"]),
        (["1.0.0"], [], "## v1\\.0\\.01\n", ["has no section for 1.0.0"]),
    ],
)
def test_changelog(
    releases: list[str], fragments: list[str], changelog: str, faults: list[str], tmp_path: Path
) -> None:
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    if releases:
        content = yaml.safe_dump({"releases": {release: {} for release in releases}})
        (tmp_path / "changelogs" / "changelog.yaml").write_text(content, encoding="utf-8")
    for name in fragments:
        (tmp_path / "changelogs" / "fragments" / name).write_text("---\n", encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    found = faults_of_changelog(tmp_path, "1.0.0")
    assert len(found) == len(faults)
    assert all(fault in reported for fault, reported in zip(faults, found, strict=True))


def test_version_added_is_not_later_than_the_version() -> None:
    galaxy = yaml.safe_load((Path(__file__).parents[2] / "galaxy.yml").read_text(encoding="utf-8"))
    assert faults_of_documentation(galaxy["version"]) == []
    assert "plugins/modules/miab_user.py has version_added: 1.0.0" in faults_of_documentation("0.9.9")


def test_a_tag_names_the_version() -> None:
    assert faults_of_tags("1.0.0", "1.0.1") == ["the tag is 1.0.1, but galaxy.yml names 1.0.0"]
