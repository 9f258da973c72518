# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limit the number of rejected logins, because a box bans an address after 20 failures in 30 seconds.

Tasks run in many processes, so rejected logins are recorded in files: one file, or slot, for each rejection that is
allowed at a time. A process may try to log in while it has the lock of a slot. The lock is released when the process
ends. A slot with a rejection can't be used for 30 seconds. If a file can't be used, the task counts only its own
rejections, in memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Tuple

from .._values.errors import AuthenticationFailed
from .state_folder import state_folder

Credentials = Tuple[str, str]
"""A name, and a password or key."""

BAN_SECONDS = 30.0
"""The time for which a box counts a rejected login towards a ban."""

# Half of what a box allows, because other clients may fail from the same address.
_REFUSALS = 10
# How often the same credentials may be rejected. A playbook may try credentials first and set them up in a rescue block.
_REFUSALS_OF_THE_SAME = 3
_POLL_SECONDS = 0.1


class _Slot:
    """A slot for one rejection: a file, or memory if the file can't be used.

    :param path: the path of the file; None if there is no folder for it.
    :param memory: the contents of the slots without a usable file, by number.
    :param number: the number of the slot.
    :param on_error: called with the error if the file can't be used.
    """

    def __init__(
        self, path: str | None, memory: Dict[int, str], number: int, on_error: Callable[[OSError], None]
    ) -> None:
        self._memory = memory
        self._number = number
        self._on_error = on_error
        self._file: Any = None
        if path is None or number in memory:
            return
        try:
            # Unbuffered, so that a full disk is noticed immediately.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
            self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        except OSError as error:
            self._give_up(error)

    def lock(self) -> bool:
        """Try to lock the slot until it is closed. Return whether that succeeded."""
        try:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            self._give_up(error)
        return True

    def read(self) -> str:
        try:
            if self._file is not None:
                self._file.seek(0)
                return str((self._file.read(100) or b"").decode("ascii", "replace"))
        except OSError as error:
            self._give_up(error)
        return self._memory.get(self._number, "")

    def write(self, text: str) -> None:
        try:
            if self._file is not None:
                self._file.seek(0)
                self._file.truncate()
                self._file.write(text.encode("ascii"))
                return
        except OSError as error:
            self._give_up(error)
        self._memory[self._number] = text

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._memory[self._number] = ""
        self._on_error(error)


class Attempt:
    """A login attempt."""

    def __init__(self, slot: _Slot, now: Callable[[], float], digest: Callable[[], str]) -> None:
        self._slot = slot
        self._now = now
        self._digest = digest

    def was_refused(self, for_good: bool = True) -> None:
        """Record that the box rejected the login.

        :param for_good: whether the same credentials will be rejected again.
        """
        self._slot.write("%r %s" % (self._now(), self._digest() if for_good else ""))


class LoginLimit:
    """The rejected logins at one box, from all processes of this user.

    :param url: the URL of the box.
    :param sleep: waits for a number of seconds.
    :param now: returns the time in seconds since 1970.
    :ivar warning: why the rejections of other processes can't be counted; empty if they can.
    """

    def __init__(self, url: str, sleep: Callable[[float], None], now: Callable[[], float]) -> None:
        self._url = url
        self._sleep = sleep
        self._now = now
        self._memory: Dict[int, str] = {}
        self.warning = ""

    @contextmanager
    def attempt(self, credentials: Credentials) -> Iterator[Attempt]:
        """Wait until another rejected login is allowed, and reserve a slot for the attempt."""
        while True:
            waits = []
            for number in range(_REFUSALS):
                slot = self._slot(number)
                try:
                    if not slot.lock():
                        waits.append(_POLL_SECONDS)
                        continue
                    seconds_left, _whose = self._refusal(slot)
                    if seconds_left <= 0:
                        yield Attempt(slot, self._now, lambda: self._digest(credentials))
                        return
                    waits.append(seconds_left)
                finally:
                    slot.close()
            self._sleep(min(waits))

    def check(self, credentials: Credentials) -> None:
        """Raise an error for credentials that were rejected repeatedly, instead of trying them again."""
        refusals = []
        for number in range(_REFUSALS):
            slot = self._slot(number)
            refusals.append(self._refusal(slot))
            slot.close()
        recent = [whose for seconds_left, whose in refusals if seconds_left > 0]
        if len(recent) >= _REFUSALS_OF_THE_SAME and recent.count(self._digest(credentials)) >= _REFUSALS_OF_THE_SAME:
            raise AuthenticationFailed(
                "%s: the box rejected the credentials of %s %d times in the last %d s. The task does not try again, because a"
                " box bans an address after too many failed logins. Check username, and password or api_key."
                % (self._url, credentials[0], _REFUSALS_OF_THE_SAME, BAN_SECONDS),
                username=credentials[0],
            )

    def _refusal(self, slot: _Slot) -> tuple[float, str]:
        """For how many more seconds a slot is in use, and the digest of the rejected credentials."""
        try:
            moment, _space, digest = slot.read().partition(" ")
            age = self._now() - float(moment)
        except ValueError:
            # No rejection yet, or it could not be written because the disk was full.
            return 0, ""
        # A time in the future was written before the clock was set back.
        return (BAN_SECONDS - age if age >= 0 else 0, digest)

    def _digest(self, credentials: Credentials) -> str:
        """A slow, salted hash that identifies rejected credentials without revealing them."""
        salt = "%s %s" % (self._url, credentials[0])
        return hashlib.pbkdf2_hmac("sha256", credentials[1].encode(), salt.encode(), 20_000).hex()[:16]

    def _slot(self, number: int) -> _Slot:
        # Look it up each time, because the folder may have been removed in the meantime.
        folder = state_folder(self._url)
        path = None if folder is None else os.path.join(folder, "refused-%d" % number)
        return _Slot(path, self._memory, number, self._warn)

    def _warn(self, error: OSError) -> None:
        self.warning = (
            "The file %s can't be used (%s), so this task counted only its own failed logins."
            " Delete the file, or change its owner to your user."
            % (error.filename or "for refused logins", error.strerror)
        )
