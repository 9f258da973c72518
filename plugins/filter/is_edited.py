# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file was changed since the last export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..plugin_utils import _digest, _export_header

DOCUMENTATION = r"""
name: is_edited
short_description: Check whether an exported declaration was edited
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Compares the text of a file with the digest that P(mailinabox.admin.declaration#filter) wrote to its header.
  - The playbook C(mailinabox.admin.export) uses it to keep edited files.
options:
  _input:
    description: The text of the existing file.
    type: str
    required: true
  new:
    description:
      - The text that would replace it.
      - A text without a digest, as release 1.0.0 wrote it, counts as edited unless it is equal to this text.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show whether the file was edited
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'box.yml', rstrip=false) | mailinabox.admin.is_edited(box.config | mailinabox.admin.declaration) }}"
"""

RETURN = r"""
_value:
  description: Whether the file was edited since it was exported.
  type: bool
"""


def is_edited(text: str, new: str) -> bool:
    """Whether an export was edited. An unchanged export of release 1.0.0 has another header, but does not count as edited."""
    return _digest.is_edited(_export_header.updated(text), new)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"is_edited": is_edited}
