# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook health: one page about healthy boxes, boxes with problems, and a box that is down."""

from __future__ import annotations

import datetime
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from html.parser import HTMLParser
from pathlib import Path

from ansible.release import __version__ as ansible_version

from tests.box import Box, crypto
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.inotify import watching
from tests.tasks import connection

from .playbooks import Run, run_on_hosts
from .test_roles import make_healthy, make_unhealthy

LOST = "Ansible lost the connection to this host"
ANSIBLE_CORE = tuple(int(part) for part in ansible_version.split(".")[:2])
GOOD, BAD, OLD, DOWN = "good.example.com", "bad.example.com", "old.example.com", "down.example.com"


class _Page(HTMLParser):
    """The sections of a page, each with its text."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self._heading = ""
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("section", "footer"):
            self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2":
            self._heading = self._words.pop()
        if tag == "section":
            self.sections[self._heading] = " ".join(self._words)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self._words.append(" ".join(data.split()))


def sections(page: Path) -> dict[str, str]:
    """The text of each section of a page, by its heading."""
    parser = _Page()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.sections


def add_known_problems(box: Box) -> None:
    """Change a box so that every check finds a problem with known numbers."""
    prepare(
        box.state,
        {
            "users": [
                {"email": "half@example.org", "password": "some-password-1", "quota": "10M"},
                {"email": "new@example.org", "password": "some-password-1", "quota": "1G"},
            ],
            "mailboxes": {"half@example.org": 5 << 20, "gone@example.org": 1},
        },
    )
    make_healthy(box)
    make_unhealthy(box)
    box.state.updates = {"openssl": "3.0.2-0ubuntu1.21", "tzdata": "2026b-0ubuntu0.22.04"}
    now = datetime.datetime.now(datetime.timezone.utc)
    key = crypto.box_key().public_key()
    # A quarter of a day more, so that the number of days doesn't depend on how long the test takes.
    for name, days in ("example.org", 5.25), ("www.example.org", 40.25):
        end = now + datetime.timedelta(days=days)
        box.state.certificates.append(crypto.sign([name], key, now - datetime.timedelta(days=50), end))


@contextmanager
def fleet() -> Iterator[dict[str, Box]]:
    """A healthy box, a box with problems, a box of the oldest version, and a box that is down."""
    with ExitStack() as stack:
        versions = {GOOD: "v75", BAD: "v75", OLD: "v0.51", DOWN: "v60"}
        boxes = {host: stack.enter_context(Box(version)) for host, version in versions.items()}
        make_healthy(boxes[GOOD])
        add_known_problems(boxes[BAD])
        make_healthy(boxes[OLD])
        stack.enter_context(boxes[DOWN].refusing())
        yield boxes


# The declarations of three boxes: the first box matches its declaration, the second doesn't, and the third is down.
DECLARED: dict[str, dict[str, object]] = {
    GOOD: {"miab_privacy": True},
    BAD: {
        "miab_users": [
            {"email": "half@example.org", "quota": "20M"},
            {"email": "ann@example.org", "user_password": "ann-password-1"},
        ],
        "miab_aliases": [],
        "miab_privacy": True,
    },
    DOWN: {"miab_privacy": True},
}


def run(boxes: Mapping[str, Box], folder: Path, *arguments: str, **variables: object) -> Run:
    """Run the playbook for several boxes. Each is a host with its declaration."""
    hosts = {
        host: {
            **{"miab_" + option: value for option, value in connection(box).items()},
            **DECLARED.get(host, {}),
            **variables,
        }
        for host, box in boxes.items()
    }
    return run_on_hosts(hosts, Path("mailinabox.admin.health"), folder, arguments)


@contextmanager
def other_file_system(folder: Path) -> Iterator[Path]:
    """A folder on another file system, if there is one, so that a file can't simply be renamed into it."""
    memory = "/dev/shm"  # noqa: S108 - a folder that belongs to the system
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else folder) as found:
        yield Path(found)


def recap(done: Run) -> dict[str, tuple[int, int]]:
    """The numbers of changed and failed tasks by host, from the play recap."""
    counts = re.findall(r"^(\S+) +: .*changed=(\d+) .*failed=(\d+)", done.output.partition("PLAY RECAP")[2], re.M)
    return {host: (int(changed), int(failed)) for host, changed, failed in counts}


def test_all_boxes_on_one_page(tmp_path: Path) -> None:
    with fleet() as boxes:
        for arguments in ([], ["--check", "--diff"]):
            folder = tmp_path / f"deep-{len(arguments)}" / "page"
            done = run(boxes, tmp_path, *arguments, "-e", f"miab_health_folder={folder}")
            assert done.status == 2, done.output
            assert recap(done) == {GOOD: (0, 0), BAD: (0, 0), OLD: (0, 0), DOWN: (0, 1)}
            assert not [entry for box in boxes.values() for entry in box.log if entry.is_write]
            assert "[WARNING]" not in done.output
            page = folder / "health.html"
            assert page.stat().st_mode & 0o777 == 0o600
            assert not [box.password for box in boxes.values() if box.password in page.read_text(encoding="utf-8")]
            facts = sections(page)
            assert list(facts) == [
                "Needs attention",
                "Boxes",
                "Certificates",
                "Backups",
                "Mailboxes",
                "Updates and restarts",
                "Drift",
                "Status checks",
            ]
            # The most urgent first.
            order = [
                "urgent Unreachable",
                "box.example.com: Self-signed. Get a signed certificate to stop warnings.",
                "example.org: Certificate has a problem: The certificate is expiring soon: The certificate expires in 5 days on",
                "The last backup is 3.0 days old.",
                "System: System updates have been installed and a reboot of box.example.com is required.",
                "soon Mailbox me@box.example.com: 9.5M of 10M are used, 95 %.",
                "soon Drift \u00d7 2 user ann@example.org is missing on the box. user half@example.org differs in quota.",
                "A restart is due.",
                "The version is v75, and the newest is v123.",
            ]
            places = [facts["Needs attention"].find(text) for text in order]
            assert -1 not in places, [*facts.values()]
            assert places == sorted(places)
            assert GOOD not in facts["Needs attention"]
            assert f"{DOWN} unreachable" in facts["Boxes"]
            assert f"{OLD} v0.51, latest healthy" in facts["Boxes"]
            assert f"{BAD} v75, v123 is available urgent" in facts["Boxes"]
            assert f"example.org on {BAD} urgent in 5 days" in facts["Certificates"]
            assert f"www.example.org on {BAD} in 40 days" in facts["Certificates"]
            assert facts["Backups"].startswith(f"{BAD} 1 backup, 1.0 MB urgent 3 days ago")
            assert f"{GOOD} 2 backups, 2.0 MB 12 hours ago" in facts["Backups"]
            assert facts["Mailboxes"] == (
                f"me@box.example.com on {BAD} soon 95 % 9.5M of 10M half@example.org on {BAD} 50 % 5.0M of 10M "
                f"new@example.org on {BAD} no mail yet quota 1G 1 mailbox without a quota. "
                f"1 mailbox on {OLD} , whose version has no quotas. 1 archived mailbox of removed users."
            )
            assert facts["Updates and restarts"].startswith(f"{BAD} restart due 2 updates Which packages openssl 3.0.2")
            assert f"{GOOD} up to date" in facts["Updates and restarts"]
            assert facts["Drift"] == (
                f"{BAD} soon 2 objects differ Which objects user ann@example.org is missing on the box "
                f"user half@example.org differs in quota {GOOD} as declared"
            )
            assert "ann-password-1" not in done.output
            assert facts["Status checks"].startswith(f"{BAD} ")


def test_problems_fail_a_run_and_metrics_appear_as_a_whole(tmp_path: Path) -> None:
    with fleet() as boxes:
        del boxes[DOWN]
        arguments = ("-e", "miab_fail_on_problems=true", "-e", "miab_file_mode=0640")
        with other_file_system(tmp_path) as metrics, watching(metrics) as names:
            done = run(boxes, tmp_path, *arguments, "-e", f"miab_metrics_folder={metrics}")
            text = (metrics / "health.prom").read_text(encoding="utf-8")
            modes = [path.stat().st_mode & 0o777 for path in (metrics / "health.prom", tmp_path / "health.html")]
        assert done.status == 2, done.output
        assert modes == [0o640, 0o640]
        # node_exporter never saw an incomplete file.
        assert names.written
        assert not [name for name in names.written if name.endswith(".prom")]
        assert {name for name in names.moved if name.endswith(".prom")} == {"health.prom"}
        assert text.endswith("# EOF\n")
        for line in (
            f'miab_up{{box="{GOOD}"}} 1.0',
            f'miab_version_info{{box="{OLD}",version="v0.51"}} 1.0',
            f'miab_status_checks{{box="{GOOD}",result="error"}} 0.0',
            f'miab_updates_available{{box="{BAD}"}} 2.0',
            f'miab_drift_objects{{action="create",box="{BAD}"}} 1.0',
        ):
            assert line in text
        assert "mailbox=" not in text
        seconds = re.search(r"^miab_run_duration_seconds (\d+\.\d+)$", text, re.MULTILINE)
        assert seconds
        assert 0.1 < float(seconds[1]) < 100
        assert recap(done) == {GOOD: (0, 0), BAD: (0, 1), OLD: (0, 0)}
        # The remaining problems are only warnings.
        ignored = {
            "miab_health_" + check: "ignore" for check in ("certificates", "backup", "dns", "status_checks", "drift")
        }
        done = run(boxes, tmp_path, *arguments, **ignored)
        assert done.status == 0, done.output
        facts = sections(tmp_path / "health.html")
        assert list(facts) == ["Needs attention", "Boxes", "Mailboxes", "Updates and restarts"]
        assert "soon Restart A restart is due." in facts["Needs attention"]


def test_unreachable_boxes_are_on_the_page(newest_box: Box, tmp_path: Path) -> None:
    make_healthy(newest_box)
    with Box() as hanging:
        hanging.faults.append(Fault("hang", times=99))
        check_unreachable(newest_box, hanging, tmp_path)
        # The box that hangs delayed the run by one timeout.
        assert len(hanging.log) == 1


def check_unreachable(newest_box: Box, hanging: Box, tmp_path: Path) -> None:
    reach = {"miab_" + option: value for option, value in connection(newest_box).items()}
    failing: dict[str, tuple[dict[str, str], str]] = {
        "lacking.example.com": ({"miab_password": "{{ vault_nobody_filled_in }}"}, "vault_nobody_filled_in"),
        "misspelt.example.com": ({"miab_health_backup": "perhaps"}, "perhaps"),
        "refused.example.com": ({"miab_password": "not-the-password"}, "rejected the credentials"),
        "hanging.example.com": (
            # With a declaration, the box would be read once more, to find differences.
            {
                **{"miab_" + option: value for option, value in connection(hanging).items()},
                "miab_timeout": "2",
                "miab_privacy": "true",
            },
            "The read operation timed out. The request took longer than timeout, which is 2 s.",
        ),
        "lost.example.com": ({"ansible_connection": "ssh", "ansible_host": "nowhere.invalid"}, LOST),
    }
    if ANSIBLE_CORE < (2, 19):
        # If Ansible can't evaluate the defaults of a task, the rescue section doesn't run.
        failing["lacking.example.com"] = (failing["lacking.example.com"][0], LOST)
    hosts = {GOOD: reach, **{host: {**reach, **variables} for host, (variables, _words) in failing.items()}}
    done = run_on_hosts(hosts, Path("mailinabox.admin.health"), tmp_path)
    # Ansible's exit code for unreachable hosts.
    assert done.status & 4, done.output
    facts = sections(tmp_path / "health.html")
    assert facts["Needs attention"].count("urgent Unreachable") == facts["Needs attention"].count("urgent")
    # A problem that several boxes have is shown once.
    assert facts["Needs attention"].count("urgent") == len({words for _variables, words in failing.values()})
    for host, (_variables, words) in failing.items():
        assert words in facts["Needs attention"]
        assert f"{host} unreachable" in facts["Boxes"]
    assert f"{GOOD} v75, latest healthy" in facts["Boxes"]
    assert "not-the-password" not in done.output + (tmp_path / "health.html").read_text(encoding="utf-8")


def test_without_an_inventory_the_box_is_that_of_the_environment(newest_box: Box, tmp_path: Path) -> None:
    make_healthy(newest_box)
    environment = {"MIAB_" + option.upper(): value for option, value in connection(newest_box).items()}
    done = run_on_hosts({}, Path("mailinabox.admin.health"), tmp_path, environment=environment)
    assert done.status == 0, done.output
    facts = sections(tmp_path / "health.html")
    assert facts["Needs attention"] == "Nothing to do. All boxes are healthy."
    assert facts["Boxes"] == "127.0.0.1 v75, latest healthy"
