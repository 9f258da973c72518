# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema of declarations accepts the examples and generated declarations, and rejects what the modules reject."""

from __future__ import annotations

import json
from typing import Any

import declaration_schema
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from checkout import ROOT
from jsonschema import Draft7Validator

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import argument_rules
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import BoxError
from ansible_collections.mailinabox.admin.plugins.plugin_utils._variables import KNOWN, RESULTS
from tests.tasks import CONNECTION, task
from tests.transitions.world import Maker

SCHEMA = json.loads(declaration_schema.TARGET.read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)
# The comment by which an editor finds the schema.
MODELINE = f"# yaml-language-server: $schema={declaration_schema.URL}\n"


def test_the_file_is_up_to_date() -> None:
    """The file matches the output of `make schema`."""
    assert declaration_schema.schema() == SCHEMA


def test_it_has_every_variable_that_can_be_set() -> None:
    assert set(SCHEMA["properties"]) == KNOWN - set(RESULTS)
    assert [name for name, found in SCHEMA["properties"].items() if not found["description"]] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"miab_health_drift": "perhaps"},
        {"miab_health_backup_days": "few"},
        {"miab_dns_file_formats": ["excel"]},
        {"miab_fail_on_drift": "perhaps"},
        # Facts that a role sets.
        {"miab_health": {}},
        # Not a list, so it can't be split into parts.
        {"miab_dns_zones__company": ["example.org"]},
    ],
    ids=str,
)
def test_wrong_variables_of_playbooks_and_other_roles(wrong: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors(wrong))


def test_variables_of_playbooks_and_other_roles() -> None:
    right = {
        "miab_health_drift": "ignore",
        "miab_health_backup_days": 3,
        "miab_dns_file_formats": ["bind"],
        "miab_dns_provider": {"class": "octodns_powerdns.PowerDnsProvider", "host": "ns.example.com"},
        "miab_fail_on_drift": True,
    }
    assert list(VALIDATOR.iter_errors(right)) == []


def test_the_file_is_a_valid_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


EXAMPLES = sorted(
    path
    for folder in ("group_vars", "host_vars")
    for path in (ROOT / "examples" / folder).rglob("*.yml")
    if path.name != "vault.yml"
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_fits_and_names_the_schema(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text))) == []
    assert text.startswith(f"{MODELINE}---\n")


def test_five_hundred_generated_declarations_fit() -> None:
    for seed in range(500):
        options = Maker(seed).declaration()
        declared = {f"miab_{name}": value for name, value in options.items() if value is not None}
        assert list(VALIDATOR.iter_errors(declared)) == [], declared


def test_a_template_can_stand_for_any_value() -> None:
    template = "{{ anything }}"
    names = SCHEMA["properties"]
    assert list(VALIDATOR.iter_errors(dict.fromkeys(names, template))) == []
    aliases = [{"address": template, "forwards_to": template, "state": template, "force": template}]
    assert list(VALIDATOR.iter_errors({"miab_aliases": aliases})) == []


def test_other_variables_are_allowed() -> None:
    assert list(VALIDATOR.iter_errors({"ansible_host": "192.0.2.1", "vault_miab_password": 1})) == []


REFUSED: list[dict[str, Any]] = [
    {"users": [{"user_password": "long-enough-1"}]},
    {"users": [{"email": "ann"}]},
    {"users": [{"email": "ann@example.org", "quota": "much"}]},
    {"users": [{"email": "ann@example.org", "state": "gone"}]},
    {"users": [{"email": "ann@example.org", "adress": "x"}]},
    {"users": {"email": "ann@example.org"}},
    {"aliases": [{"forwards_to": ["ann@example.org"]}]},
    {"aliases": [{"address": "sales", "forwards_to": ["ann@example.org"]}]},
    {"aliases": [{"address": "sales@example.org", "forwards_to": ["ann"]}]},
    {"dns_records": [{"name": "www.example.org", "type": "HINFO", "value": "x"}]},
    {"dns_records": [{"name": "www.example.org", "value": "192.0.2.1"}]},
    {"dns_records": [{"name": "www.example.org", "type": "A", "value": "192.0.2.1", "values": ["192.0.2.1"]}]},
    {"privacy": "perhaps"},
    {"purge": ["everything"]},
    {"purge_limit": "many"},
    {"backup": {"target": "off", "s3": {"bucket": "mail", "region": "r"}}},
    {"backup": {"b2": {"key_id": "1", "application_key": "2"}}},
]


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_the_schema_rejects_what_the_module_rejects(options: dict[str, Any]) -> None:
    definition = task("miab_config")
    reported = ArgumentSpecValidator(**argument_rules(definition)).validate({**CONNECTION, **options})
    if not reported.error_messages:
        with pytest.raises(BoxError):
            definition.planner.plan(definition.planner.check(reported.validated_parameters), {})
    assert list(VALIDATOR.iter_errors({f"miab_{name}": value for name, value in options.items()}))


def test_the_schema_rejects_misspelt_variables() -> None:
    assert list(VALIDATOR.iter_errors({"miab_user": []}))
