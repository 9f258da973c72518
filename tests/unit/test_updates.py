# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuilding DNS and web: the box reports what it updated."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._resources import updates


@pytest.mark.parametrize(
    ("said", "updated"),
    [
        ("", ()),
        ("\n", ()),
        ("updated DNS: example.com,example.org\n", ("example.com", "example.org")),
        ("updated DNS: OpenDKIM configuration\n", ("OpenDKIM configuration",)),
        ("something new\n", ("something new",)),
    ],
)
def test_the_list_of_updated_zones(said: str, updated: tuple[str, ...]) -> None:
    (call,) = updates.plan_dns(False, {}).calls
    assert call.parse is not None
    assert call.parse(said) == updated
    reported = updates.plan_dns(False, {str(call.name): updated})
    assert reported.before == {"force": False, "updated": list(updated)}
    assert reported.calls == ()


@pytest.mark.parametrize(("force", "form"), [(False, {"force": "0"}), (True, {"force": "1"})])
def test_a_change_is_predicted_only_with_force(force: bool, form: dict[str, Any]) -> None:
    (call,) = updates.plan_dns(updates.check_dns({"force": force}), {}).calls
    assert call.form == form
    assert call.likely_noop == (not force)


@pytest.mark.parametrize(("said", "updated"), [("", False), ("web updated\n", True)])
def test_whether_the_web_was_updated(said: str, updated: bool) -> None:
    (call,) = updates.plan_web(updates.check_web({}), {}).calls
    assert call.parse is not None
    assert call.parse(said) is updated
    assert call.likely_noop
    assert updates.plan_web(None, {str(call.name): updated}).before == {"updated": updated}
