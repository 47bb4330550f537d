"""``python -m search`` is the same program as ``kerasweep``."""

from search.cli import main

main()
