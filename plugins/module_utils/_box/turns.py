# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let only one run at a time change a box, if several run on this machine, as with Ansible's forks.

Boxes older than v60 lose changes that are made at the same time. Newer boxes process one request at a time anyway.

The run that changes a box has the lock of a file, which is released when its process ends. The time of the file tells
whether another run has changed the box since. If the file can't be used, a run doesn't wait.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Optional

from .state_folder import lock, state_folder


class Turn:
    """The turn of one run to change a box.

    :param url: the URL of the box.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._file: Optional[int] = None
        self._known_time = 0

    def note(self) -> None:
        """Note that the run reads from now on what it is going to change."""
        path = self._path()
        try:
            self._known_time = os.stat(path).st_mtime_ns if path else 0
        except OSError:
            # No run has changed the box yet.
            self._known_time = 0

    def take(self, wait: Callable[[float], None]) -> bool:
        """Wait until no other run changes the box. Return whether another run may have changed it since :meth:`note`.

        :param wait: waits for a number of seconds.
        """
        path = self._path()
        if path is None:
            return False
        try:
            self._file = self._open(path)
            lock(self._file, wait)
            before, self._known_time = self._known_time, os.fstat(self._file).st_mtime_ns
        except OSError:
            return False
        return self._known_time != before

    def _open(self, path: str) -> int:
        flags = os.O_RDWR | os.O_NOFOLLOW
        try:
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
        self._known_time = os.fstat(file).st_mtime_ns
        return file

    def close(self) -> None:
        """Let other runs change the box."""
        if self._file is None:
            return
        try:
            # Always a later time, even if the clock was set back.
            now = max(time.time_ns(), self._known_time + 1)
            os.utime(self._file, ns=(now, now))
        except OSError:
            pass
        os.close(self._file)
        self._file = None

    def _path(self) -> Optional[str]:
        folder = state_folder(self._url)
        return os.path.join(folder, "turn") if folder else None
