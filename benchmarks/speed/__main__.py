"""How fast is kerasweep beside its peers? ``python -m benchmarks.speed --peers PYTHON``, or ``make bench``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.arithmetic import measure_peak
from benchmarks.speed.machine import both_versions, load_average, machine
from benchmarks.speed.page import PICTURE, page
from benchmarks.speed.picture import draw
from benchmarks.speed.prepare import prepare
from benchmarks.speed.results import Results, at, load, put, save, settings_of
from benchmarks.speed.runs import ROOT, Run, RunFailed, run, warm_up
from benchmarks.speed.works import OURS, OURS_2, OURS_HALF, WORKS, Work, chosen, quick

HERE = ROOT / "benchmarks"
QUICK = ROOT / "build" / "bench-quick"
_OF_OURS = (OURS, OURS_HALF, OURS_2)


def main() -> int:
    """Measure what is asked for, and write the page and the picture after each work."""
    args = _arguments()
    output: Path = args.output or (QUICK if args.quick else HERE)
    results = load(output / "results.json")
    try:
        if args.page:
            return _again(results, output)
        works = _checked(args)
        at(results, machine(), both_versions(args.peers))
    except ValueError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    args.load = load_average()
    results["peak"] = measure_peak().to_json()
    warm_up(args.peers)
    failures = 0
    for work in works:
        failures += _measure(quick(work) if args.quick else work, args, results)
        save(results, output / "results.json")
        _write(results, output)
    print(output / "RESULTS.md")
    return 1 if failures else 0


def _checked(args: argparse.Namespace) -> tuple[Work, ...]:
    """The works that are asked for; a ValueError where something else that is asked for cannot be had."""
    if not Path(args.peers).exists():
        raise ValueError(f"--peers: there is no {args.peers}; make bench makes it")
    if args.data_folder is not None and not args.data_folder.is_dir():
        raise ValueError(f"--data-folder: there is no folder {args.data_folder}; leave it out to use made-up data")
    if min(args.repeats, args.peer_repeats) < 1:
        raise ValueError("--repeats and --peer-repeats must be 1 at least")
    args.peers = str(Path(args.peers).absolute())  # runs have folders of their own
    return chosen(args.only)


def _measure(work: Work, args: argparse.Namespace, results: Results) -> int:
    """One work by all of its contestants in turn, as often as asked; how many runs failed."""
    rounds = (1, 1) if args.quick else (args.repeats, args.peer_repeats)
    wanted = [name for name in work.contestants if not args.ours or name in _OF_OURS]
    runs: dict[str, list[Run]] = {name: [] for name in wanted}
    failures = 0
    with tempfile.TemporaryDirectory(prefix="kerasweep-bench-") as scratch:
        for repeat in range(max(rounds)):
            # Each repeat has another seed, and with it another split: alike for all.
            prepared = prepare(work, Path(scratch, str(repeat)), args.data_folder, seed=repeat)
            for name in wanted:
                if repeat >= rounds[0 if name in _OF_OURS else 1]:
                    continue
                try:
                    runs[name].append(run(name, work, prepared, args.peers))
                except RunFailed as failed:
                    print(f"{work.name}: {name}: {failed}", file=sys.stderr, flush=True)
                    failures += 1
                else:
                    print(f"{work.name}: {name}: {_told(runs[name][-1])}", flush=True)
    put(results, work, settings_of(work, prepared), runs, load=args.load)
    return failures


def _told(run: Run) -> str:
    if "reached" in run:
        return f"{'reached in' if run['reached'] else 'not reached within'} {run['reached_seconds']:.1f} s"
    return f"search {run['search_seconds']:.2f} s, whole process {run['wall_seconds']:.2f} s"


def _again(results: Results, output: Path) -> int:
    if not results["works"]:
        raise ValueError(f"--page: nothing is measured yet in {output / 'results.json'}; leave --page out")
    _write(results, output)
    return 0


def _write(results: Results, output: Path) -> None:
    draw(results, output / PICTURE)
    (output / "RESULTS.md").write_text(page(results), encoding="utf-8")


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument(
        "--peers", default=str(ROOT / ".venv-bench" / "bin" / "python"), help="interpreter of the peers"
    )
    parser.add_argument("--only", default=",".join(work.name for work in WORKS), help="works, e.g. pima,digits")
    parser.add_argument("--ours", action="store_true", help="measure kerasweep alone; the peers' figures stay")
    parser.add_argument("--quick", action="store_true", help=f"does it all run? Into {QUICK.relative_to(ROOT)}")
    parser.add_argument("--repeats", type=int, default=3, help="runs of kerasweep")
    parser.add_argument("--peer-repeats", type=int, default=2, help="runs of each peer")
    parser.add_argument("--data-folder", type=Path, help="folder of pima.csv.gz and fashion_mnist.npz; else made up")
    parser.add_argument("--output", type=Path, help="folder of results.json, RESULTS.md and the picture")
    parser.add_argument("--page", action="store_true", help="only write page and picture again, from results.json")
    return parser.parse_args(words)


if __name__ == "__main__":
    raise SystemExit(main())
