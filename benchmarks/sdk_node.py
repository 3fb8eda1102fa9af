"""openai-node's own tests of responses, conversations and containers against the embedded server.

    git -C openai-node archive HEAD tests | tar x -C /tmp/node-suite
    npm install --prefix /tmp/node-suite --ignore-scripts openai@7.5.0 vitest@3
    python benchmarks/sdk_node.py /tmp/node-suite [VITEST OPTIONS]

The same proxy as for openai-python's tests, see sdk_responses.py, stands between.

Of 7.5.0 50 of 52 pass. The others ask for what the service would refuse, too: a container's file
without a file, an expiry after 0 minutes.
"""

import os
import subprocess
import sys
from pathlib import Path

from sdk_responses import SCRIPTS, Objects, suite

_PARTS = ("responses", "conversations", "containers", "beta/responses")


def main() -> int:
    home, options = Path(sys.argv[1]).resolve(), sys.argv[2:]
    paths = [f"tests/api-resources/{part}/" for part in _PARTS]
    with suite(SCRIPTS, Objects) as address:
        return subprocess.run(
            ["npx", "--no-install", "vitest", "run", "--globals", *paths, *options],
            cwd=home,
            env={**os.environ, "TEST_API_BASE_URL": address},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
