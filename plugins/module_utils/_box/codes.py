# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let simultaneous runs with the same account sign in one after the other, each with another one-time code.

A box rejects the code that was used last, and counts this as a failed login. It accepts three codes at any time: the
current, the next and the previous one. So two of them can be used in turn.

A file for each account has the number of the 30 seconds of the code that was used last, which is no secret. A run has its
lock while it signs in. If the file can't be used, runs don't wait for each other.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from .state_folder import lock, state_folder

_MOST_DIGITS = 20


class LastCode:
    """The one-time code that an account used last.

    :param url: the URL of the box.
    :param username: the account.
    :ivar step: the number of the 30 seconds of the code; None if it is unknown.
    """

    def __init__(self, url: str, username: str) -> None:
        self.step: Optional[int] = None
        self._url = url
        self._name = "code-" + hashlib.sha256(username.encode()).hexdigest()[:16]
        self._file: Optional[int] = None

    @contextmanager
    def alone(self, wait: Callable[[float], None]) -> Iterator[None]:
        """Wait until no other run signs in, and let the others wait until the end of the block.

        :param wait: waits for a number of seconds.
        """
        try:
            self._open(wait)
            yield
        finally:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def note(self, step: int) -> None:
        """Note the code that is about to be used."""
        self.step = step
        if self._file is not None:
            try:
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, str(step).encode("ascii"), 0)
            except OSError:
                # The disk is full. Then another run may use the same code, and has to try the next one.
                return

    def _open(self, wait: Callable[[float], None]) -> None:
        folder = state_folder(self._url)
        if folder is None:
            return
        try:
            self._file = os.open(os.path.join(folder, self._name), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            lock(self._file, wait)
            self.step = int(os.pread(self._file, _MOST_DIGITS, 0))
        except (OSError, ValueError):
            # A new file, or one that can't be used.
            return
