# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the relative links of a Markdown file absolute, for readers outside of the repository.

In the repository all links are relative, so that they work on GitHub, in forks and in editors. Galaxy and the
documentation site show pages without the other files.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath

import yaml
from checkout import ROOT

REPOSITORY: str = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^()\s]+)(?P<after>\))")
CODE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def absolute(text: str, page: PurePosixPath, revision: str, only_outside: str = "") -> str:
    """The text of a page with absolute links.

    :param page: the page's path in the repository.
    :param revision: the tag or branch to link to.
    :param only_outside: a folder; links to files in it stay relative.
    """

    def replace(found: re.Match[str]) -> str:
        target = found["target"]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        path = posixpath.normpath(page.parent / target)
        if only_outside and path.startswith(f"{only_outside}/"):
            return found[0]
        file = path.partition("#")[0]
        kind = "raw" if file.endswith((".svg", ".png")) else "tree" if (ROOT / file).is_dir() else "blob"
        return f"{found['before']}{REPOSITORY}/{kind}/{revision}/{path}{found['after']}"

    parts = []
    end = 0
    for block in CODE.finditer(text):
        parts += [LINK.sub(replace, text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, LINK.sub(replace, text[end:])])


def make_absolute(folder: Path, revision: str) -> None:
    """Make the links of all Markdown files in a copy of the repository absolute."""
    for file in folder.rglob("*.md"):
        page = PurePosixPath(file.relative_to(folder).as_posix())
        file.write_text(absolute(file.read_text(encoding="utf-8"), page, revision), encoding="utf-8")
