# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the files of the repository."""

from __future__ import annotations

from pathlib import Path

from checkout import ROOT, files

HEADER = [
    "Copyright: (c) 2026, the mailinabox.admin contributors",
    "GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    # In two parts, so that reuse does not take it for the license of this file.
    ": ".join(["SPDX-License-Identifier", "GPL-3.0-or-later"]),
]


def carries_header(path: Path) -> bool:
    """Whether a file should contain its license. LICENSE applies to all files."""
    if path.suffix in (".json", ".md", ".png", ".svg") or path.name in (".keep", "LICENSE", "REUSE.toml"):
        return False
    # Users copy the examples and change them. The changelog is written by antsibull-changelog.
    return path.parts[0] not in ("examples", "LICENSES") and path != Path("changelogs/changelog.yaml")


def test_every_file_states_its_license() -> None:
    assert len(files()) > 100
    without = []
    for path in filter(carries_header, files()):
        # The first line of a program is for the system.
        beginning = (ROOT / path).read_text(encoding="utf-8").splitlines()[:4]
        if not all(any(text in line for line in beginning) for text in HEADER):
            without.append(str(path))
    assert without == []
