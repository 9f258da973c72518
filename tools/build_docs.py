# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site in docs/build, and fail if a page is missing or a link is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from checkout import ROOT, environment

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
SITE = DOCS / "build" / "html"


class Page(HTMLParser):
    """The links, the loaded files and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.targets: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        reported = dict(attrs)
        self.anchors |= {reported["id"] or ""} if "id" in reported else set()
        is_loaded = tag in ("script", "img", "iframe") or (
            tag == "link" and "stylesheet" in (reported.get("rel") or "")
        )
        for target in (reported.get("href"), reported.get("src")):
            if target is not None:
                (self.loaded if is_loaded else self.targets).add(target)


def run(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
    if result.returncode:
        sys.exit(f"{command[0]}: exit code {result.returncode}")


def build() -> None:
    # Sphinx prints the warnings of a page only when it reads the page, so remove the output of earlier runs.
    for folder in (REFERENCE, SITE.parent):
        shutil.rmtree(folder, ignore_errors=True)
    # antsibull-docs refuses to write into a folder that is writable for others.
    REFERENCE.mkdir(mode=0o755)
    run(
        "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
        "--no-add-antsibull-docs-version", "--dest-dir", str(REFERENCE), "mailinabox.admin",
    )  # fmt: skip
    run("sphinx-build", "--quiet", "--fail-on-warning", "--keep-going", "-d", ".cache/docs", str(DOCS), str(SITE))
    # Editors fetch the schemas from the site.
    shutil.copytree(DOCS / "schemas", SITE / "schemas")


def expected() -> Iterator[str]:
    """List the pages that must exist, each with the part of the collection that it documents."""
    yield "index"
    yield from (guide.stem for guide in DOCS.glob("*.md"))
    for kind, files in (
        ("module", ROOT.glob("plugins/modules/[!_]*.py")),
        ("filter", ROOT.glob("plugins/filter/[!_]*.py")),
        ("role", (path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))),
    ):
        yield from (f"reference/{file.stem}_{kind}" for file in files)


def faults(pages: dict[Path, Page]) -> Iterator[str]:
    """Report broken links, and files that would be loaded from other sites."""
    for page in pages.values():
        where = page.path.relative_to(SITE)
        for target in sorted(page.targets | page.loaded):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loaded and parts.scheme != "data":
                    yield f"{where}: {target} is loaded from elsewhere"
                continue
            aim = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            if not aim.is_file():
                yield f"{where}: {target} is not there"
            elif parts.fragment and aim in pages and unquote(parts.fragment) not in pages[aim].anchors:
                yield f"{where}: {target} is no place on that page"


def main() -> None:
    build()
    missing = [name for name in expected() if not (SITE / f"{name}.html").is_file()]
    if missing:
        sys.exit(f"Missing pages: {', '.join(missing)}")
    pages = {path: Page(path) for path in SITE.rglob("*.html")}
    found = list(faults(pages))
    if found:
        sys.exit("\n".join(found))
    print(f"{len(pages)} pages, {sum(len(page.targets) for page in pages.values())} links: {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
