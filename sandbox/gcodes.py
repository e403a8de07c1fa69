"""The server's list of G-code files: an upsert by printer, signature and file name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.replies import iso_date

WRITABLE = ("filename", "safe_filename", "agent_signature", "num_bytes", "url")
EMPTY_RECORD: Mapping[str, Any] = {
    "parent_folder": None,
    "deleted": None,
    "metadata_json": None,
    "filament_total": None,
    "estimated_time": None,
    "thumbnail1_url": None,
    "thumbnail2_url": None,
    "thumbnail3_url": None,
    "user": 1,
}


class GcodeFiles:
    """Used in the server's loop only."""

    def __init__(self) -> None:
        self._files: dict[int, dict[str, Any]] = {}
        self._contents: dict[int, bytes] = {}

    def add_to_cloud(
        self, filename: str, safe_filename: str, content: bytes, site: str, now: float
    ) -> dict[str, Any]:
        """Upload a file, as a user does in the app; its record.

        site: the address with which the server's links begin.
        """
        number = len(self._files) + 1
        fields = {
            "filename": filename,
            "safe_filename": safe_filename,
            "agent_signature": None,
            "num_bytes": len(content),
            "url": f"{site}/media/gcode/{number}?digest=signed",
        }
        self._contents[number] = content
        return self._add(fields, None, now)

    def content(self, file_id: int) -> bytes:
        """What was uploaded. Raises KeyError."""
        return self._contents[file_id]

    def all(self) -> list[dict[str, Any]]:
        return list(self._files.values())

    def upsert(
        self, printer_id: int, fields: Mapping[str, Any], now: float
    ) -> tuple[dict[str, Any], bool]:
        """The record, and whether it is new; an existing one is not changed.

        Raises KeyError where the signature or the file name is missing.
        """
        wanted = (printer_id, fields["agent_signature"], fields["safe_filename"])
        for record in self._files.values():
            found = (
                record["resident_printer"] or printer_id,  # none: it is in the cloud
                record["agent_signature"],
                record["safe_filename"],
            )
            if found == wanted:
                return record, False
        return self._add(fields, printer_id, now), True

    def _add(self, fields: Mapping[str, Any], printer_id: int | None, now: float) -> dict[str, Any]:
        record = {
            **EMPTY_RECORD,
            **{name: fields.get(name) for name in WRITABLE},
            "id": len(self._files) + 1,
            "print_set": [],
            "resident_printer": printer_id,
            "created_at": iso_date(now),
            "updated_at": iso_date(now),
        }
        self._files[record["id"]] = record
        return record

    def patch(self, file_id: int, fields: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Change a record. Raises KeyError for an unknown one."""
        record = self._files[file_id]
        record.update({name: fields[name] for name in WRITABLE if name in fields})
        record["updated_at"] = iso_date(now)
        return record
