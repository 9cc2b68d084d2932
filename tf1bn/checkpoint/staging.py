"""Puts the files of a checkpoint in place so that a kill at any moment leaves none of it, or all of it.

Everything is written into a hidden folder beside the target and flushed. Only then data files are renamed into
place, and the index last: without it nobody sees a checkpoint. The folder is locked while its owner lives, so
that the next run can tell what a killed one left behind, and clears it away.
"""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tf1bn import errors, progress

_MARK = "commit"  # lists the data files, old and new: until there is an index, they belong to nobody else
_COPY_STEP = 64 << 20


def _error(what: str, error: OSError, fix: str = "") -> errors.CheckpointError:
    return errors.CheckpointError(errors.explain(what, got=error.strerror or str(error), fix=fix))


def _sync_folder(path: str) -> None:
    # A rename is on the disk only when the folder is.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def data_files(prefix: str) -> list[str]:
    """Returns the data files that exist for a prefix."""
    return sorted(glob.glob(glob.escape(prefix) + ".data-[0-9]*-of-[0-9]*"))


def check_free(target: str, source: str, overwrite: bool) -> None:
    """Refuses a target that is the source, has no folder, or exists already.

    Raises:
      CheckpointExistsError, CheckpointMissingError, CheckpointPlanError: as said.
    """
    folder = os.path.dirname(target) or "."
    if not os.path.basename(target) or os.path.isdir(target):
        raise errors.CheckpointPlanError(
            errors.explain("the target is a directory", got=target, expected="a prefix such as DIR/model.ckpt")
        )
    if not os.path.isdir(folder):
        raise errors.CheckpointMissingError(
            errors.explain(f"the directory {folder!r} of the target does not exist", fix="Create it first.")
        )
    same_folder = os.path.realpath(folder) == os.path.realpath(os.path.dirname(source) or ".")
    if same_folder and os.path.basename(target) == os.path.basename(source):
        raise errors.CheckpointPlanError(
            errors.explain("source and target are the same", got=target, fix="Write to another prefix.")
        )
    if os.path.lexists(target + ".index") and not overwrite:
        raise errors.CheckpointExistsError(
            errors.explain(f"the target {target!r} exists", fix="Choose another prefix, or pass --overwrite.")
        )


class Staging:
    """The hidden folder of one target.

    Args:
      target: prefix.
      overwrite: whether a checkpoint there is replaced.
      index: the file by which others find the target, and which comes last; by default that of a checkpoint.

    Attributes:
      prefix: where to write the files meanwhile.
    """

    def __init__(self, target: str, overwrite: bool, index: str = "") -> None:
        self._target, self._overwrite = target, overwrite
        self._index = index or target + ".index"
        self._folder = os.path.dirname(target) or "."
        base = os.path.basename(target)
        self._part = os.path.join(self._folder, f".{base}.tf1bn-part")
        self.prefix = os.path.join(self._part, base)

    @contextmanager
    def open(self) -> Iterator[Staging]:
        """Makes the folder, locks it, and removes it in the end, whatever happened.

        Raises:
          CheckpointExistsError: another process is writing this target, or data files are in the way.
          CheckpointError: the folder cannot be made.
        """
        try:
            os.makedirs(self._part, exist_ok=True)
            descriptor = os.open(self._part, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _error(f"cannot write beside {self._target!r}", error) from error
        try:
            try:
                # The kernel lets the lock go when its owner dies, so a killed run never blocks the next one.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise errors.CheckpointExistsError(
                    errors.explain(f"another process is writing {self._target!r}", fix="Wait for it to end.")
                ) from error
            self._clear_left_over()
            try:
                yield self
            finally:
                # While the lock is held: nobody else may be in there.
                shutil.rmtree(self._part, ignore_errors=True)
        finally:
            os.close(descriptor)

    def _clear_left_over(self) -> None:
        """Removes what a killed migration to this target left behind."""
        mark = os.path.join(self._part, _MARK)
        # With an index the target is whole, and its data files are no left-overs.
        if os.path.exists(mark) and not os.path.lexists(self._index):
            with open(mark, encoding="utf-8", errors="surrogateescape") as file:
                for name in file.read().split("\n"):
                    if name and os.path.lexists(os.path.join(self._folder, name)):
                        os.remove(os.path.join(self._folder, name))
        for entry in os.scandir(self._part):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.remove(entry.path)
        if data_files(self._target) and not self._overwrite:
            raise errors.CheckpointExistsError(
                errors.explain(
                    f"data files of {self._target!r} are there, without an index",
                    got=os.path.basename(data_files(self._target)[0]),
                    fix="Choose another prefix, or pass --overwrite.",
                )
            )

    def commit(self) -> None:
        """Moves the complete, flushed files into place: data first, index last.

        Raises:
          CheckpointExistsError: a target appeared meanwhile.
        """
        names = [os.path.basename(path) for path in data_files(self.prefix)]
        old = [os.path.basename(path) for path in data_files(self._target)]
        # Before the first rename, or a kill would leave data files that nobody can tell from a user's own.
        self.mark(names + old)
        index = self._target + ".index"
        # Asked again, as it may have come while this was written.
        if os.path.lexists(index) and not self._overwrite:
            raise errors.CheckpointExistsError(errors.explain(f"the target {self._target!r} appeared meanwhile"))
        if self._overwrite:
            self._remove_old(index)
        for name in names:
            os.rename(os.path.join(self._part, name), os.path.join(self._folder, name))
        _sync_folder(self._folder)
        # The disk may write renames in another order; with the folder flushed between, an index means that data are
        # there.
        os.rename(self.prefix + ".index", index)
        _sync_folder(self._folder)

    def mark(self, names: Sequence[str]) -> None:
        """Notes which files beside the target belong to nobody else until there is an index."""
        with open(os.path.join(self._part, _MARK), "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join(names))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self._part)

    def _remove_old(self, index: str) -> None:
        """Removes the old target, its index first: from then on there is none until the new one is whole."""
        if os.path.lexists(index):
            os.remove(index)
            _sync_folder(self._folder)
        for path in data_files(self._target):
            os.remove(path)


def link_file(source: str, target: str) -> None:
    """Makes a hard link: the same bytes under a second name.

    Raises:
      CheckpointError: the file systems differ, or forbid it.
    """
    try:
        os.link(os.path.realpath(source), target)
    except OSError as error:
        raise _error(f"cannot link {source!r}", error, "Copy instead: leave out --link.") from error


def copy_file(source: str, target: str) -> None:
    """Copies a file inside the kernel and flushes it to the disk, which works while the rest is copied."""
    with open(source, "rb") as read, open(target, "xb") as write:
        done = threading.Event()
        # One flush in the end would wait for all of it, with the disk idle until then.
        flusher = threading.Thread(target=_flush_along, args=(write.fileno(), done), daemon=True)
        flusher.start()
        try:
            _copy_bytes(read.fileno(), write.fileno(), os.fstat(read.fileno()).st_size)
        finally:
            done.set()
            flusher.join()
        os.fsync(write.fileno())


def _flush_along(descriptor: int, done: threading.Event) -> None:
    while not done.wait(0.02):
        try:
            os.fdatasync(descriptor)
        except OSError:
            return  # the copy or the last fsync meets the same error and reports it


def _copy_bytes(read: int, write: int, size: int) -> None:
    with progress.stage("copying", size, progress.BYTES) as copied:
        _copy_steps(read, write, size, copied.advance)


def _copy_steps(read: int, write: int, size: int, advance: Callable[[int], None]) -> None:
    left, in_kernel = size, hasattr(os, "copy_file_range")
    while left:
        step = min(left, _COPY_STEP)
        if in_kernel:
            try:
                count = os.copy_file_range(read, write, step)
            except OSError as error:
                # Some file systems cannot copy by themselves, which shows at the first call and never later.
                if left != size or error.errno == 28:  # no space left
                    raise
                in_kernel = False
                continue
        else:
            count = os.sendfile(write, read, None, step)
        if not count:
            raise errors.CheckpointDamagedError(errors.explain("a data file became shorter while it was copied"))
        left -= count
        advance(count)
