# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of playbooks and roles: misspelt ones, and lists in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailinabox.admin.plugins.modules.miab_config import TASK
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _variables

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("miab_user", "miab_users"),
        ("miab_alias", "miab_aliases"),
        ("miab_purges", "miab_purge"),
        ("miab_dns_record", "miab_dns_records"),
        ("miab_user__company", "miab_users"),
        ("miab_users__", "miab_users"),
        ("miab_fail_on_drifts", "miab_fail_on_drift"),
    ],
)
def test_a_misspelt_variable(name: str, nearest: str) -> None:
    expected = f"unknown variable; did you mean {nearest}?"
    assert _variables.unknown([name, "miab_host"]) == [{"where": name, "why": expected}]


def test_a_variable_of_somebody_else() -> None:
    (mistake,) = _variables.unknown(["miab_company_offices"])
    assert "did you mean" not in mistake["why"]
    assert "miab_other_variables" in mistake["why"]
    assert not _variables.unknown(["miab_company_offices", "miab_x"], ["miab_company_*", "miab_x"])


HOW = ("approved", "snapshot", "return_version", "validate_only")


def test_every_variable_of_roles_is_known() -> None:
    for role in ("box", "health"):
        text = (ROOT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
        assert set(yaml.safe_load(text)["argument_specs"]["main"]["options"]) <= _variables.KNOWN
    # Options about planning, which the playbooks set.
    declared = {name: spec for name, spec in TASK.options.items() if name not in HOW}
    assert {"miab_" + option for option in declared} <= _variables.KNOWN
    lists = {"miab_" + option for option, spec in declared.items() if spec["type"] == "list"}
    # A scope is never put together from parts: it would then be larger than each file says.
    assert lists == {*_variables.LISTS, "miab_scope", "miab_scope_exclude"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"miab_users": None}, None),
        ({"miab_users": []}, []),
        # Ansible converts it to a list.
        ({"miab_users": "a,b"}, "a,b"),
        ({"miab_users": [1], "miab_users__a": None}, [1]),
        ({"miab_users": [1, 2], "miab_users__a": [3], "miab_users__b": [2, 4]}, [1, 2, 3, 4]),
        ({"miab_users__a": [3], "miab_users__b": [4]}, [3, 4]),
    ],
)
def test_lists_in_parts(values: dict[str, Any], expected: Any) -> None:
    assert _variables.joined(values) == expected


def test_a_part_that_is_no_list() -> None:
    with pytest.raises(TypeError, match="miab_users__a: must be a list"):
        _variables.joined({"miab_users": [1], "miab_users__a": {"email": 1}})


def test_the_parts_of_a_variable() -> None:
    defined = ["miab_users__b", "miab_users", "miab_users__a", "miab_users__", "miab_keep", "miab_backup__x"]
    assert _variables.parts("miab_users", defined) == ["miab_users", "miab_users__a", "miab_users__b"]
    assert _variables.parts("miab_backup", defined) == []
