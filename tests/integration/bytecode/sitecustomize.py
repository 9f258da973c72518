# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the bytecode of what is imported from zip files, in the folder that MIAB_TEST_BYTECODE names.

Ansible sends a module and what it imports as a zip file of sources. Python would compile each of them twice for each task.
With the folder of this file on PYTHONPATH, it compiles each source once.
"""

from __future__ import annotations

import _imp
import importlib.util
import marshal
import os
import zipimport

_FOLDER = os.environ["MIAB_TEST_BYTECODE"]
# Bytecode is for one version of Python.
_VERSION = int.from_bytes(importlib.util.MAGIC_NUMBER, "little")
_compile = zipimport._compile_source


def _kept(path: str, source: bytes) -> object:
    file = os.path.join(_FOLDER, _imp.source_hash(_VERSION, source).hex())
    try:
        with open(file, "rb") as kept:
            code = marshal.load(kept)  # noqa: S302 - this file wrote it
    except OSError:
        code = _compile(path, source)
        # Other processes may read it.
        unfinished = "%s.%d" % (file, os.getpid())
        with open(unfinished, "wb") as made:
            marshal.dump(code, made)
        os.replace(unfinished, file)
    _imp._fix_co_filename(code, path)
    return code


zipimport._compile_source = _kept
