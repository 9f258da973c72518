# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine, as if it were another one: what runs over it takes the module door."""

from __future__ import annotations

from ansible.plugins.connection import local

# The options that Ansible's own connection reads, by its names for them.
DOCUMENTATION = """
name: elsewhere
short_description: This machine, as if it were another one
description: Runs tasks on the controller without saying so.
author: mailinabox.admin contributors (@mailinabox-admin)
version_added: 1.0.0
options:
  become_success_timeout:
    description: How many seconds to wait for become.
    type: int
    default: 10
  become_strip_preamble:
    description: Whether to strip what become prints first.
    type: bool
    default: true
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(local.Connection):
    transport = "elsewhere"
