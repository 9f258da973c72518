# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run octoDNS inside this process, which is faster for tests with hundreds of pushes."""

from __future__ import annotations

import io
import logging
import sys
import traceback
from pathlib import Path
from typing import Any

from octodns.manager import Manager


class _LogCollector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def run(push: Any, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run ``octodns-sync`` with these arguments. Return its exit code and its output.

    It stands for ``_octodns._run``. The provider's secrets have to be in the environment.
    """
    heard, output = _LogCollector(), io.StringIO()
    logger = logging.getLogger("Checksum")
    logger.addHandler(heard)
    sys.path.insert(0, str(folder))
    try:
        Manager(str(folder / "config.yaml")).sync(
            dry_run="--doit" not in arguments,
            force="--force" in arguments,
            checksum=arguments[arguments.index("--checksum") + 1] if "--checksum" in arguments else None,
            plan_output_fh=output,
        )
    except Exception:
        return 1, output.getvalue(), traceback.format_exc()
    finally:
        sys.path.remove(str(folder))
        logger.removeHandler(heard)
    return 0, output.getvalue(), "\n".join(heard.lines)
