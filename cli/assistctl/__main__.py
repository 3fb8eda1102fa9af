"""`python -m assistctl`, and the installed script."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Ctrl-C may come before there is anything that could say so."""
    try:
        from assistctl.main import main
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    main()


if __name__ == "__main__":
    main()
