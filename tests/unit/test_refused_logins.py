# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rejections of credentials the later items of a loop share."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.login_limit import BAN_SECONDS
from ansible_collections.mailinabox.admin.plugins.plugin_utils._refused_logins import RefusedLogins
from tests.tasks import Clock

ME, OTHER = ("box.example.com", "me"), ("box.example.com", "other")


def rejected(**parts: Any) -> dict[str, Any]:
    failure = {"code": "authentication", "message": "wrong", "details": {"reason": "invalid-credentials"}}
    requests = {"reads": 1, "writes": 0}
    return {"failed": True, "failure": failure, "requests": requests, "invocation": {"module_args": {}}, **parts}


def test_the_same_credentials_fail_again_without_a_request() -> None:
    clock = Clock()
    logins = RefusedLogins(clock.now)
    assert logins.find(ME) is None
    logins.note(ME, rejected())
    assert logins.find(OTHER) is None
    again = logins.find(ME)
    assert again is not None
    assert again["failure"] == rejected()["failure"]
    assert again["requests"] == {"reads": 0, "writes": 0}
    assert "invocation" not in again
    clock.sleep(BAN_SECONDS - 1)
    assert logins.find(ME) is not None
    clock.sleep(1)
    assert logins.find(ME) is None


@pytest.mark.parametrize(
    "result",
    [
        {"changed": True},
        {"failed": True, "msg": "no failure"},
        rejected(changed=True),
        # The next one-time code may be accepted.
        rejected(failure={"code": "authentication", "message": "", "details": {"reason": "invalid-totp-token"}}),
        rejected(failure={"code": "connection", "message": "", "details": {}}),
    ],
)
def test_other_results_say_nothing_about_the_next_item(result: dict[str, Any]) -> None:
    logins = RefusedLogins(Clock().now)
    logins.note(ME, result)
    assert logins.find(ME) is None
