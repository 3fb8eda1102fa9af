"""openai-node's own tests of responses, conversations, containers and agents against the embedded
server.

    git -C openai-node archive HEAD tests | tar x -C /tmp/node-suite
    npm install --prefix /tmp/node-suite --ignore-scripts openai@7.5.0 vitest@3
    python benchmarks/sdk_node.py /tmp/node-suite [VITEST OPTIONS]

The same proxies as for openai-python's tests stand between, see sdk_responses.py and sdk_agents.py.

Of 7.5.0 50 of 52 pass. The others ask for what the service would refuse, too: a container's file
without a file, an expiry after 0 minutes. Agents came later: of their tests (agents.test.ts, and
those of sessions, events, items, turns and artifacts) 34 of 34 pass with 7.59.0. A tarball of npm
has no tests, and an archive of the repository at that tag was not to be had; its files were.
"""

import os
import subprocess
import sys
from pathlib import Path

import sdk_agents
import sdk_responses

_SUITES = (
    (sdk_responses, ("responses", "conversations", "containers", "beta/responses")),
    (sdk_agents, ("beta/agents/agents.test.ts", "beta/agents/sessions")),
)


def main() -> int:
    home, options = Path(sys.argv[1]).resolve(), sys.argv[2:]
    failed = 0
    for suite, parts in _SUITES:
        tests = home / "tests" / "api-resources"
        paths = [str(tests / part) for part in parts if (tests / part).exists()]
        if paths:
            with sdk_responses.suite(suite.SCRIPTS, suite.Objects) as address:
                failed |= subprocess.run(
                    ["npx", "--no-install", "vitest", "run", "--globals", *paths, *options],
                    cwd=home,
                    env={**os.environ, "TEST_API_BASE_URL": address},
                    check=False,
                ).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
