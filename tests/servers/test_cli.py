"""The stand-alone command as a process: terminal, pipe, Ctrl-C, secrets, and no OctoPrint."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octoprint_obico.diagnosis.cli import main
from octoprint_obico.diagnosis.terminal import Style, Terminal
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from .certificates import Certificates
from .results import check_result

Serve = Callable[[f.Behaviour], f.FaultServer]
ROOT = Path(__file__).resolve().parent.parent.parent
ESCAPE = "\x1b["
ARGUMENTS = (sys.executable, "-W", "error", "-m", "octoprint_obico.diagnosis")


def environment(**more: str) -> dict[str, str]:
    """A plain environment: nothing that steers colours, proxies or trust comes from outside."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", **more}


def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it behind pipes."""
    return subprocess.run(
        [*ARGUMENTS, *arguments],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        timeout=f.LIMIT_S * 3,
    )


@contextmanager
def started(
    *arguments: str, stdout: int = subprocess.PIPE, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it runs; killed at the end where it still does."""
    process = subprocess.Popen(
        [*ARGUMENTS, *arguments],
        cwd=ROOT,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(f.LIMIT_S)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def on_terminal(*arguments: str, **more: str) -> tuple[int, str]:
    """Run it on a terminal of its own; exit status and all that it has shown."""
    ours, its = pty.openpty()
    try:
        with started(*arguments, stdout=its, **more) as process:
            os.close(its)
            shown = b""
            while select.select([ours], [], [], f.LIMIT_S)[0]:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # how Linux says that the other end has closed
                    break
                if not piece:
                    break
                shown += piece
            return process.wait(f.LIMIT_S), shown.decode("utf-8").replace("\r\n", "\n")
    finally:
        os.close(ours)


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Wait for the first line; the command is in the midst of its run then."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], f.LIMIT_S)[0]
    return process.stdout.readline()


# ---- terminal or not -----------------------------------------------------------------------------


def test_colours_on_a_terminal(sandbox: SandboxServer) -> None:
    token = sandbox.printer.token
    status, shown = on_terminal("--server", sandbox.url, OBICO_TOKEN=token)
    assert status == 0, shown
    assert f"{ESCAPE}32m✓{ESCAPE}0m" in shown
    assert f"{ESCAPE}32mSucceeded{ESCAPE}0m" in shown
    assert token not in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert ESCAPE not in plain
    assert max(len(line) for line in plain.splitlines()) <= 100


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_shall_be_plain(sandbox: SandboxServer, more: dict[str, str]) -> None:
    sandbox.set_fault("http_500")
    status, shown = on_terminal("--server", sandbox.url, OBICO_TOKEN="t" * 20, **more)
    assert status == 1
    assert ESCAPE not in shown
    assert "✗  HTTP" in shown, "the mark says it as well"


def test_an_empty_no_color_asks_for_nothing(sandbox: SandboxServer) -> None:
    _, shown = on_terminal("--server", sandbox.url, NO_COLOR="")
    assert ESCAPE in shown


@pytest.mark.parametrize(
    ("more", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_behind_a_pipe(more: dict[str, str], coloured: bool) -> None:
    done = command("--server", "http://127.0.0.1:9", **more)
    assert (done.returncode, done.stderr) == (1, "")
    assert (ESCAPE in done.stdout) is coloured


def test_lines_are_left_whole_behind_a_pipe() -> None:
    done = command("--server", "http://127.0.0.1:9", COLUMNS="40")
    assert max(len(line) for line in done.stdout.splitlines()) > 100


def test_json_has_no_colours_whatever_is_asked_for() -> None:
    status, shown = on_terminal("--server", "http://127.0.0.1:9", "--json", FORCE_COLOR="1")
    assert status == 1
    check_result(json.loads(shown))


def test_marks_that_ascii_knows() -> None:
    done = command("--server", "http://127.0.0.1:9", PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert "?" not in done.stdout.replace("Is the Obico Server running?", "").replace(
        "Is the port right?", ""
    ), done.stdout
    assert "FAIL  Connect" in done.stdout
    assert 'not tried: "Connect" has failed' in done.stdout


def test_json_loses_nothing_in_ascii(sandbox: SandboxServer) -> None:
    arguments = ("--server", sandbox.url, "--webcam", "http://127.0.0.1:9/ü", "--json")
    done = command(*arguments, PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["webcams"][0]["evidence"]["url"].endswith("/ü")


def test_nothing_that_steers_the_terminal_gets_through() -> None:
    check = {
        "title": "T",
        "outcome": "failed",
        "summary": "\x1b]0;x\x07\u202ebad",
        "duration_ms": 1,
    }
    line = Terminal(Style()).check(check)
    assert line == "  ✗  T               ]0;x  bad (1 ms)"


# ---- pipes and signals ---------------------------------------------------------------------------


def test_whoever_reads_may_stop(sandbox: SandboxServer) -> None:
    """As in `... | head -n 1`."""
    with started("--server", sandbox.url, "--json", OBICO_TOKEN="t" * 20) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(f.LIMIT_S * 2) == 141
        assert process.stderr.read() == b""


def test_head_ends_it_in_the_midst(serve: Serve) -> None:
    """Its next line finds nobody, long before the end of the run."""
    server = serve(f.silence)
    line = f"{' '.join(ARGUMENTS)} --server {server.url} --deadline 4"
    line += " | head -n 1; echo ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=f.LIMIT_S * 2,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "141"
    assert len(done.stdout.splitlines()) == 2


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children can be interrupted also where the tests run in the background of a shell script.

    Such a shell lets them ignore SIGINT, which is inherited.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["lines", "json"])
def test_ctrl_c_ends_it_quietly_and_soon(serve: Serve, more: tuple[str, ...]) -> None:
    asked = threading.Event()

    def hang(peer: f.Peer) -> None:
        peer.read_head()
        asked.set()
        peer.hold()

    server = serve(hang)
    with started("--server", server.url, *more, OBICO_TOKEN="t" * 20) as process:
        assert asked.wait(f.LIMIT_S)
        at = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(f.LIMIT_S) == 130
        assert time.monotonic() - at < 1.0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_full_disk_is_no_verdict() -> None:
    full = Path("/dev/full")
    if not full.exists():  # macOS has none
        return
    with full.open("wb") as out, started("--server", "x.invalid:0", stdout=out.fileno()) as process:
        assert process.wait(f.LIMIT_S) == 74
        assert process.stderr is not None
        assert process.stderr.read().startswith(b"The result cannot be written: ")


# ---- options -------------------------------------------------------------------------------------


def test_the_streams_are_tried(sandbox: SandboxServer, webcam: SandboxWebcam) -> None:
    def status(*arguments: str) -> tuple[int, str]:
        out = io.StringIO()
        token = sandbox.printer.token
        return main(["--server", sandbox.url, "--token", token, *arguments], out), out.getvalue()

    code, text = status("--stream", webcam.stream_url, "--stream", "webrtc://cam.example/x")
    assert code == 0, text
    assert "stream 1: the stream's first picture" in text
    assert "stream 2: not tried" in text
    webcam.set_fault("not_found")
    code, text = status("--stream", webcam.stream_url)
    assert code == 4
    assert "webcam_not_found" in text


def test_a_file_of_certificates_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "text.pem", "empty.pem", "."):
        with pytest.raises(SystemExit) as caught:
            main(["--server", "x", "--ca-file", str(tmp_path / name)], io.StringIO())
        assert caught.value.code == 64
        assert "--ca-file" in capsys.readouterr().err


def test_an_authority_of_ones_own_is_trusted(serve: Serve, certificates: Certificates) -> None:
    answer = f.answer("500 Internal Server Error")
    server = serve(f.over_tls(certificates.good(), answer))
    url = f"https://localhost:{server.port}"

    def cause(*arguments: str) -> str:
        out = io.StringIO()
        main(["--server", url, "--json", *arguments], out)
        return str(json.loads(out.getvalue())["cause"])

    assert cause() == "tls_untrusted_issuer"
    assert cause("--ca-file", str(certificates.ca_file)) == "server_error"
    relative = os.path.relpath(certificates.ca_file)
    assert cause("--ca-file", relative) == "server_error"


# ---- secrets -------------------------------------------------------------------------------------


def test_the_token_of_the_environment_is_in_no_argument_and_no_output(serve: Serve) -> None:
    token, password = "s3crettoken0123456789", "s3cretpassword"
    asked = threading.Event()

    def echo(peer: f.Peer) -> None:
        head = peer.read_head()
        asked.set()
        page = b"<title>" + head.replace(b"\r\n", b" ") + b"</title>"
        peer.send(f.http_bytes("404 Not Found", page, f"Server: {token}"))
        peer.finish()

    server = serve(echo)
    webcam = f"http://me:{password}@127.0.0.1:9/snap?token={password}"
    arguments = ("--server", server.url, "--stream", "http://127.0.0.1:9/?pw=" + password)
    with started(*arguments, OBICO_TOKEN=token, FORCE_COLOR="1") as process:
        assert asked.wait(f.LIMIT_S)
        seen = Path(f"/proc/{process.pid}/cmdline")
        if seen.exists():
            assert token.encode() not in seen.read_bytes()
        out, err = process.communicate(timeout=f.LIMIT_S * 2)
    for text in (out, err):
        assert token.encode() not in text
        assert password.encode() not in text
    done = command(*arguments, "--webcam", webcam, "--json", OBICO_TOKEN=token)
    assert token not in done.stdout + done.stderr
    assert password not in done.stdout + done.stderr


# ---- without OctoPrint ---------------------------------------------------------------------------


def requirements(name: str, found: set[str]) -> set[str]:
    """The names of all distributions that one needs, and these need, without extras."""
    for text in importlib.metadata.requires(name) or []:
        required = re.split(r"[\s!<>=~;\[(]", text)[0]
        if "extra ==" in text or required in found:
            continue
        try:
            importlib.metadata.distribution(required)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another Python or system
        requirements(required, found | {required})
        found.add(required)
        requirements(required, found)
    return found


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as a Klipper host has it: the plugin and what its metadata require."""
    folder = tmp_path_factory.mktemp("klipper")
    making = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(making, check=True, timeout=60)
    python = folder / "bin" / "python"
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", show], check=True, capture_output=True, text=True)
    site = Path(done.stdout.strip())
    for name in requirements("OctoPrint-Obico", set()):
        distribution = importlib.metadata.distribution(name)
        tops = {path.parts[0] for path in distribution.files or [] if path.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    (site / "octoprint_obico").symlink_to(ROOT / "octoprint_obico")
    return python


def test_it_runs_where_there_is_no_octoprint(
    bare_python: Path, sandbox: SandboxServer, webcam: SandboxWebcam, tmp_path: Path
) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(bare_python), "-W", "error", *arguments],
            cwd=tmp_path,
            env=environment(OBICO_TOKEN=sandbox.printer.token),
            capture_output=True,
            encoding="utf-8",
            timeout=f.LIMIT_S * 3,
        )

    assert "No module named 'octoprint'" in call("-c", "import octoprint").stderr
    streams = ("--webcam", webcam.snapshot_url, "--stream", webcam.stream_url)
    done = call("-m", "octoprint_obico.diagnosis", "--server", sandbox.url, *streams, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    check_result(result)
    assert result["channels"] == {"http": "okay", "websocket": "okay"}
    assert [cam["cause"] for cam in result["webcams"]] == [None, None]
