# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences of each fork: one file per fork, with its capabilities and the rules that it replaces.

State.of_fork holds state that upstream doesn't have. The source is recordings of the forks' daemons in
tests/contract/data.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..route import Route
from ..versions import Capabilities
from . import geseidl, kiekerjan, ldap, power

_MODULES = (power, kiekerjan, geseidl, ldap)

FORKS: Mapping[str, Capabilities] = {module.CAPABILITIES.name: module.CAPABILITIES for module in _MODULES}
FORK_ROUTES: Mapping[str, tuple[Route, ...]] = {module.CAPABILITIES.fork: module.ROUTES for module in _MODULES}
