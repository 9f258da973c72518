# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: their options. They never count as a change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import LogIn, LogOut
from ansible_collections.mailinabox.admin.plugins.module_utils._resources import sessions
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption


@pytest.mark.parametrize(
    ("state", "api_key", "words"), [("present", "key", "leave it out"), ("absent", None, "the session to end")]
)
def test_bad_options(state: str, api_key: str | None, words: str) -> None:
    with pytest.raises(InvalidOption, match=words) as caught:
        sessions.check({"state": state, "api_key": api_key})
    assert caught.value.details["option"] == "api_key"


@pytest.mark.parametrize(
    ("options", "question", "value", "reveals"),
    [
        ({"state": "present", "api_key": None}, LogIn(), "key", {"api_key": "key"}),
        ({"state": "absent", "api_key": "key"}, LogOut(), True, {}),
        ({"state": "absent", "api_key": "key"}, LogOut(), False, {}),
    ],
)
def test_a_session_is_no_change(options: dict[str, Any], question: Any, value: Any, reveals: dict[str, str]) -> None:
    begins = sessions.check(options)
    assert sessions.needs(begins, {"caller": "me@box.example.com"}) == [question]
    facts = {"caller": "me@box.example.com", question.name: value}
    assert sessions.needs(begins, facts) == []
    change = sessions.plan(begins, facts)
    assert change.calls == ()
    assert change.before == change.after == {"state": options["state"]}
    assert change.reveals == reveals
    assert "key" not in repr(change).replace("key='me@", "")
