"""Writes the hashes of all that `make` installs, and the pins of its tools: run it after a change of constraints.txt.

    python .ci/pins.py [GROUP …]    groups: run, test, tools, bench

pip says what it would install and what each file hashes to. A hash is kept where pip takes the same file on every
machine: a pure-Python wheel (`…-none-any.whl`) or a source archive. A wheel with machine code is another file on each
system, processor and Python, and PyTorch's CPU build is not even the package index's; those are pinned by version.
`make install` has pip check the hashes (`--require-hashes`) before it installs anything else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
TOOLS = ("pip-audit", "cyclonedx-bom")
GROUPS = {"run": (".", "setuptools"), "test": (".[test]",), "tools": TOOLS, "bench": (".[bench]",)}
APART = {
    "tools": ".ci/tools.txt",
    "bench": "bench/constraints.txt",
}  # in environments of their own, with their own pins
_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.M)
_HASHES = """# Made by .ci/pins.py, which says what is hashed and what can't be. pip refuses a file that hashes otherwise.
"""
_APART = """# Made by .ci/pins.py: the version of everything that `make {group}` installs in an environment of its own.
"""


def plain(name: str) -> str:
    """A distribution's name as all spell it alike."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(*files: Path) -> dict[str, str]:
    """The versions that these files pin, by plain name."""
    return {plain(name): version for file in files for name, version in _PIN.findall(file.read_text("utf-8"))}


def hashed_everywhere(file: str) -> bool:
    """Whether pip takes this file on every machine."""
    return file.endswith(("-none-any.whl", ".tar.gz", ".zip"))


def _resolved(wanted: Sequence[str], constraints: Sequence[Path]) -> Iterator[tuple[str, str, str, str]]:
    """What pip would install into an empty environment: name, version, file, SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report",
                   str(report), *(f"--constraint={file}" for file in constraints), *wanted]  # fmt: skip
        # where the packages of a build are pinned: of older and newer pips
        build = {"PIP_CONSTRAINT": "constraints.txt", "PIP_BUILD_CONSTRAINT": "constraints.txt"}
        subprocess.run(command, check=True, cwd=HERE, env={**os.environ, **build})
        found = json.loads(report.read_text("utf-8"))["install"]
    for one in found:
        name, version = one["metadata"]["name"], one["metadata"]["version"]
        if name != "paperpath":
            info = one["download_info"]
            yield name, version, info["url"].rsplit("/", 1)[1], info["archive_info"]["hashes"]["sha256"]


def main(groups: Sequence[str]) -> None:
    """Writes hashes/GROUP.txt for each group, and the pins of those that are installed apart."""
    constraints = HERE / "constraints.txt"
    pinned = pins(constraints)
    before: set[str] = set()
    for group, wanted in GROUPS.items():
        file = HERE / "hashes" / f"{group}.txt"
        if groups and group not in groups:
            before |= set() if group in APART else set(pins(file))
            continue
        found = sorted(_resolved(wanted, [constraints]), key=lambda one: plain(one[0]))
        if group in APART:
            lines = [f"{name}=={version.split('+')[0]}\n" for name, version, _, _ in found]
            (HERE / APART[group]).write_text(
                _APART.format(group={"tools": "supply"}.get(group, group)) + "".join(lines), "utf-8"
            )
            kept = found
        else:
            kept = [one for one in found if plain(one[0]) in pinned and plain(one[0]) not in before]
            if loose := [name for name, *_ in found if plain(name) not in pinned]:
                print(f"not in constraints.txt: {', '.join(loose)} (what the CUDA build of PyTorch brings needs no pin:"
                      " PyTorch's own metadata pins it)", file=sys.stderr)  # fmt: skip
        lines = [f"{name}=={version} --hash=sha256:{sha256}\n" for name, version, archive, sha256 in kept
                 if hashed_everywhere(archive)]  # fmt: skip
        file.write_text(_HASHES + "".join(lines), "utf-8")
        before |= {plain(name) for name, *_ in kept}
        print(f"{file.relative_to(HERE)}: {len(lines)} hashes of {len(found)} distributions")


if __name__ == "__main__":
    main(sys.argv[1:])
