"""The files of a pack: byte strings, many to a file, any of which is read alone.

ArrayRecord is what Grain and pods like; a zip needs nothing but Python to be read.
"""

import contextlib
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from etils import epath

from kbvc_jax.runtime.errors import InputError

Container = Literal["arrayrecord", "zip"]


@contextlib.contextmanager
def _for(path: epath.Path) -> Iterator[None]:
    """Windows has no ArrayRecord."""
    try:
        yield
    except ImportError:
        raise InputError(
            f"{path}: ArrayRecord is not installed; pack again with --container zip"
        ) from None


class PartWriter:
    """Begins a new part before the running one would exceed `part_size` bytes."""

    def __init__(self, folder: epath.Path, container: Container, part_size: int):
        self.folder, self.container, self.part_size = folder, container, part_size
        self.parts: list[dict] = []  # {"file", "records"}
        self._part: contextlib.ExitStack | None = None  # what is open of the running one
        self._append: Callable[[str, bytes], None]
        self._size = 0

    def write(self, name: str, record: bytes) -> None:
        if len(record) > self.part_size:
            raise InputError(
                f"{name}: {len(record)} bytes do not fit a part of {self.part_size}; "
                "choose a larger --part-size or a shorter --segment"
            )
        # Either container adds less than this to a record.
        size = len(record) + len(record) // 64 + 2 * len(name) + 300
        if self._part is None or self._size + size > self.part_size:
            self.close()
            self._open()
        self._size += size
        self._append(name, record)
        self.parts[-1]["records"] += 1

    def _open(self) -> None:
        suffix = {"arrayrecord": "array_record", "zip": "zip"}[self.container]
        path = self.folder / f"part-{len(self.parts):05d}.{suffix}"
        self.parts.append({"file": path.name, "records": 0})
        self._size = 70_000  # ArrayRecord's own header and footer
        self._part = contextlib.ExitStack()
        if self.container == "zip":
            # A zip leaves what it was given open, and what that still holds may not fit the disk.
            file = self._part.enter_context(path.open("wb"))
            part = self._part.enter_context(zipfile.ZipFile(file, "w", zipfile.ZIP_STORED))
            self._append = part.writestr
        else:
            with _for(path):
                from array_record.python.array_record_module import ArrayRecordWriter

            # The records are compressed already, and each is read alone.
            writer = ArrayRecordWriter(str(path), "group_size:1,uncompressed")
            self._part.callback(writer.close)
            self._append = lambda _, record: writer.write(record)

    def close(self) -> None:
        if self._part is not None:
            part, self._part = self._part, None
            part.close()


class PartReader(Sequence[bytes]):
    """The records of all parts, in the order in which they were written. Threads may share it."""

    def __init__(self, folder: epath.Path, parts: Sequence[dict]):
        self._paths = [folder / part["file"] for part in parts]
        self._counts = [part["records"] for part in parts]
        if missing := [str(path) for path in self._paths if not path.exists()]:
            raise InputError(f"{missing[0]}: missing; {folder}/pack.json lists it")
        self._zips: dict[int, zipfile.ZipFile] = {}
        self._lock = threading.Lock()
        self._records = None
        if not str(self._paths[0]).endswith(".zip"):
            with _for(self._paths[0]):
                from array_record.python.array_record_data_source import ArrayRecordDataSource

            self._records = ArrayRecordDataSource([str(path) for path in self._paths])

    def __len__(self) -> int:
        return sum(self._counts)

    def __getitem__(self, index):
        if self._records is not None:
            return self._records[index]
        part = 0
        while index >= self._counts[part]:
            index, part = index - self._counts[part], part + 1
        with self._lock:
            if part not in self._zips:
                self._zips[part] = zipfile.ZipFile(self._paths[part].open("rb"))
        return self._zips[part].read(self._zips[part].filelist[index])

    def __iter__(self) -> Iterator[bytes]:
        return (self[index] for index in range(len(self)))

    def __getstate__(self):
        return {**self.__dict__, "_zips": {}, "_lock": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())
