# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Mail-in-a-Box server.

`Box` is an HTTPS server; `answer` calls the same rules without a server.

    state.py, versions.py     the state of a box, and the capabilities of its version
    forks/, known.py          the differences of each fork; all simulated boxes by name
    routes.py, rules/, auth.py  the endpoints, their rules, and authentication
    domains.py, zones.py, certificates.py, publishing.py  what the box derives from its state
    server.py, listener.py, tls.py, control.py, faults.py, __main__.py  the server

It is independent of the collection: it imports nothing from the code that it tests.
"""

from .answers import Answer
from .faults import Fault
from .forks import FORKS
from .known import KNOWN, new_state
from .prepare import prepare
from .routes import answer, is_write
from .server import Box, LogEntry
from .state import Alias, Backup, BackupConfig, State, Totp, User
from .versions import NEWEST, UPSTREAM, VERSIONS, Capabilities
from .zones import CustomRecord

__all__ = [
    "FORKS",
    "KNOWN",
    "NEWEST",
    "UPSTREAM",
    "VERSIONS",
    "Alias",
    "Answer",
    "Backup",
    "BackupConfig",
    "Box",
    "Capabilities",
    "CustomRecord",
    "Fault",
    "LogEntry",
    "State",
    "Totp",
    "User",
    "answer",
    "is_write",
    "new_state",
    "prepare",
]
