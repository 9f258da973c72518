# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remember rejected logins, so that later items of the same loop don't send them again."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable
from typing import Any

from ..module_utils._box.login_limit import BAN_SECONDS

# A box rejects a used one-time code, but may accept the next one.
_WRONG_CODE = "invalid-totp-token"


class RefusedLogins:
    """Results of tasks whose credentials were rejected.

    :param now: a monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._results: dict[Hashable, tuple[float, dict[str, Any]]] = {}

    def find(self, credentials: Hashable) -> dict[str, Any] | None:
        """The result of an earlier task with the same credentials, if they were just rejected."""
        moment, result = self._results.get(credentials, (0.0, None))
        if result is None or self._now() - moment >= BAN_SECONDS:
            return None
        again = copy.deepcopy(result)
        again.pop("invocation", None)
        again["requests"] = {"reads": 0, "writes": 0}
        return again

    def note(self, credentials: Hashable, result: dict[str, Any]) -> None:
        """Store a result if the credentials were rejected before anything was changed."""
        failure = result.get("failure") or {}
        if failure.get("code") != "authentication" or failure["details"].get("reason") == _WRONG_CODE:
            return
        if not result.get("changed"):
            self._results[credentials] = (self._now(), result)
