# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-playbook`` at half the cost: fork it from a process that has already imported the libraries.

That process imports only what reads neither Ansible's configuration nor the environment. Everything else happens after the
fork, with the environment of the run, so a run does the same as a fresh process.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

# Some releases of ansible-core lack some of them.
_IMPORTS = (
    "ansible._internal._ssh._ssh_agent",
    "ansible._internal._templating",
    "ansible.config.manager",
    "ansible.parsing.splitter",
    "ansible.utils.collection_loader",
    "ansible.utils.unsafe_proxy",
    "argcomplete.completers",
    "cryptography.hazmat.primitives.ciphers",
    "difflib",
    "email.policy",
    "getpass",
    "logging",
    "multiprocessing.queues",
    "packaging.version",
    "pty",
    "requests",
    "urllib.request",
    "uuid",
)
# Reads the configuration when it is imported.
_CONFIGURED = "ansible.constants"
# In bytes: more than the arguments and the environment of a run.
_LONGEST_REQUEST = 1 << 17
_NUMBER = struct.Struct("i")


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float) -> tuple[int, str, str]:
    """Run a Python program in a folder, and return its exit code and what it wrote to standard output and error.

    :raises subprocess.TimeoutExpired: if it still runs after this many seconds. It is killed then.
    """
    request = json.dumps([command, str(folder), dict(environment)]).encode()
    read, reply = os.pipe()
    with (
        TemporaryFile("w+", encoding="utf-8") as output,
        TemporaryFile("w+", encoding="utf-8") as errors,
        open(read, "rb", buffering=0) as answers,
    ):
        with open(reply, "wb"):
            socket.send_fds(_server(), [request], [output.fileno(), errors.fileno(), reply])
        (group,) = _NUMBER.unpack(answers.read(_NUMBER.size))
        try:
            if not select.select([answers], [], [], seconds)[0]:
                raise subprocess.TimeoutExpired(command, seconds)
        except BaseException:
            os.killpg(group, signal.SIGKILL)
            raise
        (status,) = _NUMBER.unpack(answers.read(_NUMBER.size))
        output.seek(0)
        errors.seek(0)
        return status, output.read(), errors.read()


@functools.cache
def _server() -> socket.socket:
    """The channel to the process that forks the runs. The process ends when the channel is closed."""
    channel, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its_end:
        process = subprocess.Popen([sys.executable, __file__], stdin=its_end, stdout=subprocess.DEVNULL)

    @atexit.register
    def stop() -> None:
        channel.close()
        process.wait()

    return channel


def _serve() -> None:
    """For each request, fork a process that runs the program, and one that waits for it."""
    # The folder of this file. Python adds it to the path of a script, but the forked program is another one.
    del sys.path[0]
    for name in _IMPORTS:
        with suppress(ImportError):
            importlib.import_module(name)
    _parse_routing()
    assert _CONFIGURED not in sys.modules, f"an import of {__file__} reads the configuration"
    gc.freeze()
    # Short runs leave little garbage.
    gc.set_threshold(50_000)
    channel = socket.socket(fileno=sys.stdin.fileno())
    while True:
        request, descriptors, _flags, _address = socket.recv_fds(channel, _LONGEST_REQUEST, 3)
        if not request:
            _reap(0)
            return
        if not os.fork():
            break
        for descriptor in descriptors:
            os.close(descriptor)
        _reap(os.WNOHANG)
    channel.detach()
    output, errors, reply = descriptors
    os.setsid()
    os.write(reply, _NUMBER.pack(os.getpid()))
    process = os.fork()
    if process:
        _process, status = os.waitpid(process, 0)
        os.write(reply, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
        return
    os.close(reply)
    _become(output, errors, *json.loads(request))


def _parse_routing() -> None:
    """Parse the file that says where Ansible's own plugins went: every run does, and it takes a fifth of a short one.

    Ansible's comments name this function as one that other tools replace, to remember what it returned.
    """
    finder = importlib.import_module("ansible.utils.collection_loader._collection_finder")
    parse = functools.cache(finder._meta_yml_to_dict)
    routing = Path(importlib.import_module("ansible").__file__ or "").parent / "config" / "ansible_builtin_runtime.yml"
    parse(routing.read_bytes(), ("ansible.builtin", "runtime.yml"))
    finder._meta_yml_to_dict = parse


def _reap(options: int) -> None:
    """Let go of the processes that have waited for a run, so that the time of their runs counts as time of this process."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def _become(output: int, errors: int, command: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run a program in this process."""
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, errors)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    sys.path.insert(0, os.path.dirname(command[0]))
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    _serve()
