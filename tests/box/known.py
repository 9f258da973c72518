# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All boxes that can be simulated, by name: upstream's versions, and forks."""

from __future__ import annotations

from .forks import FORKS
from .state import State
from .versions import NEWEST, UPSTREAM

KNOWN = {**UPSTREAM, **FORKS}


def new_state(version: str = NEWEST) -> State:
    """A box of that version that has just been set up."""
    return State(KNOWN[version])
