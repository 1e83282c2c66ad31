"""What is installed: pinned, hashed where one hash holds, under accepted licences, listed, and asked about."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from packaging.requirements import Requirement

from indexer.settings import PROJECT

TOOLS = PROJECT / "build" / "tools" / "bin" / "python"
# What is half-way installed isn't there: CI installs it beside the tests.
INSTALLED = PROJECT / "build" / "tools" / ".installed"
needs_tools = pytest.mark.skipif(not INSTALLED.exists(), reason="`make supply` installs what this runs")
PYTHONS = [{"python_version": version, "python_full_version": f"{version}.1", "sys_platform": system}
           for version in ("3.11", "3.12", "3.13") for system in ("linux", "darwin")]  # fmt: skip
AGAIN = "; after a change of constraints.txt run python .ci/pins.py"


def script(name: str) -> ModuleType:
    """A script of .ci as a module."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / ".ci" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


licences, pins = script("licences"), script("pins")
PINNED: dict[str, str] = pins.pins(PROJECT / "constraints.txt")
BUILD = [pins.plain(Requirement(line).name)
         for line in tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]]  # fmt: skip


def hashed(group: str) -> dict[str, str]:
    """What a file of hashes pins, by plain name."""
    return pins.pins(PROJECT / "hashes" / f"{group}.txt")


def is_pure(held: Distribution) -> bool:
    if held.name == "playwright":  # says so of itself, and brings a program: its file's name is right
        return False
    tags = [line for line in (held.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")]
    return bool(tags) and all(tag.endswith("-none-any") for tag in tags)


def test_all_that_is_installed_is_pinned() -> None:
    for name, held in licences.closure(("test",)).items():
        if not licences._CUDA.match(name):
            assert name in PINNED, f"{name} is not in constraints.txt"
            assert held.version.split("+")[0] == PINNED[name], f"{name} {held.version} is installed"


def test_every_pin_is_needed() -> None:
    needed = licences.needed(("test",), PYTHONS)
    assert set(PINNED) <= {*needed, *BUILD}, "not needed by anything"


def test_what_has_the_same_bytes_everywhere_is_hashed() -> None:
    run, test = hashed("run"), hashed("test")
    assert not set(run) & set(test)
    for name, version in {**run, **test}.items():
        assert PINNED.get(name) == version, name + AGAIN
    for name, held in licences.closure(("test",)).items():
        if not licences._CUDA.match(name):
            assert is_pure(held) == (name in {**run, **test}), name + AGAIN
    assert set(run) <= {*licences.needed((), PYTHONS), *BUILD}
    assert set(BUILD) <= set(run)


@pytest.mark.parametrize(("group", "file"), list(pins.APART.items()))
def test_what_is_installed_apart_is_pinned_and_hashed_too(group: str, file: str) -> None:
    pinned = pins.pins(PROJECT / file)
    assert len(pinned) > 20
    assert all(pinned[name] == version for name, version in hashed(group).items())
    if group == "tools":
        assert {pins.plain(name) for name in pins.TOOLS} <= set(pinned)


@pytest.mark.parametrize("group", list(pins.GROUPS))
def test_every_line_of_hashes_has_one_sha256_and_no_address(group: str) -> None:
    for line in (PROJECT / "hashes" / f"{group}.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            requirement, value = line.split(" --hash=sha256:")
            assert "==" in requirement and len(bytes.fromhex(value)) == 32


BACKEND = """
import zipfile
def wheel(folder):
    name = "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as made:
        made.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\nRequires-Dist: thing\\n")
        made.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: it\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        made.writestr("tiny-1.dist-info/RECORD", "")
    return name
def build_editable(folder, config_settings=None, metadata_directory=None):
    return wheel(folder)
build_wheel = build_editable
"""


def made_wheel(folder: Path, body: bytes) -> str:
    """A wheel of the package `thing`; returns its SHA-256."""
    path = folder / "thing-1.0-py3-none-any.whl"
    files = {"thing.py": body, "thing-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
             "thing-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: it\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}  # fmt: skip
    record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
              for name, data in files.items()]  # fmt: skip
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in {
            **files,
            "thing-1.0.dist-info/RECORD": "\n".join([*record, "thing-1.0.dist-info/RECORD,,\n"]),
        }.items():
            wheel.writestr(zipfile.ZipInfo(name), data)  # without the time of day
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_hashes_otherwise_ends_the_installation(tmp_path: Path) -> None:
    """The Makefile itself, on a project of one dependency, from a folder that stands for the package index."""
    (tmp_path / "Makefile").write_bytes((PROJECT / "Makefile").read_bytes())
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "tiny"\nversion = "1"\n'
    )
    (tmp_path / "constraints.txt").write_text("thing==1.0\n")
    (tmp_path / "hashes").mkdir()
    index = tmp_path / "index"
    index.mkdir()
    venv.create(tmp_path / ".venv")
    (tmp_path / "pip").symlink_to(Path(pytest.importorskip("pip").__file__).parent)  # installing pip would take seconds
    good = made_wheel(index, b"fine = True\n")
    (tmp_path / "hashes" / "run.txt").write_text(f"thing==1.0 --hash=sha256:{good}\n")
    bad = made_wheel(index, b"raise SystemExit('changed on the way')\n")

    def install() -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index),
            "PIP_CONFIG_FILE": os.devnull,
        }
        return subprocess.run(["make", "install", f"PYTHON={sys.executable}"], cwd=tmp_path, capture_output=True, text=True,
                              env=environment)  # fmt: skip

    refused = install()
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert good in refused.stderr and bad in refused.stderr and "thing" in refused.stderr
    assert not list(tmp_path.glob(".venv/lib/*/site-packages/thing*"))
    assert not (tmp_path / ".venv" / ".installed").exists()

    made_wheel(index, b"fine = True\n")
    done = install()
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob(".venv/lib/*/site-packages/tiny-1.dist-info"))
    python = tmp_path / ".venv" / "bin" / "python"
    assert (
        subprocess.run([python, "-c", "import thing; print(thing.fine)"], capture_output=True, text=True).stdout
        == "True\n"
    )


def test_every_licence_is_accepted_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main(check=True) == 0, capsys.readouterr().err


def test_every_judgement_is_about_something_that_is_installed() -> None:
    assert {pins.plain(name) for name in licences.JUDGED} <= set(licences.closure()) | set(BUILD)


@pytest.mark.parametrize(
    ("expression", "is_accepted"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-2.0-only OR MIT", True),
        ("(MIT OR GPL-2.0-only) AND Zlib", True),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("", False),
        ("GPL-3.0-or-later", False),
        ("MIT AND AGPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("MPL-2.0", False),  # only where it was judged
        ("Free for non-commercial use", False),
    ],
)
def test_a_licence_outside_the_accepted_ones_is_refused(expression: str, is_accepted: bool) -> None:
    assert licences.accepted(expression) is is_accepted


def test_a_new_dependency_with_a_copyleft_surprise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tmp_path / "surprise-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: surprise\nVersion: 1.0\nLicense-Expression: MIT\n")
    (info / "LICENSE").write_text("Parts are under the GNU Affero General Public License.\n")
    (tmp_path / "libodd.so.3").write_bytes(b"")
    (info / "RECORD").write_text("libodd.so.3,,\nsurprise-1.0.dist-info/LICENSE,,\n")
    held = Distribution.at(info)
    monkeypatch.setattr(licences, "closure", lambda *_: {"surprise": held})
    assert licences.main(check=True) == 1
    told = capsys.readouterr().err
    assert "surprise: a copyleft licence is named in surprise-1.0.dist-info/LICENSE" in told
    assert "surprise: ships libodd (unknown)" in told


class Osv(BaseHTTPRequestHandler):
    """What the OSV database answers to a query by package and version; `known` maps a name to a vulnerability."""

    known: ClassVar[dict[str, dict]] = {}
    garbage = False
    asked: ClassVar[list[dict]] = []

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(query)
        found = self.known.get(query["package"]["name"])
        body = b"<html>busy</html>" if self.garbage else json.dumps({"vulns": [found]} if found else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Osv, "known", {})
    monkeypatch.setattr(Osv, "garbage", False)
    monkeypatch.setattr(Osv, "asked", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()


def audited(address: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOLS, PROJECT / ".ci" / "audit.py", "--osv-url", address], capture_output=True, text=True,
                          env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"})  # fmt: skip


@needs_tools
def test_the_audit_asks_about_every_pin_and_tells_what_is_known(osv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = audited(osv)
    assert quiet.returncode == 0, quiet.stderr
    assert f"audit: {len(PINNED)} pins, 0 known" in quiet.stdout
    assert {pins.plain(query["package"]["name"]): query["version"] for query in Osv.asked} == PINNED

    found = {"id": "PYSEC-2099-1", "summary": "It explodes.", "modified": "2099-01-01T00:00:00Z", "affected": [
        {"package": {"name": "pypdf", "ecosystem": "PyPI"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}]}]}  # fmt: skip
    monkeypatch.setattr(Osv, "known", {"pypdf": found})
    known = audited(osv)
    assert known.returncode == 1
    assert f"pypdf {PINNED['pypdf']}: PYSEC-2099-1, mended in 99.0" in known.stderr


@needs_tools
def test_an_audit_that_could_not_be_made_never_passes(osv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = audited("http://127.0.0.1:9/v1/query")
    assert nobody.returncode == 3
    assert nobody.stderr.startswith("NOT AUDITED: the vulnerability service gave no answer")
    assert "Traceback" not in nobody.stderr and not nobody.stdout
    monkeypatch.setattr(Osv, "garbage", True)
    assert audited(osv).returncode == 3


@needs_tools
@pytest.mark.torture  # a quarter of a minute for each; `make supply` writes one
def test_the_bill_of_materials_is_what_runs_and_comes_out_the_same(tmp_path: Path) -> None:
    bills = []
    for name in ("a.json", "b.json"):
        subprocess.run([sys.executable, PROJECT / ".ci" / "bom.py", TOOLS.parent / "cyclonedx-py", tmp_path / name],
                       check=True, capture_output=True)  # fmt: skip
        bills.append((tmp_path / name).read_bytes())
    assert bills[0] == bills[1]
    bill = json.loads(bills[0])
    assert bill["bomFormat"] == "CycloneDX" and bill["metadata"]["component"]["name"] == "paperpath"
    listed = {pins.plain(one["name"]): one["version"] for one in bill["components"]}
    assert listed == {name: held.version for name, held in licences.closure().items()}
    known = {one["bom-ref"] for one in bill["components"]} | {"root-component"}
    assert {ref for one in bill["dependencies"] for ref in (one["ref"], *one.get("dependsOn", []))} <= known
    assert str(PROJECT) not in bills[0].decode()
