"""Blobs in a folder: bytes under their own SHA-256, for raw mail too large for the database and for attachments.

Services call it through `ports.blobs`, before any row names the hash. It promises that what `put` returned
survives a power cut, and that `get` never returns other bytes than were put. Temporary files of a killed
process stay behind under names that begin with a dot.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import CasegateError, NotFound, Temporary

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileBlobs:
    """Files in two-letter sub-folders of `folder`, which is made if its parent exists; only its owner reads them."""

    folder: Path

    def put(self, data: bytes) -> str:
        """Store and return the hexadecimal hash; storing the same bytes twice is one blob. Raises Temporary."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        try:
            for folder in (self.folder, path.parent):
                _make_folder(folder)
            if not _holds(path, data):
                _write(path, data)
            _sync_folder(path.parent)  # also for one that was there: the process that wrote it may have been killed
        except OSError as problem:
            raise Temporary(
                f"the file store cannot be written ({problem.strerror}); make room in the folder of storage.url, "
                "or give it back to the user of the daemon"
            ) from problem
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; NotFound if they are not there, CasegateError if they are not what was stored."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is no hash of a stored file")
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError as problem:
            raise NotFound(f"there is no stored file {sha256}") from problem
        except OSError as problem:
            raise Temporary(f"the stored file {sha256} cannot be read ({problem.strerror})") from problem
        if hashlib.sha256(data).hexdigest() != sha256:
            raise CasegateError(f"the stored file {sha256} was altered on disk; restore it from a backup")
        return data

    def delete(self, sha256: str) -> None:
        """Delete the bytes, if they are there; NotFound for what is no hash. Raises Temporary."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is no hash of a stored file")
        path = self._path(sha256)
        try:
            path.unlink()
            _sync_folder(path.parent)
        except FileNotFoundError:
            return
        except OSError as problem:
            raise Temporary(f"the stored file {sha256} cannot be deleted ({problem.strerror})") from problem

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


@dataclass(frozen=True, slots=True)
class MemoryBlobs:
    """The same in memory, for tests and for `explain`."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their hash."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.kept[sha256] = data
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes; NotFound if they are not there."""
        if sha256 not in self.kept:
            raise NotFound(f"there is no stored file {sha256}")
        return self.kept[sha256]

    def delete(self, sha256: str) -> None:
        """Forget the bytes, if they are there; NotFound for what is no hash."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is no hash of a stored file")
        self.kept.pop(sha256, None)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    _sync_folder(folder.parent)


def _holds(path: Path, data: bytes) -> bool:
    """True if the blob is there and whole; one that was altered is written anew."""
    try:
        return path.read_bytes() == data
    except FileNotFoundError:
        return False


def _write(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:  # whatever ends us, the half-written file goes
        Path(name).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
