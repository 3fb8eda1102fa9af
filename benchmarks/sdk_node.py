"""openai-node's own tests of the Assistants API, vector stores, files, uploads, responses,
conversations, containers and agents against the embedded server.

    git -C openai-node archive HEAD tests | tar x -C /tmp/node-suite
    npm install --prefix /tmp/node-suite --ignore-scripts openai@7.5.0 vitest@3
    python benchmarks/sdk_node.py /tmp/node-suite [VITEST OPTIONS]

The same proxies as for openai-python's tests stand between, see sdk_suite.py, sdk_responses.py and
sdk_agents.py. Tests of 4.x need `zod@3 node-fetch@2`, too.

Of 7.5.0 131 of 135 pass with 7.59.0, of 5.23.2 115 of 119, of 4.104.0 133 of 136. The others ask
for what the service would refuse, too: a container's file without a file, an expiry after 0
minutes, a `limit` or a `max_output_tokens` of 0. Of the tests of agents (agents.test.ts, and those
of sessions, events, items, turns and artifacts) 34 of 34 pass with 7.59.0. A tarball of npm has no
tests, and an archive of the repository at that tag was not to be had; its files were.
"""

import os
import subprocess
import sys
from pathlib import Path

import sdk_agents
import sdk_responses
import sdk_suite

_SUITES = (
    (
        sdk_suite,
        (
            *("beta/assistants.test.ts", "beta/threads", "beta/vector-stores", "vector-stores"),
            *("files.test.ts", "uploads", "models.test.ts"),
        ),
    ),
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
