# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a box may refuse credentials: it bans the address of who fails 20 times in 30 seconds.

Tasks run in many processes, so what was refused is kept in files: one for each of the
refusals that are allowed at a time. Who holds the lock of one may try to log in; a lock ends with
its process, however that ends. A file in which a refusal is written is out of use for 30 seconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import contextmanager
from typing import IO, Callable, Iterator, Tuple

from ._errors import AuthenticationFailed
from ._state_folder import state_folder

Credentials = Tuple[str, str]
"""A name, and a password or key."""

# Half of what a box takes: somebody else may fail from the same address.
_REFUSALS = 10
_SECONDS = 30.0
# How often the same credentials may be refused. A playbook may well try some, and in a rescue set them up.
_REFUSALS_OF_THE_SAME = 3
_POLL_SECONDS = 0.1


class Attempt:
    """A log-in that is being tried."""

    def __init__(self, file: IO[str], now: Callable[[], float], digest: Callable[[], str]) -> None:
        self._file = file
        self._now = now
        self._digest = digest

    def was_refused(self, for_good: bool = True) -> None:
        """Note that the box refused it.

        :param for_good: whether the same credentials will be refused again.
        """
        self._file.seek(0)
        self._file.truncate()
        self._file.write("%r %s" % (self._now(), self._digest() if for_good else ""))
        self._file.flush()


class LoginLimit:
    """The refusals by one box, of all processes of this user.

    :param url: of the box.
    :param sleep: waits some seconds.
    :param now: the time in seconds since 1970.
    """

    def __init__(self, url: str, sleep: Callable[[float], None], now: Callable[[], float]) -> None:
        self._url = url
        self._sleep = sleep
        self._now = now
        self._folder = ""
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @contextmanager
    def attempt(self, credentials: Credentials) -> Iterator[Attempt]:
        """Try to log in, once that can't be one refusal too many."""
        while True:
            waits = []
            for number in range(_REFUSALS):
                with self._open(number) as file:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        waits.append(_POLL_SECONDS)
                        continue
                    rest, _whose = self._refusal(file)
                    if rest <= 0:
                        yield Attempt(file, self._now, lambda: self._digest(credentials))
                        return
                    waits.append(rest)
            self._sleep(min(waits))

    def check(self, credentials: Credentials) -> None:
        """Raise an error instead of asking with credentials that were refused again and again."""
        refusals = []
        for number in range(_REFUSALS):
            with self._open(number) as file:
                refusals.append(self._refusal(file))
        recent = [whose for rest, whose in refusals if rest > 0]
        if len(recent) >= _REFUSALS_OF_THE_SAME and recent.count(self._digest(credentials)) >= _REFUSALS_OF_THE_SAME:
            raise AuthenticationFailed(
                "%s: the box refused the credentials of %s %d times in the last %d s, and isn't asked again,"
                " because it bans who fails too often. Check username, and password or api_key."
                % (self._url, credentials[0], _REFUSALS_OF_THE_SAME, _SECONDS),
                username=credentials[0],
            )

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    def _refusal(self, file: IO[str]) -> tuple[float, str]:
        """For how many seconds a file is out of use yet, and whose refusal it keeps."""
        try:
            moment, _space, digest = file.read(100).partition(" ")
            age = self._now() - float(moment)
        except ValueError:
            # Nothing was refused yet, or the disk was full when it was.
            return 0, ""
        # A refusal in the future was written before the clock was set back.
        return (_SECONDS - age if age >= 0 else 0, digest)

    def _digest(self, credentials: Credentials) -> str:
        """What tells refused credentials apart, and isn't them; whoever may read it has to guess, slowly."""
        salt = "%s %s" % (self._url, credentials[0])
        return hashlib.pbkdf2_hmac("sha256", credentials[1].encode(), salt.encode(), 20_000).hex()[:16]

    def _open(self, number: int) -> IO[str]:
        if not self._folder:
            self._folder = self._make_folder()
        path = os.path.join(self._folder, "refused-%d" % number)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+", encoding="ascii")

    def _make_folder(self) -> str:
        folder = state_folder(self._url)
        if folder is not None:
            return folder
        # Without a home, a process can at least count its own refusals.
        self._temporary = tempfile.TemporaryDirectory(prefix="mailinabox-")
        return self._temporary.name
