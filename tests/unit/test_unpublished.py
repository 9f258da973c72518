# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of runs that ended before the box had published its changes."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.unpublished import Unpublished
from tests.box import Box, Fault
from tests.box.publishing import update_dns, update_web
from tests.tasks import run_task

URL = "https://box.example.com/admin"
RECORD = {"name": "www.box.example.com", "type": "TXT", "value": "hello"}
USER = {"email": "ann@example.com", "user_password": "ann-password-1"}


def ended(in_doubt: bool) -> None:
    """Simulate a run that has ended."""
    run = Unpublished(URL)
    run.begin()
    if not in_doubt:
        run.end()
    run.close()


def found() -> bool:
    run = Unpublished(URL)
    reported = run.find()
    run.close()
    return reported


@pytest.mark.parametrize("in_doubt", [False, True])
def test_only_a_run_with_an_unknown_outcome_is_remembered(in_doubt: bool) -> None:
    ended(in_doubt)
    assert found() is in_doubt


def test_a_link_instead_of_a_record_is_ignored(tmp_path: Path) -> None:
    ended(in_doubt=True)
    (record,) = (tmp_path / "ansible-home").rglob("unpublished-*")
    record.rename(tmp_path / "elsewhere")
    record.symlink_to(tmp_path / "elsewhere")
    assert not found()
    assert (tmp_path / "elsewhere").exists()


def test_a_record_that_can_not_be_written_stops_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_options: str) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    ended(in_doubt=True)
    assert not found()


def test_a_record_that_somebody_removed(tmp_path: Path) -> None:
    ended(in_doubt=True)
    run = Unpublished(URL)
    assert run.find()
    for record in (tmp_path / "ansible-home").rglob("unpublished-*"):
        record.unlink()
    run.forget()
    run.close()
    assert not found()


def test_a_running_task_does_not_count_as_abandoned() -> None:
    run = Unpublished(URL)
    run.begin()
    assert not found()
    run.close()
    assert found()


def test_only_one_run_takes_over_an_unpublished_change() -> None:
    ended(in_doubt=True)
    first, second = Unpublished(URL), Unpublished(URL)
    assert first.find()
    assert not second.find()
    # The first run did not publish anything, for example because of check mode.
    first.close()
    assert second.find()
    second.forget()
    second.close()
    assert not found()


def test_a_file_is_locked_as_soon_as_others_can_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other runs on the same box may look at any moment, as with Ansible's forks."""
    lock, seen = fcntl.flock, []

    def look_and_lock(file: int, operation: int) -> None:
        with monkeypatch.context() as unwatched:
            unwatched.setattr(fcntl, "flock", lock)
            seen.append(found())
        lock(file, operation)

    run = Unpublished(URL)
    with monkeypatch.context() as watched:
        watched.setattr(fcntl, "flock", look_and_lock)
        run.begin()
    run.end()
    run.close()
    assert seen == [False]
    assert not found()


def test_a_run_that_ends_while_its_file_is_looked_at_was_not_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    run, lock = Unpublished(URL), fcntl.flock
    run.begin()
    run.end()

    def end_and_lock(file: int, operation: int) -> None:
        run.close()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", end_and_lock)
    assert not found()


def test_other_boxes_are_not_affected() -> None:
    ended(in_doubt=True)
    other = Unpublished("https://box.example.net/admin")
    assert not other.find()


def test_without_a_folder_nothing_is_remembered_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "file"))
    ended(in_doubt=True)
    assert not found()


@pytest.mark.parametrize("version", ["v0.51", "v55", "v60", "v75"])
@pytest.mark.parametrize(
    ("module", "options", "path"),
    [
        ("miab_dns_record", RECORD, "/dns/custom/www.box.example.com/TXT"),
        ("miab_user", USER, "/mail/users/add"),
        ("miab_config", {"dns_records": [RECORD], "users": [USER]}, "/dns/custom/www.box.example.com/TXT"),
    ],
)
def test_the_next_run_publishes(version: str, module: str, options: dict[str, object], path: str) -> None:
    with Box(version) as box:

        def fails(request: object) -> bool:
            return getattr(request, "path", "") in (path, "/dns/update")

        box.faults.append(Fault("500", fails, times=10, after=True, published=False))
        first = run_task(box, module, options)
        assert first["failed"]
        box.faults.clear()

        predicted = run_task(box, module, options, check_mode=True)
        done = run_task(box, module, options)
        published = [
            {"method": "POST", "path": "/dns/update", "form": {"force": "1"}},
            {"method": "POST", "path": "/web/update"},
        ]
        assert predicted["calls"] == done["calls"]
        # A record that could not be published was removed, so it is written again first.
        assert done["calls"][-2:] == published
        assert predicted["changed"] is done["changed"] is True
        assert predicted["warnings"] == done["warnings"]
        assert "ended before the box had published" in done["warnings"][-1]
        assert not update_dns(box.state)
        assert not update_web(box.state)
        assert not run_task(box, module, options)["changed"]


def test_a_box_that_still_cannot_publish_fails_the_run_and_is_remembered() -> None:
    with Box("v75") as box:
        box.faults.append(Fault("500", "POST /dns/custom/www.box.example.com/TXT", after=True, published=False))
        box.faults.append(Fault("500", "POST /dns/update", times=2))
        assert run_task(box, "miab_dns_record", RECORD)["failed"]
        again = run_task(box, "miab_dns_record", RECORD)
        assert again["failed"]
        assert "The box could not publish its stored changes." in again["msg"]
        assert run_task(box, "miab_dns_record", RECORD)["changed"]
        assert not update_dns(box.state)


def test_a_run_without_changes_publishes_nothing() -> None:
    with Box("v75") as box:
        ended_run = Unpublished(box.url)
        ended_run.begin()
        ended_run.close()
        result = run_task(box, "miab_info", {"gather_subset": ["users"]})
        assert result["calls"] == []
