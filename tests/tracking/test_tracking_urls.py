"""Are addresses shown without their secrets, and read aright?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tracking import TrackingError, local_artifacts, local_uri, redact_url
from tracking.urls import is_http, sqlite_path, without_userinfo


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://mlflow.example/team/a", "https://mlflow.example/team/a"),
        ("sqlite:////home/a/mlruns/mlflow.db", "sqlite:////home/a/mlruns/mlflow.db"),
        ("postgresql://ann:s3cret@db:5432/mlflow", "postgresql://ann:***@db:5432/mlflow"),
        ("postgresql+psycopg://ann:p/w@db/x", "postgresql+psycopg://ann:***@db/x"),
        ("https://ann:p@ss@mlflow.example/", "https://ann:***@mlflow.example/"),
        ("https://:s3cret@mlflow.example", "https://:***@mlflow.example"),
        ("https://ghp_token@mlflow.example", "https://***@mlflow.example"),
        ("https://x.example/?token=s3cret&page=2", "https://x.example/?token=***&page=2"),
        ("mssql://h/db?driver=x&Password=s3cret", "mssql://h/db?driver=x&Password=***"),
        ("https://b.example/f?X-Amz-Signature=s3cret", "https://b.example/f?X-Amz-Signature=***"),
        (
            "tried 'http://ann:s3cret@a/' and http://b:5000/ twice",
            "tried 'http://ann:***@a/' and http://b:5000/ twice",
        ),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert "s3cret" not in redact_url(url)


def test_a_link_for_the_browser_has_no_user() -> None:
    assert without_userinfo("https://ann:s3cret@mlflow.example/a") == "https://mlflow.example/a"
    assert without_userinfo("http://127.0.0.1:5000") == "http://127.0.0.1:5000"


def test_a_home_has_a_database_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert local_uri(Path("mlruns")) == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert local_artifacts(Path("mlruns")) == tmp_path / "mlruns" / "artifacts"
    assert sqlite_path(local_uri(Path("mlruns"))) == tmp_path / "mlruns" / "mlflow.db"


def test_a_home_that_would_break_the_address_is_refused() -> None:
    with pytest.raises(TrackingError, match=r"must not contain '\?'"):
        local_uri(Path("what?"))


@pytest.mark.parametrize(("uri", "http"), [("http://a", True), ("https://a", True), ("sqlite:///a", False)])
def test_servers_are_told_from_databases(uri: str, http: bool) -> None:
    assert is_http(uri) is http
    assert (sqlite_path(uri) is None) is http
