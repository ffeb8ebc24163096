"""Stats documents from a file that another program writes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .model import LARGEST_DOCUMENT, Fetched, SourceError
from .thread import InThread


class FileSource:
    """Reads one file. A file that changes under the reader is a failed read; writers should rename it into place."""

    def __init__(self, path: Path, largest: int = LARGEST_DOCUMENT) -> None:
        self._path = path
        self._largest = largest
        self._reading = InThread(self._read)

    @property
    def description(self) -> str:
        """The path."""
        return f"file {self._path}"

    async def fetch(self) -> Fetched:
        """Read the file in a thread; while a read hangs (a dead network drive), later fetches wait for that one."""
        return await self._reading.result()

    async def close(self) -> None:
        """Nothing is kept open."""

    def _read(self) -> Fetched:
        try:
            # Without O_NONBLOCK opening a named pipe would wait for its writer for ever.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise SourceError("missing", f"{self._path} does not exist") from None
        except PermissionError:
            raise SourceError("permission", f"{self._path} may not be read by this user") from None
        except OSError as error:
            raise SourceError("unreachable", f"{self._path} cannot be opened: {error.strerror}") from None
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise SourceError("wrong_shape", f"{self._path} is not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(self._largest + 1)
            after = os.fstat(descriptor)
        except OSError as error:
            raise SourceError("unreachable", f"{self._path} cannot be read: {error.strerror}") from None
        finally:
            os.close(descriptor)
        if len(data) > self._largest:
            raise SourceError("too_large", f"{self._path} is larger than {self._largest} bytes")
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            raise SourceError(
                "incomplete", f"{self._path} was written while it was read; write a new file and rename it"
            )
        return Fetched(data, after.st_mtime)
