"""How is a study's best model loaded to predict?"""

from __future__ import annotations

from pathlib import Path

from search.errors import StudyError
from search.home import Home, check_name, find_home
from search.portable import SPEC_FILE, PortableError, PortableModel


def load_best(study: str, *, home: Path | str | None = None) -> PortableModel:
    """The best model of a study, ready for raw rows: ``load_best("pima").predict(frame)``.

    Args:
        study: a study's name, or a model folder that ``kerasweep train -o`` wrote.
        home: where state lives; None is ``KERASWEEP_HOME``, else ``mlruns``.

    Raises:
        StudyError: if there is no such study or it has no model yet.
    """
    return load_model(find_home(Path(home) if home is not None else None), study)


def load_model(home: Home, what: str) -> PortableModel:
    """A model by its study's name or by its folder. Raises StudyError if neither is there."""
    folder = model_folder(home, what)
    try:
        return PortableModel.load(folder)
    except PortableError as error:
        raise StudyError(str(error)) from None


def model_folder(home: Home, what: str) -> Path:
    """Where a model is kept, by its study's name or its own folder. Raises StudyError if there is none."""
    if not what:
        check_name(what)
    if (Path(what) / SPEC_FILE).is_file():
        return Path(what)
    if Path(what).is_dir() and what not in home.studies():
        raise StudyError(
            f"{what}: is no model folder (it has no {SPEC_FILE}); 'kerasweep train STUDY -o {what}' makes one"
        )
    folder = home.study(check_name(what))
    if (folder.best / SPEC_FILE).is_file():
        return folder.best
    if folder.path.is_dir():
        raise StudyError(
            f"study '{what}' has no best model yet; 'kerasweep run' it to its end, or 'kerasweep train {what}'"
        )
    from spaces.errors import nearest

    known = home.studies()
    there = nearest(what, known) if known else "there is none yet; 'kerasweep run FILE' makes one"
    raise StudyError(f"there is no study and no model folder '{what}' (in {home.path}); {there}")
