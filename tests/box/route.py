# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: a method, a path, and the rule that answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .answers import Answer, Request
from .state import State
from .versions import Capabilities

Rule = Callable[[State, Request], Answer]


def _always(_unused: Capabilities) -> bool:
    return True


@dataclass(frozen=True)
class Route:
    """A method and a path, with <names> for its variable parts."""

    method: str
    path: str
    rule: Rule
    # Whether a version has the route.
    exists: Callable[[Capabilities], bool] = _always
    # Reads only, although it is not a GET.
    only_asks: bool = False
    # Checks the credentials itself.
    is_open: bool = False

    @property
    def is_write(self) -> bool:
        return self.method != "GET" and not self.only_asks

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The variable parts of a path, or None if the path doesn't match."""
        own = self.path.split("/")
        if len(own) != len(segments):
            return None
        parts = {}
        for pattern, segment in zip(own, segments, strict=True):
            if pattern.startswith("<"):
                if not segment:
                    return None
                parts[pattern[1:-1]] = segment
            elif pattern != segment:
                return None
        return parts
