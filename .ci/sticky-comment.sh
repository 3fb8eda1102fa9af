#!/usr/bin/env bash
# Keeps one comment of a pull request up to date. In: PLAN (a Markdown file), PULL_REQUEST (its
# number), MARKER (an HTML comment that tells our comment from others), GITHUB_REPOSITORY, GH_TOKEN.
set -euo pipefail
body="$RUNNER_TEMP/assistctl-comment.md"
{ echo "$MARKER"; cat "$PLAN"; } >"$body"
comments="repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments"
mine=$(
  gh api --paginate "$comments" --jq ".[] | select(.body | startswith(env.MARKER)) | .id" |
    head -n 1
)
if [ -n "$mine" ]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$mine" --field body=@"$body" >/dev/null
else
  gh api --method POST "$comments" --field body=@"$body" >/dev/null
fi
