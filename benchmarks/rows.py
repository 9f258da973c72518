# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurements: each function compares ways to do the same work on the same box, and returns rows of the table."""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from checkout import ROOT

from tests.box import Box, Fault
from tests.box.answers import Request

from .declared import Declaration, declaration, holding, password
from .playbooks import AS_MODULE, Cost, Inventory, each, medians, timed
from .table import Row

DEBUG = {"ansible.builtin.debug": {"msg": "nothing"}}
CONFIG = {
    "mailinabox.admin.miab_config": {name: f"{{{{ miab_{name} }}}}" for name in ("users", "aliases", "dns_records")}
}
# The cost of Ansible alone: it passes the same variables to a task that does nothing.
HAND_OVER = {"ansible.builtin.debug": {"msg": "{{ [miab_users, miab_aliases, miab_dns_records] }}", "verbosity": 5}}
# Each kind of object: its variable, the task that manages one, and the cheapest way to read one with uri.
KINDS = {
    "miab_user": (
        "miab_users",
        {"email": "{{ item.email }}", "privileges": "{{ item.privileges }}", "quota": "{{ item.quota }}"},
        {"path": "/mail/users/quota?email={{ item.email }}", "holds": "reported.json.quota == item.quota"},
    ),
    "miab_alias": (
        "miab_aliases",
        {"address": "{{ item.address }}", "forwards_to": "{{ item.forwards_to }}"},
        {
            "path": "/mail/aliases?format=json",
            "holds": "(reported.json | map(attribute='aliases') | flatten | selectattr('address', 'equalto', item.address)"
            " | first).forwards_to == item.forwards_to",
        },
    ),
    "miab_dns_record": (
        "miab_dns_records",
        {"name": "{{ item.name }}", "type": "{{ item.type }}", "values": "{{ item['values'] }}"},
        {
            "path": "/dns/custom/{{ item.name }}/{{ item.type }}",
            "holds": "(reported.json | map(attribute='value') | list) == item['values']",
        },
    ),
}
HEALTH = "mailinabox.admin.health"
OBJECTS = 1000
LOOP = 200
# Modules and uri tasks are slow, so a few items are enough to measure them.
SLOW_LOOP = 30


@contextlib.contextmanager
def unchanged(*boxes: Box) -> Iterator[None]:
    """Fail if a measurement in this block writes: the box already matches the declaration."""
    for box in boxes:
        box.log.clear()
    yield
    written = [f"{entry.method} {entry.path}" for box in boxes for entry in box.log if entry.is_write]
    if written:
        raise RuntimeError(f"{len(written)} writes where nothing was to change: {written[:3]}")


def send(box: Box, requests: Sequence[tuple[str, str, Any]], folder: Path) -> Callable[[], Cost]:
    """Return a function that runs a minimal script that sends these requests."""
    reported = {"url": box.url, "username": box.username, "password": box.password, "cacert": box.cacert}
    command = [sys.executable, "-m", "benchmarks.bare"]
    given = json.dumps({**reported, "requests": requests})
    return lambda: timed(command, folder, {"PYTHONPATH": str(ROOT)}, given)


READS = [("GET", path, None) for path in ("/mail/users?format=json", "/mail/aliases?format=json", "/dns/custom")]
READS.append(("GET", "/dns/zones", None))


def by_time(work: str, compared: str, ours: Cost, theirs: Cost, goal: float | None, **more: Any) -> Row:
    """A row that compares the wall time of two ways."""
    processor = (ours.processor, theirs.processor)
    return Row(work, compared, ours.seconds, theirs.seconds, goal, processor=processor, **more)


def nothing_to_change(folder: Path, rounds: int) -> list[Row]:
    """Whole boxes of several sizes that already match their declaration."""
    rows = []
    found: dict[int, list[Cost]] = {}
    for objects in (100, OBJECTS, 10_000):
        declared = declaration(objects)
        with Box(state=holding(declared)) as box, unchanged(box):
            inventory = Inventory(folder / f"all-{objects}", {"box": (box, declared)})
            found[objects] = medians(
                rounds,
                inventory.playbook("debug", DEBUG),
                inventory.playbook("config", CONFIG),
                inventory.playbook("hand-over", HAND_OVER),
                send(box, READS, folder),
                send(box, [], folder),
            )
    debug, config, _handed, read, started = found[OBJECTS]
    share = f"the simulated box and a bare script's four reads take {read.seconds - started.seconds:.3f} s of it"
    rows.append(
        by_time(
            f"nothing to change: {OBJECTS} objects, `miab_config`",
            "a playbook of one `debug` task, same inventory",
            config,
            debug,
            1.5,
            note=share,
        )
    )
    small, large = found[100], found[10_000]
    alone = large[2].seconds / small[2].seconds
    rows.append(
        by_time(
            "10,000 objects, nothing to change",
            "100 objects",
            large[1],
            small[1],
            2,
            note=f"Ansible alone, handing the same variables to a task that does nothing: {large[2].seconds:.2f} s"
            f" and {small[2].seconds:.2f} s, {alone:.1f} x; a playbook that only has them in its inventory:"
            f" {large[0].seconds:.2f} s; the simulated box: {large[3].seconds - large[4].seconds:.2f} s",
        )
    )
    rows.append(
        Row(
            "memory with 10,000 objects",
            "100 objects",
            large[1].megabytes,
            small[1].megabytes,
            2,
            unit="MB",
            note=f"Ansible alone has {large[2].megabytes:.0f} MB and {small[2].megabytes:.0f} MB",
        )
    )
    return rows


def single_tasks(folder: Path, rounds: int) -> list[Row]:
    """The same task in a loop over objects, compared with ``uri`` in a loop over all objects of a box."""
    rows = []
    declared = declaration(OBJECTS)
    with Box(state=holding(declared)) as box, unchanged(box):
        here = Inventory(folder / "single", {"box": (box, declared)})
        there = Inventory(folder / "single-elsewhere", {"box": (box, declared)}, AS_MODULE)
        uri_seconds = uri_processor = 0.0
        for name, (variable, options, look) in KINDS.items():
            task = {"mailinabox.admin." + name: options}
            uri = {
                "ansible.builtin.uri": {"url": "{{ miab_host }}" + look["path"]},
                "register": "reported",
                "failed_when": f"not ({look['holds']})",
            }
            single, single_one, module, module_one, asked, asked_one = medians(
                rounds,
                *_loop(here, name, task, variable, LOOP),
                *_loop(there, name, task, variable, SLOW_LOOP),
                *_loop(there, name + "-uri", uri, variable, SLOW_LOOP),
            )
            item = each(single, single_one, LOOP)
            item_module = each(module, module_one, SLOW_LOOP)
            item_uri = each(asked, asked_one, SLOW_LOOP)
            objects = len(declared[variable.removeprefix("miab_")])
            uri_seconds += item_uri.seconds * objects
            uri_processor += item_uri.processor * objects
            rows += [
                by_time(
                    f"`{name}`, nothing to change, an item of a loop of {LOOP}",
                    f"`uri`, an item of a loop of {SLOW_LOOP}",
                    item,
                    item_uri,
                    15,
                    at_least=True,
                ),
                by_time(
                    f"`{name}` through the module door, an item of a loop of {SLOW_LOOP}",
                    "`uri`",
                    item_module,
                    item_uri,
                    1.1,
                    note="of it the import of `requests` takes some 80 ms, which `uri` does without",
                ),
            ]
        [config] = medians(rounds, here.playbook("config", CONFIG))
    rows.insert(
        0,
        Row(
            f"nothing to change: {OBJECTS} objects, `miab_config`",
            "a `uri` loop that GETs and compares each object",
            config.seconds,
            uri_seconds,
            300,
            at_least=True,
            processor=(config.processor, uri_processor),
            note=f"the loop is reckoned from what an item takes in three loops of {SLOW_LOOP}, below",
        ),
    )
    return rows


def _loop(
    inventory: Inventory, name: str, task: dict[str, Any], variable: str, items: int
) -> tuple[Callable[[], Cost], Callable[[], Cost]]:
    """A play with a loop over many items, and one with a loop over a single item."""
    many, one = ({**task, "loop": f"{{{{ {variable}[:{count}] }}}}"} for count in (items, 1))
    return inventory.playbook(name, many), inventory.playbook(name + "-one", one)


def many_writes(folder: Path, rounds: int) -> list[Row]:
    """A hundred changes among the objects of a box, compared with a script that only sends the same writes."""
    held = declaration(OBJECTS)
    declared, writes = _changed(held)
    with Box(state=holding(held)) as box:
        config = Inventory(folder / "writes", {"box": (box, declared)}).playbook("config", CONFIG)
        bare = send(box, writes, folder)
        counts: list[int] = []

        def anew(run: Callable[[], Cost], delay: float) -> Cost:
            box.reset()
            box.delay = delay
            cost = run()
            counts.append(sum(entry.is_write for entry in box.log))
            return cost

        # The time spent waiting for the box is the same in each run.
        at_once = medians(rounds, lambda: anew(config, 0), lambda: anew(bare, 0))
        slow = medians(1, lambda: anew(config, 0.2), lambda: anew(bare, 0.2))
    if set(counts) != {len(writes)}:
        raise RuntimeError(f"{len(writes)} writes were to be sent, and these came: {counts}")
    return [
        by_time(
            f"{len(writes)} changes among {OBJECTS}, {milliseconds} ms a write",
            "a bare `requests` script that sends the fewest writes possible",
            ours,
            theirs,
            goal,
            note=f"{len(writes)} writes each",
        )
        for (ours, theirs), milliseconds, goal in ((at_once, 0, None), (slow, 200, 1.1))
    ]


def _changed(held: Declaration) -> tuple[Declaration, list[tuple[str, str, Any]]]:
    """A declaration that differs from the box in a hundred objects, and the writes that apply it."""
    users, aliases, records = ([dict(entry) for entry in held[name]] for name in ("users", "aliases", "dns_records"))
    writes: list[tuple[str, str, Any]] = []
    for user in users[::10][:50]:
        user["quota"] = "3G"
        writes.append(("POST", "/mail/users/quota", {"email": user["email"], "quota": "3G"}))
    for alias in aliases[::10][:30]:
        receiver = "elsewhere@example.net"
        alias["forwards_to"] = [receiver]
        form = {"update_if_exists": "1", "address": alias["address"], "forwards_to": receiver, "permitted_senders": ""}
        writes.append(("POST", "/mail/aliases/add", form))
    for record in records[::10][:20]:
        record["values"] = ["198.51.100.7"]
        writes.append(("PUT", f"/dns/custom/{record['name']}/{record['type']}", "198.51.100.7"))
    return {"users": users, "aliases": aliases, "dns_records": records}, writes


class _Arrivals:
    """Notes when requests for the aliases arrive at a box."""

    def __init__(self) -> None:
        self.reads: list[float] = []
        self.writes: list[float] = []

    def __call__(self, request: Request) -> bool:
        if request.path.startswith("/mail/aliases"):
            (self.reads if request.method == "GET" else self.writes).append(perf_counter())
        return False

    def windows(self, delay: float) -> list[float]:
        """The time between the latest read and the change of the box, for each write."""
        return [write + delay - max(read for read in self.reads if read < write) for write in self.writes]


def lost_updates(folder: Path, _rounds: int) -> list[Row]:
    """How long another administrator's change of an alias could be overwritten: from a read of the aliases to a write."""
    held = declaration(OBJECTS)
    aliases = [{**alias, "forwards_to": ["elsewhere@example.net"]} for alias in held["aliases"][:150]]
    rows = []
    with Box(state=holding(held)) as box:
        config = Inventory(folder / "aliases", {"box": (box, {**held, "aliases": aliases})}).playbook("config", CONFIG)
        for delay in (0, 0.2):
            box.reset()
            box.delay = delay
            arrivals = _Arrivals()
            box.faults.append(Fault("500", arrivals, times=10**6))
            config()
            windows = arrivals.windows(delay)
            reads = sum(read < arrivals.writes[-1] for read in arrivals.reads)
            rows.append(
                Row(
                    f"{len(windows)} aliases changed, {delay * 1000:.0f} ms a write: the longest time between the read and the"
                    " write of an alias",
                    "the time between the first read and the last write",
                    max(windows),
                    arrivals.writes[-1] + delay - arrivals.reads[0],
                    None,
                    note=f"{reads} reads of the aliases; half of the writes came within"
                    f" {statistics.median(windows) * 1000:.0f} ms",
                )
            )
    return rows


def proofs(folder: Path, rounds: int) -> list[Row]:
    """Five hundred users whose declared passwords are already correct."""
    declared = declaration(OBJECTS)
    declared["users"] = [{**user, "user_password": password(user["email"])} for user in declared["users"]]
    with Box(state=holding(declared)) as box, unchanged(box):
        inventory = Inventory(folder / "proofs", {"box": (box, declared)})
        config = inventory.playbook("config", CONFIG)
        asked: list[int] = []

        def counted() -> Cost:
            box.log.clear()
            cost = config()
            callers = [entry.caller for entry in box.log if entry.caller != box.username]
            if sorted(map(str, callers)) != sorted(user["email"] for user in declared["users"]):
                raise RuntimeError("not one request for each user")
            asked.append(len(callers))
            return cost

        [cost] = medians(rounds, counted)
        sessions = len(box.state.sessions)
    users = len(declared["users"])
    return [
        Row(
            f"user passwords proved: {users} users",
            "one request each",
            max(asked),
            users,
            1,
            unit="requests",
            note=f"{sessions} sessions left; the playbook took {cost.seconds:.2f} s",
        )
    ]


def many_boxes(folder: Path, rounds: int) -> list[Row]:
    """Many boxes in parallel."""
    declared = declaration(10)
    user = declared["users"][0]
    task = {"mailinabox.admin.miab_user": user}
    look = KINDS["miab_user"][2]
    uri = {
        "vars": {"item": user},
        "ansible.builtin.uri": {"url": "{{ miab_host }}" + look["path"]},
        "register": "reported",
        "failed_when": f"not ({look['holds']})",
    }
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(Box(state=holding(declared))) for _number in range(100)]
        stack.enter_context(unchanged(*boxes))
        inventory = Inventory(folder / "hundred", {f"box-{number:03}": (box, {}) for number, box in enumerate(boxes)})
        ours, theirs = medians(
            rounds, inventory.playbook("user", task, forks=10), inventory.playbook("uri", uri, forks=10)
        )
    hundred = by_time(
        f"{len(boxes)} boxes, one `miab_user` each, forks 10",
        "`uri`, likewise",
        ours,
        theirs,
        8,
        at_least=True,
        note=f"{len(boxes) / ours.seconds:.0f} and {len(boxes) / theirs.seconds:.1f} boxes a second",
    )
    declared = declaration(250)
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(Box(state=holding(declared))) for _number in range(40)]
        stack.enter_context(unchanged(*boxes))
        fleet = Inventory(folder / "forty", {f"box-{number:02}": (box, declared) for number, box in enumerate(boxes)})
        one = Inventory(folder / "one", {"box": (boxes[0], declared)})
        all_of_them, single, handed = medians(
            rounds,
            fleet.playbook("config", CONFIG, forks=10),
            one.playbook("config", CONFIG, forks=10),
            fleet.playbook("hand-over", HAND_OVER, forks=10),
        )
    forty = by_time(
        f"{len(boxes)} boxes, 250 objects each, nothing to change, forks 10",
        "one box",
        all_of_them,
        single,
        10,
        note=f"Ansible alone, handing the same variables to a task that does nothing: {handed.seconds:.2f} s",
    )
    return [hundred, forty]


def health_of_many(folder: Path, rounds: int) -> list[Row]:
    """The health report of many boxes, compared with ``uri`` tasks that only send the same requests."""
    declared = declaration(100)
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(Box(state=holding(declared))) for _number in range(100)]
        for box in boxes:
            # A box that can't reach the project's website answers with an error.
            box.state.upstream_version = box.state.version_text
        stack.enter_context(unchanged(*boxes))
        one = Inventory(folder / "one-health", {"box": (boxes[0], {})})
        one.ready_made(HEALTH)()
        requests = [(entry.method, entry.path) for entry in boxes[0].log]
        uris = [
            {"ansible.builtin.uri": {"url": "{{ miab_host }}" + path, "method": method, "return_content": True}}
            for method, path in requests
        ]
        fleet = Inventory(folder / "health", {f"box-{number:03}": (box, {}) for number, box in enumerate(boxes)})
        # The uri tasks take minutes, so they run only once.
        ours, theirs = medians(
            min(rounds, 1), fleet.ready_made(HEALTH, forks=10), fleet.playbook("uri", *uris, forks=10)
        )
    return [
        by_time(
            f"{len(boxes)} boxes, the playbook `health`, forks 10",
            f"a playbook of `uri` tasks with the same {len(requests)} requests a box",
            ours,
            theirs,
            8,
            at_least=True,
            note=f"one run each; {len(boxes) / ours.seconds:.1f} and {len(boxes) / theirs.seconds:.2f} boxes a second",
        )
    ]


MEASURES = {
    "config": nothing_to_change,
    "single": single_tasks,
    "writes": many_writes,
    "updates": lost_updates,
    "boxes": many_boxes,
    "health": health_of_many,
    "proofs": proofs,
}
