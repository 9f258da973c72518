# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the installed collection."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]


@cache
def collection_version() -> str:
    """The version; ``unknown`` if the collection was installed without its metadata file."""
    try:
        # An artifact has MANIFEST.json, and a checkout has galaxy.yml.
        manifest = _ROOT / "MANIFEST.json"
        if manifest.exists():
            return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
        text = (_ROOT / "galaxy.yml").read_text(encoding="utf-8")
    except (OSError, ValueError, KeyError):
        return "unknown"
    found = re.search(r"(?m)^version: *([^\s#]+)", text)
    return found[1] if found else "unknown"
