# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the arguments of a task before Ansible converts them to the types of the options.

Ansible converts any value to a string where an option needs one: a list becomes a password with brackets in it, and
``NO`` becomes ``False``. Its own validation raises unexpected errors for some values.
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

# Requests can't contain unpaired surrogates, which only JSON can express, and no string contains NUL.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

# The index of an entry in the text of an error.
_PLACE = re.compile(r"\b(\w+)\[(\d+)\]")
# A longer name can't be valid and would only fill the screen.
_LONGEST = 320

# Numbers below this limit fit in 64 bits.
_LIMIT = 2.0**63

# Types that can't be a string. Encrypted strings can be objects of their own type, so str is not tested.
_NO_TEXTS = (bool, float, bytes, date, list, tuple, set, Mapping)


class Found(NamedTuple):
    """One error.

    :ivar where: the option, with a label of the list entry that it is in.
    :ivar kind: the type of the value. The value may be a secret and isn't shown. Empty if the option name is wrong.
    :ivar entry: the option and the index of that entry, or None.
    """

    where: str
    kind: str
    why: str
    entry: tuple[str, int] | None


def check(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Reject unknown options and arguments that Ansible would convert to something else than intended.

    :param spec: the argument spec.
    :raises InvalidOption: for the first such option, without its value, which may be a secret.
    """
    for found in find(spec, arguments):
        if found.kind:
            raise InvalidOption(found.where, "(%s)" % found.kind, found.why)
        raise UnknownOption(found.where, found.why)


def find(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[Found]:
    """All unknown options, and all arguments that Ansible would convert to something else than intended."""
    yield from _unknown(spec, arguments, "", None)
    for value in _values(spec, arguments, "", None):
        yield from _found(value)


def declaration(
    rules: Mapping[str, Any],
    arguments: Mapping[str, Any],
    found: Sequence[Found],
    check: Callable[[Mapping[str, Any]], Any],
) -> list[Mistake]:
    """All errors of a declaration that can be found without the box.

    :param rules: the keyword arguments of Ansible's own validation.
    :param found: the result of :func:`find`. The rest is checked without the entries that have these errors.
    :param check: returns the wanted state for validated options. Its ``mistakes`` are added.
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
    """A value with its label, its rule, and the list entry that it is in."""

    where: str
    rule: Mapping[str, Any]
    value: Any
    entry: tuple[str, int] | None


def _found(given: _Value) -> Iterator[Found]:
    why = _mistake(given.rule, given.value)
    if why:
        # Ansible's own subclasses of lists, numbers and so on are reported as their base types.
        (kind, *_bases) = [
            base.__name__ for base in type(given.value).__mro__ if base.__module__ in ("builtins", "datetime")
        ]
        yield Found(given.where, kind, why, given.entry)
    elif "options" in given.rule and given.rule["type"] == "dict":
        yield from _unknown(given.rule["options"], _dictionary(given.value) or {}, given.where, given.entry)


def _unknown(
    spec: Mapping[str, Any], arguments: Mapping[str, Any], where: str, entry: tuple[str, int] | None
) -> Iterator[Found]:
    """Unknown options, and in a list entry missing required options, unless a misspelled one matches."""
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
    """The label of an entry: its index and its required options, even if their names are misspelled."""
    misspelt = {right: wrong for wrong, right in meant.items()}
    names = [name for name, rule in spec.items() if rule.get("required")]
    values = (arguments.get(name, arguments.get(misspelt.get(name, ""))) for name in names)
    return " ".join([where, *(printable(value)[:_LONGEST] for value in values if isinstance(value, str))])


def _values(
    spec: Mapping[str, Any], arguments: Mapping[str, Any], prefix: str, entry: tuple[str, int] | None
) -> Iterator[_Value]:
    """Each value, including values in lists and dictionaries."""
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
    """Why a value is wrong; empty if it is not."""
    kind = rule["type"]
    if kind in ("str", "path") and (value is None or isinstance(value, _NO_TEXTS)):
        return "must be a string; put it in quotes"
    if kind == "str" and rule.get("no_log") and isinstance(value, int):
        # The original digits are lost: 0777777777 is octal in YAML, and 12_345_678 loses its underscores.
        return "a secret must be a string, because YAML may change the digits of a number; put it in quotes"
    if kind == "int" and not _is_number(value):
        return "must be a whole number"
    if kind == "dict" and _dictionary(value) is None:
        return "must be a dictionary"
    if kind == "list" and "options" in rule:
        return "must be a list of dictionaries"
    if any(_NO_TEXT.search(text) for text in _texts(value)):
        return "contains an invalid character (NUL or an unpaired surrogate)"
    return ""


def _is_number(value: Any) -> bool:
    """Whether Ansible can convert a value to an integer or report a good error, and the value is not too large."""
    try:
        return not isinstance(value, bool) and abs(float(value)) < _LIMIT
    except (TypeError, ValueError):
        # Ansible reports these values with a good error.
        return True
    except OverflowError:
        return False


def _dictionary(value: Any) -> Mapping[str, Any] | None:
    """A dictionary, which Ansible also accepts as a string: JSON or ``key=value``."""
    try:
        found: Mapping[str, Any] = check_type_dict(value)
    except TypeError:
        return None
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
