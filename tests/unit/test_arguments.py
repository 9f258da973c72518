# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that Ansible would convert to another value, or for which it would raise an unexpected error."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import argument_rules
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import InvalidOption, UnknownOption
from ansible_collections.mailinabox.admin.plugins.modules.miab_config import TASK
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _arguments

SPEC: dict[str, Any] = {
    "text": {"type": "str", "aliases": ["words"]},
    "untyped": {},
    "path": {"type": "path"},
    "secret": {"type": "str", "no_log": True},
    "number": {"type": "int"},
    "flag": {"type": "bool"},
    "raw": {"type": "raw"},
    "texts": {"type": "list", "elements": "str"},
    "item": {
        "type": "dict",
        "options": {"text": {"type": "str"}, "number": {"type": "int"}, "secret": {"no_log": True}},
    },
    "items": {"type": "list", "elements": "dict", "options": {"text": {"type": "str"}, "number": {"type": "int"}}},
}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"text": None, "texts": None, "item": None, "items": None, "number": None},
        {"text": "", "words": "a", "untyped": "b", "path": "/c"},
        # Numbers in YAML that can be converted to a string in only one way.
        {"text": 12345678},
        {"secret": "0777777777"},
        {"number": 5, "flag": True},
        {"number": "5"},
        {"number": "1e3"},
        # Ansible itself reports these with a good error.
        {"number": "five"},
        {"number": 1.5},
        {"number": [1]},
        {"raw": [True, 1.5, "a"]},
        {"raw": True},
        {"texts": "a,b"},
        {"texts": ["a", 1]},
        {"item": {"text": "a", "number": 1}},
        {"item": "text=a number=1"},
        {"item": '{"text": "a"}'},
        {"items": [{"text": "a"}, "text=b"]},
        {"items": []},
    ],
)
def test_unambiguous_values_are_accepted(arguments: dict[str, Any]) -> None:
    _arguments.check(SPEC, arguments)


@pytest.mark.parametrize(
    ("arguments", "option", "why"),
    [
        ({"text": True}, "text", "must be a string"),
        ({"words": False}, "words", "must be a string"),
        # In YAML 0777777777 is octal, and 12_345_678 has no underscores.
        ({"secret": 0o777777777}, "secret", "a secret must be a string, .* put it in quotes"),
        ({"secret": 12_345_678}, "secret", "a secret must be a string, .* put it in quotes"),
        ({"item": {"secret": 12345678}}, "item.secret", "a secret must be a string, .* put it in quotes"),
        ({"secret": 1.5}, "secret", "put it in quotes"),
        ({"secret": True}, "secret", "put it in quotes"),
        ({"secret": datetime.date(2026, 1, 1)}, "secret", "put it in quotes"),
        ({"untyped": 1.10}, "untyped", "must be a string"),
        ({"text": ["a"]}, "text", "must be a string"),
        ({"text": {"a": 1}}, "text", "must be a string"),
        ({"text": datetime.date(2026, 1, 1)}, "text", "must be a string"),
        ({"text": b"a"}, "text", "must be a string"),
        ({"path": True}, "path", "must be a string"),
        ({"texts": ["a", None]}, "texts[1]", "must be a string"),
        ({"texts": [["a"]]}, "texts[0]", "must be a string"),
        ({"number": True}, "number", "a whole number"),
        ({"number": float("inf")}, "number", "a whole number"),
        ({"number": float("nan")}, "number", "a whole number"),
        ({"number": "inf"}, "number", "a whole number"),
        ({"number": "9" * 5000}, "number", "a whole number"),
        ({"number": 10**400}, "number", "a whole number"),
        ({"item": True}, "item", "a dictionary"),
        ({"item": [{}]}, "item", "a dictionary"),
        ({"item": "words"}, "item", "a dictionary"),
        ({"item": {"text": True}}, "item.text", "must be a string"),
        ({"item": "number=inf"}, "item.number", "a whole number"),
        ({"items": [None]}, "items[0]", "a dictionary"),
        ({"items": [{}, {"text": 1.5}]}, "items[1].text", "must be a string"),
        ({"items": {"text": "a"}}, "items", "a list of dictionaries"),
        ({"text": "a\0"}, "text", "invalid character"),
        ({"text": "\ud800"}, "text", "invalid character"),
        ({"raw": ["a", "\udfff"]}, "raw", "invalid character"),
        ({"item": '{"text": "a\\u0000"}'}, "item.text", "invalid character"),
    ],
)
def test_ambiguous_values_are_rejected(arguments: dict[str, Any], option: str, why: str) -> None:
    with pytest.raises(InvalidOption, match=why) as caught:
        _arguments.check(SPEC, arguments)
    assert caught.value.details["option"] == option


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texxt": "s3cret"}, "texxt: there is no such option; did you mean text?"),
        ({"item": {"numbr": 1}}, "item: numbr: there is no such option; did you mean number?"),
        ({"items": [{}, {"numbr": 1}]}, "items[1]: numbr: there is no such option; did you mean number?"),
        (
            {"unheard": "s3cret", "text": "a"},
            "unheard: there is no such option; the options are flag, item, items, number, path, raw, secret, text, texts,"
            " untyped",
        ),
    ],
)
def test_an_option_that_does_not_exist(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownOption) as caught:
        _arguments.check(SPEC, arguments)
    assert caught.value.message == message
    assert caught.value.code == "invalid_option"


def declared(**options: Any) -> list[str]:
    """The mistakes of a declaration, as lines of the message."""
    rules = argument_rules(TASK)
    arguments = {"host": "box.example.com", "username": "me@box.example.com", "password": "some-password", **options}
    found = list(_arguments.find(rules["argument_spec"], arguments))
    return ["%s: %s" % mistake for mistake in _arguments.declaration(rules, arguments, found, TASK.planner.check)]


def test_all_mistakes_are_reported_together_with_misspelt_options() -> None:
    told = declared(
        users=[
            {"email": "ann@example.org", "quotta": "1G"},
            {"email": "no address"},
            {"emial": "bob@example.org", "user_password": "s3cret-password"},
            {"email": "carol@example.org", "user_password": 12345678},
            {"user_password": "s3cret-password"},
        ],
        aliases=[
            {"adress": "sales@example.org", "forwards_to": ["ann@example.org"]},
            {"address": "x@example.org", "forwards_to": ["nobody"]},
            {"address": "x@example.org", "forwards_to": ["ann@example.org"]},
        ],
        dns_record=[],
        purge=["aliases"],
    )
    assert told[:4] == [
        "dns_record: there is no such option; did you mean dns_records?",
        "users[0] ann@example.org: quotta: there is no such option; did you mean quota?",
        "users[2] bob@example.org: emial: there is no such option; did you mean email?",
        "users[3].user_password: a secret must be a string, because YAML may change the digits of a number; put it in quotes",
    ]
    assert told[4:6] == [
        "users[4]: email is missing",
        "aliases[0] sales@example.org: adress: there is no such option; did you mean address?",
    ]
    assert told[6].startswith("users[1] no address: ")
    assert told[7].startswith("aliases[1] x@example.org: ")
    assert len(told) == 8
    assert not [line for line in told if "s3cret" in line]


def test_errors_of_ansible_are_reported_too() -> None:
    told = declared(users=[{"emial": "ann@example.org"}], purge=["everything"])
    assert told[0] == "users[0] ann@example.org: emial: there is no such option; did you mean email?"
    assert "everything" in told[1]


def test_messages_do_not_contain_the_value() -> None:
    with pytest.raises(InvalidOption) as caught:
        _arguments.check(SPEC, {"text": ["s3cret"]})
    assert caught.value.message == "text: '(list)': must be a string; put it in quotes"
