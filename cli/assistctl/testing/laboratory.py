"""Where cases are tried: assistants made ready, as they are declared or as they are at a target."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from assistctl import toolbox
from assistctl.cases import Case, Suite
from assistctl.conversation import ConversationOptions, NotSynced, Session
from assistctl.conversation.overrides import overridden, problems
from assistctl.errors import DeclarationError, SyncFailed
from assistctl.loading import refused
from assistctl.plan.reconcile import PlanOptions, select
from assistctl.plan.state import Remote
from assistctl.resources import ASSISTANT, Address, Assistant, Workspace
from assistctl.spec.instructions import text_with
from assistctl.surface import Surface
from assistctl.sync.planning import make_plan, plan_sync
from assistctl.targets import opened
from assistctl.testing.cassette import Cassette


@dataclass(frozen=True)
class Subject:
    """An assistant that is ready to be tested; `remote_id` is that of what holds it. `asked` names
    the target that is asked as a model in place of what it has."""

    workspace: Workspace
    assistant: Assistant
    surface: Surface
    remote_id: str | None
    tools: toolbox.Toolbox
    asked: str | None = None

    @property
    def suite(self) -> Suite:
        """Its tests."""
        return self.workspace.suites[self.assistant.key]

    @contextmanager
    def begun(self, case: Case, *, approve_all: bool) -> Iterator[Session]:
        """A conversation on a thread of its own. Worker processes are of one conversation, whose
        rounds end what is still at work in them. Raises DeclarationError where the variables make
        no instructions, or cannot be given to one conversation at the target."""
        assistant = self._with(case.variables)
        tools = self.tools
        if tools.workers:
            tools = toolbox.mounted(
                self.workspace, self.assistant.functions, self.assistant.key, case.stubs
            )
        try:
            yield Session(
                self.workspace,
                assistant,
                self.surface,
                self.surface.converse(assistant, self.remote_id, None),
                tools.stubbed(case.stubs),
                ConversationOptions(approve_all=approve_all, remembered=False),
            )
        finally:
            if tools is not self.tools:
                tools.close()

    def _with(self, variables: Mapping[str, str]) -> Assistant:
        """The assistant as one case talks with it."""
        overrides = {"instructions": text_with(self.assistant, variables)} if variables else {}
        target, capabilities = self.workspace.target, self.surface.capabilities
        if wrong := tuple(problems(overrides, target, capabilities, goes_on=False)):
            raise DeclarationError(wrong)
        return overridden(self.assistant, overrides)


@contextmanager
def as_declared(
    workspace: Workspace,
    keys: Sequence[str],
    tape: Cassette | None = None,
    stubbed: Mapping[str, Container[str]] = {},
) -> Iterator[list[Subject]]:
    """The assistants as they are declared, on an embedded server that is there for them alone, with
    the model of the workspace's target, which is asked through the `tape`. Nothing is written to
    the target, nor to `.assistctl/`. Nothing is imported or started for functions that are
    `stubbed` in all cases, by the assistant's key."""
    here = at_embedded_server(workspace)
    if wrong := refused(here):
        raise DeclarationError(wrong)
    with (
        TemporaryDirectory(prefix="assistctl-test-") as directory,
        opened(here, database=Path(directory) / "test.db", tape=tape) as surface,
    ):
        declared = surface.declare(here)
        wanted = select(declared, [Address(ASSISTANT, key) for key in keys])
        planned = make_plan(surface, here, wanted, surface.observe(wanted), PlanOptions())
        outcomes = surface.execute(here.root, planned.operations, wanted, planned.observed)
        if failed := [f"{it.operation.address}: {it.error}" for it in outcomes if it.error]:
            raise SyncFailed("could not make ready what is tested; " + "; ".join(failed))
        owned = surface.observe(wanted).owned
        asked = None if workspace.target.local else workspace.target.name
        with _subjects(here, keys, surface, owned, stubbed) as subjects:
            yield [replace(subject, asked=asked) for subject in subjects]


@contextmanager
def as_synced(
    workspace: Workspace, keys: Sequence[str], stubbed: Mapping[str, Container[str]]
) -> Iterator[list[Subject]]:
    """The assistants as they are at the workspace's target, which is only read and talked to.
    Raises NotSynced."""
    with opened(workspace) as surface:
        owned = plan_sync(surface, workspace, keys, PlanOptions(partial=True)).observed.owned
        for key in keys:
            if Address(ASSISTANT, key) not in owned:
                raise NotSynced(
                    f"assistant/{key} is not at {workspace.target.name} yet; sync it, or test what "
                    "is declared, without --synced"
                )
        with _subjects(workspace, keys, surface, owned, stubbed) as subjects:
            yield subjects


def at_embedded_server(workspace: Workspace) -> Workspace:
    """The same with an embedded server in place of its target, which is asked as a model: by
    Responses where it is known to speak it, else by whatever it turns out to speak."""
    target = workspace.target
    if target.local:
        return workspace
    model = {"base_url": target.base_url, "api_key": target.api_key}
    if target.api != "assistants":
        model["api"] = "responses"
    return replace(
        workspace, target=replace(target, base_url=None, api_key=None, confirm=False, model=model)
    )


@contextmanager
def _subjects(
    workspace: Workspace,
    keys: Sequence[str],
    surface: Surface,
    owned: Mapping[Address, Remote],
    stubbed: Mapping[str, Container[str]],
) -> Iterator[list[Subject]]:
    with ExitStack() as stack:
        subjects = []
        for key in keys:
            assistant = workspace.assistants[key]
            unneeded = stubbed.get(key, ())
            tools = toolbox.mounted(workspace, assistant.functions, key, unneeded)
            stack.callback(tools.close)
            remote_id = owned[assistant.address].id
            subjects.append(Subject(workspace, assistant, surface, remote_id, tools))
        yield subjects
