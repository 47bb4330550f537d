"""Which mistakes does the search expect, so that they print as one line and exit with 2?"""


class SearchError(Exception):
    """An expected mistake: one line that names the place, the rule, the value and the remedy."""


class ExperimentError(SearchError):
    """The experiment file, or an option that replaces part of it, breaks a rule."""


class DataError(SearchError):
    """The data cannot be read, or cannot be learnt from as it stands."""


class StudyError(SearchError):
    """A study cannot be opened, created, continued or read."""


class ModelError(SearchError):
    """A user's own model cannot be found, asks for what cannot be searched, or does not fit the data."""


def mistake_in(error: BaseException) -> str:
    """The one line of an expected mistake; empty for a bug, which is shown with its traceback."""
    from spaces.errors import SpaceError

    return str(error) if isinstance(error, SearchError | SpaceError) else ""
