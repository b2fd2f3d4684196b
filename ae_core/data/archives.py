"""Files of a folder or a zip archive, looked at with suspicion before any is read."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from ae_core.data.raw import Bounds
from ae_core.errors import DataError

_MOST_DIRECTORY_BYTES = 12 * 2**20
"""Of an archive's table of contents: enough for 100,000 files, and read in no more than 200 MB of memory."""
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"
_LONGEST_COMMENT = 2**16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others take as much memory as the archive says."""
_ENCRYPTED = 1


class Entry(NamedTuple):
    """A file of a set."""

    path: tuple[str, ...]
    """Its folders and its name, below the set's own."""
    size: int
    """In bytes, unpacked."""
    load: Callable[[], bytes]
    """Gives its content; raises `DataError`."""

    @property
    def name(self) -> str:
        """For sentences."""
        return "".join(c if c.isprintable() else "_" for c in "/".join(self.path))

    def read(self, most: int) -> bytes:
        """Its content.

        Args:
            most: bytes; a larger file is refused unread.
        Raises:
            DataError: if it is larger, or cannot be read.
        """
        if self.size > most:
            raise DataError(
                f"{self.name} is larger than {most // 2**20:,} MB: take it out, or make it smaller."
            )
        return self.load()


def files_of_folder(folder: Path, bounds: Bounds) -> tuple[list[Entry], int]:
    """The files below a folder, by their names, and how many links were left out: none is followed.

    Raises:
        DataError: if there are too many, or the folder cannot be read.
    """
    found: list[Entry] = []
    links = 0

    def give_up(error: OSError) -> None:
        raise DataError(f"{Path(error.filename).name} cannot be read: {error.strerror}.")

    for directory, folders, names in os.walk(folder, onerror=give_up):
        links += sum(Path(directory, name).is_symlink() for name in folders)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(directory, name)
            if name.startswith(".") or not _is_plain(path):
                links += path.is_symlink()
                continue
            found.append(Entry(path.relative_to(folder).parts, path.stat().st_size, _reader(path)))
            bounds.check_files(folder.name, len(found))
    return sorted(found, key=lambda entry: entry.path), links


def _is_plain(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path.name} cannot be read: {error.strerror or error}.") from None

    return read


@contextmanager
def open_zip(name: str, file: IO[bytes], bounds: Bounds) -> Iterator[zipfile.ZipFile]:
    """An archive whose table of contents was found harmless: bounded, no links, no paths that lead out of it.

    Raises:
        DataError: if it is not, or is no zip archive, or is damaged, also while it is read.
    """
    _check_directory(name, file, bounds)
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(name, archive.infolist(), bounds)
            yield archive
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise _no_zip(name) from None


def files_of_zip(name: str, archive: zipfile.ZipFile) -> list[Entry]:
    """The files of an archive that `open_zip` found harmless, by their names."""
    found = []
    for info in archive.infolist():
        path = tuple(part for part in info.filename.split("/") if part not in ("", "."))
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path)
        if path and not hidden and not info.is_dir():
            found.append(Entry(path, info.file_size, _unpacker(name, archive, info)))
    return sorted(found, key=lambda entry: entry.path)


def _unpacker(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return archive.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            raise DataError(f"{name} is damaged: {info.filename} cannot be unpacked.") from None

    return read


def _check_directory(name: str, file: IO[bytes], bounds: Bounds) -> None:
    """Judge the size of the table of contents before it is read, by whatever may pass for its end."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _LONGEST_COMMENT - 128))
    tail = file.read()
    file.seek(0)
    sizes = [
        *(struct.unpack_from("<L", tail, at + 12)[0] for at in _places(tail, _END) if at + 16 <= len(tail)),
        *(
            struct.unpack_from("<Q", tail, at + 40)[0]
            for at in _places(tail, _END_64)
            if at + 48 <= len(tail)
        ),
    ]
    if not sizes:
        raise _no_zip(name)
    # What a zip64 archive has elsewhere.
    known = [size for size in sizes if size != 2**32 - 1]
    if not known or max(known) > _MOST_DIRECTORY_BYTES:
        bounds.check_files(name, bounds.files + 1)


def _places(tail: bytes, signature: bytes) -> Iterator[int]:
    at = tail.find(signature)
    while at >= 0:
        yield at
        at = tail.find(signature, at + 1)


def _check_members(name: str, members: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    bounds.check_files(name, len(members))
    bounds.check_unpacked(name, sum(member.file_size for member in members))
    for member in members:
        # Where the archive was made on Windows, its separators have become slashes already; the rest stays.
        path = member.orig_filename.replace("\\", "/")
        what = None
        if path.startswith("/") or path[1:2] == ":":
            what = "an absolute path"
        elif ".." in path.split("/"):
            what = "a path that leads out of it"
        elif stat.S_ISLNK(member.external_attr >> 16):
            what = "a link"
        elif member.flag_bits & _ENCRYPTED:
            what = "an encrypted file"
        elif member.compress_type not in _METHODS:
            what = "a file packed in another way than zip's usual one"
        if what is not None:
            shown = "".join(c if c.isprintable() else "_" for c in path)[:80]
            raise DataError(f"{name} holds {what}, {shown}: pack plain files only.")


def _no_zip(name: str) -> DataError:
    return DataError(f"{name} is not a zip archive that can be read: it is of another kind, or damaged.")
