# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 hostile texts in every field of every answer: tasks return results, filters return text, nothing is run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.filter.declaration import declaration
from ansible_collections.mailinabox.admin.plugins.filter.health_page import health_page
from ansible_collections.mailinabox.admin.plugins.filter.plan import plan
from ansible_collections.mailinabox.admin.plugins.filter.plan_markdown import plan_markdown
from ansible_collections.mailinabox.admin.plugins.filter.problems import problems
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call, Read
from ansible_collections.mailinabox.admin.plugins.module_utils._resources.info import SUBSETS
from tests.hostile import IDENTIFIERS, spread, values
from tests.tasks import CONNECTION, task, validated
from tests.unit.test_hostile_box import filled_in, is_written
from tests.unit.test_reads import EVERYTHING, ME, READS, RECORDED, AnyBox

COUNT = 10_000
# The number of texts in the answers of one box.
ROWS = 100
# How many boxes there are to one that is written to as well, and that has two beside it which keep their names.
EVERY = 10
PARTS = 4
STATUS = [
    {"type": kind, "text": "text", "extra": [{"monospace": True, "text": "text"}]} for kind in ("heading", "error")
]
# The recordings contain no status checks, because these take minutes.
ANSWERS = {**RECORDED, ("POST", "/system/status"): [STATUS]}
WRITES: dict[str, dict[str, Any]] = {
    "miab_config": EVERYTHING,
    "miab_mfa": {"label": "phone", "state": "absent"},
    "miab_ssl": {"domain": "box.example.com", "state": "provisioned"},
    "miab_system": {"privacy": False, "packages": "latest"},
}


def _richest(read: Read) -> Any:
    """The longest recorded answer."""
    return max(ANSWERS[read.method, read.path], key=lambda answer: len(json.dumps(answer)))


class HostileBox(AnyBox):
    """A box with hostile texts in its answers. It answers each write with a different text."""

    signed_out = False

    def __init__(self, texts: list[str], spared: frozenset[str]) -> None:
        super().__init__(
            {read.path: spread(_richest(read), texts, spared) if read.json else "\n".join(texts) for read in READS}
        )
        self.connection = Connection("https://box.example.com/admin", ME, password="adminpass123")
        self._texts = texts

    def send(self, _call: Call) -> str:
        self.writes += 1
        return self._texts[self.writes % len(self._texts)]

    def pause(self, _seconds: float) -> None:
        """Nothing changes."""


def result(box: HostileBox, module: str, options: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    given = validated(module, {**CONNECTION, **options})
    found = run(task(module), given, check_mode, lambda _connection: box)  # type: ignore[arg-type,return-value]  # a stand-in
    json.dumps(found)
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_hostile_texts_in_every_field_of_every_answer(
    part: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    canary, ends = tmp_path / "canary", Counter[str]()
    texts = list(values(COUNT, canary))[part::PARTS]
    exported = 0
    for number, start in enumerate(range(0, len(texts), ROWS)):
        batch = texts[start : start + ROWS]
        is_written_to = number % EVERY == 0
        boxes = [HostileBox(batch, frozenset())]
        if is_written_to:
            boxes += [HostileBox(batch, IDENTIFIERS), HostileBox(batch, frozenset({"status", "type"}))]
        for box in boxes:
            read = {name: result(box, "miab_info", {"gather_subset": [name]}, check_mode=True) for name in SUBSETS}
            told = {name: found[name] for name, found in read.items() if not found.get("failed")}
            written = {
                f"{module} {check_mode}": result(box, module, options, check_mode)
                for module, options in WRITES.items()
                for check_mode in ((True, False) if is_written_to else (True,))
            }
            results = {**read, **written}
            plan_markdown(plan(results))
            found = problems(told)
            health_page({"box": told}, {"box": found}, made="2026-01-01T00:00:00Z")
            if is_written(told["config"]):
                exported += 1
                filled_in(declaration(told["config"]), tmp_path)
            assert not canary.exists()
            ends.update("an error" if found.get("failed") else "a result" for found in results.values())
    record_property("bad input", {"module": "hostile answers", "ends": dict(ends)})
    assert exported
    assert len(ends) == 2
