# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line with the digest of the rest of a file, to detect edits."""

from __future__ import annotations

import hashlib
import re

_LINE = re.compile(r"(?m)^# Digest of this export: ([0-9a-f]{64})\n")


def with_digest(text: str, behind: str) -> str:
    """The text with the digest line after one of its parts."""
    return text.replace(behind, "%s# Digest of this export: %s\n" % (behind, _digest(text)), 1)


def is_edited(kept: str, new: str) -> bool:
    """Whether a text was edited.

    :param new: the text that would replace it. A text without the line counts as edited unless it is equal to this.
    """
    # A checkout on Windows has other line endings.
    lines = kept.replace("\r\n", "\n")
    digest, rest = _LINE.search(lines), _without_line(lines)
    return rest != _without_line(new) and not (digest and digest[1] == _digest(rest))


def _without_line(text: str) -> str:
    return _LINE.sub("", text, count=1)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
