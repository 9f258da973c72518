# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit for failed logins, tested with a manual clock."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.login_limit import Credentials, LoginLimit
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import AuthenticationFailed
from tests.tasks import Clock

URL = "https://box.example.com:8443/admin"
ME = ("me@box.example.com", "adminpass123")


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_000.0)


def new_limit(clock: Clock, url: str = URL) -> LoginLimit:
    """A limit as another process would create it."""
    return LoginLimit(url, clock.sleep, clock.now)


def refuse(clock: Clock, credentials: Credentials, url: str = URL) -> None:
    with new_limit(clock, url).attempt(credentials) as attempt:
        attempt.was_refused()


def test_ten_refusals_go_without_waiting(clock: Clock) -> None:
    for number in range(10):
        refuse(clock, ("user", str(number)))
    assert clock.slept == []


def test_the_eleventh_waits_until_the_first_is_old(clock: Clock) -> None:
    for number in range(10):
        refuse(clock, ("user", str(number)))
        clock.time += 1
    refuse(clock, ("user", "another"))
    assert clock.slept == [pytest.approx(20.0)]


def test_at_most_ten_failures_in_thirty_seconds(clock: Clock) -> None:
    moments = []
    for number in range(100):
        clock.time += number % 7
        refuse(clock, ("user", str(number)))
        moments.append(clock.time)
    assert all(later - moment >= 30 for moment, later in zip(moments, moments[10:], strict=False))


def test_accepted_logins_are_not_counted(clock: Clock) -> None:
    for number in range(100):
        with new_limit(clock).attempt(("user", str(number))):
            pass
    assert clock.slept == []


def test_attempts_under_way_count_until_they_end(clock: Clock) -> None:
    under_way = [new_limit(clock).attempt(("user", str(number))) for number in range(10)]
    for attempt in under_way:
        attempt.__enter__()

    def end_one(seconds: float) -> None:
        clock.sleep(seconds)
        under_way.pop().__exit__(None, None, None)

    with LoginLimit(URL, end_one, clock.now).attempt(ME):
        assert clock.slept == [0.1]
    for attempt in under_way:
        attempt.__exit__(None, None, None)


def test_each_box_is_counted_separately(clock: Clock) -> None:
    for number in range(10):
        refuse(clock, ("user", str(number)), "https://other.example.com/admin")
    refuse(clock, ME)
    assert clock.slept == []


def test_the_same_credentials_are_refused_three_times_only(clock: Clock) -> None:
    for _time in range(3):
        new_limit(clock).check(ME)
        refuse(clock, ME)
    with pytest.raises(AuthenticationFailed, match=r"me@box\.example\.com 3 times in the last 30 s") as caught:
        new_limit(clock).check(ME)
    assert "adminpass123" not in caught.value.message
    # A corrected password need not wait. After 30 seconds, no password has to wait.
    new_limit(clock).check((ME[0], "another"))
    clock.time += 30
    new_limit(clock).check(ME)


def test_no_password_is_kept(clock: Clock, tmp_path: Path) -> None:
    refuse(clock, ME)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert kept[0].stat().st_mode & 0o077 == 0
    assert "adminpass" not in kept[0].read_text()


def test_a_corrupt_file_counts_as_empty(clock: Clock, tmp_path: Path) -> None:
    refuse(clock, ME)
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    for content in (b"half a", b"\0\0", b"1e999 x", b"\xff\xfe"):
        path.write_bytes(content)
        new_limit(clock).check(ME)
        refuse(clock, ME)
    assert clock.slept == []


def test_a_clock_that_was_set_back_does_not_block_logins(clock: Clock) -> None:
    for number in range(10):
        refuse(clock, ("user", str(number)))
    clock.time -= 3600
    refuse(clock, ME)
    assert clock.slept == []


def test_without_a_home_each_process_counts_its_own(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "file"))
    limit = new_limit(clock)
    for number in range(11):
        with limit.attempt(("user", str(number))) as attempt:
            attempt.was_refused()
    assert clock.slept == [pytest.approx(30.0)]
    assert limit.warning == ""


def make_folder(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [make_folder, make_link, make_pipe])
def test_failed_logins_are_counted_in_memory_without_a_usable_file(
    clock: Clock, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    refuse(clock, ME)
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    for number in range(10):
        other = path.with_name("refused-%d" % number)
        other.unlink(missing_ok=True)
        make(other)
    limit = new_limit(clock)
    for number in range(11):
        limit.check(ME)
        with limit.attempt(("user", str(number))) as attempt:
            attempt.was_refused()
    assert clock.slept == [pytest.approx(30.0)]
    assert "counted only its own failed logins" in limit.warning
    assert not path.with_name("elsewhere").exists()


def test_failed_logins_are_counted_in_memory_when_the_disk_is_full(clock: Clock) -> None:
    limit = new_limit(clock)
    size = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # Limit the size of files to 0, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, size[1]))
    try:
        for number in range(11):
            with limit.attempt(("user", str(number))) as attempt:
                attempt.was_refused()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, size)
        signal.signal(signal.SIGXFSZ, handler)
    assert clock.slept == [pytest.approx(30.0)]
    assert "File too large" in limit.warning


def test_a_folder_that_was_deleted_is_made_again(clock: Clock, tmp_path: Path) -> None:
    limit = new_limit(clock)
    limit.check(ME)
    [file] = tmp_path.rglob("refused-0")
    shutil.rmtree(file.parent)
    with limit.attempt(ME) as attempt:
        attempt.was_refused()
    assert limit.warning == ""
    assert len(list(tmp_path.rglob("refused-*"))) == 1
