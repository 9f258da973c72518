# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test's sanity tests on a copy of the checkout, and fail unless they really ran.

ansible-test needs a copy: it follows no symbolic links and expects a folder ansible_collections/NAMESPACE/NAME.
"""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from checkout import CACHE, COLLECTION, copy_checkout, environment

COPY = CACHE / "sanity" / COLLECTION
# The sanity tests for collections in ansible-core 2.18 to 2.22.
FEWEST_TESTS = 24
# Some of them run once for each installed Python.
STARTED = re.compile(r'^Running sanity test "([^"]+)"', re.MULTILINE)

# ansible-test downloads a script of this name to install pip into its environments. The original contains pip.
PIP_BOOTSTRAP = '''\
"""Stand-in for get-pip.py, written by mailinabox.admin: installs with the pip wheel that lies beside it."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "{wheel}"))

from pip._internal.cli.main import main

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(main(["install", "--force-reinstall", "--find-links", here] + arguments))
'''


def find_in_ansible_test(path: str, pattern: str) -> str:
    """Read a constant from the installed ansible-test."""
    for package in Path(sys.prefix).glob("lib/python3*/site-packages/ansible_test"):
        found = re.search(pattern, (package / path).read_text(encoding="utf-8"))
        if found:
            return found[1]
    sys.exit(f"ansible-test has changed: {path} does not match {pattern!r}")


def provide_pip() -> None:
    """If the download server can't be reached, put a replacement into ansible-test's cache."""
    version = find_in_ansible_test("_internal/python_requirements.py", r"\bpip='([\d.]+)'")
    url = find_in_ansible_test("_util/target/setup/requirements.py", r"url = '(https://[^']+)' % pip_version") % version
    script = Path(f"~/.ansible/test/cache/get_pip_{version.replace('.', '_')}.py").expanduser()
    if script.exists():
        return
    try:
        with urllib.request.urlopen(url, timeout=10):
            return
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"{url} can't be reached ({error}); using a local replacement")
    script.parent.mkdir(parents=True, exist_ok=True)
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(script.parent)]
    subprocess.run([*download, f"pip=={version}"], check=True, stderr=subprocess.DEVNULL)
    script.write_text(PIP_BOOTSTRAP.format(wheel=f"pip-{version}-py3-none-any.whl"), encoding="utf-8")


def main() -> int:
    copy_checkout(COPY)
    provide_pip()
    with subprocess.Popen(
        ["ansible-test", "sanity", "--color", "no", *sys.argv[1:]],
        cwd=COPY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        output = ""
        for line in process.stdout or ():
            output += line
            print(line, end="", flush=True)
    if process.returncode:
        return process.returncode
    # ansible-test exits 0 even if it ran nothing. When you name tests, not all of them have to run.
    ran = len(set(STARTED.findall(output)))
    if "All targets skipped" in output or (ran < FEWEST_TESTS and len(sys.argv) == 1) or not ran:
        print(f"Only {ran} sanity tests ran, {FEWEST_TESTS} are expected.")
        return 1
    print(f"{ran} sanity tests ran.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
