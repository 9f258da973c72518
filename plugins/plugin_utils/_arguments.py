# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's arguments as YAML and templates made them, before Ansible makes them what the options say.

Ansible turns whatever stands where a text is due into one: a list becomes a password with brackets
in it, and ``NO`` becomes ``False``. At some shapes its own validation breaks down.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from ansible.module_utils.common.validation import check_type_dict

from ..module_utils._values.errors import InvalidOption

# No request can carry half of a surrogate pair, which only JSON can write; and no text has a NUL in it.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

# As a float: whatever is less has few enough digits for any machine.
_TOO_MUCH = 2.0**63

# Not every text is a str here: one that is encrypted may still be an object of its own.
_NO_TEXTS = (bool, float, bytes, date, list, tuple, set, Mapping)


def check(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that could only become something else than what was meant.

    :param spec: the argument spec.
    :raises InvalidOption: naming the option. The value isn't told, because it may be a secret.
    """
    for where, rule, value in _values(spec, arguments, ""):
        why = _mistake(rule, value)
        if why:
            # Ansible's own kinds of lists, numbers and so on are told as what they are.
            kind = next(base.__name__ for base in type(value).__mro__ if base.__module__ in ("builtins", "datetime"))
            raise InvalidOption(where, "(%s)" % kind, why)


def _values(
    spec: Mapping[str, Any], arguments: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Each value with the words that name it and the rule for it; those in lists and dictionaries, too."""
    for name, rule in spec.items():
        for given in (name, *rule.get("aliases", ())):
            value = arguments.get(given)
            if value is None:
                continue
            where, kind = prefix + given, rule.get("type", "str")
            if kind == "list" and isinstance(value, (list, tuple)):
                for place, item in enumerate(value):
                    item_rule = {**rule, "type": rule.get("elements", "str")}
                    yield from _value("%s[%d]" % (where, place), item_rule, item)
            else:
                yield from _value(where, {**rule, "type": kind}, value)


def _value(where: str, rule: Mapping[str, Any], value: Any) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    yield where, rule, value
    if "options" in rule:
        yield from _values(rule["options"], _dictionary(value) or {}, where + ".")


def _mistake(rule: Mapping[str, Any], value: Any) -> str:
    """Why a value can't be meant, or nothing."""
    kind = rule["type"]
    if kind in ("str", "path") and (value is None or isinstance(value, _NO_TEXTS)):
        return "a text is needed; put it in quotes"
    if kind == "str" and rule.get("no_log") and isinstance(value, int):
        # Which digits somebody wrote is lost: 0777777777 is octal in YAML, and 12_345_678 has no underscores.
        return "a number is no secret, because YAML may have changed its digits; put it in quotes"
    if kind == "int" and not _is_number(value):
        return "a whole number is needed"
    if kind == "dict" and _dictionary(value) is None:
        return "a dictionary is needed"
    if kind == "list" and "options" in rule:
        return "a list of dictionaries is needed"
    if any(_NO_TEXT.search(text) for text in _texts(value)):
        return "there is a character in it that no text has (NUL, or half of a surrogate pair)"
    return ""


def _is_number(value: Any) -> bool:
    """Whether it is a number that Ansible can make a whole one of, or find that it can't; and none beyond all use."""
    try:
        return not isinstance(value, bool) and abs(float(value)) < _TOO_MUCH
    except (TypeError, ValueError):
        # Ansible says that well.
        return True
    except OverflowError:
        return False


def _dictionary(value: Any) -> Mapping[str, Any] | None:
    """A dictionary, which Ansible also takes as a text: JSON, or ``key=value``."""
    try:
        found: Mapping[str, Any] = check_type_dict(value)
    except TypeError:
        return None
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
