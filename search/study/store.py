"""How is a study opened, continued and read, whatever keeps it?"""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.storages.journal import JournalStorage

from search.data.validation import ValidationConfig
from search.errors import StudyError
from search.home import Home, StudyFolder
from search.study.journal import ReadOnlyJournal, StudyJournal, check_lines, repair_journal
from search.study.long_study import LongJournal
from search.study.own_functions import any_trained, changed, files_of, refuse_another_loss
from search.study.plan import Plan
from search.study.records import BEGIN, StudyFacts
from search.study.whereabouts import never_begun, note_storage, whereabouts

optuna.logging.set_verbosity(optuna.logging.ERROR)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna's warnings about what is done on purpose here (experimental features, values outside a range)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="optuna")
        warnings.filterwarnings("ignore", message=".*is out of range.*")
        yield


def open_storage(folder: StudyFolder, url: str | None, *, packed: bool = True) -> BaseStorage:
    """The journal in the study's folder, or the storage that an Optuna URL names.

    Args:
        packed: see LongJournal.

    Raises:
        StudyError: if it cannot be reached; a password in the URL is not shown.
    """
    if url is None:
        return LongJournal(StudyJournal(str(folder.journal)), packed=packed)
    from tracking.urls import redact_url

    try:
        return optuna.storages.get_storage(url)
    except Exception as error:  # noqa: BLE001 - each database driver raises its own kind
        text = str(error).splitlines()[0].replace(url, redact_url(url))
        raise StudyError(f"search.storage {redact_url(url)}: cannot be opened ({text})") from None


def written_together(study: optuna.Study) -> AbstractContextManager[None]:
    """While this is open, what is told to a study in a journal is written in few pieces: see StudyJournal.together."""
    backend = getattr(study._storage, "_backend", None)
    return backend.together() if isinstance(backend, StudyJournal) else nullcontext()


def open_for_run(
    plan: Plan, folder: StudyFolder, sampler: BaseSampler | None, pruner: Any, *, packed: bool
) -> optuna.Study:
    """Create the study, or open it again if it is the same one. The caller holds the folder's lock.

    Args:
        packed: see LongJournal.

    Raises:
        StudyError: if it exists with another space, other data, another objective or another loss.
    """
    url = plan.experiment.search.storage
    strategy: dict[str, Any] = {"sampler": sampler, "pruner": pruner}
    with quiet_optuna():
        storage = open_storage(folder, url, packed=packed)
        try:
            # Not create_study(load_if_exists=True): that writes to the journal before anything could be refused.
            study = optuna.load_study(study_name=plan.experiment.study, storage=storage, **strategy)
        except KeyError:
            study = optuna.create_study(
                study_name=plan.experiment.study, storage=storage, direction=plan.direction, **strategy
            )
    known = StudyFacts.of(study)
    if known is not None:
        check_same(plan, known)
        if any_trained(study.get_trials(deepcopy=False)):  # until then a loss may be mended
            refuse_another_loss(plan.experiment.study, plan.losses, known.functions, plan.functions)
    elif url is not None:
        note_storage(folder, url)
    return study


def check_same(plan: Plan, known: StudyFacts) -> None:
    """Refuse to mix trials that cannot be compared.

    Raises:
        StudyError: naming what differs.
    """
    name = plan.experiment.study
    remedy = f"give it another name (study: {name}-2), or run it as it was"
    if known.space != plan.space.fingerprint:
        theirs, ours = known.experiment.get("space", {}), plan.resolved()["space"]
        differing = [key for key in dict.fromkeys((*theirs, *ours)) if theirs.get(key) != ours.get(key)]
        what = ", ".join(differing[:4]) or "its order"
        raise StudyError(f"study '{name}' exists with another space (it differs in {what}); {remedy}")
    if known.data != plan.dataset.fingerprint:
        rewritten = changed(sorted(set(plan.functions) - set(plan.losses)), known.functions, plan.functions)
        cause = f"; {files_of(rewritten)} has changed since" if rewritten else ""
        raise StudyError(
            f"study '{name}' exists with other data or another split (fingerprint {known.data}, "
            f"now {plan.dataset.fingerprint}{cause}); {remedy}"
        )
    if known.training != plan.training_fingerprint:
        raise StudyError(
            f"study '{name}' exists with another objective, epochs, early_stopping or validation "
            f"(it has {known.objective}, {known.direction}, {known.experiment['training']['epochs']} epochs, "
            f"early_stopping {known.experiment['training']['early_stopping']}, {_validation_text(known)}); {remedy}"
        )


def _validation_text(known: StudyFacts) -> str:
    validation = ValidationConfig.model_validate(known.experiment.get("validation", {}))
    folds = f"{validation.folds} folds" if validation.folds else "no folds"
    return folds + (f", {validation.repeats} repeats" if validation.repeats > 1 else "")


def load_study(home: Home, name: str) -> tuple[optuna.Study, StudyFacts]:
    """A study for reading only: nothing is created or repaired.

    Raises:
        StudyError: if there is no such study, naming the nearest.
    """
    folder = home.study(name)
    url = whereabouts(home, name)
    from tracking.urls import sqlite_path

    database = sqlite_path(url) if url is not None else None
    if database is not None and not database.exists():  # Optuna would make an empty one
        raise StudyError(f"study '{name}' is kept in {database}, which is gone; restore it, or run the study again")
    with quiet_optuna():
        try:
            storage: BaseStorage = (
                JournalStorage(ReadOnlyJournal(str(folder.journal))) if url is None else open_storage(folder, url)
            )
            study = optuna.load_study(study_name=name, storage=storage)
        except KeyError:
            raise never_begun(home, name) from None
        except ValueError:
            check_lines(folder.journal)  # which says where it is damaged
            raise
    record = StudyFacts.of(study)
    if record is None:
        raise never_begun(home, name)
    return study, record


def coordinator_name() -> str:
    """Who runs a trial: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_ours_to_close(trial: optuna.trial.FrozenTrial, *, shared: bool) -> bool:
    """Whether a RUNNING trial was left by a process that is gone.

    A journal's study is locked, so there all are. A database may be shared with coordinators on other machines: there
    only those count that a dead process of this machine began.
    """
    if not shared:
        return True
    host, _, pid = str(trial.user_attrs.get(BEGIN, {}).get("coordinator", "")).rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return int(pid) == os.getpid()


def prepare_journal(folder: StudyFolder) -> str | None:
    """Repair the journal before it is opened for writing; see `repair_journal`."""
    return repair_journal(folder.journal)
