"""Are compiled kernels there whatever happens to where they are kept?"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_DRAWS = "from search.training.direct import philox; print(philox.uniform(1, (2,), 1.0).tolist())"


def _drawn(
    kept: Path, limit: Callable[[], None] | None = None, *, program: str = _DRAWS, folder: Path = ROOT, **variables: str
) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env={**os.environ, "NUMBA_CACHE_DIR": str(kept), **variables},
        preexec_fn=limit,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where kernels have been kept, and what was drawn by them."""
    folder = tmp_path_factory.mktemp("numba")
    return folder, _drawn(folder)


def test_kernels_are_kept_for_the_next_process(kept: tuple[Path, str]) -> None:
    folder, drawn = kept
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}
    assert before
    assert _drawn(folder) == drawn
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")} == before


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_kept_kernels_that_are_damaged_are_compiled_anew(kept: tuple[Path, str], ending: str, tmp_path: Path) -> None:
    folder, drawn = kept
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    damaged = list(tmp_path.rglob(f"*{ending}"))
    assert damaged
    for path in damaged:
        os.truncate(path, 20)
    assert _drawn(tmp_path) == drawn


def test_kernels_need_no_room_on_the_disk(kept: tuple[Path, str], tmp_path: Path) -> None:
    _, drawn = kept
    assert _drawn(tmp_path, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))) == drawn
    assert not list(tmp_path.rglob("*.nbc"))


def test_kernels_need_no_place_to_be_kept(kept: tuple[Path, str], tmp_path: Path) -> None:
    _, drawn = kept
    for package in ("search", "spaces", "tracking"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    nowhere = tmp_path / "search" / "training" / "direct" / "__pycache__"  # nor can folders be made in a file
    nowhere.write_text("")
    places = dict.fromkeys(("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME"), str(nowhere))
    assert (
        _drawn(
            nowhere,
            folder=tmp_path,
            program=f"{_DRAWS}; assert philox.__file__.startswith({str(tmp_path)!r})",
            **places,
        )
        == drawn
    )
    assert not list(tmp_path.rglob("*.nb?"))
