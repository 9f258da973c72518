# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets occur only in the requests that need them: every module, with success and with each kind of failure."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from tests.box import Answer, Box, Fault, crypto, is_write, prepare
from tests.box.answers import Request

from .leaks import Processes, Search
from .playbooks import BYTECODE, DOORS, ROOT, Run, run_on_hosts
from .test_ssl import issued

ME = "me@box.example.com"
PEM = crypto.private_pem(ec.generate_private_key(ec.SECP256R1()))
S3 = "s3://s3.eu-central-1.amazonaws.com/example-backups/box"

# The longest runs take a quarter of this on an idle machine.
_SECONDS = 200
pytestmark = pytest.mark.timeout(_SECONDS + 20)

# Each secret has words that occur nowhere else, and characters that need quoting, escaping or encoding.
SECRETS = {
    "password": "ZqAdminWordA1 \"%/+'\\&=ZqAdminWordB2",
    "wrong_password": "ZqWrongWordA1%2F\"'ZqWrongWordB2",
    "totp_secret": "ZQTOTPSECRETAAAABBBBCCCCDDDDEEEE",
    "user_password": "ZqUserWordA1 \"%/+'\\&=ZqUserWordB2",
    "next_user_password": "ZqNextWordA1<>&;#ZqNextWordB2",
    "config_password": 'ZqConfigWordA1\\n"ZqConfigWordB2',
    "mfa_secret": "zqmfasecretaaaabbbbccccddddeeee2",
    "target_password": 'ZqTargetWordA1/+="ZqTargetWordB2',
    "application_key": "ZqAppKeyWordA1/+=ZqAppKeyWordB2",
    "key_in_url": "ZqUrlKeyWordA1%2F%2BZqUrlKeyWordB2",
    "rsync_password": "ZqRsyncWordA1@ZqRsyncWordB2",
    "misplaced": "ZqMisplacedA1 ZqMisplacedB2",
    "in_host": "ZqInHostWordA1",
    "in_username": "ZqInUserWordA1",
    "not_ascii": "ZqNotAsciiWordäZqNotAsciiRest",
    "not_base32": "ZqNotBase32Word!",
    "misspelt": "ZqMisspeltWordA1",
    "among_wrong_types": "ZqWrongTypeWordA1",
    "private_key": PEM,
    "held_application_key": "ZqHeldKeyWordA1%2BZqHeldKeyWordB2",
    "held_password": "ZqHeldUserWordA1",
    "held_target_password": "ZqHeldPassWordA1",
}


def secret(name: str) -> str:
    return "{{ secrets.%s }}" % name


def task(module: str, /, **options: Any) -> dict[str, Any]:
    """A task. If its result contains a secret by design, it has no_log, as its documentation recommends."""
    reported = module == "session" or (module == "mfa" and "secret" not in options)
    return {
        "name": "%s %s" % (module, " ".join(sorted(options))),
        "mailinabox.admin.miab_" + module: options,
        "check_mode": "{{ in_check_mode | default(false) }}",
        **({"no_log": True} if reported else {}),
    }


# Every module, with a secret in every option that takes one.
TASKS = [
    task("user", email="ann@example.org", user_password=secret("user_password")),
    task("user", email="ann@example.org", user_password=secret("next_user_password")),
    task("alias", address="sales@example.org", forwards_to=["ann@example.org"]),
    task("dns_record", name="www.example.org", type="A", value="192.0.2.1"),
    task("secondary_nameserver", hostnames=["ns2.example.net"]),
    task("ssl", domain="example.org", certificate=issued("example.org")),
    task("ssl", domain="example.org", state="provisioned"),
    task("ssl_csr", domain="example.org", country_code="GB"),
    task("backup_config", target=S3, target_user="ACCESS", target_password=secret("target_password")),
    task("backup_config", b2={"key_id": "id", "bucket": "one", "application_key": secret("application_key")}),
    task("backup_config", target="b2://id:%s@two" % secret("key_in_url")),
    task("backup_config", target="rsync://box:%s@backup.example.net//srv" % secret("rsync_password")),
    task(
        "config",
        users=[{"email": "eve@example.org", "user_password": secret("config_password")}],
        backup={"target": S3, "target_user": "ACCESS", "target_password": secret("target_password")},
    ),
    task("system", privacy=False),
    task("dns_update"),
    task("web_update"),
    task("info", gather_subset=["all", "mfa", "backup_status", "certificates", "status_checks"]),
    task("session"),
    task("mfa", label="made by the box"),
    task("mfa", label="phone", secret=secret("mfa_secret")),
]

# Tasks that fail before the first request, and secrets in the wrong options.
MISTAKES = [
    task("user", email="dan@example.org", user_password=secret("not_ascii")),
    task("user", email="dan@example.org", user_password=secret("misplaced"), pasword=secret("misspelt")),
    task("user", email=secret("user_password"), user_password=secret("user_password")),
    task("info", host="https://me:%s@127.0.0.1" % secret("in_host")),
    task("info", host="https://me:%s@" % secret("in_host")),
    task("info", username="me@box.example.com:%s" % secret("in_username")),
    task("info", password=secret("not_ascii")),
    task("info", totp_secret=secret("not_base32")),
    task("mfa", label="phone", secret=secret("not_base32")),
    task("mfa", label="phone", secret=secret("mfa_secret"), state="absent"),
    task("ssl", domain="example.org", certificate=secret("private_key")),
    task("ssl", domain="example.org", certificate="x", chain=secret("private_key")),
    task("backup_config", target="b2:/id:%s@bucket" % secret("key_in_url")),
    task("backup_config", target="b2://id:%s@bucket" % secret("misplaced")),
    task("backup_config", target="rsync://box:%s@backup host//srv" % secret("rsync_password")),
    task("backup_config", target="rsync://box:%s@********//srv" % secret("rsync_password")),
    task("backup_config", b2={"key_id": "not an id", "bucket": "b", "application_key": secret("application_key")}),
    task("backup_config", b2="application_key=%s" % secret("application_key")),
    task("config", users=["oops", {"email": "eve@example.org", "user_password": secret("among_wrong_types")}]),
    task("config", users=[{"email": "eve@example.org", "user_password": secret("not_ascii"), "quota": "lots"}]),
    task("config", backup={"target": "b2:/id:%s@bucket" % secret("key_in_url")}, users=[]),
]


@dataclass
class Mirror(Fault):
    """Replace the answer by an error page that repeats the whole request, as some frameworks and proxies do."""

    kind: str = "500"
    status: int = 400
    seen: list[Request] = field(default_factory=list)

    def meets(self, request: Request) -> bool:
        self.seen.append(request)
        return super().meets(request)

    def disguise(self, answer: Answer | None) -> Answer:
        request = self.seen[-1]
        shown = "%s %r %s %s" % (request.body.decode(), dict(request.form), json.dumps(request.form), request.headers)
        kind = "text/plain" if self.status == 200 else "text/html"
        return Answer(self.status, kind, shown, {"X-Reason": request.headers.get("authorization", "")})


def writes(request: Request) -> bool:
    return is_write(request.method, request.path)


def everywhere(_request: Request) -> bool:
    return True


ALWAYS = 10**6
# The ways in which a box can fail. Faults of writes don't affect the reads before them.
FAULTS: dict[str, Callable[[], Fault]] = {
    "mirror-400": lambda: Mirror(match=writes, times=ALWAYS, status=400),
    "mirror-200": lambda: Mirror(match=everywhere, times=ALWAYS, status=200),
    "mirror-401": lambda: Mirror(match=everywhere, times=ALWAYS, status=401),
    "500": lambda: Fault("500", writes, ALWAYS),
    "500-later": lambda: Fault("500", writes, ALWAYS, after=True),
    "reset": lambda: Fault("reset", writes, ALWAYS),
    "html": lambda: Fault("html", everywhere, ALWAYS),
    "cut": lambda: Fault("cut", everywhere, ALWAYS),
    "hang": lambda: Fault("hang", everywhere, ALWAYS, seconds=3),
}
# Ways to sign in, including wrong ones.
WAYS = ("well", "check", "key", "unknown-ca", "wrong-password", *FAULTS)


@contextmanager
def box(made: list[str], fault: Fault | None = None) -> Iterator[Box]:
    """A box with secrets. The secrets that it generates are recorded."""
    with Box("v75") as started:
        state = started.state

        def noted(make: Callable[..., str]) -> Callable[..., str]:
            def make_and_note(*arguments: Any) -> str:
                made.append(make(*arguments))
                return made[-1]

            return make_and_note

        state.random_hex, state.random_secret = noted(state.random_hex), noted(state.random_secret)
        prepare(state, {"users": [{"email": "bob@example.org", "password": SECRETS["held_password"]}]})
        state.users[ME].password = SECRETS["password"]
        state.backup.target = "b2://held:%s@held" % SECRETS["held_application_key"]
        state.backup.target_user, state.backup.target_pass = "HELD", SECRETS["held_target_password"]
        state.backup_targets |= {
            S3,
            "b2://id:ZqAppKeyWordA1%2F%2B%3DZqAppKeyWordB2@one",
            "b2://id:%s@two" % SECRETS["key_in_url"],
            "rsync://box:%s@backup.example.net//srv" % SECRETS["rsync_password"],
        }
        if fault is not None:
            started.faults.append(fault)
        yield started


def reach(of: Box) -> dict[str, Any]:
    """The variables of a host that is this box."""
    return {"at": of.url, "ca_path": of.cacert, "password": secret("password")}


def session_key(of: Box) -> str:
    answer = requests.post(of.url + "/login", auth=(ME, SECRETS["password"]), verify=of.cacert, timeout=10)
    return str(answer.json()["api_key"])


JOURNAL = """
import json, os
def send(MESSAGE, **fields):
    with open(os.environ["MIAB_TEST_JOURNAL"], "a", encoding="utf-8") as file:
        file.write(json.dumps([MESSAGE, fields], default=str) + "\\n")
sendv = send
"""


@dataclass
class Searched:
    """A run, and the result of the search for secrets."""

    run: Run
    search: Search
    journal: str


def run_and_search(
    playbook: Path,
    hosts: Mapping[str, Mapping[str, Any]],
    folder: Path,
    arguments: tuple[str, ...] = ("-vvv", "--diff"),
    environment: Mapping[str, str] | None = None,
    spared: Sequence[Path] = (),
) -> Searched:
    """Run a playbook and gather all that anybody could see of it.

    :param spared: files that hold secrets because the test has put them there.
    """
    for path, text in {
        "__init__.py": "",
        "journal.py": JOURNAL,
        "daemon.py": "def booted():\n    return True\n",
    }.items():
        (folder / "python" / "systemd").mkdir(parents=True, exist_ok=True)
        (folder / "python" / "systemd" / path).write_text(text, encoding="utf-8")
    given = folder / "secrets.json"
    given.write_text(json.dumps({"secrets": SECRETS}), encoding="utf-8")
    (folder / "tmp").mkdir(exist_ok=True)
    journal = folder / "journal"
    processes = Processes()
    # ansible-core 2.21 creates a socket there, whose path can have only about a hundred characters.
    with TemporaryDirectory() as short, processes.watched():
        (Path(short) / "t").symlink_to(folder / "tmp", target_is_directory=True)
        run = run_on_hosts(
            hosts,
            playbook,
            folder,
            (*arguments, "-e", f"@{given}"),
            {
                "ANSIBLE_FORKS": "8",
                "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
                "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
                "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
                "ANSIBLE_REMOTE_TEMP": str(folder / "remote-tmp"),
                "ANSIBLE_ASYNC_DIR": str(folder / "async"),
                "ANSIBLE_DISPLAY_TRACEBACK": "always",
                "ANSIBLE_INJECT_INVOCATION": "true",
                "TMPDIR": str(Path(short) / "t"),
                # The log socket of the modules.
                "PYTHONPATH": os.pathsep.join((str(folder / "python"), str(BYTECODE))),
                "MIAB_TEST_JOURNAL": str(journal),
                **(environment or {}),
            },
            seconds=_SECONDS,
        )
    search = Search(dict(SECRETS))
    search.add("output", run.output)
    for number, outcome in enumerate(run.outcomes):
        search.add("result %d of %s on %s" % (number, outcome.name, outcome.host), json.dumps(outcome.result))
    for number, text in enumerate(sorted(processes.texts)):
        search.add("process %d" % number, text)
    search.add_files(folder, but=[given, *spared])
    assert any("ansible-playbook" in text for text in processes.texts), "nobody searched at the processes"
    return Searched(run, search, journal.read_text(encoding="utf-8") if journal.exists() else "")


@pytest.fixture
def expect_no_leaks(record_property: Callable[[str, object], None]) -> Callable[[Searched], None]:
    """Return a function that fails if a secret was found, and that records the number of searched texts."""

    def check(searched: Searched) -> None:
        search = searched.search
        found = search.found()
        record_property(
            "secrets", {"texts": len(search.texts), "secrets": list(search.secrets.values()), "found": len(found)}
        )
        assert not found, "%d found:\n%s" % (len(found), "\n".join(found))

    return check


def a_play(tasks: list[dict[str, Any]], hosts: str = "all") -> dict[str, Any]:
    return {
        "hosts": hosts,
        "gather_facts": False,
        "ignore_errors": True,
        # Run the hosts independently, so that a slow one doesn't delay the others.
        "strategy": "ansible.builtin.free",
        "module_defaults": {
            "group/mailinabox.admin.box": {
                "host": "{{ at }}",
                "username": ME,
                "password": "{{ password | default(omit) }}",
                "api_key": "{{ api_key | default(omit) }}",
                "totp_secret": "{{ totp_secret | default(omit) }}",
                "ca_path": "{{ ca_path }}",
                "timeout": "{{ seconds | default(100) }}",
            }
        },
        "tasks": tasks,
    }


def written(plays: list[dict[str, Any]], folder: Path) -> Path:
    (folder / "playbook.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    return folder / "playbook.yml"


def add_requests(search: Search, boxes: Mapping[str, Box]) -> None:
    """Search the request lines that a web server would log."""
    for name, one in boxes.items():
        for number, entry in enumerate(one.log):
            search.add("request %d of %s" % (number, name), "%s %s?%s" % (entry.method, entry.path, entry.query))


def add_generated(search: Search, made: list[str]) -> None:
    search.secrets = {**search.secrets, **{"made by a box, %d" % number: text for number, text in enumerate(made)}}


def chosen(tasks: list[dict[str, Any]], door: str) -> list[dict[str, Any]]:
    """Tasks that aren't run in ways where they show nothing new, and take long.

    A box that hangs costs a second each time. A module costs half of one, and both doors run the same code; so as
    modules, two whose requests hold secrets are run in every way, and the others where they go well.
    """
    seen: set[str] = set()
    kept = []
    for one in tasks:
        module = next(key for key in one if key.startswith("mailinabox."))
        when = [] if module not in seen else ["inventory_hostname != 'hang'"]
        if door == "module" and (module in seen or not module.endswith(("miab_user", "miab_config"))):
            when = ["inventory_hostname == 'well'"]
        seen.add(module)
        kept.append({**one, "when": when} if when else one)
    return kept


def test_every_module_in_every_way(door: str, tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    made: list[str] = []
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(crypto.self_signed("stranger.example"), encoding="ascii")
    with ExitStack() as stack:
        boxes = {way: stack.enter_context(box(made, FAULTS[way]() if way in FAULTS else None)) for way in WAYS}
        hosts = {way: {**reach(one), "ansible_connection": DOORS[door]} for way, one in boxes.items()}
        for way in ("well", "check", "mirror-200", "mirror-401", "cut", "500"):
            hosts[way]["totp_secret"] = secret("totp_secret")
        hosts["check"]["in_check_mode"] = True
        boxes["check"].read_only = True
        hosts["key"]["api_key"] = "{{ lookup('ansible.builtin.file', '%s') }}" % (tmp_path / "key")
        (tmp_path / "key").write_text(session_key(boxes["key"]), encoding="ascii")
        hosts["unknown-ca"]["ca_path"] = str(stranger)
        hosts["wrong-password"]["password"] = secret("wrong_password")
        hosts["hang"]["seconds"] = 1
        playbook = written([a_play(chosen(TASKS, door))], tmp_path)
        searched = run_and_search(playbook, hosts, tmp_path, spared=[tmp_path / "key"])
        add_requests(searched.search, boxes)
        add_generated(searched.search, made)
        expect_no_leaks(searched)

        done = [outcome for outcome in searched.run.outcomes if "skip_reason" not in outcome.result]
        failed = {way: [one.name for one in done if one.host == way and one.failed] for way in WAYS}
        # The successful tasks stored the secrets on the box, and only the expected tasks failed.
        well = boxes["well"].state
        assert well.users["ann@example.org"].password == SECRETS["next_user_password"]
        assert well.users["eve@example.org"].password == SECRETS["config_password"]
        assert well.backup.target_pass == SECRETS["target_password"]
        # From then on, the account needs the generated codes.
        assert failed["well"] == [name(TASKS[-1])]
        assert not failed["check"]
        assert not boxes["check"].violations
        for way in ("html", "cut", "mirror-200", "mirror-401", "wrong-password", "unknown-ca", "hang"):
            assert not [one for one in done if one.host == way and one.result.get("changed")], way
            assert {name(TASKS[0]), name(TASKS[12])} <= set(failed[way]), way
        for way in ("500", "reset", "mirror-400"):
            assert name(TASKS[0]) in failed[way], way
        assert all("bug in mailinabox.admin" not in str(one.result) for one in done)
        if door == "module":
            assert "Invoked with" in searched.journal


def test_mistakes(door: str, tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    with box([]) as one:
        hosts = {"well": {**reach(one), "ansible_connection": DOORS[door]}}
        searched = run_and_search(written([a_play(MISTAKES)], tmp_path), hosts, tmp_path)
        add_requests(searched.search, {"well": one})
        expect_no_leaks(searched)
        assert not one.log
    assert len(searched.run.outcomes) == len(MISTAKES)
    assert all(outcome.failed for outcome in searched.run.outcomes)


def name(one: Mapping[str, Any]) -> str:
    return str(one["name"])


# Make every request raise an error that contains all its data, as an unexpected exception might.
BROKEN = """
import json
import requests
def broken(session, *arguments, **options):
    raise ValueError("%r %s" % (options, json.dumps(options, default=str)))
requests.Session.request = broken
"""


def test_an_unexpected_exception(tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    made: list[str] = []
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "sitecustomize.py").write_text(BROKEN, encoding="utf-8")
    with box(made) as one:
        hosts = {door: {**reach(one), "ansible_connection": DOORS[door]} for door in DOORS}
        # A task that only reads, one that signs in first, and one with a secret option.
        tasks = [TASKS[0], {**TASKS[-1], "vars": {"totp_secret": secret("totp_secret")}}, TASKS[-4]]
        searched = run_and_search(written([a_play(tasks)], tmp_path), hosts, tmp_path, ("-vvvv", "--diff"))
        expect_no_leaks(searched)
        assert not one.log
    assert len(searched.run.outcomes) == len(tasks) * len(DOORS)
    for outcome in searched.run.outcomes:
        assert outcome.failed
        assert "bug in mailinabox.admin" in outcome.result["msg"]
        assert "in broken" in outcome.result["exception"]


def test_credentials_of_a_proxy(tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    of_proxy = "ZqProxyWordA1"
    proxy = "http://me:%s@127.0.0.1:1" % of_proxy
    with box([]) as one:
        hosts = {door: {**reach(one), "ansible_connection": DOORS[door]} for door in DOORS}
        environment = {"HTTPS_PROXY": proxy, "NO_PROXY": ""}
        searched = run_and_search(written([a_play([TASKS[0]])], tmp_path), hosts, tmp_path, environment=environment)
        # The user has put the secret into the environment, so it is not searched there.
        searched.search.secrets = {**SECRETS, "of_proxy": of_proxy}
        seen = searched.search.texts
        searched.search.texts = {where: seen[where] for where in seen if not where.startswith("process")}
        expect_no_leaks(searched)
        assert not one.log
    assert [outcome.result["failure"]["code"] for outcome in searched.run.outcomes] == ["connection"] * 2


def declared(of: Box) -> dict[str, Any]:
    """The variables for the playbooks and roles."""
    return {
        "miab_host": of.url,
        "miab_username": ME,
        "miab_password": secret("password"),
        "miab_ca_path": of.cacert,
        "miab_users": [{"email": "ann@example.org", "user_password": secret("user_password")}],
        "miab_backup": {"b2": {"key_id": "id", "bucket": "one", "application_key": secret("application_key")}},
    }


@pytest.mark.parametrize("name", ["plan", "apply", "export", "snapshot"])
def test_playbooks_and_their_files(name: str, tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    made: list[str] = []
    with box(made) as well, box(made, Mirror(match=writes, times=ALWAYS)) as failing, box(made) as refusing:
        boxes = {"well.example.com": well, "failing.example.com": failing, "refusing.example.com": refusing}
        hosts = {host: {**declared(one), "miab_totp_secret": secret("totp_secret")} for host, one in boxes.items()}
        hosts["refusing.example.com"]["miab_password"] = secret("wrong_password")
        # With a snapshot folder, plan would not connect to the boxes.
        names = ("plan", "export") if name != "snapshot" else ("snapshot",)
        folders = [part for one in names for part in ("-e", f"miab_{one}_folder={tmp_path / 'files'}")]
        searched = run_and_search(Path("mailinabox.admin." + name), hosts, tmp_path, ("-vvv", "--diff", *folders))
        add_requests(searched.search, boxes)
        add_generated(searched.search, made)
        expect_no_leaks(searched)
        assert searched.run.status == 2
        files = {path.name for path in (tmp_path / "files").glob("*")}
        expected = {
            "plan": {"plan.md", "plan.json"},
            "export": {"well.example.com.yml", "failing.example.com.yml"},
            "snapshot": {"well.example.com.json", "failing.example.com.json"},
        }
        assert files == expected.get(name, set())
        users = [one.state.users.get("ann@example.org") for one in boxes.values()]
        assert [user is not None for user in users] == [name == "apply", False, False]


def test_roles(tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    made: list[str] = []
    with box(made) as well, box(made, Mirror(match=writes, times=ALWAYS)) as failing:
        boxes = {"well": well, "failing": failing}
        hosts = {way: {**declared(one), "ansible_connection": "local"} for way, one in boxes.items()}
        for host in hosts.values():
            host["miab_totp_secret"] = secret("totp_secret")
            host["miab_mfa"] = [{"label": "phone", "secret": secret("mfa_secret")}]
        # A common mistake.
        hosts["failing"]["miab_certificates"] = [{"domain": "example.org", "certificate": secret("private_key")}]
        del hosts["failing"]["miab_users"], hosts["failing"]["miab_backup"]
        roles = [
            {"ansible.builtin.include_role": {"name": "mailinabox.admin." + role}, "ignore_errors": True}
            for role in ("health", "box")
        ]
        play = {"hosts": "all", "gather_facts": False, "ignore_errors": True, "tasks": roles}
        searched = run_and_search(written([play], tmp_path), hosts, tmp_path)
        add_requests(searched.search, boxes)
        add_generated(searched.search, made)
        expect_no_leaks(searched)
        assert well.state.users[ME].totp[0].secret == SECRETS["mfa_secret"].upper()
        assert "it contains a private key" in searched.run.output


@pytest.mark.parametrize("arguments", [("--check",), ()])
def test_first_passwords_of_people(
    arguments: tuple[str, ...], tmp_path: Path, expect_no_leaks: Callable[[Searched], None]
) -> None:
    for path in (ROOT / "examples" / "people").iterdir():
        shutil.copy(path, tmp_path)
    emails = ("erin@example.org", "frank@example.org")
    files = [tmp_path / "passwords" / email for email in emails]
    with box([]) as well:
        # The environment is where the user put it, and other tests look at the processes of this one.
        well.state.users[ME].password = "password-in-the-environment"
        environment = {
            "MIAB_HOST": well.url,
            "MIAB_USERNAME": ME,
            "MIAB_PASSWORD": "password-in-the-environment",
            "MIAB_CA_PATH": well.cacert,
        }
        flags = ("-vvvv", "--diff", *arguments)
        searched = run_and_search(tmp_path / "people.yml", {}, tmp_path, flags, environment, spared=files)
        made = {email: path.read_text(encoding="utf-8").strip() for email, path in zip(emails, files, strict=True)}
        assert all(len(password) == 20 for password in made.values())
        searched.search.secrets = made
        add_requests(searched.search, {"well": well})
        expect_no_leaks(searched)
        assert searched.run.status == 0, searched.run.output
        users = {email: well.state.users[email].password for email in emails if email in well.state.users}
        assert users == ({} if arguments else made)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "passwords").stat().st_mode & 0o777 == 0o700


def test_passwords_of_a_table_with_mistakes(tmp_path: Path, expect_no_leaks: Callable[[Searched], None]) -> None:
    expression = "[{'email': 'ann@example.org', 'quota': 'lots'}] | mailinabox.admin.people(passwords=first)"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"first": {"ann@example.org": secret("user_password")}},
        "tasks": [
            {"mailinabox.admin.miab_config": {"users": "{{ (%s).users }}" % text}, "ignore_errors": True}
            for text in (expression, expression.replace("=first", "=[first]"))
        ],
    }
    searched = run_and_search(written([play], tmp_path), {}, tmp_path, ("-vvvv", "--diff"))
    expect_no_leaks(searched)
    assert "row 1: quota: 'lots': a quota is a whole number" in searched.run.output
    assert "people: passwords must be a dictionary" in searched.run.output
    assert [outcome.failed for outcome in searched.run.outcomes] == [True, True]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_the_search_finds(secret: str) -> None:
    basic = base64.b64encode(f"me:{secret}".encode()).decode()
    shown = [secret, repr(secret), json.dumps(json.dumps(secret)), urlencode({"a": quote(secret)}), basic]
    for text in shown:
        search = Search({"secret": secret, "other": "ZqOtherWord1"})
        search.add("here", "before %s after" % text)
        search.add("there", "nothing")
        assert [found.partition(":")[0] for found in search.found()] == ["secret in here"], text
