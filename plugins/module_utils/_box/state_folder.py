# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder on this machine for the local state of a box, and locks of the files in it, between the runs on this machine."""

from __future__ import annotations

import fcntl
import os
import re
from typing import Callable

_POLL_SECONDS = 0.1


def state_folder(url: str) -> str | None:
    """The folder for a box, created if necessary; None if this user can't write there.

    :param url: the URL of the box.
    """
    home = os.environ.get("ANSIBLE_HOME") or os.path.join("~", ".ansible")
    box = re.sub(r"[^a-z0-9.]+", "-", url.partition("://")[2])
    folder = os.path.join(os.path.expanduser(home), "mailinabox.admin", box)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def lock(file: int, wait: Callable[[float], None]) -> None:
    """Lock an open file until it is closed. Wait as long as another run has the lock.

    :param file: its descriptor.
    :param wait: waits for a number of seconds.
    :raises OSError: if the file system has no locks.
    """
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait(_POLL_SECONDS)
        else:
            return
