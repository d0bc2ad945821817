"""One suite for both stores of blobs, and what a folder on a disk has to keep beyond it (CD-06, CD-20, AC-14)."""

import hashlib
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.adapters.blobs import FileBlobs, MemoryBlobs
from gateway.errors import CasegateError, NotFound, Temporary
from gateway.services.ports import Blobs

DATA = b"\x00\xff pdf \r\n" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["file", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FileBlobs(tmp_path / "blobs") if request.param == "file" else MemoryBlobs()


@pytest.mark.parametrize("data", [DATA, b""], ids=["bytes", "nothing"])
def test_what_was_put_is_got_by_its_hash(blobs: Blobs, data: bytes) -> None:
    sha256 = blobs.put(data)
    assert hashlib.sha256(data).hexdigest() == sha256
    assert data == blobs.get(sha256)


def test_the_same_bytes_twice_have_one_name(blobs: Blobs) -> None:
    assert blobs.put(DATA) == blobs.put(DATA)
    assert DATA == blobs.get(SHA256)


@pytest.mark.parametrize("sha256", [SHA256, "", "../../etc/passwd", SHA256.upper(), f"{SHA256}\n"])
def test_what_was_never_put_is_not_found(blobs: Blobs, sha256: str) -> None:
    with pytest.raises(NotFound):
        blobs.get(sha256)


def test_what_was_deleted_is_not_found_and_can_be_put_again(blobs: Blobs) -> None:
    other = blobs.put(DATA + b"x")
    for _ in range(2):  # who died in between does it once more
        blobs.delete(blobs.put(DATA))
        blobs.delete(SHA256)
        with pytest.raises(NotFound):
            blobs.get(SHA256)
    assert DATA + b"x" == blobs.get(other)


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", SHA256.upper()])
def test_only_a_hash_is_deleted(blobs: Blobs, sha256: str) -> None:
    with pytest.raises(NotFound, match="no hash"):
        blobs.delete(sha256)


def test_a_blob_that_cannot_be_deleted_is_temporary(tmp_path: Path) -> None:
    (tmp_path / SHA256[:2] / SHA256).mkdir(parents=True)
    with pytest.raises(Temporary, match="cannot be deleted"):
        FileBlobs(tmp_path).delete(SHA256)


def test_one_file_for_the_owner_only_and_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    FileBlobs(folder).put(DATA)
    FileBlobs(folder).put(DATA)
    modes = {str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {"blobs": 0o700, f"blobs/{SHA256[:2]}": 0o700, f"blobs/{SHA256[:2]}/{SHA256}": 0o600} == modes


def test_an_altered_blob_is_not_handed_out_and_is_mended_by_the_next_put(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    blobs.put(DATA)
    (tmp_path / SHA256[:2] / SHA256).write_bytes(DATA[:-1] + b"X")
    with pytest.raises(CasegateError, match="altered"):
        blobs.get(SHA256)
    blobs.put(DATA)
    assert DATA == blobs.get(SHA256)


def test_no_hash_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(DATA)
    (tmp_path / "data" / "blobs").mkdir(parents=True)
    with pytest.raises(NotFound):
        FileBlobs(tmp_path / "data" / "blobs").get("../secret")


def test_a_disk_that_takes_no_more_is_temporary_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file size limit stands for the full disk; once it is gone, the same call works."""
    blobs = FileBlobs(tmp_path)
    with files_of_at_most(100), pytest.raises(Temporary, match="make room"):
        blobs.put(DATA)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]
    assert DATA == blobs.get(blobs.put(DATA))


def test_the_public_text_names_no_path(tmp_path: Path) -> None:
    """It may reach the other end of an SMTP session."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Temporary) as failed:
        FileBlobs(tmp_path / "file").put(DATA)
    assert str(tmp_path) not in failed.value.public
    assert isinstance(failed.value.__cause__, OSError)


def test_a_store_whose_parent_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """A disk that is not mounted must not end in blobs on the wrong one."""
    with pytest.raises(Temporary):
        FileBlobs(tmp_path / "mount" / "blobs").put(DATA)
    assert not (tmp_path / "mount").exists()


def test_a_blob_that_cannot_be_read_is_temporary(tmp_path: Path) -> None:
    (tmp_path / SHA256[:2] / SHA256).mkdir(parents=True)
    with pytest.raises(Temporary, match="cannot be read"):
        FileBlobs(tmp_path).get(SHA256)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
