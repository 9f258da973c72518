# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's metadata matches its modules."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import argument_rules
from ansible_collections.mailinabox.admin.plugins.plugin_utils._version import VERSION

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("miab_*.py"))
RUNTIME: dict[str, Any] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))


def module(name: str) -> Any:
    return import_module("ansible_collections.mailinabox.admin.plugins.modules." + name)


def test_plugins_know_the_version() -> None:
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"] == VERSION


def test_there_are_modules() -> None:
    assert MODULES


def test_every_module_is_in_the_group_of_defaults() -> None:
    assert sorted(RUNTIME["action_groups"]["box"]) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_its_in_process_door(name: str) -> None:
    action = import_module("ansible_collections.mailinabox.admin.plugins.action." + name).ActionModule
    assert action.definition is module(name).TASK


@pytest.mark.parametrize("name", MODULES)
def test_every_module_runs_its_task(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(module(name), "run_module", ran.append)
    module(name).main()
    assert ran == [module(name).TASK]


@pytest.mark.parametrize("path", sorted((ROOT / "plugins" / "filter").glob("*.py")), ids=lambda path: str(path.stem))
def test_every_filter_has_the_name_of_its_file(path: Path) -> None:
    found = import_module("ansible_collections.mailinabox.admin.plugins.filter." + path.stem)
    filters = found.FilterModule().filters()
    assert list(filters) == [path.stem]
    assert callable(filters[path.stem])
    assert yaml.safe_load(found.DOCUMENTATION)["name"] == path.stem


@pytest.mark.parametrize("name", MODULES)
def test_documentation_and_options_agree(name: str) -> None:
    documentation = yaml.safe_load(module(name).DOCUMENTATION)
    assert documentation["module"] == name
    assert set(documentation["options"]) == set(module(name).TASK.options)
    assert documentation["version_added"] == "1.0.0"
    returned = yaml.safe_load(module(name).RETURN)
    assert set(returned) == {*shown(module(name).TASK), "calls", "requests", "failure"}


def shown(task: Any) -> set[str]:
    """The documented keys of the result that are specific to the module: its object, or its facts."""
    if task.many:
        return {task.name, "notes", "plan"}
    return {task.name} if task.name else set(task.options["gather_subset"]["choices"]) - {"all"}


def flat(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All tasks, including those in blocks."""
    found = []
    for task in tasks:
        found += [task, *flat([inner for part in ("block", "rescue", "always") for inner in task.get(part, [])])]
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_in_an_example_or_is_shared(name: str) -> None:
    used = {
        option
        for task in flat(yaml.safe_load(module(name).EXAMPLES))
        for option in task.get("mailinabox.admin." + name) or ()
    }
    assert used <= set(argument_rules(module(name).TASK)["argument_spec"])
    assert {option for option, spec in module(name).TASK.options.items() if spec.get("required")} <= used
