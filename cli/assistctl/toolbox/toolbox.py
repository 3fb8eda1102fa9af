"""The functions that a model may call, ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistctl.errors import AssistctlError
from assistctl.events import ToolCall, ToolContext, ToolReturned
from assistctl.resources import Function
from assistctl.toolbox import mounting, outputs, prints
from assistctl.toolbox.arguments import Arguments, arguments_of, called
from assistctl.toolbox.calls import Task, ToolExecutor, awaited, returned
from assistctl.toolbox.outputs import Output, Refusal

TIMEOUT = 60.0
OUTPUT_LIMIT = 512 * 1024
APPROVED = "approved"
"""What is said of a call that a person has consented to and that is made elsewhere."""

NOWHERE = ToolContext(None, None, None, Path(), "")


@dataclass(frozen=True)
class _Implementation:
    run: Callable[..., Any]
    arguments: Arguments

    def prepare(
        self, arguments: str, limit: int, context: ToolContext
    ) -> Callable[[float], Output]:
        """Read the arguments now, call with them later. Raises Refusal."""
        values = self.arguments.read(arguments) | dict.fromkeys(self.arguments.kept, context)
        return lambda seconds: outputs.result(awaited(called(self.run, values), seconds), limit)


@dataclass(frozen=True)
class _Tool:
    function: Function
    implementation: _Implementation | None


@dataclass(frozen=True)
class Toolbox:
    """The declared functions of a workspace, by name, and the Python behind them. Made by `mount`.
    `context` is what they may learn of where they are called, but for thread and run."""

    tools: Mapping[str, _Tool]
    timeout: float = TIMEOUT
    output_limit: int = OUTPUT_LIMIT
    context: ToolContext = NOWHERE

    def call(
        self,
        calls: Sequence[ToolCall],
        *,
        approve: Callable[[ToolCall], bool] | None = None,
        deadline: float | None = None,
        thread: str | None = None,
        run: str | None = None,
    ) -> Iterator[ToolReturned]:
        """Make all calls of a round in parallel; yields exactly one result for each, as they come.

        Nothing that a model sends or a tool does raises here: it becomes an error output,
        `{"error": {"type", "message"[, "details"]}}`, that lets the model correct itself. Work
        begins with the first result asked for.

        A call has until the smallest of its Function's timeout (or the toolbox's) and `deadline`,
        on the clock of time.monotonic(). A synchronous function that takes longer cannot be
        stopped: its thread is left behind, as a daemon, and its result is dropped.

        `approve` is asked, in this thread, about each valid call of a function that is declared
        with `approval: ask`, while the other calls are already at work; what it raises passes
        through. Without it such calls are refused. It is asked about every call of an MCP server,
        too, of which that is all that is done here.
        """
        context = replace(self.context, thread=thread, run=run)
        executor = ToolExecutor(context.workspace, deadline)
        refused: list[ToolReturned] = []
        held: list[Task] = []
        for call in (it for it in calls if it.server is None):
            try:
                task = self._task(call, context)
            except Refusal as refusal:
                refused.append(returned(call, refusal.output, 0.0))
            else:
                if self.tools[call.name].function.approval == "ask":
                    held.append(task)
                else:
                    executor.add(task)
        yield from refused
        for task in held:
            refusal_of_person = _asked(task.call, approve)
            if refusal_of_person is None:
                executor.add(task)
            else:
                yield returned(task.call, refusal_of_person.output, 0.0)
        for call in (it for it in calls if it.server is not None):
            refusal_of_person = _asked(call, approve)
            output = refusal_of_person.output if refusal_of_person else Output(APPROVED)
            yield returned(call, output, 0.0)
        yield from executor.results()

    def _task(self, call: ToolCall, context: ToolContext) -> Task:
        tool = self.tools.get(call.name)
        if tool is None:
            names = ", ".join(sorted(self.tools)) or "none"
            raise Refusal(
                "unknown_function",
                f"there is no function {outputs.cut(call.name, 80)!r}; available: {names}",
            )
        if tool.implementation is None:
            raise Refusal(
                "no_implementation",
                f"{call.name} is declared, but nothing here implements it; do without it",
            )
        work = tool.implementation.prepare(call.arguments, self.output_limit, context)
        return Task(call, work, tool.function.timeout or self.timeout)


def mount(
    workspace_root: Path,
    functions: Iterable[Function],
    *,
    context: ToolContext = NOWHERE,
    timeout: float = TIMEOUT,
    output_limit: int = OUTPUT_LIMIT,
) -> Toolbox:
    """Import the Python behind an assistant's functions, which `resolve` has completed.

    `context` is what they may learn, but for the root, the thread and the run. `timeout` is in
    seconds, for functions that declare none; `output_limit` in bytes of UTF-8.
    From here on only the main thread writes to stdout (see prints). Raises AssistctlError, before
    any model is asked, for modules that cannot be imported and annotations that cannot be used.
    """
    declared = _by_name(functions)
    if any(each.python for each in declared.values()):
        prints.keep_stdout()
    root = workspace_root.absolute()
    found = mounting.load(root, declared.values())
    tools = {name: _tool(each, found) for name, each in declared.items()}
    return Toolbox(tools, timeout, output_limit, replace(context, workspace=root))


def _by_name(functions: Iterable[Function]) -> dict[str, Function]:
    declared: dict[str, Function] = {}
    for function in functions:
        other = declared.setdefault(function.name, function)
        if other != function:
            raise AssistctlError(
                f"{function.place}: a function {function.name!r} is also declared at "
                f"{other.place}; give an assistant each name once"
            )
    return declared


def _tool(function: Function, found: Mapping[str, Callable[..., Any]]) -> _Tool:
    if function.python is None:
        return _Tool(function, None)
    if function.parameters is None:
        raise ValueError(f"{function.name} has no parameters yet: resolve() comes before mount()")
    run = found[function.python]
    try:
        return _Tool(function, _Implementation(run, arguments_of(function, run)))
    except TypeError as error:
        raise AssistctlError(
            f"{function.python_place or function.place}: {function.python}: {error}"
        ) from error


def _asked(call: ToolCall, approve: Callable[[ToolCall], bool] | None) -> Refusal | None:
    if approve is None:
        return Refusal("not_approved", f"{call.name} needs approval, and nobody can be asked")
    if not approve(call):
        return Refusal("not_approved", f"the user did not approve this call of {call.name}")
    return None
