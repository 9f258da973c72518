# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of plugins/: imports point down, planning is pure, and one place asks for check mode."""

from __future__ import annotations

import layers
import pytest

FILES = layers.sources()
PLANNER = "module_utils/_resources/users.py"
TASK = "module_utils/_engine/task.py"


def test_no_file_breaks_the_rules() -> None:
    assert layers.faults(FILES) == []


def test_check_mode_is_asked_for_once() -> None:
    assert [place.partition(":")[0] for place in layers.check_mode_decisions(FILES)] == [TASK]


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        *((PLANNER, f"import {name}", "and is pure") for name in ("time", "socket", "subprocess", "os", "random")),
        (PLANNER, "from urllib import request", "and is pure"),
        (PLANNER, "def read(): return open('/etc/passwd')", "calls open, and is pure"),
        (PLANNER, "def late():\n    import threading", "and is pure"),
        (PLANNER, "import requests", "may not import requests"),
        (PLANNER, "from . import aliases", "which stands beside it"),
        (PLANNER, "from .._engine import task", "may not import module_utils/_engine/task"),
        (PLANNER, "from .._box.client import Client", "may not import module_utils/_box/client"),
        ("module_utils/_values/names.py", "from .._model import plan", "may not import module_utils/_model/plan"),
        ("module_utils/_model/shape.py", "from .reads import User", "circle: "),
        ("module_utils/_box/https.py", "from .client import Client", "circle: "),
        ("module_utils/_box/client.py", "from .._engine import task", "may not import module_utils/_engine/task"),
        ("module_utils/_engine/task.py", "from .._resources import users", "may not import"),
        ("module_utils/_engine/task.py", "import ansible.module_utils.basic", "may not import ansible"),
        ("filter/plan.py", "from ..module_utils._engine import task", "may not import module_utils/_engine/task"),
        ("modules/miab_user.py", "from ..module_utils._box.client import Client", "may not import"),
        ("module_utils/stray.py", "", "no layer"),
        *(
            (file, f"def more(check_mode, value, wait):\n    {statement}", "check mode is asked for in 2 places")
            for file in (PLANNER, TASK)
            for statement in (
                "if check_mode:\n        wait()",
                "if value:\n        wait()\n    elif not check_mode:\n        wait()",
                "while not check_mode:\n        wait()",
                "return value if check_mode else wait",
                "return value and check_mode",
                "return [one for one in value if check_mode]",
                "assert check_mode",
                "mode = check_mode",
            )
        ),
        (PLANNER, "def more(module):\n    if module.check_mode:\n        pass", "check mode is asked for in 2 places"),
    ],
)
def test_a_fault_is_found(file: str, line: str, fault: str) -> None:
    found = layers.faults({**FILES, file: FILES.get(file, "") + "\n" + line + "\n"})
    assert any(fault in one for one in found), found


def test_the_guide_for_contributors_shows_the_layers() -> None:
    """Run ``python tools/layers.py`` to update CONTRIBUTING.md."""
    document = layers.CONTRIBUTING.read_text(encoding="utf-8")
    assert document == layers.updated(document, FILES)
