"""The functions that a model may call, ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap
from pathlib import Path
from typing import ClassVar, TypeAlias

from assistctl.cases import Stub
from assistctl.errors import AssistctlError
from assistctl.events import ToolCall, ToolContext, ToolReturned
from assistctl.resources import Function, Interpreter, Json, McpTool, Workspace
from assistctl.toolbox import endings, mounting, outputs, prints
from assistctl.toolbox.arguments import Expected, expected_of
from assistctl.toolbox.calls import Task, ToolExecutor, raised, returned, timed_out
from assistctl.toolbox.mcp_servers import McpServers, connected
from assistctl.toolbox.offspring import Offspring
from assistctl.toolbox.outputs import Detail, Output, Refusal
from assistctl.toolbox.worker.calling import Callee, TimeIsUp, WrongArguments
from assistctl.toolbox.worker.hints import Unconvertible
from assistctl.toolbox.workers import GRACE, START, Ended, Late, Workers

TIMEOUT = 60.0
OUTPUT_LIMIT = 512 * 1024
APPROVED = "approved"
"""What is said of a call that a person has consented to and that is made elsewhere."""

NOWHERE = ToolContext(None, None, None, Path(), "")


Work: TypeAlias = Callable[[float], Output]
"""A call that is ready to be made, in at most so many seconds."""


@dataclass(frozen=True)
class _Here:
    """A function that is called in this process."""

    expected: Expected
    callee: Callee
    spare: ClassVar[float] = 0.0

    def prepare(self, arguments: str, limit: int, context: ToolContext) -> Work:
        """Read the arguments now, call with them later. Raises Refusal."""
        try:
            values = self.callee.arguments(self.expected.read(arguments), context)
        except WrongArguments as error:
            raise self.expected.refusal(starmap(Detail, error.faults)) from error
        except Unconvertible as error:
            raise Refusal("exception", str(error)) from error

        def work(seconds: float) -> Output:
            try:
                value = self.callee(values, seconds)
            except TimeIsUp:
                raise timed_out(seconds) from None
            return outputs.result(value, limit)

        return work


@dataclass(frozen=True)
class _Apart:
    """A function that is called in a worker process."""

    expected: Expected
    python: str
    workers: Workers
    spare: ClassVar[float] = START + 2 * GRACE

    def prepare(self, arguments: str, limit: int, context: ToolContext) -> Work:
        """Hold the arguments against the schema now, call with them later. Raises Refusal."""
        values, within = self.expected.read(arguments), self.workers.round

        def work(seconds: float) -> Output:
            try:
                answer = self.workers.call(
                    self.python, values, context, seconds=seconds, limit=limit, within=within
                )
            except Late:
                raise timed_out(seconds, ended=True) from None
            except Ended as error:
                what = "the process in which the function ran crashed"
                raise Refusal("crashed", f"{what}: {error}") from None
            return self._output(answer, seconds)

        return work

    def _output(self, answer: Mapping[str, Json], seconds: float) -> Output:
        match answer:
            case {"text": text}:
                return Output(text)
            case {"wrong": faults}:
                raise self.expected.refusal(starmap(Detail, faults))
            case {"invalid": why, "type": kind}:
                raise outputs.invalid_result(kind, why)
            case {"raised": words, "trace": trace, "memory": memory}:
                return raised(f"{words} ({self.workers.limit})" if memory else words, trace)
        raise timed_out(seconds, ended=True)


@dataclass(frozen=True)
class _AtServer:
    """A tool of an MCP server."""

    expected: Expected
    tool: McpTool
    servers: McpServers
    spare: ClassVar[float] = 2 * GRACE

    def prepare(self, arguments: str, limit: int, context: ToolContext) -> Work:
        """Hold the arguments against the locked schema now, call later. Raises Refusal."""
        values = self.expected.read(arguments)

        def work(seconds: float) -> Output:
            text = self.servers.call(self.tool, self.expected.function, values, seconds)
            return outputs.result(text, limit)

        return work


@dataclass(frozen=True)
class _Stubbed:
    """A function that is not called: a stub answers in its place."""

    expected: Expected
    stub: Stub
    spare: ClassVar[float] = 0.0

    def prepare(self, arguments: str, limit: int, context: ToolContext) -> Work:
        """Hold the arguments against the schema now, answer later. Raises Refusal."""
        self.expected.read(arguments)

        def work(seconds: float) -> Output:
            if self.stub.raises is not None:
                raise Refusal("exception", self.stub.raises)
            return outputs.result(self.stub.returns, limit)

        return work


@dataclass(frozen=True)
class _Tool:
    function: Function
    implementation: _Here | _Apart | _AtServer | _Stubbed | None


@dataclass(frozen=True)
class Toolbox:
    """The declared functions of a workspace, by name, and the Python behind them. Made by `mount`.
    `context` is what they may learn of where they are called, but for thread and run."""

    tools: Mapping[str, _Tool]
    timeout: float = TIMEOUT
    output_limit: int = OUTPUT_LIMIT
    context: ToolContext = NOWHERE
    workers: Workers | None = None
    servers: McpServers | None = None
    offspring: Offspring = field(default_factory=Offspring)

    def close(self) -> None:
        """End the worker processes and the MCP servers, if there are any, and what calls that were
        given up have started."""
        self.offspring.end()
        if self.workers:
            self.workers.close()
        if self.servers:
            self.servers.close()

    def stubbed(self, stubs: Mapping[str, Stub]) -> Toolbox:
        """The same functions, some of which are answered by stubs; nobody is asked about them, for
        nothing is done."""
        tools = {
            name: _Tool(
                replace(tool.function, approval="never"),
                _Stubbed(expected_of(tool.function), stubs[name]),
            )
            if name in stubs
            else tool
            for name, tool in self.tools.items()
        }
        return replace(self, tools=tools)

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
        within = self.workers.round if self.workers else 0
        try:
            yield from self._called(calls, approve, deadline, context)
        finally:
            if self.workers:  # whoever listens no longer has the rest stopped
                self.workers.interrupt(within)

    def _called(
        self,
        calls: Sequence[ToolCall],
        approve: Callable[[ToolCall], bool] | None,
        deadline: float | None,
        context: ToolContext,
    ) -> Iterator[ToolReturned]:
        executor = ToolExecutor(context.workspace, deadline, self.offspring)
        try:
            yield from self._results(executor, calls, approve, context)
        finally:
            executor.abandon()

    def _results(
        self,
        executor: ToolExecutor,
        calls: Sequence[ToolCall],
        approve: Callable[[ToolCall], bool] | None,
        context: ToolContext,
    ) -> Iterator[ToolReturned]:
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
        timeout = tool.function.timeout or self.timeout
        return Task(call, work, timeout, tool.implementation.spare)


def mount(
    workspace_root: Path,
    functions: Iterable[Function],
    interpreter: Interpreter | None = None,
    context: ToolContext = NOWHERE,
    *,
    timeout: float = TIMEOUT,
    output_limit: int = OUTPUT_LIMIT,
    unneeded: Container[str] = (),
) -> Toolbox:
    """Import the Python behind an assistant's functions, which `resolve` has completed.

    `context` is what they may learn, but for the root, the thread and the run. `timeout` is in
    seconds, for functions that declare none; `output_limit` in bytes of UTF-8.
    The MCP servers of which some are tools are started; those whose tools are not as locked are
    refused. Nothing is imported or started for the `unneeded` functions, which others answer.
    With an `interpreter` it is imported and called in worker processes of that, until the toolbox
    is closed. From here on only the main thread writes to stdout (see prints). Raises
    AssistctlError, before any model is asked, for modules that cannot be imported and annotations
    that cannot be used.
    """
    declared = _by_name(functions)
    needed = [each for name, each in declared.items() if name not in unneeded]
    if any(each.python for each in needed):
        prints.keep_stdout()
    root = workspace_root.absolute()
    workers = None
    make: Callable[[Function, str], _Here | _Apart]
    if interpreter and any(each.python for each in needed):
        pool = workers = mounting.load_apart(root, needed, interpreter)

        def make(function: Function, python: str) -> _Apart:
            return _Apart(expected_of(function), python, pool)
    else:
        if any(each.python for each in needed):
            endings.tell_of_ends()
        found = mounting.load(root, needed)

        def make(function: Function, python: str) -> _Here:
            return _Here(expected_of(function), found[python])

    try:
        servers = connected(root, needed)
    except BaseException:
        if workers:
            workers.close()
        raise

    def implementation(function: Function) -> _Here | _Apart | _AtServer | None:
        if function.name in unneeded:
            return None
        if function.mcp and servers:
            return _AtServer(expected_of(function), function.mcp, servers)
        return make(function, function.python) if function.python else None

    tools = {name: _Tool(each, implementation(each)) for name, each in declared.items()}
    inside = replace(context, workspace=root)
    return Toolbox(tools, timeout, output_limit, inside, workers, servers)


def mounted(
    workspace: Workspace,
    functions: Iterable[Function],
    assistant: str | None,
    unneeded: Container[str] = (),
) -> Toolbox:
    """`mount` of functions of a workspace, which are called for the assistant of this key."""
    context = ToolContext(None, None, assistant, workspace.root, workspace.target.name)
    return mount(workspace.root, functions, workspace.interpreter, context, unneeded=unneeded)


def _by_name(functions: Iterable[Function]) -> dict[str, Function]:
    declared: dict[str, Function] = {}
    for function in functions:
        other = declared.setdefault(function.name, function)
        if other != function:
            raise AssistctlError(
                f"{function.place}: a function {function.name!r} is also declared at "
                f"{other.place}; give an assistant each name once"
            )
        if function.python and function.parameters is None:
            raise ValueError(
                f"{function.name} has no parameters yet: resolve() comes before mount()"
            )
    return declared


def _asked(call: ToolCall, approve: Callable[[ToolCall], bool] | None) -> Refusal | None:
    if approve is None:
        return Refusal("not_approved", f"{call.name} needs approval, and nobody can be asked")
    if not approve(call):
        return Refusal("not_approved", f"the user did not approve this call of {call.name}")
    return None
