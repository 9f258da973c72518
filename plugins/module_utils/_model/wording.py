# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of changes for people, in plans and in messages."""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, Sequence

from .._values.texts import printable
from .objects import Difference

ACTIONS = {"create": "create", "update": "change", "remove": "remove"}
"""The verb for each action."""

# Options that are left out, because the action and the key of the change already show them.
_IMPLIED = ("state", "email", "address", "name", "type")

# Longer values are shortened to this many characters of the beginning and the end.
_LONGEST = 80
_HEAD = 40
_TAIL = 16

# A message names at most this many objects.
_SHOWN = 20

Code = Callable[[str], str]
"""A function that formats a value, such as with quotes or code marks."""


def quoted(text: str) -> str:
    """A value in a message."""
    shown = printable(text)
    return shown if shown.strip() else "(empty)"


def details(change: Mapping[str, Any], code: Code = quoted) -> List[str]:
    """Describe a change, with one phrase for each option.

    :param change: as in a result: ``{resource, key, action, before, after}``.
    """
    before, after = change["before"], change["after"]
    phrases = []
    if change["action"] == "remove" and change["resource"] == "user":
        phrases.append("mail: archived on the box")
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if name in _IMPLIED or old == new:
            continue
        if change["action"] == "update":
            phrases.append("%s: %s" % (name, _difference(old, new, code)))
        else:
            shown = _value(new if change["action"] == "create" else old, code)
            if shown != "(none)":
                phrases.append("%s: %s" % (name, shown))
    return phrases


def in_a_line(change: Mapping[str, Any]) -> str:
    """Describe a change in one line."""
    phrases = details(change)
    return ACTIONS[change["action"]] + (" (%s)" % "; ".join(phrases) if phrases else "")


def _value(value: Any, code: Code, other: Any = None) -> str:
    """A value for people.

    :param other: the value next to which it is shown. The two must look different.
    """
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(code(shortened(str(item))) for item in value) or "(none)"
    return code(shortened(str(value), [] if other is None else [str(other)]))


def shortened(text: str, others: Sequence[str] = ()) -> str:
    """Shorten a long text, such as a key, so that it still differs from similar texts."""
    if len(text) <= _LONGEST:
        return text
    start = 0
    for other in others:
        differs = next((place for place, (one, two) in enumerate(zip(text, other)) if one != two), 0)
        # If the beginnings are the same, also show the first difference.
        if differs >= _HEAD:
            start = max(start, differs)
    middle = "%s…" % text[start : start + _TAIL] if start else ""
    return "%s…%s%s (%d characters)" % (text[:_HEAD], middle, text[-_TAIL:], len(text))


def _difference(old: Any, new: Any, code: Code) -> str:
    """Describe the change of a value; for a list, the added and removed items."""
    lists = (list, tuple)
    if isinstance(old or [], lists) and isinstance(new or [], lists):
        before, after = list(old or ()), list(new or ())
        added = [str(item) for item in after if item not in before]
        removed = [str(item) for item in before if item not in after]
        phrases = [
            "%s %s" % (sign, ", ".join(code(shortened(item, others)) for item in items))
            for sign, items, others in (("+", added, removed), ("\u2212", removed, added))
            if items
        ]
        if phrases:
            return " ".join(phrases)
    return "%s → %s" % (_value(old, code, new), _value(new, code, old))


def changed_first(differences: Sequence[Difference]) -> str:
    """A warning about objects that somebody else has changed just before the task changed them."""
    return (
        "Another administrator, or another run, changed what this task was about to change: %s. The task made a new plan"
        " from the new state of the box, so the box matches your declaration. Check that the others agree."
        % _listed(differences)
    )


def changed_beside(differences: Sequence[Difference]) -> str:
    """A warning about undeclared objects that somebody else has changed while a task ran."""
    return (
        "Another administrator, or another run, changed the box while this task ran: %s. The task did not undo this. To keep"
        " an object, declare it, because purge removes objects that are not declared." % _listed(differences)
    )


def _listed(differences: Sequence[Difference]) -> str:
    """The objects with what happened to them. Each is named once."""
    found = {one.label: "%s (%s)" % (printable(one.label), ", ".join(one.options) or one.what) for one in differences}
    names = list(found.values())
    return ", ".join(names[:_SHOWN]) + (" and %d more" % (len(names) - _SHOWN) if len(names) > _SHOWN else "")
