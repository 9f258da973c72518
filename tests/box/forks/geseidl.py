# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Geseidl: upstream v76 with a website at mail.<domain>, and a spam filter."""

from __future__ import annotations

from dataclasses import replace

from ..answers import Answer, Request, data
from ..route import Route
from ..state import State
from ..versions import NEWEST, UPSTREAM

CAPABILITIES = replace(
    UPSTREAM[NEWEST],
    name="geseidl-v76",
    version_text="geseidl-v76-20260806",
    fork="geseidl",
    user_prefixes=("autoconfig.", "autodiscover.", "mail."),
)


def _spam_filter(state: State, request: Request) -> Answer:
    return data({})


ROUTES = (Route("GET", "/system/spam-filter", _spam_filter),)
