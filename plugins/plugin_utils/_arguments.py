# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's arguments as YAML and templates made them, before Ansible makes them what the options say.

Ansible turns whatever stands where a text is due into one: a list becomes a password with brackets
in it, and ``NO`` becomes ``False``. At some shapes its own validation breaks down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict

from ..module_utils._values.errors import BoxError, InvalidOption, Mistake, UnknownOption
from ..module_utils._values.texts import printable
from ._variables import nearest

# No request can carry half of a surrogate pair, which only JSON can write; and no text has a NUL in it.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

# The place of an entry in the words of a mistake.
_PLACE = re.compile(r"\b(\w+)\[(\d+)\]")
# A longer name can't be right, and would only fill the screen.
_LONGEST = 320

# As a float: whatever is less has few enough digits for any machine.
_TOO_MUCH = 2.0**63

# Not every text is a str here: one that is encrypted may still be an object of its own.
_NO_TEXTS = (bool, float, bytes, date, list, tuple, set, Mapping)


class Found(NamedTuple):
    """One mistake.

    :ivar where: the option, with the words that name the entry of a list that it is in.
    :ivar kind: the type of the value, which isn't shown because it may be a secret; empty if it is the name that is wrong.
    :ivar entry: the option and the index of that entry, or None.
    """

    where: str
    kind: str
    why: str
    entry: tuple[str, int] | None


def check(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that could only become something else than what was meant, and options that don't exist.

    :param spec: the argument spec.
    :raises InvalidOption: naming the first such option. The value isn't told, because it may be a secret.
    """
    for found in find(spec, arguments):
        if found.kind:
            raise InvalidOption(found.where, "(%s)" % found.kind, found.why)
        raise UnknownOption(found.where, found.why)


def find(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[Found]:
    """All arguments that could only become something else than what was meant, and options that don't exist."""
    yield from _unknown(spec, arguments, "", None)
    for value in _values(spec, arguments, "", None):
        yield from _found(value)


def declaration(
    rules: Mapping[str, Any],
    arguments: Mapping[str, Any],
    found: Sequence[Found],
    check: Callable[[Mapping[str, Any]], Any],
) -> list[Mistake]:
    """All mistakes of a declaration that can be told without the box.

    :param rules: the keyword arguments of Ansible's own validation.
    :param found: what :func:`find` has found. The rest is looked at without the entries that these are in.
    :param check: turns validated options into what is wanted, whose ``mistakes`` count.
    """
    mistakes = [Mistake(one.where, one.why) for one in found]
    bad = {one.entry for one in found if one.entry}
    options = {one.where for one in found if not one.entry}
    left = {name: value for name, value in arguments.items() if name not in options}
    places: dict[str, list[int]] = {}
    for name in {name for name, _index in bad} - options:
        places[name] = [index for index in range(len(left[name])) if (name, index) not in bad]
        left[name] = [left[name][index] for index in places[name]]
    validated = ArgumentSpecValidator(**rules).validate(left)
    if validated.error_messages:
        return mistakes + [Mistake("options", message) for message in validated.error_messages]
    try:
        others = list(check(validated.validated_parameters).mistakes)
    except BoxError as error:
        return [*mistakes, Mistake("options", error.message)]

    def renumbered(text: str) -> str:
        def number(match: re.Match[str]) -> str:
            return "%s[%d]" % (match[1], places[match[1]][int(match[2])]) if match[1] in places else match[0]

        return _PLACE.sub(number, text)

    return mistakes + [Mistake(renumbered(one.where), renumbered(one.why)) for one in others]


class _Value(NamedTuple):
    """A value with the words that name it, the rule for it, and the entry that it is in."""

    where: str
    rule: Mapping[str, Any]
    value: Any
    entry: tuple[str, int] | None


def _found(given: _Value) -> Iterator[Found]:
    why = _mistake(given.rule, given.value)
    if why:
        # Ansible's own kinds of lists, numbers and so on are told as what they are.
        (kind, *_bases) = [
            base.__name__ for base in type(given.value).__mro__ if base.__module__ in ("builtins", "datetime")
        ]
        yield Found(given.where, kind, why, given.entry)
    elif "options" in given.rule and given.rule["type"] == "dict":
        yield from _unknown(given.rule["options"], _dictionary(given.value) or {}, given.where, given.entry)


def _unknown(
    spec: Mapping[str, Any], arguments: Mapping[str, Any], where: str, entry: tuple[str, int] | None
) -> Iterator[Found]:
    """Options that don't exist, and in the entry of a list those that are needed and of which none of these is meant."""
    known = {given for name, rule in spec.items() for given in (name, *rule.get("aliases", ()))}
    strange = [str(name) for name in arguments if name not in known]
    meant = {name: nearest(name, known - set(arguments)) for name in strange}
    label = _labelled(where, spec, arguments, meant) if entry else where
    for name in strange:
        hint = "; did you mean %s?" % meant[name] if meant[name] else "; the options are %s" % ", ".join(sorted(spec))
        place, what = (label, "%s: " % name) if label else (name, "")
        yield Found(place, "", "%sthere is no such option%s" % (what, hint), entry)
    if entry:
        for name, rule in spec.items():
            if rule.get("required") and arguments.get(name) is None and name not in meant.values():
                yield Found(label, "", "%s is missing" % name, entry)


def _labelled(where: str, spec: Mapping[str, Any], arguments: Mapping[str, Any], meant: Mapping[str, str]) -> str:
    """The words that name an entry: its place, and what it is about, also if the option that says so is misspelt."""
    misspelt = {right: wrong for wrong, right in meant.items()}
    names = [name for name, rule in spec.items() if rule.get("required")]
    values = (arguments.get(name, arguments.get(misspelt.get(name, ""))) for name in names)
    return " ".join([where, *(printable(value)[:_LONGEST] for value in values if isinstance(value, str))])


def _values(
    spec: Mapping[str, Any], arguments: Mapping[str, Any], prefix: str, entry: tuple[str, int] | None
) -> Iterator[_Value]:
    """Each value; those in lists and dictionaries, too."""
    for name, rule in spec.items():
        for given in (name, *rule.get("aliases", ())):
            value = arguments.get(given)
            if value is None:
                continue
            where, kind = prefix + given, rule.get("type", "str")
            if kind == "list" and isinstance(value, (list, tuple)):
                for place, item in enumerate(value):
                    item_rule = {**rule, "type": rule.get("elements", "str")}
                    of = (given, place) if "options" in rule and not prefix else entry
                    yield from _value(_Value("%s[%d]" % (where, place), item_rule, item, of))
            else:
                yield from _value(_Value(where, {**rule, "type": kind}, value, entry))


def _value(given: _Value) -> Iterator[_Value]:
    yield given
    if "options" in given.rule:
        yield from _values(given.rule["options"], _dictionary(given.value) or {}, given.where + ".", given.entry)


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
