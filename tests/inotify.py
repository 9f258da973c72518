# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch a folder with inotify, so that even short-lived files are noticed."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CREATED, _MOVED_HERE, _WRITTEN = 0x100, 0x80, 0x2
_EVENT = struct.Struct("iIII")


class Names:
    """The names of files that were created or written in the folder, and of files that were renamed into it."""

    def __init__(self) -> None:
        self.written: set[str] = set()
        self.moved: set[str] = set()


@contextmanager
def watching(folder: Path) -> Iterator[Names]:
    """Watch a folder. The names are available at the end of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    if watch < 0 or libc.inotify_add_watch(watch, os.fsencode(folder), _CREATED | _MOVED_HERE | _WRITTEN) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    names = Names()
    try:
        yield names
        # Much more than a run needs.
        events = os.read(watch, 1 << 20)
        while events:
            _watch, mask, _cookie, length = _EVENT.unpack_from(events)
            name = os.fsdecode(events[_EVENT.size : _EVENT.size + length].rstrip(b"\0"))
            (names.moved if mask & _MOVED_HERE else names.written).add(name)
            events = events[_EVENT.size + length :]
    finally:
        os.close(watch)
