# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/schemas/declaration.json: a JSON Schema of the ``miab_*`` variables, for editors.

The names, types and descriptions come from the argument specs of the role ``box``, and those of the options in entries from
the documentation of ``miab_config``. So an option that is new there is new in the schema, too. What a specification of arguments can't say stands in FORMS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from checkout import ROOT

SPECS = ROOT / "roles" / "box" / "meta" / "argument_specs.yml"
MODULE = ROOT / "plugins" / "modules" / "miab_config.py"
# Lists that can't come in parts.
WHOLE = ("miab_certificates", "miab_mfa", "miab_other_variables")
TARGET = ROOT / "docs" / "schemas" / "declaration.json"
# Where the documentation site has it.
URL = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["documentation"] + "/schemas/declaration.json"
Schema = dict[str, Any]

# A template can stand for any value. Ansible replaces it before a module sees the value.
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
# The form of a value, by variable and option.
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
}
# At most one of these options.
ALTERNATIVES = {
    ("miab_dns_records",): ("value", "values"),
    ("miab_backup",): ("target", "rsync", "s3", "b2"),
}
MARKUP = re.compile(r"\b[A-Z]\(([^)]*)\)")


def described(options: Mapping[str, Any]) -> Schema:
    """The description of an option, without Ansible's markup."""
    text = options.get("description", "")
    return {"description": MARKUP.sub(r"\1", " ".join(text) if isinstance(text, list) else text)}


def or_template(schema: Schema) -> Schema:
    """A schema that takes a template in the place of the value, too."""
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

    :param path: the variable, and the options that lead to it; ``*`` for the items of a list.
    """
    if path in FORMS:
        return or_template(FORMS[path])
    if "choices" in option and option.get("type") != "list":
        return or_template({"enum": list(option["choices"])})
    schema: Schema = dict(TYPES[option.get("type", "str")])
    if option.get("type") == "list":
        item = {key: found for key, found in option.items() if key in ("choices", "options")}
        # An entry in one of these lists is at `miab_users[0].email`, not at `miab_users[0].*.email`.
        inner = path if "options" in option else (*path, "*")
        schema["items"] = value(inner, {"type": option.get("elements", "raw"), **item})
    if option.get("type") == "dict" and "options" in option:
        schema |= entries(path, option["options"])
    return or_template(schema)


def entries(path: tuple[str, ...], options: Mapping[str, Any]) -> Schema:
    """The schema of a mapping with these options, and no others."""
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
    """Documented options of a module in the form of the argument specs of a role."""
    return {
        name: {
            **{key: found for key, found in option.items() if key != "suboptions"},
            **({"options": with_options(option["suboptions"])} if "suboptions" in option else {}),
        }
        for name, option in options.items()
    }


def schema() -> Schema:
    """The whole schema. It takes other variables beside those of the collection, and no unknown ``miab_`` variable."""
    options = yaml.safe_load(SPECS.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    documented = yaml.safe_load(MODULE.read_text(encoding="utf-8").split('DOCUMENTATION = r"""')[1].partition('"""')[0])
    for name, option in with_options(documented["options"]).items():
        # Not every option of the module is declared in a variable.
        if "options" in option and "miab_" + name in options:
            options["miab_" + name]["options"] = option["options"]
    lists = [name for name, option in options.items() if option["type"] == "list" and name not in WHOLE]
    parts = {
        f"^{name}__.+$": {"description": f"A part of {name}.", **value((name,), options[name])}
        for name in sorted(lists)
    }
    names = "|".join([*sorted(options), *(f"{name}__.+" for name in sorted(lists))])
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
