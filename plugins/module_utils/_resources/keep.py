# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of addresses and names that are never purged."""

from __future__ import annotations

import re
import unicodedata
from fnmatch import fnmatchcase
from typing import Iterable, Iterator, Optional

from .._values.names import display

# The characters of addresses, names and wildcards.
_PATTERN = re.compile(r"[^\s,;:()<>\\\"]+\Z")
# Words that are checked for typos. In shorter words and in numbers, a changed character often is another valid name.
_WORD = re.compile(r"[^\W\d_]{4,}")
# Longer patterns are not checked for typos: the time grows with the square of the length, and nobody types them.
_LONGEST_CHECKED = 100


def is_pattern(text: str) -> bool:
    """Whether a pattern can match any address or name at all."""
    return bool(_PATTERN.match(text.strip()))


def canonical(pattern: str) -> str:
    """A pattern in the form that is used for comparison."""
    return unicodedata.normalize("NFC", pattern.strip()).lower()


def matches(pattern: str, name: str) -> bool:
    """Whether a canonical pattern matches a canonical address or name, in any of its spellings."""
    return any(fnmatchcase(form, pattern) for form in (name, name + ".", display(name)))


def misspelt(pattern: str, names: Iterable[str]) -> Optional[str]:
    """The first name that the pattern matches once one typo is corrected; None if there is none."""
    corrected = set(_corrected(pattern)) if len(pattern) <= _LONGEST_CHECKED else set()
    return next((name for name in names if any(matches(other, name) for other in corrected)), None)


def _corrected(pattern: str) -> Iterator[str]:
    for word in _WORD.finditer(pattern):
        for at in range(word.start(), word.end()):
            before, after = pattern[:at], pattern[at + 1 :]
            yield before + after
            yield before + "[!.@0-9]" + after
            yield before + "[!.@0-9]" + pattern[at:]
            if at + 1 < word.end():
                yield before + pattern[at + 1] + pattern[at] + pattern[at + 2 :]
        yield pattern[: word.end()] + "[!.@0-9]" + pattern[word.end() :]
