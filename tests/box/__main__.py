# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a simulated box in the foreground: python -m tests.box --version v60 --port 8443.

The first line of its output is a JSON object with url, username, password and cacert. The next lines are the same as
``export MIAB_...`` commands for a shell. The box runs until you interrupt it.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shlex
import signal
import sys
import threading

from .known import KNOWN, new_state
from .prepare import prepare
from .server import Box
from .versions import NEWEST


def _wait_for_end_of_input(stop: threading.Event) -> None:
    # Don't read through sys.stdin: Python can't exit while this thread holds its buffer.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.box", description=__doc__)
    parser.add_argument("--version", choices=list(KNOWN), default=NEWEST)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--state", type=pathlib.Path, help="a JSON file with what to add; see tests/box/prepare.py")
    parser.add_argument("--delay", type=float, default=0, help="seconds that each write takes longer")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the program that started this")
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_unused: stop.set())
    try:
        state = new_state(options.version)
        if options.state:
            prepare(state, json.loads(options.state.read_text(encoding="utf-8")))
        box = Box(port=options.port, state=state)
    except (OSError, ValueError) as error:
        print(f"The box can't start: {error}", file=sys.stderr)
        return 1
    box.delay = options.delay
    with box:
        reply = {"url": box.url, "username": box.username, "password": box.password, "cacert": box.cacert}
        print(json.dumps(reply))
        names = {"url": "MIAB_HOST", "username": "MIAB_USERNAME", "password": "MIAB_PASSWORD", "cacert": "MIAB_CA_PATH"}
        for key, name in names.items():
            print(f"export {name}={shlex.quote(reply[key])}")
        sys.stdout.flush()
        if options.until_stdin_closes:
            threading.Thread(target=_wait_for_end_of_input, args=(stop,), daemon=True).start()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
