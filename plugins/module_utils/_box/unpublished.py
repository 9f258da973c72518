# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remember that a box may have unpublished changes, until a later run has published them.

A box first stores a change, and then rebuilds DNS and web. If the rebuild fails and the run ends before it can repair
that, users, aliases and records look right, so a later run would find nothing to do.

Each run that is about to write creates a file, which stays locked while its process runs. An unlocked file is from a
run that ended early.
"""

from __future__ import annotations

import fcntl
import glob
import os
import tempfile
from typing import List, Optional

from .state_folder import state_folder

_PREFIX = "unpublished-"
# A file has this prefix until it is locked, because other runs take an unlocked one for that of a run that ended early.
_NEW_PREFIX = "new-unpublished-"


class Unpublished:
    """The unpublished changes that runs of this user on this machine may have left on a box.

    :param url: the URL of the box.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        # The file of this run, if it has one, and whether the box may have unpublished changes of this run.
        self._file: Optional[int] = None
        self._path = ""
        self._in_doubt = False
        # The files of runs that ended early, which this run has locked.
        self._found: List[int] = []
        self._paths: List[str] = []

    def find(self) -> bool:
        """Whether a run that ended early may have left unpublished changes. Only one run at a time gets True."""
        folder = state_folder(self._url)
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), _PREFIX + "*"))) if folder else ():
            try:
                file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # A run that has just ended as it should has removed its file.
                is_left = os.fstat(file).st_nlink > 0
            except OSError:
                # The run of this file is still active.
                is_left = False
            if not is_left:
                os.close(file)
                continue
            self._found.append(file)
            self._paths.append(path)
        return bool(self._found)

    def forget(self) -> None:
        """Record that the box has published everything."""
        for path in self._paths:
            _remove(path)
        self._paths = []

    def begin(self) -> None:
        """Record that a write follows, which the box has to publish."""
        self._in_doubt = True
        folder = None if self._file is not None else state_folder(self._url)
        if folder:
            try:
                self._file, self._path = tempfile.mkstemp(prefix=_NEW_PREFIX, dir=folder)
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path = os.path.join(folder, _PREFIX + os.path.basename(self._path)[len(_NEW_PREFIX) :])
                os.rename(self._path, path)
                self._path = path
            except OSError:
                # A full disk must not prevent the run. Only this record is lost.
                return

    def end(self) -> None:
        """Record that the box has published the write, or has not stored it."""
        self._in_doubt = False

    def close(self) -> None:
        """End the run. Keep the file if the last write may be unpublished."""
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
