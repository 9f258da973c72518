# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relative links become absolute for Galaxy and for the documentation site."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from links import REPOSITORY, absolute


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("README.md", "[a](docs/speed.md)", f"[a]({REPOSITORY}/blob/1.1.0/docs/speed.md)"),
        ("README.md", "[a](docs/speed.md#loops)", f"[a]({REPOSITORY}/blob/1.1.0/docs/speed.md#loops)"),
        ("README.md", "[a](examples)", f"[a]({REPOSITORY}/tree/1.1.0/examples)"),
        ("README.md", "![a](docs/images/plan.svg)", f"![a]({REPOSITORY}/raw/1.1.0/docs/images/plan.svg)"),
        ("roles/box/README.md", "[a](../../docs/speed.md)", f"[a]({REPOSITORY}/blob/1.1.0/docs/speed.md)"),
        ("README.md", "[a](https://mailinabox.email) [b](#modules)", "[a](https://mailinabox.email) [b](#modules)"),
        ("README.md", "```\n[a](docs/speed.md)\n```\n", "```\n[a](docs/speed.md)\n```\n"),
    ],
)
def test_links(page: str, text: str, expected: str) -> None:
    assert absolute(text, PurePosixPath(page), "1.1.0") == expected


def test_links_between_guides_stay_on_the_site() -> None:
    text = "[a](speed.md) [b](../CONTRIBUTING.md) [c](images/plan.svg)"
    found = absolute(text, PurePosixPath("docs/index.md"), "main", only_outside="docs")
    assert found == f"[a](speed.md) [b]({REPOSITORY}/blob/main/CONTRIBUTING.md) [c](images/plan.svg)"
