"""How do workers start without importing TensorFlow each? Run as ``python -m search.executors.fork_server FD``.

TensorFlow survives a fork as long as it has not computed yet: importing it starts no thread of its own, and NumPy's and
Arrow's threads know of forks. Graphics processors do not survive one, nor do other backends; there, and where a system
frowns on forks, a worker is started by command and imports by itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import NoReturn

from search.executors.processes import Await, Start

_GRAPHICS_PROCESSORS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA's, AMD's, those of Linux inside Windows


def main(descriptor: int) -> None:
    """Import what workers need, then start one for each request, until the coordinator closes the line or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the coordinator
    requests = Connection(descriptor)
    imported = _import()
    with contextlib.suppress(EOFError, OSError):
        while True:
            request: Start | Await = requests.recv()
            if isinstance(request, Start):
                requests.send(_start(request, requests, imported))
            else:
                requests.send(os.waitstatus_to_exitcode(os.waitpid(request.pid, 0)[1]))


def _import() -> bool:
    """Whether workers may be forked from here on."""
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if sys.platform != "linux" or backend != "tensorflow" or any(map(os.path.exists, _GRAPHICS_PROCESSORS)):
        return False
    try:
        from search.training.threads import import_backend, without_collecting

        with without_collecting():
            backend = import_backend()  # Keras's own settings may name another
            import search.training.fitting
            import search.training.kept
            import search.training.trial
            import search.training.worker_data  # noqa: F401 - for the workers
            from search.training.direct.arrays import libraries

            libraries()
    except Exception:  # noqa: BLE001 - each worker tries again, and tells its coordinator
        return False
    gc.collect()
    gc.freeze()  # else collecting would write to memory that the workers share
    return backend == "tensorflow"


def _start(request: Start, requests: Connection, imported: bool) -> int:
    line, log, parent = recv_handle(requests), recv_handle(requests), os.getpid()
    pid = os.fork()
    if pid == 0:
        requests.close()
        _become_worker(request, line, log, parent, imported)
    os.close(line)
    os.close(log)
    return pid


def _become_worker(request: Start, line: int, log: int, parent: int, imported: bool) -> NoReturn:
    code = 1
    try:
        os.setsid()  # a share of the processor of its own, where sessions have one
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.environ["TMPDIR"], tempfile.tempdir = request.scratch, None
        if not imported:
            os.set_inheritable(line, True)
            said = [str(line), str(parent), str(request.asked)]
            os.execv(sys.executable, [sys.executable, "-m", "search.executors.worker", *said])
        from search.executors.worker import main as work

        work(line, parent, request.asked)
        code = 0
    except BaseException:  # noqa: BLE001 - nothing of the server's may run on in here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(int(sys.argv[1]))
