#!/usr/bin/env bash
# The step of action.yml that runs assistctl. In: MODE (plan, sync, drift), WORKSPACE, ARGUMENTS,
# SYNC_ARGUMENTS (those that a plan does not know), WITH_TESTS (`true`: a plan tries the tests, too),
# ASSISTCTL (the program). Out: `exitcode`, `place`
# (the target and the workspace, as a part of a name) and `plan` (a Markdown file: the plan or, if
# there is none, why); the Markdown is appended to the step summary. Fails on errors and refusals,
# and on drift.
set -uo pipefail
: "${GITHUB_OUTPUT:?}" "${GITHUB_STEP_SUMMARY:?}" "${RUNNER_TEMP:?}"
# Word splitting is meant: ARGUMENTS is what a person would type after the command.
# shellcheck disable=SC2206
more=(${ARGUMENTS:-}) sync_more=(${SYNC_ARGUMENTS:-})
plan="$RUNNER_TEMP/assistctl-plan.md" errors="$RUNNER_TEMP/assistctl-errors.txt"

make_plan() {
  "$ASSISTCTL" -C "$WORKSPACE" plan --format markdown "$@" "${more[@]}" >"$plan" 2>"$errors"
  local code=$?
  cat "$errors" >&2
  if [ ! -s "$plan" ]; then
    { echo "### assistctl could not make a plan"; echo "~~~~~"; head -c 60000 "$errors"; echo "~~~~~"; } >"$plan"
  fi
  return "$code"
}

case "$MODE" in
  plan)
    tests=()
    if [ "${WITH_TESTS:-false}" = true ]; then tests=(--with-tests); fi
    make_plan --detailed-exitcode "${tests[@]}"
    code=$?
    ;;
  drift)
    make_plan --drift-only --detailed-exitcode
    code=$?
    ;;
  sync)
    make_plan && "$ASSISTCTL" -C "$WORKSPACE" sync --yes "${more[@]}" "${sync_more[@]}"
    code=$?
    ;;
  *)
    echo "::error::mode must be plan, sync or drift, not '$MODE'"
    exit 64
    ;;
esac

place=$(printf '%s' "${ASSISTCTL_TARGET:-default}-$WORKSPACE" | tr -c 'A-Za-z0-9._-' -)
printf '%s\n' "exitcode=$code" "place=$place" "plan=$plan" >>"$GITHUB_OUTPUT"
cat "$plan" >>"$GITHUB_STEP_SUMMARY"
# For a plan, pending changes are news and no failure.
if [ "$MODE" = plan ] && [ "$code" = 2 ]; then
  exit 0
fi
exit "$code"
