# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that answers from a snapshot of a box and sends nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from .._box.client import Client
from .._box.connection import Connection
from .._model.plan import BoxQuestion, Call, CurrentTime, PasswordProof, Read
from .._model.snapshot import Snapshot
from .._values.errors import InvalidOption


class OfflineClient(Client):
    """A client that never makes a request."""

    def __init__(self, connection: Connection, snapshot: Snapshot) -> None:
        # The plan is made for the account with which the snapshot was made.
        super().__init__(replace(connection, username=snapshot.username, password=None, api_key=None))
        self._snapshot = snapshot
        self.marks |= snapshot.marks

    def ask(self, question: BoxQuestion) -> Any:
        """The value of a question; None if only the box itself can answer it."""
        if isinstance(question, CurrentTime):
            return time.time()
        if isinstance(question, Read):
            return self._snapshot.answer(question)
        if isinstance(question, PasswordProof):
            return None
        raise TypeError("a snapshot can't answer %s" % question.name)

    def send(self, call: Call) -> str:
        """Refuse a call.

        :raises InvalidOption: always.
        """
        raise InvalidOption("snapshot", "(given)", "a snapshot can only be planned against; use check mode")

    def wait_for(self, *_wait: object) -> None:
        """Don't wait, because nothing changes."""
