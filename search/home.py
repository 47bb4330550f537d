"""Where on disk does kerasweep keep its state, and who may write there now?"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from search.errors import StudyError

_STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LEAST_FREE_BYTES = 20_000_000


@dataclass(frozen=True)
class Home:
    """The folder that holds MLflow's database and artifacts and a folder per study."""

    path: Path

    def study(self, name: str) -> StudyFolder:
        return StudyFolder(self.path / "studies" / name)

    def studies(self) -> list[str]:
        """Names of the studies that have been run here, in order.

        Raises:
            StudyError: if the home is a file.
        """
        if self.path.is_file():
            raise StudyError(f"--home {self.path}: is a file; name a folder")
        folder = self.path / "studies"
        return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []

    def check(self) -> None:
        """See, without making anything, that the folder is one or can be made, and has room.

        Raises:
            StudyError: if not.
        """
        try:
            if self.path.is_symlink() and not self.path.exists():
                raise FileNotFoundError(errno.ENOENT, "it is a link that leads nowhere")
            there = next(place for place in (self.path, *self.path.parents) if place.exists())
            if not there.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{there} is a file")
            if not os.access(there, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, f"{there} is read-only")
            total, _, free = shutil.disk_usage(there)
        except OSError as error:
            raise self._unwritable(error) from None
        if total and free < _LEAST_FREE_BYTES:  # a file system without a size tells nothing
            raise StudyError(
                f"--home {self.path}: its disk is full ({free / 1e6:.0f} MB free, a study needs "
                f"{_LEAST_FREE_BYTES / 1e6:.0f} MB); make room or choose another folder"
            )

    def make_ready(self) -> None:
        """Make the folder and see that it can be written.

        Raises:
            StudyError: if it cannot be made or written, or its disk is full.
        """
        self.check()
        probe = self.path / f".probe-{os.getpid()}"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                probe.write_bytes(b"0" * 4096)
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> StudyError:
        reason = error.strerror or str(error)
        return StudyError(f"--home {self.path}: cannot be written ({reason}); choose another folder")


@dataclass(frozen=True)
class StudyFolder:
    """One study's files."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        """Optuna's journal."""
        return self.path / "journal.log"

    @property
    def rows(self) -> Path:
        """What was last read of the journal; see search.study.journal_rows."""
        return self.path / "rows.json"

    @property
    def importances(self) -> Path:
        """What mattered when the study's pages were last drawn; see search.study.importance."""
        return self.path / "importances.json"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's event files, a folder for each trial; made where the experiment asks for it."""
        return self.path / "tensorboard"

    @property
    def arrays(self) -> Path:
        """The prepared data that workers map; made anew by each run."""
        return self.path / "arrays"

    @property
    def models(self) -> Path:
        """Model files of the best few trials."""
        return self.path / "models"

    @property
    def best(self) -> Path:
        """The best model as a bundle (see search.portable)."""
        return self.path / "best"

    @property
    def experiment(self) -> Path:
        """The resolved experiment."""
        return self.path / "experiment.yaml"

    @property
    def storage_note(self) -> Path:
        """Names the storage of a study that does not keep its journal here (without a password)."""
        return self.path / "storage.txt"

    def model(self, number: int) -> Path:
        return self.models / f"trial-{number:04}.keras"

    def weights(self, number: int) -> Path:
        """The weights of a quick trial's model, until the study ends and `model` is made of them."""
        return self.models / f"trial-{number:04}.weights.npz"

    def outputs(self, number: int) -> Path:
        """What the models of a trial's several rounds said of the rows that judged them."""
        return self.models / f"trial-{number:04}.rounds.npz"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the study for this process; the system lets go of it however the process ends.

        Raises:
            StudyError: if another process holds it.
        """
        new = [folder for folder in (self.path, self.path.parent) if not folder.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                raise StudyError(
                    f"study '{self.name}' is being run by {holder} already; wait for it, or stop it"
                ) from None
            stream.truncate(0)
            stream.write(f"process {os.getpid()}")
            stream.flush()
            try:
                yield
            finally:
                if new and [file.name for file in self.path.iterdir()] == ["lock"]:
                    # The study never began: nothing of it stays.
                    (self.path / "lock").unlink()
                    with suppress(OSError):  # another study may have begun beside it
                        for folder in new:
                            folder.rmdir()

    def is_locked(self) -> bool:
        """Whether a process is running the study at this moment."""
        lock = self.path / "lock"
        if not lock.exists():
            return False
        with lock.open() as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False


def find_home(given: Path | None) -> Home:
    """The home that was given, or that ``KERASWEEP_HOME`` names, or ``mlruns`` here."""
    return Home((given or Path(os.environ.get("KERASWEEP_HOME") or "mlruns")).absolute())


def check_study_name(name: str) -> str:
    """The name if a folder and an MLflow experiment can bear it.

    Raises:
        ValueError: with the rule and a name that would do.
    """
    if not _STUDY_NAME.fullmatch(name):
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._") or "my-study"
        raise ValueError(f"must be 1 to 100 letters, digits, '.', '_' or '-', got {name!r}; {plain[:100]!r} would do")
    return name


def check_name(name: str) -> str:
    """A study's name from the command line. Raises StudyError if no study can be called so."""
    try:
        return check_study_name(name)
    except ValueError as error:
        raise StudyError(f"study: {error}") from None
