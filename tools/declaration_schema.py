# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/schemas/declaration.json: a JSON Schema of the ``miab_*`` variables, for editors.

Names, types and descriptions of variables come from the argument specs of the roles, and those of variables of the
playbooks from the tables in docs/playbooks.md. Those of options in their items come from the documentation of
``miab_config``. New options appear in the schema automatically. FORMS holds the rules that argument specs can't express.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import yaml
from checkout import ROOT

from ansible_collections.mailinabox.admin.plugins.plugin_utils._variables import KNOWN, LISTS, RESULTS

# A variable of several roles has the description of the first one.
SPECS = [ROOT / "roles" / role / "meta" / "argument_specs.yml" for role in ("box", "health", "dns")]
PLAYBOOKS = ROOT / "docs" / "playbooks.md"
MODULE = ROOT / "plugins" / "modules" / "miab_config.py"
TARGET = ROOT / "docs" / "schemas" / "declaration.json"
# Its URL on the documentation site.
URL = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["documentation"] + "/schemas/declaration.json"
Schema = dict[str, Any]

# Any value can be a template. Ansible evaluates it before a module gets the value.
TEMPLATE = r"\{[{%]"
TYPES = {
    "str": {"type": "string"},
    "path": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
    "raw": {},
}
RECORD_TYPES = "A|AAAA|CAA|CNAME|MX|NS|SRV|SSHFP|TXT"
# Patterns and limits of values, by variable and option.
FORMS: dict[tuple[str, ...], Schema] = {
    ("miab_users", "email"): {"type": "string", "pattern": r"^[^@\s]+@[^@\s]+$"},
    ("miab_users", "quota"): {"type": ["integer", "string"], "pattern": r"^\s*\d{1,18}[MmGg]?\s*$"},
    ("miab_aliases", "address"): {"type": "string", "pattern": r"^[^@\s]*@[^@\s]+$"},
    ("miab_aliases", "forwards_to", "*"): {"type": "string", "pattern": r"^[^@\s]+@[^@\s]+$"},
    ("miab_dns_records", "type"): {"type": "string", "pattern": f"^({RECORD_TYPES}|{RECORD_TYPES.lower()})$"},
    ("miab_dns_records", "values"): {
        "type": ["string", "array"],
        "items": {"type": "string"},
    },
    ("miab_health_drift",): {"enum": ["fail", "warn", "ignore"]},
}
# Mutually exclusive options.
ALTERNATIVES = {
    ("miab_dns_records",): ("value", "values"),
    ("miab_backup",): ("target", "rsync", "s3", "b2"),
}
# A row of a table: the variable, its description, its default.
ROW = re.compile(r"^\| `(miab_\w+)` \| (.*) \| (.*) \|$", re.MULTILINE)
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
MARKUP = re.compile(r"\b[A-Z]\(([^)]*)\)")


def described(options: Mapping[str, Any]) -> Schema:
    """The description of an option, without Ansible's markup."""
    text = options.get("description", "")
    return {"description": MARKUP.sub(r"\1", " ".join(text) if isinstance(text, list) else text)}


def or_template(schema: Schema) -> Schema:
    """A schema that also accepts a template instead of the value."""
    if not schema:
        return {}
    if "pattern" in schema:
        return {**schema, "pattern": f"{TEMPLATE}|{schema['pattern']}"}
    if "enum" in schema:
        return {"anyOf": [{"enum": schema["enum"]}, {"type": "string", "pattern": TEMPLATE}]}
    if schema["type"] == "string":
        return schema
    return {"anyOf": [schema, {"type": "string", "pattern": TEMPLATE}]}


def value(path: tuple[str, ...], option: Mapping[str, Any]) -> Schema:
    """The schema of one option's value.

    :param path: the variable and the nested options; ``*`` stands for the items of a list.
    """
    if path in FORMS:
        return or_template(FORMS[path])
    if "choices" in option and option.get("type") != "list":
        return or_template({"enum": list(option["choices"])})
    schema: Schema = dict(TYPES[option.get("type", "str")])
    if option.get("type") == "list":
        item = {key: found for key, found in option.items() if key in ("choices", "options")}
        # The path of an option of list items has no `*`: `miab_users.email`, not `miab_users.*.email`.
        inner = path if "options" in option else (*path, "*")
        schema["items"] = value(inner, {"type": option.get("elements", "raw"), **item})
    if option.get("type") == "dict" and "options" in option:
        schema |= entries(path, option["options"])
    return or_template(schema)


def entries(path: tuple[str, ...], options: Mapping[str, Any]) -> Schema:
    """The schema of a mapping with exactly these options."""
    found: Schema = {
        "properties": {
            name: {**described(option), **value((*path, name), option)} for name, option in sorted(options.items())
        },
        "additionalProperties": False,
    }
    required = sorted(name for name, option in options.items() if option.get("required"))
    if required:
        found["required"] = required
    if path in ALTERNATIVES:
        names = ALTERNATIVES[path]
        pairs = [(one, other) for number, one in enumerate(names) for other in names[number + 1 :]]
        found["not"] = {"anyOf": [{"required": list(pair)} for pair in pairs]}
    return found


def with_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert documented options of a module to the format of a role's argument specs."""
    return {
        name: {
            **{key: found for key, found in option.items() if key != "suboptions"},
            **({"options": with_options(option["suboptions"])} if "suboptions" in option else {}),
        }
        for name, option in options.items()
    }


def variables() -> dict[str, Any]:
    """All variables that can be set, in the format of a role's argument specs."""
    found: dict[str, Any] = {}
    for path in SPECS:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"] | found
    for name, description, default in ROW.findall(PLAYBOOKS.read_text(encoding="utf-8")):
        text = LINK.sub(r"\1", f"{description}. Default: {default}").replace("`", "")
        found.setdefault(
            name, {"type": "bool" if default == "false" else "str", "description": f"{text[0].upper()}{text[1:]}."}
        )
    undescribed = KNOWN - set(RESULTS) - set(found)
    if undescribed:
        sys.exit(f"Neither a role nor a table in docs/playbooks.md describes {', '.join(sorted(undescribed))}.")
    return found


def schema() -> Schema:
    """The whole schema. It accepts variables of other software, but no unknown ``miab_`` variable."""
    options = variables()
    documented = yaml.safe_load(MODULE.read_text(encoding="utf-8").split('DOCUMENTATION = r"""')[1].partition('"""')[0])
    for name, option in with_options(documented["options"]).items():
        # Some options of the module have no variable.
        if "options" in option and "miab_" + name in options:
            options["miab_" + name]["options"] = option["options"]
    parts = {
        f"^{name}__.+$": {"description": f"A part of {name}.", **value((name,), options[name])}
        for name in sorted(LISTS)
    }
    names = "|".join([*sorted(options), *(f"{name}__.+" for name in sorted(LISTS))])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": URL,
        "title": "Variables of mailinabox.admin",
        "description": "What a Mail-in-a-Box server has to hold, as variables of an Ansible inventory.",
        "type": ["object", "null"],
        "properties": {
            name: {**described(option), **value((name,), option)} for name, option in sorted(options.items())
        },
        "patternProperties": parts,
        "propertyNames": {"pattern": f"^(?!miab_)|^({names})$"},
    }


def main() -> None:
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    print(TARGET.relative_to(ROOT))


if __name__ == "__main__":
    main()
