"""Running it for long: as nobody, with nothing to write to but its library; by systemd, behind nginx, in a container."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn

from indexer.settings import PROJECT, Settings
from service.serving.guard.hosts import LONGEST_TARGET
from tests import bare_root, libraries
from tests.printed import pdf, prose
from tests.serving import WAIT, served, until

DEPLOY = PROJECT / "deploy"
NO_BARE_ROOT = bare_root.missing()
needs_bare_root = pytest.mark.skipif(bool(NO_BARE_ROOT), reason=NO_BARE_ROOT)
QUESTION = "communication between islands of devices"


class Bare:
    """Runs paperpath in a bare root, as a user that nothing knows, over the library in folder `writable`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.writable = folder / "writable"
        self.writable.mkdir()
        self._root = folder / "root"
        self._root.mkdir()
        self._environment = {"PAPERPATH_LIBRARY": f"{bare_root.WRITABLE}/library", **environment}

    def command(self, *words: str) -> list[str]:
        return bare_root.command(self._root, self.writable, [sys.executable, *words], self._environment)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=WAIT)

    def paperpath(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "service.cli", *words)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """`paperpath serve` there, and its address."""
        with subprocess.Popen(self.command("-m", "service.cli", "serve", "--port", "0"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
            assert process.stdout and process.stderr
            try:
                lines = [process.stdout.readline() for _ in range(2)]
                match = re.search(r"http://\S+?(?=/\s*$)", lines[1])
                if not match:
                    process.kill()
                    raise AssertionError(f"{lines} {process.stderr.read()}")
                yield match[0]
                process.terminate()
                _, said = process.communicate(timeout=WAIT)
                assert process.returncode == 0 and "Traceback" not in said, said
            finally:
                process.kill()


@needs_bare_root
def test_the_bare_root_is_bare(tmp_path: Path) -> None:
    """What the tests below stand on: an unprivileged user, no home, no pip, and one folder to write to."""
    bare = Bare(tmp_path)
    tried = [f"{folder}/x" for folder in ("", PROJECT, sys.prefix, sys.base_prefix, "/etc", "/usr", "/tmp", "/var", "/dev/shm",
                                          bare_root.WRITABLE)]  # fmt: skip
    done = bare.run(
        "-c",
        f"""
import json, os, subprocess, sys
wrote = []
for path in {tried!r}:
    try:
        open(path, "w").close()
        wrote.append(path)
    except OSError:
        pass
pip = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode
print(json.dumps([wrote, os.getuid(), os.getgroups(), "HOME" in os.environ, pip != 0]))
""",
    )
    assert json.loads(done.stdout) == [[f"{bare_root.WRITABLE}/x"], bare_root.NOBODY, [], False, True], done.stderr


@needs_bare_root
def test_it_serves_and_searches_with_nothing_but_its_library_to_write_to(tmp_path: Path) -> None:
    bare = Bare(tmp_path, PAPERPATH_MODEL="toy", PAPERPATH_TOKEN="a-token-for-this-test")
    libraries.build(bare.writable / "library")
    found = bare.paperpath("search", QUESTION, "--json")
    assert json.loads(found.stdout)["results"][0]["id"] == "2311.08105", found.stderr
    doctor = bare.paperpath("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    with bare.serving() as url:
        assert httpx.get(f"{url}/readyz").json()["status"] == "ready"
        answer = httpx.get(f"{url}/v1/search", params={"q": QUESTION}).json()
        assert answer["results"][0]["id"] == "2311.08105"
        assert httpx.get(f"{url}/").status_code == 200
        # what it writes: an upload, and a generation by a process of its own
        authorized = {"Authorization": "Bearer a-token-for-this-test"}
        paper = pdf([prose("Gossip spreads what each worker learnt over a ring of neighbours. " * 12, y=100)])
        upload = httpx.post(f"{url}/v1/uploads", params={"name": "gossip.pdf"}, content=paper, headers=authorized)
        assert upload.status_code == 201, upload.text
        started = httpx.post(f"{url}/v1/reindex", json={"add": [upload.json()["source"]], "offline": True, "yes": True},
                             headers=authorized)  # fmt: skip
        assert started.status_code == 202, started.text
        there, job = f"{url}/v1/reindex/{started.json()['id']}", {"state": "running"}
        while job["state"] == "running":
            job = httpx.get(there, params={"wait": 60}, timeout=WAIT).json()
        assert job["state"] == "done" and job["report"]["lines"][0]["outcome"] == "full text", job
        answer = httpx.get(f"{url}/v1/search", params={"q": "a ring of neighbours"}).json()
        assert answer["results"][0]["passages"][0]["page"] == 1


@needs_bare_root
@pytest.mark.model
@pytest.mark.torture
def test_the_model_runs_where_no_export_can_be_kept_and_doctor_says_so(tmp_path: Path) -> None:
    """Beside the packaged model nothing can be written, and there is no cache folder: torch runs it."""
    bare = Bare(tmp_path, PAPERPATH_ENCODER_CACHE="/usr/paperpath-cache")
    built = bare.paperpath("reindex", "--offline", str(PROJECT / "data" / "reading-list.md"))
    assert built.returncode == 3, built.stderr  # digests
    doctor = bare.paperpath("doctor")
    assert doctor.returncode == 0
    assert "torch runs the model" in doctor.stdout and "set PAPERPATH_ENCODER_CACHE" in doctor.stdout
    assert "Warning" not in doctor.stderr
    found = bare.paperpath("search", "how does diloco reduce communication", "--json")
    assert json.loads(found.stdout)["results"][0]["id"] == "2311.08105"
    with bare.serving() as url:
        answer = httpx.get(
            f"{url}/v1/search", params={"q": "how does diloco reduce communication"}, timeout=WAIT
        ).json()
        assert answer["results"][0]["id"] == "2311.08105"


def test_no_home_and_no_cache_folder_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user that nothing knows, without HOME: the model's own folder is left."""
    from indexer.embed import exports

    monkeypatch.setattr(os.path, "expanduser", lambda path: str(path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert exports.homes(tmp_path, None) == [tmp_path / exports.FOLDER]
    assert exports.homes(tmp_path, Path("/given")) == [Path("/given") / exports.FOLDER]


def test_nothing_is_measured_where_that_could_not_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would be measured again at every start: an export that is there runs as it is, and without one torch does."""
    from indexer.embed import choice, exports
    from indexer.embed.described import Described

    described = Described("m", "f", tmp_path, None, None, threads=2)
    monkeypatch.setattr(exports, "writable_home", lambda _: None)
    monkeypatch.setattr(exports, "homes", lambda *_: [tmp_path / "no" / "home"])
    chosen = choice.chosen(described)
    assert chosen and chosen.engine == "torch" and "PAPERPATH_ENCODER_CACHE" in chosen.why
    record = exports.Record("f", "openvino 1", agreement={"bf16": 0.9, "f32": 1.0})
    monkeypatch.setattr(exports, "find", lambda *_: exports.Export(tmp_path, record))
    chosen = choice.chosen(described)
    assert chosen and (chosen.engine, chosen.precision, chosen.query_threads) == ("openvino", "f32", 2)
    assert "nothing measured can be kept" in chosen.why


@pytest.mark.model
def test_what_runs_the_model_asks_nobody(tmp_path: Path) -> None:
    """OpenVINO's telemetry is not loaded: no name is looked up, and nothing is left in the home folder."""
    code = """
import socket, sys
asked = []
socket.getaddrinfo = lambda *given, **_: asked.append(given) or []
from indexer.embed import openvino
import time
openvino._silent()
time.sleep(0.2)  # its telemetry would ask in a process of its own
telling = [name for name, module in sys.modules.items() if "telemetry" in name and module and "stub" not in name]
print(asked, [name for name in telling if name.startswith("openvino_telemetry")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT,
                          env={**os.environ, "HOME": str(tmp_path)})  # fmt: skip
    assert done.stdout.strip() == "[] []", done.stderr
    assert not list(tmp_path.iterdir())


def test_openvino_is_imported_in_one_place() -> None:
    wrong = [f"{path}: {line}" for folder in ("indexer", "service") for path in (PROJECT / folder).rglob("*.py")
             for line in re.findall(r"^\s*(?:import openvino\b|from openvino\b(?!\.frontend)).*", path.read_text("utf-8"), re.M)]  # fmt: skip
    assert len(wrong) == 1 and "indexer/embed/openvino.py" in wrong[0]


# The container file


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    lines = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.M)).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_the_container_file_is_pinned_unprivileged_and_holds_no_secret() -> None:
    found = instructions()
    assert {words for name, words in found if name == "FROM"} == {"${BASE} AS build", "${BASE}"}
    base = next(words for name, words in found if name == "ARG" and words.startswith("BASE="))
    assert re.fullmatch(r"BASE=python:3\.\d+\.\d+-slim-\w+", base)  # a release and a system, not what is newest today
    last = found[[i for i, (name, _) in enumerate(found) if name == "FROM"][-1] :]
    assert [words for name, words in last if name == "USER"] == ["10001:10001"]
    assert [words for name, words in last if name == "VOLUME"] == ['["/library"]']
    health = next(words for name, words in last if name == "HEALTHCHECK")
    assert "/healthz" in health and not re.search(r"curl|wget", health)
    assert not [name for name, _ in found if name == "ADD"]
    assert all(words.startswith("[") for name, words in last if name in ("ENTRYPOINT", "CMD"))
    assert not [words for name, words in found if name in ("ENV", "ARG") and re.search(r"TOKEN|SECRET|PASSWORD", words)]


def test_what_the_container_file_copies_is_there_and_let_through() -> None:
    kept = re.findall(r"^!(.+)$", (PROJECT / ".dockerignore").read_text("utf-8"), re.M)
    assert "*" in (PROJECT / ".dockerignore").read_text("utf-8").splitlines()
    for name, words in instructions():
        if name == "COPY" and not words.startswith("--from"):
            for source in words.split()[:-1]:
                assert (PROJECT / source).exists(), source
                assert any(source == one or source.startswith(f"{one}/") for one in kept), source
    assert not {"data", "data/token", ".env", ".git"} & set(kept)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_the_container_file_lints() -> None:
    done = subprocess.run(["hadolint", DEPLOY / "Containerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_health_check_of_the_container_tells_alive_from_dead(tmp_path: Path) -> None:
    health = next(words for name, words in instructions() if name == "HEALTHCHECK")
    code = json.loads(health.split("CMD ", 1)[1])[3]
    libraries.build(tmp_path / "library")
    with served(tmp_path / "library", tmp_path / "log") as server:
        there = code.replace("http://127.0.0.1:8000", server.url)
        assert there != code
        assert subprocess.run([sys.executable, "-I", "-c", there]).returncode == 0
    assert subprocess.run([sys.executable, "-I", "-c", there], capture_output=True).returncode != 0


# systemd


UNITS = sorted(path.name for path in DEPLOY.glob("paperpath-*.*") if path.is_file())
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A root with the units where systemd looks for them, and what they run."""
    units = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(DEPLOY, units)
    for program in ("opt/paperpath/.venv/bin/paperpath", "bin/sh"):
        path = tmp_path / program
        path.parent.mkdir(parents=True)
        shutil.copy(shutil.which("true") or "/bin/true", path)
    (tmp_path / "usr" / "lib" / "systemd").mkdir(parents=True)
    with suppress(OSError):
        shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr" / "lib" / "systemd" / "system", symlinks=True)
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_units_as_they_are(unit: str, system: Path) -> None:
    done = subprocess.run(["systemd-analyze", f"--root={system}", "verify", unit], capture_output=True, text=True)
    if "Failed to initialize manager" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_the_services_are_hardened(unit: str, system: Path) -> None:
    """Exposure as systemd counts it, 10 at worst: what is left is the network and what making machine code needs."""
    done = subprocess.run(["systemd-analyze", f"--root={system}", "security", "--offline=true", "--no-pager", "--threshold=20",
                           unit], capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1:] or done.stderr


def test_the_units_agree_with_the_server_and_with_each_other() -> None:
    from service.serving.beside import _END_SECONDS
    from service.serving.stopping import FINISH_SECONDS

    serve = (DEPLOY / "paperpath-serve.service").read_text("utf-8")
    stop = re.search(r"^TimeoutStopSec=(\d+)$", serve, re.M)
    assert stop and int(stop[1]) >= FINISH_SECONDS + _END_SECONDS + 15
    for path in DEPLOY.rglob("paperpath-*"):
        if path.is_file():
            for name in re.findall(r"PAPERPATH_(\w+)", path.read_text("utf-8")):
                assert name.lower() in Settings.model_fields, f"{path.name}: PAPERPATH_{name}"
    for name in re.findall(
        r"PAPERPATH_(\w+)", (DEPLOY / "nginx.conf").read_text() + (DEPLOY / "Containerfile").read_text()
    ):
        assert name.lower() in Settings.model_fields, name
    for timer in DEPLOY.glob("*.timer"):
        assert timer.with_suffix(".service").exists()


def test_a_reindex_that_came_to_its_end_is_no_failure() -> None:
    from service.serving.jobs import _PUBLISHED

    found = re.search(r"^SuccessExitStatus=(.+)$", (DEPLOY / "paperpath-reindex.service").read_text("utf-8"), re.M)
    assert found and {0, *map(int, found[1].split())} == set(_PUBLISHED)


def hardened() -> str:
    return (DEPLOY / "paperpath-.service.d" / "hardened.conf").read_text("utf-8")


def test_the_documents_that_are_read_at_once_fit_into_the_memory() -> None:
    workers, memory = (
        re.search(r"PAPERPATH_WORKERS=(\d+)$", hardened(), re.M),
        re.search(r"^MemoryMax=(\d+)G$", hardened(), re.M),
    )
    assert workers and memory
    each = Settings.model_fields["extract_megabytes"].default
    assert int(workers[1]) * each <= (int(memory[1]) - 1) * 1024  # a gigabyte for the model and all else


def test_what_runs_a_command_on_the_library_has_the_units_own_settings() -> None:
    given = re.search(r"^in_library\(\) \{\n(.*?)^\}$", (PROJECT / "README.md").read_text("utf-8"), re.M | re.S)
    assert given
    words = shlex.split(given[1].replace("\\\n", " "))
    settings = hardened().replace("%S", "/var/lib").replace("%C", "/var/cache")
    environment = {one for line in re.findall(r"^Environment=(.*)$", settings, re.M) for one in line.split()}
    for option, value in itertools.pairwise(words):
        if option == "-p":
            assert value in settings.splitlines(), value
        if option == "-E":
            assert value in environment, value
    assert {"DynamicUser=yes", "User=paperpath", "StateDirectory=paperpath", "UMask=0077"} < set(words)
    assert f"{words[-2]} " in (DEPLOY / "paperpath-serve.service").read_text("utf-8") and words[-1] == "$@"


def test_the_steps_of_the_readme_put_there_what_the_units_read() -> None:
    steps = re.search(r"^git clone … .*?^```$", (PROJECT / "README.md").read_text("utf-8"), re.M | re.S)
    assert steps
    listed = re.search(r"REINDEX=--add (/\S+?)'", steps[0])
    assert listed
    folder, name = os.path.split(listed[1])
    installed = re.search(
        rf"^install -m 644 /opt/paperpath/(\S+/{re.escape(name)}) {re.escape(folder)}/", steps[0], re.M
    )
    assert installed and (PROJECT / installed[1]).is_file()
    assert f"install -d -m 755 {folder}\n" in steps[0] and "(umask 077; python3 -c" in steps[0]
    assert steps[0].index(installed[0]) < steps[0].index("systemctl start paperpath-reindex")


# nginx


needs_nginx = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="nginx is not installed (apt-get install nginx-light)"
)
NAME = "papers.lab.example"


def test_nginx_lets_go_of_an_idle_connection_before_the_server_does() -> None:
    idle = re.search(r"^upstream .*?keepalive_timeout (\d+)s;", (DEPLOY / "nginx.conf").read_text("utf-8"), re.M | re.S)
    assert idle and int(idle[1]) < uvicorn.Config("none").timeout_keep_alive


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for `NAME` that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, subject = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]),
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def behind_nginx(folder: Path, upstream: str) -> Iterator[tuple[httpx.Client, int]]:
    """The example as it stands, but for ports and certificate; a client that takes `NAME` for this machine, and its port."""
    folder.mkdir()
    plain, tls = free_ports()
    cert, key = certificate(folder)
    example = (DEPLOY / "nginx.conf").read_text("utf-8")
    for old, new in [
        (r"\n\s*listen \[::\].*;", ""), (r"listen 80\b", f"listen 127.0.0.1:{plain}"),
        (r"listen 443\b", f"listen 127.0.0.1:{tls}"), (r"server 127\.0\.0\.1:8000;", f"server {upstream.split('//')[1]};"),
        (r"(ssl_certificate\s+).*;", rf"\g<1>{cert};"), (r"(ssl_certificate_key\s+).*;", rf"\g<1>{key};"),
    ]:  # fmt: skip
        example, times = re.subn(old, new, example)
        assert times, old
    spare = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = folder / "nginx.conf"
    conf.write_text(f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n{'user root;' if os.geteuid() == 0 else ''}"
                    f"\nevents {{}}\nhttp {{\naccess_log off;\n{spare}\n{example}}}\n")  # fmt: skip
    tried = subprocess.run(["nginx", "-t", "-c", conf], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    # "listen … http2" is how nginx before 1.25.1 is asked, and newer ones still take it
    assert not [line for line in tried.stderr.splitlines() if "[warn]" in line and "http2" not in line], tried.stderr
    with subprocess.Popen(["nginx", "-c", conf], stderr=subprocess.DEVNULL) as process:
        try:
            trusted = ssl.create_default_context(cafile=str(cert))
            with httpx.Client(verify=trusted, base_url=f"https://127.0.0.1:{tls}", timeout=WAIT,
                              headers={"Host": NAME}) as client:  # fmt: skip
                client.event_hooks["request"].append(lambda asked: asked.extensions.update(sni_hostname=NAME))
                until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
                yield client, plain
        finally:
            process.terminate()
            process.wait(WAIT)


@needs_nginx
def test_behind_nginx_as_in_the_example(tmp_path: Path) -> None:
    libraries.build(tmp_path / "library")
    may_read, may_change = {"Authorization": "Bearer for-reading"}, {"Authorization": "Bearer for-changes"}
    with (
        served(tmp_path / "library", tmp_path / "log", hosts=NAME, proxies="127.0.0.1", read_token="for-reading",
               token="for-changes", log="json") as server,
        behind_nginx(tmp_path / "nginx", server.url) as (client, plain),
    ):  # fmt: skip
        found = client.get("/v1/search", params={"q": QUESTION}, headers=may_read)
        assert found.json()["results"][0]["id"] == "2311.08105"
        assert client.get("/v1/search", params={"q": QUESTION}).status_code == 401
        assert client.get("/healthz").status_code == 200

        # an address as long as paperpath reads, which finds the question too long, and a longer one: its own answers
        for more, problem in ((0, "invalid"), (1, "address-too-long")):
            q = "communication" + "+" * (LONGEST_TARGET - len("/v1/search?q=communication") + more)
            answer = client.get(f"/v1/search?q={q}", headers=may_read)
            assert answer.json()["type"] == f"urn:paperpath:problem:{problem}"

        # under another name, in plain text, without a name: not past nginx
        assert client.get("/v1/papers", headers={**may_read, "Host": "evil.example"}).status_code == 421
        moved = httpx.get(f"http://127.0.0.1:{plain}/v1/papers?limit=1", headers={"Host": NAME})
        assert (moved.status_code, moved.headers["Location"]) == (308, f"https://{NAME}/v1/papers?limit=1")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{plain}/v1/papers")

        # what a client says of itself isn't believed: it neither reads as this machine nor passes for another
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host"):
            assert (
                client.get(
                    "/v1/papers", headers={header: "for=127.0.0.1" if header == "Forwarded" else "127.0.0.1"}
                ).status_code
                == 401
            )

        # a page of this server may ask, another's may not
        assert client.get("/v1/papers", headers={**may_read, "Origin": f"https://{NAME}"}).status_code == 200
        assert client.get("/v1/papers", headers={**may_read, "Origin": "https://evil.example"}).status_code == 403

        # an upload larger than nginx takes by default, then a reindex, told as it goes on
        paper = pdf([prose("Gossip spreads what each worker learnt over a ring of neighbours. " * 12, y=100)])
        upload = client.post(
            "/v1/uploads", params={"name": "gossip.pdf"}, content=paper + b"\n" * 2_000_000, headers=may_change
        )
        assert upload.status_code == 201, upload.text
        started = client.post("/v1/reindex", json={"add": [upload.json()["source"]], "offline": True, "yes": True},
                              headers=may_change)  # fmt: skip
        assert started.status_code == 202, started.text
        with client.stream("GET", f"/v1/reindex/{started.json()['id']}/events", headers=may_read) as events:
            assert events.headers["Content-Type"].startswith("text/event-stream")
            assert any(line == "event: end" for line in events.iter_lines())
        assert client.get(f"/v1/reindex/{started.json()['id']}", headers=may_read).json()["state"] == "done"
