# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module can do."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Predicts the change in check mode without making it.
    support: full
  diff_mode:
    description: Shows the object before and after, in the form of the options.
    support: full
  platform:
    description: The platforms that the task can run on.
    support: full
    platforms: posix
"""
