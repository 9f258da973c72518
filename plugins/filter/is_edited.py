# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file is no longer what the last export wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..plugin_utils._digest import is_edited

DOCUMENTATION = r"""
name: is_edited
short_description: Tell whether an exported declaration was edited
version_added: 1.1.0
author:
  - mailinabox.admin contributors (@mailinabox-admin)
description:
  - Compares the text of a file with the digest that P(mailinabox.admin.declaration#filter) wrote at its top.
  - The playbook C(mailinabox.admin.export) uses it, and leaves an edited file as it is.
options:
  _input:
    description: The text of the file that is there.
    type: str
    required: true
  new:
    description:
      - The text that would take its place.
      - A text without a digest, as release 1.0.0 wrote it, counts as edited, unless it says the same as this one.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: See whether somebody has edited the file
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'box.yml', rstrip=false) | mailinabox.admin.is_edited(box.config | mailinabox.admin.declaration) }}"
"""

RETURN = r"""
_value:
  description: Whether the file was edited since it was exported.
  type: bool
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"is_edited": is_edited}
