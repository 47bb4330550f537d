"""How does a page get its frame and its contents?"""

from __future__ import annotations

import re

_PLAIN = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>@@TITLE@@</title>
<style>
  body { margin: 20px 24px; color: #1f2933; background: #fff;
         font: 13px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
  h1 { font-size: 22px; margin: 0; }
  table { border-collapse: collapse; }
@@STYLE@@
</style>
</head>
<body>
<h1>@@TITLE@@</h1>
<p>@@SUMMARY@@</p>
@@BODY@@
</body>
</html>
"""


def fill(page: str, **parts: str) -> str:
    """Put each part, as it is, at the place marked with its name between double at-signs.

    >>> fill("<h1>@@TITLE@@</h1>", TITLE="a @@TITLE@@")
    '<h1>a @@TITLE@@</h1>'
    """
    return re.sub("@@([A-Z]+)@@", lambda match: parts[match[1]], page)


def plain_page(title: str, summary: str, body: str, style: str) -> str:
    """Return a page without scripts: a heading, a sentence, and a body with further rules of style; all are HTML."""
    return fill(_PLAIN, TITLE=title, SUMMARY=summary, BODY=body.rstrip(), STYLE=style.rstrip())
