"""A root of its own for one command: read-only but for one folder, with an unprivileged user, no home, and no pip.

It holds what a small container has: the system's libraries, Python, its packages, and this project.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]
NOBODY = 54321  # no line of /etc/passwd knows it, as in a container
WRITABLE = "/library"
_ALIVE = ("dev", "proc", "sys")  # not files: what is mounted below them comes along, and stays as it is


def missing() -> str:
    """Why no such root can be made here, "" where it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs root on Linux"
    if not all(map(shutil.which, ("unshare", "setpriv", "chroot", "mount"))):
        return "needs unshare, setpriv, chroot and mount"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True
    )
    return f"no file system can be mounted: {tried.stderr.strip()}" if tried.returncode else ""


def _script(root: Path, writable: Path | None) -> str:
    """Shell commands that make the root in folder `root`."""
    new, lines = shlex.quote(str(root)), [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(root))}"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "usr", "etc", "dev", "proc", "sys"):
        path = Path("/", name)
        if path.is_symlink():
            lines.append(f"ln -s {shlex.quote(os.readlink(path))} {new}/{name}")
        elif path.is_dir():
            lines.append(
                f"mkdir {new}/{name} && mount --{'r' if name in ('dev', 'proc', 'sys') else ''}bind /{name} {new}/{name}"
            )
    shown = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), PROJECT}
    for path in sorted(shown):
        if path.parts[1] != "usr" and not any(other in path.parents for other in shown):
            there = f"{new}{shlex.quote(str(path))}"
            lines += [f"mkdir -p {there}", f"mount --bind {shlex.quote(str(path))} {there}"]
    packages = Path(os.__file__).parent, *(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    for folder in packages:
        for gone in [*folder.glob("pip"), *folder.glob("pip-*"), *folder.glob("ensurepip")]:
            lines.append(f"mount -t tmpfs none {new}{shlex.quote(str(gone.resolve()))}")
    lines += [f"mkdir {new}{WRITABLE}", f"if test -d {new}/dev/shm; then mount -t tmpfs -o ro none {new}/dev/shm; fi"]
    # all that is mounted so far can't be written, whatever it was bound from
    lines.append(f"for at in $(awk '$2 ~ \"^{root}\" {{print $2}}' /proc/self/mounts | grep -v '/dev/\\|/proc/\\|/sys/'); do"
                 " mount -o remount,bind,ro \"$at\"; done")  # fmt: skip
    if writable is not None:
        lines.append(f"mount --bind {shlex.quote(str(writable))} {new}{WRITABLE}")
    return "set -e\n" + "\n".join(lines) + "\n"


def command(root: Path, writable: Path | None, words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """What runs `words` in a root made in the empty folder `root`, with only `writable` to write to, at `WRITABLE`."""
    if writable is not None:
        for path in [writable, *writable.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
    # What would install or compile is away, and nothing of the environment is handed down.
    given = [f"{name}={value}" for name, value in environment.items()]
    inner = ["chroot", str(root), "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
             "--inh-caps=-all", "--bounding-set=-all", "env", "-i", f"--chdir={PROJECT}", *given, *words]  # fmt: skip
    return [
        "unshare",
        "--mount",
        "--propagation=private",
        "sh",
        "-c",
        _script(root, writable) + f"exec {shlex.join(inner)}",
    ]
