"""How does a bug in a worker come back to where the study was started?"""


class WorkerFailure(Exception):
    """A bug in a worker, or in what the user wrote for it; carries the worker's traceback."""
