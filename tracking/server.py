"""How are MLflow's pages served for a home folder?"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from tracking.errors import TrackingError
from tracking.locks import setup_lock
from tracking.mlflow_setup import ENVIRONMENT
from tracking.urls import local_artifacts, local_uri, redact_url

DEFAULT_PORT = 5000
START_PATIENCE_SECONDS = 120.0  # the first start on a new home makes the database
_STOP_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.1


def serve(
    home: Path,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    allowed_hosts: Sequence[str] = (),
    announce: Callable[[str], None],
) -> None:
    """Serve MLflow's pages until Ctrl-C or SIGTERM (both end this quietly), or until the server dies.

    Args:
        home: folder with ``mlflow.db`` and ``artifacts/``; made if missing.
        host: address to listen on. One that is not loopback shows the record to the network, so it needs
            `allowed_hosts`, the names by which browsers may ask for it.
        announce: called once with the base URL when the server answers.

    Raises:
        TrackingError: the port is taken, the host is not allowed, or the server died.
    """
    with terminated_by_exception():
        try:
            with serving(home, host, port, allowed_hosts=allowed_hosts) as (url, child):
                announce(url)
                status = child.wait()
        except KeyboardInterrupt:
            return
    raise TrackingError(f"the MLflow server at {url} ended by itself (exit status {status}); start it again")


@contextmanager
def serving(
    home: Path, host: str = "127.0.0.1", port: int = DEFAULT_PORT, *, allowed_hosts: Sequence[str] = ()
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the server while the body runs; give its base URL and its process. See `serve`."""
    check_address(host, port, allowed_hosts)
    url = f"http://{_in_url(host)}:{port}"
    with tempfile.TemporaryFile() as log:
        # The lock: a study that starts now must not set up the same database at the same time.
        with setup_lock(home):
            child = subprocess.Popen(
                server_command(home, host, port, allowed_hosts),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_server_environment()},
                start_new_session=True,  # Ctrl-C reaches us alone, and its workers stop with it
            )
            try:
                _await_health(url, child, log)
            except BaseException:
                _stop(child)
                raise
        try:
            yield url, child
        finally:
            _stop(child)


def server_command(home: Path, host: str, port: int, allowed_hosts: Sequence[str] = ()) -> list[str]:
    """Write the command line of the server."""
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    # Files lie at plain paths in the database, so the server reads them itself and need not pass uploads on.
    command += ["--backend-store-uri", local_uri(home), "--no-serve-artifacts"]
    command += ["--default-artifact-root", local_artifacts(home).as_uri()]
    return [*command, "--allowed-hosts", ",".join(allowed_hosts)] if allowed_hosts else command


def check_address(host: str, port: int, allowed_hosts: Sequence[str]) -> None:
    """Raise TrackingError if the server may not, or cannot, listen there."""
    if not _is_loopback(host) and not allowed_hosts:
        raise TrackingError(
            f"--host {host}: would show the record to the network; name the hosts that browsers may ask for "
            "with --allowed-host, or keep to 127.0.0.1"
        )
    if not 0 < port < 65536:
        raise TrackingError(f"--port {port}: must be from 1 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise TrackingError(f"--host {host}: is no address of this machine ({error.strerror})") from error
        except OSError as error:
            raise TrackingError(
                f"--port {port}: cannot listen on {host}:{port} ({error.strerror or error}); "
                f"choose another, e.g. --port {port + 1 if port < 65535 else 5001}"
            ) from error


def _server_environment() -> dict[str, str]:
    given = {name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()}
    # Jobs of MLflow's evaluation service: processes that nothing here uses.
    return given | {"MLFLOW_LOGGING_LEVEL": "WARNING", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _await_health(url: str, child: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise TrackingError(f"the MLflow server did not start: {_last_words(log)}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2.0):
                return
        except urllib.error.HTTPError:
            return
        except OSError:  # not listening yet
            time.sleep(_POLL_SECONDS)
    raise TrackingError(f"the MLflow server did not answer within {START_PATIENCE_SECONDS:.0f} s: {_last_words(log)}")


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|exception", line, re.IGNORECASE) and ": " in line]
    return redact_url((telling or lines or ["it said nothing"])[-1])


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: politely, then not."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, way)
        except ProcessLookupError:
            break
        try:
            child.wait(_STOP_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _in_url(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{shown}]" if ":" in shown else shown


@contextmanager
def terminated_by_exception() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt while the body runs, so that the server does not outlive us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
