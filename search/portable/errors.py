"""What is raised where rows, targets or a bundle do not fit?"""

from __future__ import annotations


class PortableError(ValueError):
    """Rows, targets or a bundle that do not fit: one line with place, rule and value."""
