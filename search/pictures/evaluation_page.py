"""How are all pictures of one trial seen at once, in MLflow's viewer too?"""

from __future__ import annotations

import base64
import csv
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search.files import write_whole
from search.pictures.evaluation import part_text
from search.pictures.template import fill, plain_page
from search.pictures.wording import format_value

PAGE_FILE = "evaluation.html"
MOST_ROWS, MOST_COLUMNS = 20, 16


def write_page(folder: Path, title: str, files: Sequence[str], left_out: Mapping[str, str]) -> Path:
    """Write ``evaluation.html`` beside the pictures: all of them, the numbers, and the first mistakes.

    The page holds everything itself, as MLflow shows an HTML artifact in a frame that reaches no other file.

    Args:
        files: names in the folder; the PNG files are shown, in this order.
        left_out: what could not be drawn, and why.

    Raises:
        OSError: the folder cannot be written.
    """
    numbers = folder / "evaluation.json"
    content = json.loads(numbers.read_text(encoding="utf-8")) if numbers.exists() else {}
    pictures = [name for name in files if name.endswith(".png")]
    body = fill(
        _BODY,
        METRICS=_metrics(content),
        PICTURES="".join(_picture(folder / name) for name in pictures),
        MISTAKES="" if "mistakes.png" in pictures else _mistakes(folder / "mistakes.csv"),
        LEFTOUT="".join(f"<li>{html.escape(name)}: {html.escape(reason)}</li>" for name, reason in left_out.items()),
    )
    page = plain_page(html.escape(title), html.escape(_summary(content)), body, _STYLE)
    return write_whole(folder / PAGE_FILE, page)


def _summary(content: Mapping[str, Any]) -> str:
    if not content:
        return "no predictions were looked at"
    return f"{content['task']} of {content['target']}, {content['rows']:,} rows ({part_text(content['part'])})"


def _metrics(content: Mapping[str, Any]) -> str:
    metrics = {**content.get("metrics", {}), "decision threshold": content.get("threshold")}
    cells = [(name, value) for name, value in metrics.items() if value is not None]
    return "".join(
        f"<div><b>{html.escape(format_value(value))}</b><span>{html.escape(name.replace('_', ' '))}</span></div>"
        for name, value in cells
    )


def _picture(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{html.escape(path.stem)}" src="data:image/png;base64,{data}">'


def _mistakes(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row[:MOST_COLUMNS] for _, row in zip(range(MOST_ROWS + 1), csv.reader(stream), strict=False)]
    head, *body = ("".join(f"<td>{html.escape(cell[:40])}</td>" for cell in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    return f"<h2>Worst mistakes</h2><table><tr class=head>{head}</tr>{lines}</table>"


_STYLE = """\
  h2 { font-size: 16px; margin: 18px 0 6px; }
  p, li { margin: 2px 0 10px; color: #52606d; }
  .metrics { display: flex; flex-wrap: wrap; gap: 8px 26px; margin: 8px 0 14px; }
  .metrics b { display: block; font-size: 17px; font-weight: 600; }
  .metrics span { color: #66727f; }
  .pictures { display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start; }
  .pictures img { max-width: 100%; border: 1px solid #e6eaee; }
  td { padding: 3px 9px; border-bottom: 1px solid #e6eaee; white-space: nowrap; }
  tr.head td { background: #f5f7fa; color: #52606d; font-weight: 600; }
"""

_BODY = """\
<div class="metrics">@@METRICS@@</div>
<div class="pictures">@@PICTURES@@</div>
@@MISTAKES@@
<ul>@@LEFTOUT@@</ul>
"""
