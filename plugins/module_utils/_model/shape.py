# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to the parts of a JSON answer."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Type, TypeVar, Union

_T = TypeVar("_T")


class WrongShapeError(ValueError):
    """A part of an answer is missing, or does not have the expected type."""


def _checked(kind: Type[_T], value: Any) -> _T:
    # In Python, bool is a subclass of int.
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise WrongShapeError(kind.__name__)
    return value


def fields(value: Any) -> Dict[str, Any]:
    """An object."""
    return _checked(dict, value)


def items(value: Any) -> List[Any]:
    """A list of anything."""
    return _checked(list, value)


def texts(value: Any) -> List[str]:
    """A list of texts."""
    return [_checked(str, item) for item in items(value)]


def part(row: Any, key: str) -> Any:
    """The value of a key, of any type."""
    if key not in fields(row):
        raise WrongShapeError(key)
    return row[key]


def text(row: Any, key: str) -> str:
    return _checked(str, part(row, key))


def text_or_none(row: Any, key: str) -> Optional[str]:
    """A text, or None if the key is missing or null."""
    return None if fields(row).get(key) is None else text(row, key)


def flag(row: Any, key: str) -> bool:
    return _checked(bool, part(row, key))


def number(row: Any, key: str) -> int:
    return _checked(int, part(row, key))


def number_or_text(row: Any, key: str) -> Union[int, str]:
    value = part(row, key)
    return _checked(str, value) if isinstance(value, str) else _checked(int, value)


def pair(value: Any) -> Tuple[str, List[Any]]:
    """A list of a text and a list."""
    if len(items(value)) != 2:
        raise WrongShapeError("pair")
    return _checked(str, value[0]), items(value[1])
