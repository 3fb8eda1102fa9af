#!/usr/bin/env bash
# The step of action.yml that runs assistctl. In: MODE (plan, sync, drift), WORKSPACE, ARGUMENTS,
# SYNC_ARGUMENTS (those that a plan does not know), ASSISTCTL (the program). Out: `exitcode` and, for
# plan and drift, `plan` (a Markdown file); the Markdown is appended to the step summary. Fails on
# errors and refusals, and on drift.
set -uo pipefail
: "${GITHUB_OUTPUT:?}" "${GITHUB_STEP_SUMMARY:?}" "${RUNNER_TEMP:?}"
# Word splitting is meant: ARGUMENTS is what a person would type after the command.
# shellcheck disable=SC2206
more=(${ARGUMENTS:-}) sync_more=(${SYNC_ARGUMENTS:-})
plan="$RUNNER_TEMP/assistctl-plan.md"

case "$MODE" in
  plan)
    "$ASSISTCTL" -C "$WORKSPACE" plan --format markdown --detailed-exitcode "${more[@]}" >"$plan"
    code=$?
    ;;
  drift)
    "$ASSISTCTL" -C "$WORKSPACE" plan --drift-only --format markdown --detailed-exitcode \
      "${more[@]}" >"$plan"
    code=$?
    ;;
  sync)
    "$ASSISTCTL" -C "$WORKSPACE" plan --format markdown "${more[@]}" >"$plan" &&
      "$ASSISTCTL" -C "$WORKSPACE" sync --yes "${more[@]}" "${sync_more[@]}"
    code=$?
    ;;
  *)
    echo "::error::mode must be plan, sync or drift, not '$MODE'"
    exit 64
    ;;
esac

echo "exitcode=$code" >>"$GITHUB_OUTPUT"
if [ -s "$plan" ]; then
  echo "plan=$plan" >>"$GITHUB_OUTPUT"
  cat "$plan" >>"$GITHUB_STEP_SUMMARY"
fi
# For a plan, pending changes are news and no failure.
if [ "$MODE" = plan ] && [ "$code" = 2 ]; then
  exit 0
fi
exit "$code"
