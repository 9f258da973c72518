# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the plan of the last demo as docs/images/plan.svg. With --check, only check that the picture is up to date."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from checkout import ROOT
from demo import PLAN

PICTURE = ROOT / "docs" / "images" / "plan.svg"

# The digest and the command differ in each run, because the simulated boxes use random ports.
APPROVAL = re.compile(r"Digest: .*?```console.*?```\n\n?", re.DOTALL)

# In pixels. Characters of common monospaced fonts are 0.6 times as wide as they are high.
SIZE = 14
SIGN = 8.45
LINE = 21
MARGIN = 20
# Characters between columns.
GAP = 2
WIDEST_NOTE = 120

STYLE = """\
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }
.paper { fill: #ffffff; stroke: #d0d7de; } text { fill: #1f2328; }
.heading { font-weight: bold; } .note { fill: #9a6700; }
.create { fill: #1a7f37; } .change { fill: #0969da; } .remove { fill: #cf222e; font-weight: bold; }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; stroke: #30363d; } text { fill: #e6edf3; }
.note { fill: #d29922; }
.create { fill: #3fb950; } .change { fill: #58a6ff; } .remove { fill: #f85149; }
}
"""


@dataclass(frozen=True)
class Text:
    """Text in one style, with its position in characters from the left and lines from the top."""

    column: int
    line: int
    style: str
    text: str


def plain(markdown: str) -> str:
    """The text of a cell or a line of plan.md as a browser shows it."""
    return html.unescape(re.sub(r"</?code>|`|\*\*", "", markdown)).strip()


def rows_of(markdown: str) -> list[list[list[str]]]:
    """The changes in plan.md, each as three cells; each cell is a list of lines."""
    rows = [line.strip("|").split("|") for line in markdown.splitlines() if re.match(r"\| [*a-z]", line)]
    return [[[plain(part) for part in cell.split("<br>")] for cell in row] for row in rows]


def lay_out(markdown: str) -> Iterator[Text]:
    """The position of each text of plan.md. Each column is as wide as its longest text."""
    rows = rows_of(markdown)
    second = max(len(cells[0][0]) for cells in rows) + GAP
    third = second + max(len(cells[1][0]) for cells in rows) + GAP
    at = 0
    for line in markdown.splitlines():
        if re.match(r"\| [*a-z]", line):
            action, what, details = rows.pop(0)
            yield Text(0, at, action[0], action[0])
            yield Text(second, at, "", what[0])
            for detail in details:
                yield Text(third, at, "", detail)
                at += 1
        elif line.startswith("#"):
            # Space above each heading except the first.
            at += bool(at)
            yield Text(0, at, "heading", plain(line.lstrip("#")))
            at += 1
        elif line and not line.startswith(("|", "> [!")):
            style = "note" if line.startswith("> ") else ""
            for part in wrap(plain(line.removeprefix("> ").removeprefix("- ")), WIDEST_NOTE):
                yield Text(0, at, style, part)
                at += 1


def draw(markdown: str) -> str:
    """An SVG image of a plan. It follows the reader's dark or light theme and loads no other files."""
    texts = list(lay_out(markdown))
    width = round(2 * MARGIN + SIGN * max(text.column + len(text.text) for text in texts))
    height = 2 * MARGIN + LINE * (max(text.line for text in texts) + 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" aria-label="The plan of two boxes: what is created, changed and removed">',
        "<!-- Made by `make picture` of the plan.md of `make demo`. -->",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
    ]
    for text in texts:
        place = f'x="{MARGIN + SIGN * text.column:g}" y="{MARGIN + LINE * text.line + SIZE}"'
        style = f' class="{text.style}"' if text.style else ""
        lines.append(f"<text {place}{style}>{html.escape(text.text, quote=False)}</text>")
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    drawn = draw(APPROVAL.sub("", PLAN.read_text(encoding="utf-8")))
    if sys.argv[1:] != ["--check"]:
        PICTURE.write_text(drawn, encoding="utf-8")
        print(f"Drawn: {PICTURE.relative_to(ROOT)}")
    elif PICTURE.read_text(encoding="utf-8") != drawn:
        sys.exit(f"{PICTURE.relative_to(ROOT)} is out of date; run `make picture`.")
    else:
        print("The picture is up to date.")


if __name__ == "__main__":
    main()
