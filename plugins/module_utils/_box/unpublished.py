# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers that a box may hold something that it doesn't publish, until a later run has made it publish.

A box stores a change first and rebuilds DNS and web then. If it fails between the two, and the run ends before it could
repair that, no reading of users, aliases and records shows it: a later run would find nothing to do.

Each run that is about to write keeps a file, locked for as long as its process lives. A file that nobody has locked is
of a run that ended too early.
"""

from __future__ import annotations

import fcntl
import glob
import os
import tempfile
from typing import List, Optional

from .state_folder import state_folder

_PREFIX = "unpublished-"


class Unpublished:
    """What the runs of this user have left unpublished on a box, as far as this machine knows.

    :param url: of the box.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        # Of this run: its file, if it has one, and whether the box may hold something unpublished now.
        self._file: Optional[int] = None
        self._path = ""
        self._in_doubt = False
        # Of runs that ended early: the files, locked by this run.
        self._found: List[int] = []
        self._paths: List[str] = []

    def find(self) -> bool:
        """Whether a run that ended early may have left something unpublished. Only one run at a time finds it."""
        folder = state_folder(self._url)
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), _PREFIX + "*"))) if folder else ():
            try:
                file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # Its run is still under way.
                os.close(file)
                continue
            self._found.append(file)
            self._paths.append(path)
        return bool(self._found)

    def forget(self) -> None:
        """The box has published all that it holds."""
        for path in self._paths:
            _remove(path)
        self._paths = []

    def begin(self) -> None:
        """A write comes that the box has to publish."""
        self._in_doubt = True
        folder = None if self._file is not None else state_folder(self._url)
        if folder:
            try:
                self._file, self._path = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # A full disk must not keep anybody from managing a box. What is lost is only this memory.
                return

    def end(self) -> None:
        """The box has published the write, or has not stored it."""
        self._in_doubt = False

    def close(self) -> None:
        """The run ends. What is in doubt stays known."""
        if self._file is not None:
            if not self._in_doubt:
                _remove(self._path)
            os.close(self._file)
            self._file = None
        for file in self._found:
            os.close(file)
        self._found = []


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
