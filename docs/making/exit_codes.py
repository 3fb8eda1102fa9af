"""The exit codes, and what is raised for them."""

from __future__ import annotations

from assistctl import errors, main

MEANINGS = {
    0: "Done. A run was completed, all cases of a test passed. A plan too, also with changes.",
    main.EXIT_ERROR: "Something is wrong, and stderr says what: the workspace, the target, part of"
    " a sync, a run that ended otherwise than completed, a case that failed.",
    2: "Only with `plan --detailed-exitcode`: there are changes, or with `--drift-only` edits at"
    " the target.",
    errors.Refused.exit_code: "Refused, because it would be unsafe unless it is asked for: edits at"
    " the target would be overwritten, much would be deleted, a saved plan is stale, a target wants"
    " to be confirmed by its name.",
    main.EXIT_USAGE: "The command was not typed right. Nothing was done.",
    main.EXIT_INTERRUPTED: "Ctrl-C or SIGTERM. What was under way is finished or taken back.",
}


def raised() -> dict[type[errors.AssistctlError], int]:
    """Every exception of the package that has an exit code -> that code."""
    kinds = (errors.AssistctlError, *errors.AssistctlError.__subclasses__())
    return {kind: kind.exit_code for kind in kinds}


def page() -> str:
    """The codes, and the exceptions behind them."""
    lines = ["| code | when |", "|---|---|"]
    lines += [f"| {code} | {when} |" for code, when in MEANINGS.items()]
    lines += ["", "In a program of yours these are exceptions of `assistctl.errors`:", ""]
    lines += ["| exception | code | what it says |", "|---|---|---|"]
    for kind, code in raised().items():
        said = " ".join((kind.__doc__ or "").split())
        lines.append(f"| `{kind.__name__}` | {code} | {said} |")
    return "\n".join(lines)
