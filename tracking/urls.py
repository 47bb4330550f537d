"""Where is a record kept, and how is that address shown without its secrets?"""

from __future__ import annotations

import re
from pathlib import Path

from tracking.errors import TrackingError

_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*://)(?P<user>[^\s:/?#@'\"]*)(?P<password>:[^\s'\"]*)?@")
_SECRET_PARAMETER = re.compile(
    r"(?P<name>[?&;](?:[\w.-]*(?:password|passwd|pwd|token|secret|apikey|api_key|signature|credential)|sig|key))"
    r"=[^&;#\s'\"]*",
    re.IGNORECASE,
)


def redact_url(text: str) -> str:
    """Replace passwords and tokens in a URL, or in a message with URLs in it, by ``***``.

    A user name without a password may be a token, so it goes as well.

    >>> redact_url("postgresql://ann:s3cret@db:5432/mlflow")
    'postgresql://ann:***@db:5432/mlflow'
    """

    def userinfo(match: re.Match[str]) -> str:
        shown = f"{match['user']}:***" if match["password"] is not None else "***"
        return f"{match['scheme']}{shown}@"

    return _SECRET_PARAMETER.sub(lambda match: f"{match['name']}=***", _USERINFO.sub(userinfo, text))


def without_userinfo(url: str) -> str:
    """Drop user name and password from a URL, for a link that goes to a browser.

    >>> without_userinfo("https://ann:s3cret@mlflow.example/team")
    'https://mlflow.example/team'
    """
    return _USERINFO.sub(lambda match: match["scheme"], url)


def local_uri(home: Path) -> str:
    """Give the tracking URI of a local home folder: ``sqlite:////abs/path/mlflow.db``.

    Raises:
        TrackingError: the path holds a ``?``, which in a database URL ends the path.
    """
    path = home.expanduser().absolute() / "mlflow.db"
    if "?" in str(path):
        raise TrackingError(f"{home}: a home folder's path must not contain '?'; choose another with --home")
    return f"sqlite:///{path}"


def local_artifacts(home: Path) -> Path:
    """Give the artifact root of a local home folder."""
    return home.expanduser().absolute() / "artifacts"


def sqlite_path(uri: str) -> Path | None:
    """Give the database file behind a ``sqlite:///`` URI; None for any other URI."""
    return Path(uri.removeprefix("sqlite:///").split("?")[0]) if uri.startswith("sqlite:///") else None


def is_http(uri: str) -> bool:
    """Tell whether the URI is that of a tracking server."""
    return uri.startswith(("http://", "https://"))
