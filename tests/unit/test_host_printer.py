"""OctoPrint's printer as the calls of the apps need it, in the words of both editions."""

from __future__ import annotations

import inspect
import platform
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# OctoPrint leaves a socket open when it is first imported
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def load() -> tuple[ModuleType, ModuleType, Any, Any]:
    """Our adapter as a whole and its printer, OctoPrint's printer and file manager."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from octoprint.filemanager import FileManager  # first, as OctoPrint itself does
        from octoprint.printer.standard import Printer

        from octoprint_obico import octoprint_host
        from octoprint_obico.octoprint_host import printer
    return octoprint_host, printer, Printer, FileManager


host_package, host_printer, Real, FileManager = load()
VERSIONS = {"plugin": "3.0.0", "octoprint": "2.0.0"}


class Recorded:
    """Looks like a class of this OctoPrint; takes only calls that fit it, and notes them."""

    def __init__(self, real: Any, known: Mapping[str, Any] | None = None) -> None:
        self._real, self._known = real, known or {}
        self.told: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)  # hasattr is asked: the editions differ

        def take(*args: Any, **kwargs: Any) -> Any:
            instance = () if inspect.ismethod(method) else (self,)
            bound = inspect.signature(method).bind(*instance, *args, **kwargs)
            given = {key: value for key, value in bound.arguments.items() if key != "self"}
            given.update(given.pop("kwargs", {}))
            self.told.append((name, given))
            return self._known.get(name)

        return take


class Profiles:
    def get_current_or_default(self) -> dict[str, Any]:
        axes = {"x": {"inverted": False}, "y": {"inverted": True}, "z": {}}
        return {"axes": axes}


class Broken:
    """Raises whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("a plugin's fault")


def printer(known: Mapping[str, Any] | None = None, files: Any = None) -> tuple[Any, Recorded]:
    recorded = Recorded(Real, known)
    return host_printer.OctoPrintPrinter(recorded, files, Profiles()), recorded


def test_a_move_follows_the_profile() -> None:
    ours, real = printer()
    assert ours.jog({"x": 1, "y": 2, "z": -3})
    ((name, given),) = real.told
    assert name == "jog"
    assert given["axes"] == {"x": 1, "y": -2, "z": -3}
    assert given["relative"] is True
    assert given["tags"] == {"source:plugin", "plugin:obico"}


def test_an_axis_that_the_printer_does_not_have() -> None:
    class Flat:
        def get_current_or_default(self) -> dict[str, Any]:
            return {"axes": {}}

    real = Recorded(Real)
    assert not host_printer.OctoPrintPrinter(real, None, Flat()).jog({"z": 1})
    assert real.told == []


def test_simple_calls() -> None:
    ours, real = printer()
    assert ours.home(("x", "y"))
    assert ours.set_temperature("tool0", 200)
    assert ours.send_gcode(("M83", "T0"))
    home, heat, send = real.told
    assert home[1]["axes"] == ["x", "y"]
    assert home[1]["tags"], "OctoPrint 1.11 needs them"
    assert (heat[1]["heater"], heat[1]["value"]) == ("tool0", 200)
    assert send[1]["commands"] in (["M83", "T0"], (["M83", "T0"],))


def test_each_call_has_its_own_tags() -> None:
    """OctoPrint adds to the set that it is given."""
    ours, real = printer()
    ours.home(("x",))
    real.told[0][1]["tags"].add("more")
    ours.home(("y",))
    assert "more" not in real.told[1][1]["tags"]


@pytest.mark.parametrize(
    ("port", "baudrate", "given"),
    [
        ("VIRTUAL", 115200, {"port": "VIRTUAL", "baudrate": 115200}),
        ("VIRTUAL", None, {"port": "VIRTUAL"}),
        (None, None, {}),
    ],
)
def test_connect(port: str | None, baudrate: int | None, given: dict[str, Any]) -> None:
    ours, real = printer()
    assert ours.connect(port, baudrate)
    ((name, told),) = real.told
    assert name == "connect"
    assert told == given or told == {"connector": "serial", "parameters": given}


@pytest.mark.parametrize("there", [True, False])
def test_select_a_file(there: bool) -> None:
    job = object()
    files = Recorded(FileManager, {"file_exists": there, "create_job": job})
    ours, real = printer(files=files)
    assert ours.select_file("a/b.gcode", True) is there
    if not there:
        assert real.told == []
        return
    ((_, told),) = real.told
    assert told.get("job") is job or (told["path"], told["sd"]) == ("a/b.gcode", False)
    assert told.get("print_after_select") or told.get("printAfterSelect")


def test_a_folder_that_is_gone() -> None:
    files = Recorded(FileManager, {"folder_exists": False})
    ours, _ = printer(files=files)
    assert ours.files("a", False) is None
    assert [name for name, _ in files.told] == ["folder_exists"], "OctoPrint would log an error"


@pytest.mark.parametrize("there", [True, False])
def test_where_a_file_is(there: bool) -> None:
    files = Recorded(FileManager, {"file_exists": there, "path_on_disk": "/uploads/a.gcode"})
    ours, _ = printer(files=files)
    assert ours.file_on_disk("a.gcode") == ("/uploads/a.gcode" if there else None)


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_is_made_where_it_is_missing(there: bool) -> None:
    files = Recorded(FileManager, {"folder_exists": there, "path_on_disk": "/uploads/x"})
    ours, _ = printer(files=files)
    assert ours.folder_on_disk("x") == "/uploads/x"
    assert ("add_folder" in [name for name, _ in files.told]) is not there


def test_a_file_is_moved_into_the_storage(tmp_path: Path) -> None:
    files = Recorded(FileManager, {"add_file": "x/a b.gcode"})
    ours, _ = printer(files=files)
    source = tmp_path / "part"
    source.write_bytes(b"G28")
    assert ours.add_file("x/a b.gcode", str(source), "Name") == "x/a b.gcode"
    ((name, told),) = files.told
    assert name == "add_file"
    assert (told["path"], told["display"], told["allow_overwrite"]) == ("x/a b.gcode", "Name", True)
    told["file_object"].save(str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == b"G28"
    assert not source.exists()


def test_whatever_raises_is_no_fault_of_ours() -> None:
    ours = host_printer.OctoPrintPrinter(Broken(), Broken(), Broken())
    assert ours.connection_options() == ([], [])
    assert ours.files(None, False) is None
    assert ours.file_on_disk("a") is None
    assert ours.folder_on_disk("a") is None
    assert ours.add_file("a", "b", "c") is None
    done = [
        ours.send_gcode(("M18",)),
        ours.jog({"x": 1}),
        ours.home(("x",)),
        ours.set_temperature("bed", 60),
        ours.select_file("a", True),
        ours.connect(None, None),
    ]
    assert done == [False] * len(done)


def test_metadata_of_a_file() -> None:
    files = Recorded(FileManager, {"get_metadata": {"analysis": {"a": 1}}})
    ours, _ = printer(files=files)
    assert ours.file_metadata("a/b.gcode") == {"analysis": {"a": 1}}
    ((_, told),) = files.told
    assert (told["location"], told["path"]) == ("local", "a/b.gcode")


@pytest.mark.parametrize("nothing", [None, {}, 5])
def test_file_without_metadata(nothing: Any) -> None:
    ours, _ = printer(files=Recorded(FileManager, {"get_metadata": nothing}))
    assert ours.file_metadata("a") == {}


def test_a_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"G28\n")
    ours, _ = printer(files=Recorded(FileManager, {"path_on_disk": str(path)}))
    with ours.open_file("a.gcode") as file:
        assert file.read() == b"G28\n"


def test_file_that_is_gone(tmp_path: Path) -> None:
    ours, _ = printer(files=Recorded(FileManager, {"path_on_disk": str(tmp_path / "gone")}))
    assert ours.open_file("gone") is None


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"Raspberry Pi 4 Model B Rev 1.4\0", "Raspberry Pi 4 Model B Rev 1.4"),
        (b"", ""),
        (b"\xff" * 1000, "\ufffd" * 200),
        (None, ""),
    ],
)
def test_name_of_the_board(content: bytes | None, name: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if content is not None:
        path.write_bytes(content)
    assert host_package.board_model(path) == name


def test_computer_is_told_in_seven_texts() -> None:
    host = host_package.OctoPrintHost(Broken(), Broken(), Broken(), VERSIONS, lambda topic: None)
    told = host.server_settings()
    assert len(told["platform_uname"]) == 7
    assert told["platform_uname"][:6] == [str(item) for item in platform.uname()]
    assert told["installed_plugins"] == []
    assert told["temperature"] == {"profiles": []}
