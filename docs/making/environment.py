"""Every environment variable that the code reads by its name, and what it is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import assistctl

SOURCE = Path(assistctl.__file__).parent

VARIABLES = {
    "ASSISTCTL_TARGET": "The target, as `--target` names it.",
    "ASSISTCTL_API_KEYS": "Keys that `serve` accepts, `[PROJECT:]KEY`, comma-separated.",
    "ASSISTCTL_CODE_PYTHON": "The Python (or its virtual environment) that runs what models write"
    " for code_interpreter, on the embedded server and `serve`.",
    "ASSISTCTL_DEBUG": "Not empty: errors are shown with their traceback.",
    "OPENAI_API_KEY": "Where no model is declared for the embedded server: the key of the endpoint"
    " that answers. A target's own key is only ever the variable that its `api_key` names.",
    "OPENAI_BASE_URL": "Beside it: the endpoint's address; OpenAI's if not set.",
    "OPENAI_CUSTOM_HEADERS": "What the `openai` SDK would add to its requests. It is read only to"
    " be left out: it may hold somebody's key.",
    "SSL_CERT_FILE": "A file of certificates (PEM) to trust, for targets and model endpoints.",
    "NO_COLOR": "Not empty: no colours.",
    "FORCE_COLOR": "Colours also where there is no terminal (`0` or `false`: none), unless"
    " `NO_COLOR` or `--no-color` says otherwise.",
    "TERM": "`dumb` or `unknown`: no colours, no bars, no lines that are drawn again.",
    "CI": "Not empty, `0`, `false` or `no`: nobody is asked anything, even on a terminal, no bars"
    " are shown, and `test` replays what was recorded.",
    "FORWARDED_ALLOW_IPS": "The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` a server"
    " believes, with commas between them; 127.0.0.1 and ::1 if not set.",
    "TMPDIR": "Where temporary files go: uploads to the server, and what reads untrusted files.",
}
"""What is read by its name anywhere in the package."""

OF_LIBRARIES = {
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY": "Proxies, for targets and model endpoints;"
    " never for the embedded server.",
    "VISUAL, EDITOR": "What Ctrl-X Ctrl-E opens in `chat`.",
    "_ASSISTCTL_COMPLETE": "Set by the scripts of `assistctl completion`.",
}
"""What libraries read that people set for us."""

UNTOLD = {"SYSTEMROOT"}
"""What Windows wants to be passed on."""


def read() -> set[str]:
    """The names that the package's code asks `os.environ` for, found in its source."""
    return {name for path in SOURCE.rglob("*.py") for name in _names(path)} - UNTOLD


def _names(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for asked in _asked(node):
            if isinstance(asked, ast.Constant) and isinstance(asked.value, str):
                yield asked.value
            elif isinstance(asked, ast.Name) and isinstance(constants.get(asked.id), str):
                yield constants[asked.id]


def _asked(node: ast.AST) -> Iterator[ast.expr]:
    """What is between the brackets of `environ[…]`, `environ.get(…)`, `getenv(…)`; what an option
    of click's has as its `envvar`; the names that a loop looks up."""
    if isinstance(node, ast.Subscript) and _is_environ(node.value):
        yield node.slice
    elif isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute) and (
            function.attr == "getenv" or (function.attr == "get" and _is_environ(function.value))
        ):
            yield node.args[0]
        yield from (word.value for word in node.keywords if word.arg == "envvar")
    elif isinstance(node, ast.Assign):
        if any(isinstance(it, ast.Attribute) and it.attr == "envvar" for it in node.targets):
            yield node.value
    elif isinstance(node, ast.comprehension) and any(map(_looks_up, node.ifs)):
        yield from node.iter.elts if isinstance(node.iter, ast.Tuple) else ()


def _looks_up(condition: ast.expr) -> bool:
    """`name in os.environ`"""
    return isinstance(condition, ast.Compare) and _is_environ(condition.comparators[0])


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def page() -> str:
    """Two tables."""
    return "\n".join(
        [
            *_table(VARIABLES),
            "",
            "What libraries read, and people set for them:",
            "",
            *_table(OF_LIBRARIES),
        ]
    )


def _table(variables: dict[str, str]) -> Iterator[str]:
    yield "| variable | what it says |"
    yield "|---|---|"
    for names, what in variables.items():
        yield f"| {', '.join(f'`{name}`' for name in names.split(', '))} | {what} |"
