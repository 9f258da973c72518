# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a task after Ansible's tags are removed."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailinabox.admin.plugins.plugin_utils._in_process import _plain


class NotedText(str):
    """A subclass of str, such as those of Ansible for tagged values."""


class NotedList(list[Any]):
    """Likewise."""


class NotedMapping(dict[Any, Any]):
    """Likewise."""


def _classes(value: Any) -> Any:
    if isinstance(value, dict):
        return {type(key): _classes(item) for key, item in value.items()}, type(value)
    if isinstance(value, list):
        return [_classes(item) for item in value], type(value)
    return type(value)


def test_options_are_plain_values() -> None:
    text = NotedText("ann@example.org")
    noted = NotedMapping({NotedText("users"): NotedList([NotedMapping({"email": text}), 1, 1.5, True, None, (text,)])})
    plain = _plain(noted)
    assert plain == {"users": [{"email": "ann@example.org"}, 1, 1.5, True, None, ["ann@example.org"]]}
    entries = [({str: str}, dict), int, float, bool, type(None), ([str], list)]
    assert _classes(plain) == ({str: (entries, list)}, dict)


def test_other_objects_are_unchanged() -> None:
    other = object()
    assert _plain({"option": other}) == {"option": other}
