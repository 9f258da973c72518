# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin that runs miab_dns_record in process."""

from __future__ import annotations

from ..modules.miab_dns_record import TASK
from ..plugin_utils._in_process import InProcess


class ActionModule(InProcess):
    definition = TASK
