# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README and guides match the collection: links, commands, names, options and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from links import REPOSITORY

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import CONNECTION_OPTIONS, argument_rules

ROOT = Path(__file__).parents[2]
TEXTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "benchmarks/*.md", "docs/*.md", "examples/*.md", "examples/*/*.md", "roles/*/README.md")
    for path in ROOT.glob(pattern)
)
MODULES = {path.stem for path in (ROOT / "plugins/modules").glob("miab_*.py")}
# Actions that send nothing to a box.
ACTIONS = {path.stem for path in (ROOT / "plugins/modules").glob("dns_*.py")}
PLAYBOOKS = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
ROLES = {
    path.parts[-3]: yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")
}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Values for the connection options, which the examples leave out.
SIGNED_IN = {"host": "box.example.com", "username": "me@box.example.com", "password": "some-password"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A text without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    found = re.finditer(rf"^( *)```{language}\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [dedent(block[2]) for block in found]


def anchors(text: str) -> set[str]:
    """The anchors of the headings in a text, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def table(text: str, heading: str) -> set[str]:
    """The first column of the table with this heading, without links."""
    rows = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows
    return set(re.findall(r"^\| \[?`([\w.]+)`", rows[1], re.MULTILINE))


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a nested value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(item)


def complaints(spec: dict[str, Any], given: dict[str, Any], **rules: Any) -> list[str]:
    return list(ArgumentSpecValidator(spec, **rules).validate(given).error_messages)


def rendered(value: Any, option: dict[str, Any]) -> Any:
    """The value of an option. A list that a template makes is known only when the task runs."""
    is_template = isinstance(value, str) and value.startswith("{{")
    return [] if is_template and option.get("type") == "list" else value


def task_of(module: str) -> Any:
    return import_module("ansible_collections.mailinabox.admin.plugins.modules." + module).TASK


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(read(name))):
        # Only galaxy.yml knows where the repository is.
        assert not target.startswith((f"{REPOSITORY}/blob", f"{REPOSITORY}/tree")), target
        if re.match(r"https?:", target):
            continue
        path, anchor = f"{target}#".split("#")[:2]
        aim = (ROOT / name).parent / path if path else ROOT / name
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", [*TEXTS, "examples/.github/workflows/mail.yml"])
def test_commands_are_there(name: str) -> None:
    text = read(name)
    assert set(re.findall(r"ansible-playbook .*?\bmailinabox\.admin\.(\w+)", text)) <= PLAYBOOKS
    assert set(re.findall(r"(?:`|\$ )make ([a-z-]+)", text)) <= TARGETS


@pytest.mark.parametrize("name", TEXTS)
def test_names_are_there(name: str) -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("plugins", "playbooks", "roles")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yml")
    )
    # Names after the double underscore of a part, and names with wildcards, belong to the user.
    named = {one.partition("__")[0] for one in re.findall(r"\bmiab_\w+(?!\*)\b", read(name))}
    assert named <= set(re.findall(r"\bmiab_\w+", code))
    environment = {"MIAB_" + option.upper() for option in CONNECTION_OPTIONS}
    assert set(re.findall(r"\bMIAB_\w+", read(name))) <= environment
    content = {*MODULES, *ACTIONS, *PLAYBOOKS, *ROLES} | {path.stem for path in (ROOT / "plugins").glob("[fl]*/*.py")}
    assert set(re.findall(r"(?<![/@.\w-])mailinabox\.admin\.(\w+)", read(name))) <= content


@pytest.mark.parametrize("name", TEXTS)
def test_yaml_is_what_modules_roles_and_playbooks_take(name: str) -> None:
    variables = {option: spec for options in ROLES.values() for option, spec in options.items()}
    variables |= {"miab_" + option: spec for option, spec in task_of("miab_config").options.items()}
    for code in blocks(read(name), "ya?ml"):
        for mapping in mappings(yaml.safe_load(code)):
            for key, value in mapping.items():
                module = key.removeprefix("mailinabox.admin.")
                if module in MODULES:
                    rules = argument_rules(task_of(module))
                    spec = rules.pop("argument_spec")
                    given = {name: rendered(one, spec.get(name, {})) for name, one in (value or {}).items()}
                    assert not complaints(spec, {**SIGNED_IN, **given}, **rules), code
                elif key.partition("__")[0] in variables and not (isinstance(value, str) and value.startswith("{{")):
                    assert not complaints({key: variables[key.partition("__")[0]]}, {key: value}), code


def examples() -> Iterator[str]:
    """All YAML in the documentation and the examples."""
    for name in TEXTS:
        yield from blocks(read(name), "ya?ml")
    for module in MODULES:
        yield import_module("ansible_collections.mailinabox.admin.plugins.modules." + module).EXAMPLES
    for folder in ("examples", "playbooks", "roles"):
        yield from (path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.yml"))


def test_no_example_prints_the_items_of_a_loop_over_secrets() -> None:
    found = 0
    for code in examples():
        for document in yaml.compose_all(code, Loader=yaml.SafeLoader):
            for task in tasks_with_loops(document):
                if re.search(r"item\S*\.(\w*password|\w*secret|\w*key)\b", yaml.serialize(task)):
                    found += 1
                    keys = {key.value: value for key, value in task.value}
                    label = {key.value for key, _value in getattr(keys.get("loop_control"), "value", ())}
                    assert "label" in label or "no_log" in keys, yaml.serialize(task)
    assert found


def tasks_with_loops(node: Any) -> Iterator[Any]:
    """The tasks with a loop in a YAML document, which may have tags."""
    if isinstance(node, yaml.MappingNode):
        # The items of a loop over numbers contain no secrets.
        if any(key.value == "loop" and "range(" not in str(value.value) for key, value in node.value):
            yield node
        for _key, value in node.value:
            yield from tasks_with_loops(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from tasks_with_loops(item)


def test_the_readme_lists_the_whole_collection() -> None:
    text = read("README.md")
    assert table(text, "module") == MODULES
    assert table(text, "action on the controller") == ACTIONS
    assert table(text, "role") == set(ROLES)
    assert table(text, "playbook") == table(read("docs/playbooks.md"), "playbook")
    assert table(text, "playbook") == {"mailinabox.admin." + name for name in PLAYBOOKS}
    guides = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert set(re.findall(r"\]\(docs/([\w-]+)\.md", text)) == guides


def test_the_variables_of_playbooks_are_documented() -> None:
    files = sorted((ROOT / "playbooks").rglob("*.yml"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    used = set(re.findall(r"\bmiab_\w+", text)) - MODULES - {"miab_"}
    for mapping in mappings([yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]):
        used -= {mapping.get("register"), *mapping.get("vars", ()), *mapping.get("ansible.builtin.set_fact", ())}
    # The README of a role describes its variables and facts.
    used -= {
        name
        for role in ("health", "dns")
        for file in (ROOT / "roles" / role).rglob("*.yml")
        for name in re.findall(rf"\bmiab_{role}\w*", file.read_text(encoding="utf-8"))
    }
    # Only the role box applies these. The playbooks check them if there is a scope.
    used -= {"miab_certificates", "miab_publish_dns"}
    assert set(re.findall(r"^\| `(miab_\w+)`", read("docs/playbooks.md"), re.MULTILINE)) == used


def test_the_tables_of_roles_tell_all_their_variables() -> None:
    for role, options in ROLES.items():
        reported = set(re.findall(r"\bmiab_\w+", read(f"roles/{role}/README.md") + read("roles/box/README.md")))
        assert set(options) <= reported
