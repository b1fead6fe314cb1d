"""Files that are complete or absent: they are written elsewhere, and then moved."""

import errno
import hashlib
import os
from uuid import uuid4

# The errors of file systems that cannot flush a folder.
_CANNOT = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}


def write_whole(path, payload, *, durable):
    """Write a file with a checksum; after a crash it is the new or the former file.

    Parameters
    ----------
    path : pathlib.Path
    payload : bytes
    durable : bool
        Whether to wait until it is on disk, so that it also survives a power cut.

    Raises
    ------
    OSError
        If it cannot be written. A former file is then still there.
    """
    part = path.with_name(f"{path.name}.{uuid4().hex[:16]}.part")
    try:
        with open(part, "wb") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable and hasattr(os, "O_DIRECTORY"):  # not on Windows
        _flush_folder(path.parent)


def _flush_folder(folder):
    descriptor = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


def read_whole(path):
    """Return the payload, or None if the checksum does not fit.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    """
    content = path.read_bytes()
    size = hashlib.sha256().digest_size
    digest, payload = content[:size], content[size:]
    return payload if hashlib.sha256(payload).digest() == digest else None
