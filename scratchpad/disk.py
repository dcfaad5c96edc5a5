"""What a disk that is full or closed makes libraries raise, as one clear line."""

from __future__ import annotations

import errno

from scratchpad.errors import RunFolderError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
# Libraries that do not write through Python, and words of what they raise on a full disk alone.
_OWN_WORDS = {
    "SafetensorError": "I/O error",
    "RuntimeError": "inline_container.cc",  # torch.save
}


def disk_error(error: Exception) -> RunFolderError | None:
    """Build the error of a disk that took no more or let nobody in; `None` of anything else."""
    told = error.errno if isinstance(error, OSError) else None
    if told in FULL or _OWN_WORDS.get(type(error).__name__, "\0") in str(error):
        return RunFolderError(
            "The disk takes no more",
            str(error),
            "Make room, or give an --out with more, and run the same command again: what is"
            " finished is kept.",
        )
    if isinstance(error, OSError) and error.filename and told in CLOSED:
        return RunFolderError(
            f"Cannot use {error.filename}",
            error.strerror or "",
            "Give files and folders that you may read and write.",
        )
    return None
