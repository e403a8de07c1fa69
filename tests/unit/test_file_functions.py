"""The app's calls that print a file by its record: what the record may be, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.printer.arguments import RefusedError
from octoprint_obico.printer.cloud_print import CloudFile
from octoprint_obico.printer.file_functions import cloud_file, file_functions, local_file
from octoprint_obico.printer.functions import FUNCTIONS, call
from octoprint_obico.printer.signature import Signatures
from tests.servers.hosts import FakePrinter

CONTENT = b"G28\n" * 1000
SIGNATURE = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
LOCAL, CLOUD = ("file_operations", "start_printer_local_print"), ("file_downloader", "download")
NAN = float("nan")


class Printer(FakePrinter):
    """One whose state a test sets, with a file in its storage."""

    def __init__(self, storage: Path, **flags: bool) -> None:
        super().__init__()
        self.storage = storage
        self.flags: Any = {"operational": True, **flags}
        (storage / "inner").mkdir(parents=True)
        (storage / "inner" / "a.gcode").write_bytes(CONTENT)
        (storage.parent / "outside.gcode").write_bytes(CONTENT)

    def current_data(self) -> Mapping[str, Any]:
        return {"state": {"text": "?", "flags": self.flags}}


class Desk:
    """The functions, a printer, and what was to be downloaded."""

    def __init__(self, folder: Path, **flags: bool) -> None:
        self.printer = Printer(folder / "uploads", **flags)
        self.downloads: list[CloudFile] = []
        self._functions = file_functions(Signatures(), self._download)

    def _download(self, file: CloudFile) -> str:
        self.downloads.append(file)
        return file.path

    def call(self, name: tuple[str, str], args: Any, kwargs: Any = None) -> Any:
        return call(self._functions[name], self.printer, args, kwargs)

    def is_untouched(self) -> bool:
        return not self.downloads and not self.printer.told


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def local(**changes: Any) -> dict[str, Any]:
    """The record of a file that is here, with what the server adds."""
    return {"id": 7, "url": "inner/a.gcode", "agent_signature": SIGNATURE, **changes}


def cloud(**changes: Any) -> dict[str, Any]:
    """The record of a file on the server."""
    return {
        "id": 7,
        "url": "https://storage.example/a.gcode?sig=1",
        "filename": "Grüße.gcode",
        "safe_filename": "Gruesse.gcode",
        "num_bytes": 5,
        "print_set": [],
        **changes,
    }


def test_the_tables_share_no_name(desk: Desk) -> None:
    names = set(file_functions(Signatures(), str))
    assert names == {LOCAL, CLOUD}
    assert not names & set(FUNCTIONS)


def test_a_local_file_is_printed(desk: Desk) -> None:
    assert desk.call(LOCAL, [local()]) == "Success"
    assert desk.call(LOCAL, [local(agent_signature=SIGNATURE.upper().replace("MD5", "md5"))])
    assert desk.printer.told == ["print inner/a.gcode"] * 2


def test_a_file_of_the_cloud_is_fetched(desk: Desk) -> None:
    answer = desk.call(CLOUD, [cloud()])
    assert answer == {"target_path": "ObicoUpload/Gruesse.gcode"}
    (file,) = desk.downloads
    assert file == CloudFile(
        7, "https://storage.example/a.gcode?sig=1", "Grüße.gcode", "Gruesse.gcode"
    )
    assert desk.printer.told == []


@pytest.mark.parametrize("ending", ["gcode", "gco", "g", "GCODE"])
def test_endings_of_gcode(ending: str) -> None:
    assert cloud_file(cloud(safe_filename=f"a.{ending}")).path == f"ObicoUpload/a.{ending}"


def test_the_file_has_changed_since(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="another one"):
        desk.call(LOCAL, [local(agent_signature="md5:" + "0" * 32)])
    assert desk.printer.storage is not None
    desk.call(LOCAL, [local()])
    (desk.printer.storage / "inner" / "a.gcode").write_bytes(CONTENT + b";")
    with pytest.raises(RefusedError, match="another one"):
        desk.call(LOCAL, [local()])
    assert desk.printer.told == ["print inner/a.gcode"]


def test_octoprint_does_not_print_it(desk: Desk) -> None:
    desk.printer.takes = False
    with pytest.raises(RefusedError, match="OctoPrint"):
        desk.call(LOCAL, [local()])


def test_a_print_that_began_while_the_file_was_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    real = desk.printer.file_on_disk

    def busy_now(path: str) -> str | None:
        desk.printer.flags = {"operational": True, "printing": True}
        return real(path)

    desk.printer.file_on_disk = busy_now  # type: ignore[method-assign]
    with pytest.raises(RefusedError, match="busy"):
        desk.call(LOCAL, [local()])
    assert desk.printer.told == []


WRONG_LOCAL: tuple[Any, ...] = (
    None, "inner/a.gcode", [], {}, 5,
    {"url": "inner/a.gcode"}, {"agent_signature": SIGNATURE},
    *(local(url=url) for url in (
        None, "", 5, "gone.gcode", "inner", "../outside.gcode", "inner/../../outside.gcode",
        "/etc/passwd", "~/x.gcode", "..\\outside.gcode", "a\0.gcode", "a" * 501, "C:\\a.gcode",
    )),
    *(local(agent_signature=signature) for signature in (
        None, "", SIGNATURE[4:], f"sha1:{SIGNATURE[4:]}", f"{SIGNATURE}0", f"{SIGNATURE}\n", 5,
        SIGNATURE[:-1], [SIGNATURE], "md5:" + "g" * 32, "md5:" + "0" * 10**6,
    )),
)  # fmt: skip


@pytest.mark.parametrize("record", WRONG_LOCAL, ids=lambda value: repr(value)[:60])
def test_wrong_records_of_a_local_file(desk: Desk, record: Any) -> None:
    with pytest.raises(RefusedError) as error:
        desk.call(LOCAL, [record])
    assert desk.is_untouched()
    assert 10 < len(str(error.value)) < 200


WRONG_CLOUD: tuple[Any, ...] = (
    None, "https://x/a.gcode", [], {}, 5,
    *({key: value for key, value in cloud().items() if key != name}
      for name in ("id", "url", "filename", "safe_filename")),
    *(cloud(id=number) for number in (None, 0, -1, True, "7", 7.0, NAN, 2**63, [7])),
    *(cloud(url=url) for url in (
        None, "", 5, "a.gcode", "/media/a.gcode", "file:///etc/passwd", "ftp://x/a", "javascript:1",
        "https://x/a b", "https://x/a\n", "https://x/\0", "https://x/" + "a" * 5000, ["https://x"],
    )),
    *(cloud(filename=name) for name in (None, "", 5, "a\n.gcode", "a\0", "a" * 501, {"a": 1})),
    *(cloud(safe_filename=name) for name in (
        None, "", 5, ".gcode", "..gcode", "../x.gcode", "a/../x.gcode", "/etc/x.gcode", "~x.gcode",
        "C:\\x.gcode", "..\\x.gcode", "x\0.gcode", "x.gcode\n", "x.gcode\0", "x.sh", "x.gcode.sh",
        "x", "gcode", "x.stl", "x.gcode/", "a" * 200 + ".gcode", "ü" * 100 + ".gcode", "C:x.gcode",
        "x\u202e.gcode", 'x".gcode', "x\ud800.gcode", ["x.gcode"],
    )),
)  # fmt: skip


@pytest.mark.parametrize("record", WRONG_CLOUD, ids=lambda value: repr(value)[:60])
def test_wrong_records_of_a_cloud_file(desk: Desk, record: Any) -> None:
    with pytest.raises(RefusedError) as error:
        desk.call(CLOUD, [record])
    assert desk.is_untouched()
    assert 10 < len(str(error.value)) < 200


@pytest.mark.parametrize(("name", "record"), [(LOCAL, local), (CLOUD, cloud)])
def test_arguments_beside_the_record(
    desk: Desk, name: tuple[str, str], record: Callable[[], dict[str, Any]]
) -> None:
    for args, kwargs in (
        ([], None),
        (None, None),
        ([record(), None], None),
        ([record()], {"force": True}),
        (record(), None),
        ("x", None),
        ([record()], []),
    ):
        with pytest.raises(RefusedError):
            desk.call(name, args, kwargs)
    assert desk.is_untouched()


STATES: Mapping[str, dict[str, bool]] = {
    "off": {"operational": False},
    "printing": {"printing": True},
    "paused": {"paused": True},
    "paused in 2.0": {"paused": True, "printing": True},
    "cancelling": {"cancelling": True},
    "receiving": {"ready": False},
}


@pytest.mark.parametrize("state", STATES)
def test_only_an_idle_printer_begins(tmp_path: Path, state: str) -> None:
    desk = Desk(tmp_path, **STATES[state])
    for name, record in ((LOCAL, local()), (CLOUD, cloud())):
        with pytest.raises(RefusedError, match="not connected" if state == "off" else "busy"):
            desk.call(name, [record])
    assert desk.is_untouched()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(cloud())), JSON) | JSON)
def test_any_record_is_read_or_refused(record: Any) -> None:
    for read in (cloud_file, local_file):
        try:
            read(record)
        except RefusedError as error:
            assert len(str(error)) < 200


@given(st.text(max_size=30))
def test_a_name_on_the_disk_is_only_a_name(text: str) -> None:
    try:
        file = cloud_file(cloud(safe_filename=f"{text}.gcode"))
    except RefusedError:
        return
    assert Path(file.path).parts == ("ObicoUpload", file.safe_filename)
    file.path.encode("utf-8")


# ---- signatures ----------------------------------------------------------------------------------


def never() -> bool:
    return False


def test_a_signature_is_known_until_the_file_changes(tmp_path: Path) -> None:
    signatures, path = Signatures(), tmp_path / "a.gcode"
    path.write_bytes(CONTENT)
    assert signatures.of(str(path), never) == (SIGNATURE, len(CONTENT))
    assert signatures.of(str(path), lambda: True) == (SIGNATURE, len(CONTENT)), "not read again"
    path.write_bytes(CONTENT + b";")
    changed = signatures.of(str(path), never)
    assert changed is not None
    assert changed.signature == f"md5:{hashlib.md5(CONTENT + b';').hexdigest()}"


def test_signing_ends_when_it_is_over(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(bytes(10**6))
    asked: list[int] = []

    def is_over() -> bool:
        asked.append(1)
        return len(asked) == 2

    signatures = Signatures()
    assert signatures.of(str(path), is_over) is None
    assert len(asked) == 2
    assert signatures.of(str(path), never) is not None


def test_a_file_that_is_written_meanwhile_has_none(tmp_path: Path) -> None:
    """It may grow for ever."""
    path = tmp_path / "a.gcode"
    path.write_bytes(CONTENT)
    signatures = Signatures()

    def write() -> bool:
        with path.open("ab") as file:
            file.write(b";")
        return False

    with pytest.raises(OSError):
        signatures.of(str(path), write)
    signed = signatures.of(str(path), never)
    assert signed is not None
    assert signed.num_bytes == path.stat().st_size


def test_few_signatures_are_kept(tmp_path: Path) -> None:
    signatures = Signatures()
    for number in range(60):
        path = tmp_path / str(number)
        path.write_bytes(b"x")
        signatures.of(str(path), never)
    assert signatures.of(str(tmp_path / "0"), lambda: True) is None, "forgotten"
    assert signatures.of(str(tmp_path / "59"), lambda: True) is not None


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Signatures().of(str(tmp_path / "gone"), never)
