"""The one decision of a pull: what goes where, what is left and why; and what comes after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl.errors import DeclarationError, Refused
from assistctl.loading import load
from assistctl.plan.changes import Action, Change, Plan
from assistctl.plan.compare import leaves
from assistctl.plan.fingerprints import fingerprint, keyed
from assistctl.plan.state import Applied, Declared
from assistctl.pulling.drafts import Drafts, FileEdit, contents
from assistctl.pulling.placing import OWN, Placer
from assistctl.pulling.taking import Left, Take, taken
from assistctl.render.values import sides
from assistctl.resources import FILE, VECTOR_STORE, Address, Json, Workspace
from assistctl.some import some
from assistctl.spec.editing import NotEditable
from assistctl.spec.reading import unwritten, with_line_feeds
from assistctl.sync.planning import PlannedSync
from assistctl.toolbox.contracts import NO_ARGUMENTS

if TYPE_CHECKING:
    from assistctl.surface import Surface

_NOTED = "brought into the YAML"
_NO_WORD = "the YAML has no way to say so"


@dataclass(frozen=True)
class Pull:
    """What a pull does: the `files` that it writes, the fields that are `taken`, what is `left`.

    `declared` is everything as it is declared then; `noted` are writes of nothing but the records
    at the target, which say that it was so declared.
    """

    planned: PlannedSync
    files: tuple[FileEdit, ...]
    taken: tuple[Take, ...]
    left: tuple[Left, ...]
    declared: Mapping[Address, Declared]
    noted: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return bool(self.files or self.noted)


def plan_pull(
    surface: Surface, planned: PlannedSync, workspace: Workspace, *, theirs: bool = False
) -> Pull:
    """How what was edited at the target comes into the files.

    Raises Refused where a field has changed here as well, unless `theirs` takes the target's.
    """
    found = list(taken(planned, surface.redaction))
    takes = [it for it in found if isinstance(it, Take)]
    left = [it for it in found if isinstance(it, Left)]
    if not theirs:
        _refuse_conflicts(takes)
    placing = _Placing(surface, workspace, planned)
    result = placing.together(takes) or placing.one_by_one(takes)
    left += result.left
    return Pull(
        planned,
        result.drafts.edits,
        tuple(result.taken),
        tuple(left),
        result.declared,
        tuple(_noted(planned, result.declared, result.taken)),
    )


def note(surface: Surface, pull: Pull) -> list[str]:
    """Have the target's records say what is declared now; what could not be said, in words."""
    observed, target = pull.planned.observed, pull.planned.plan.target
    plan = Plan(target, pull.noted, partial=True)
    operations = surface.compile(plan, pull.declared, observed)
    root = Path()  # nothing is uploaded, so that it is not read
    outcomes = surface.execute(root, operations, pull.declared, observed)
    return [f"{it.operation.address}: {it.error}" for it in outcomes if it.error]


def _refuse_conflicts(takes: Iterable[Take]) -> None:
    conflicts = [
        f"  {take.address} {it.path}: here {ours}, at the target {there}"
        for take in takes
        if take.both and not take.arrived
        for it in take.changes
        for there, ours in [sides(it.before, it.after)]
    ]
    if conflicts:
        raise Refused(
            "changed both here and at the target since the last sync, nothing was written:\n"
            + "\n".join(conflicts)
            + "\nUse --theirs to take the target's; `assistctl sync --on-drift overwrite` takes "
            "yours."
        )


@dataclass
class _Result:
    """What has been placed so far, and everything as it would be declared then."""

    drafts: Drafts
    declared: Mapping[Address, Declared]
    taken: list[Take]
    left: list[Left]


@dataclass(frozen=True)
class _Placing:
    surface: Surface
    workspace: Workspace
    planned: PlannedSync

    def together(self, takes: Sequence[Take]) -> _Result | None:
        """Everything at once; None if that is not possible without anything else."""
        result = self._empty()
        for take in takes:
            if reason := self._place(result.drafts, take):
                result.left.append(Left(take.address, take.field, reason, take.aside))
            else:
                result.taken.append(take)
        try:
            result.declared = self._checked(result.drafts, result.taken)
        except _NotPullable:
            return None
        self._settle(result)
        return result

    def one_by_one(self, takes: Sequence[Take]) -> _Result:
        """As much as is possible: what cannot be declared, or would change others, is left."""
        result = self._empty()
        for take in takes:
            try:
                with result.drafts.undone_by(_NotPullable):
                    if reason := self._place(result.drafts, take):
                        raise _NotPullable(reason)
                    result.declared = self._checked(result.drafts, [*result.taken, take])
                result.taken.append(take)
            except _NotPullable as reason:
                result.left.append(Left(take.address, take.field, str(reason), take.aside))
        self._settle(result)
        return result

    def _empty(self) -> _Result:
        everything = self.surface.declare(self.workspace)
        return _Result(Drafts(self.workspace.root), everything, [], [])

    def _place(self, drafts: Drafts, take: Take) -> str | None:
        """Write a field into the drafts; why not, if not."""
        before, after = (self._in_yaml(take, value) for value in (take.before, take.after))
        names = [
            name
            for name in dict.fromkeys([*before, *after])
            if fingerprint(before.get(name)) != fingerprint(after.get(name))
        ]
        if not names and not take.arrived:
            return _NO_WORD
        placer = Placer(self.workspace, drafts)
        try:
            with drafts.undone_by(NotEditable):
                for name in names:
                    placer.place(take.address, name, before.get(name), after.get(name))
        except NotEditable as reason:
            return str(reason.problem)
        return None

    def _in_yaml(self, take: Take, value: Json) -> Mapping[str, Json]:
        fields = {} if value is None else {take.field: value}
        return self.surface.in_yaml(take.address.kind, fields)

    def _checked(self, drafts: Drafts, takes: Sequence[Take]) -> Mapping[Address, Declared]:
        """Everything as it would be declared. Raises _NotPullable if it cannot be, or is not what
        it is to be."""
        edits = drafts.edits
        if not edits:
            return self.surface.declare(self.workspace)
        root = self.workspace.root
        with unwritten(contents(root, edits)):
            try:
                workspace = load(root, self.workspace.target.name)
            except DeclarationError as error:
                raise _NotPullable(
                    "it cannot be declared: " + "; ".join(map(str, error.problems))
                ) from None
        declared = self.surface.declare(workspace)
        _refuse_others(self.workspace, workspace, self._own_keys(takes))
        _refuse_changes(self.surface.declare(self.workspace), declared, takes)
        return declared

    def _own_keys(self, takes: Sequence[Take]) -> set[tuple[Address, str]]:
        """Which keys change of what an assistant declares for one API only."""
        return {
            (take.address, key)
            for take in takes
            for value in (take.before, take.after)
            for key in self._in_yaml(take, value).get(OWN, ())
        }

    def _settle(self, result: _Result) -> None:
        """Tell the parts of what was taken that have not come along."""
        for take in list(result.taken):
            now = result.declared[take.address].fields.get(take.field)
            if _agree(now, take):
                continue
            paths = [path for path, _, _ in leaves(take.field, take.after, now, whole=True)]
            foreign = some(_foreign(take))
            why = f"{foreign} was put there by somebody else" if foreign else _NO_WORD
            result.left += [Left(take.address, path, why, take.aside) for path in paths]
            if fingerprint(now) == fingerprint(take.before):
                result.taken.remove(take)


class _NotPullable(Exception):
    """Why drafts cannot be the workspace."""


def _agree(now: Json, take: Take) -> bool:
    """Whether what is declared now is what is at the target; line ends are not told apart."""
    if isinstance(now, str) and isinstance(take.after, str):
        return with_line_feeds(now) == with_line_feeds(take.after)
    if take.field == "tools":
        return fingerprint(_filled(now)) == fingerprint(_filled(take.after))
    return fingerprint(now) == fingerprint(take.after)


def _filled(tools: Json) -> Json:
    """The tools by name; a function of which nothing is said takes no arguments."""
    named = keyed(tools)
    if not isinstance(named, dict):
        return tools
    return {
        name: {**tool, "function": {"parameters": NO_ARGUMENTS, **tool["function"]}}
        if "function" in tool
        else tool
        for name, tool in named.items()
    }


def _foreign(take: Take) -> list[str]:
    """The ids of others' things in a field that refers to things."""
    if take.field == "files":
        return [item for item in take.after or () if isinstance(item, str)]
    if take.field != "tool_resources":
        return []
    parts = (take.after or {}).values()
    return [it for part in parts for ids in part.values() for it in ids if isinstance(it, str)]


def _refuse_others(
    before: Workspace, after: Workspace, changing: Collection[tuple[Address, str]]
) -> None:
    """What the API does not hold stays as it is, too, but for what is `changing`."""
    for key, old in before.assistants.items():
        new = after.assistants[key]
        old_own, new_own = (
            {api: _less(own, it.address, changing) for api, own in it.own.items()}
            for it in (old, new)
        )
        if old.run != new.run or any(
            old_own.get(api, {}) != new_own.get(api, {}) for api in old_own.keys() | new_own.keys()
        ):
            raise _NotPullable(f"{old.address} would be run otherwise")


def _less(
    own: Mapping[str, Json], address: Address, changing: Collection[tuple[Address, str]]
) -> dict[str, Json]:
    return {key: value for key, value in own.items() if (address, key) not in changing}


def _refuse_changes(
    before: Mapping[Address, Declared], after: Mapping[Address, Declared], takes: Sequence[Take]
) -> None:
    """Raises _NotPullable if anything else would be declared otherwise."""
    wanted = {(take.address, take.field): take for take in takes}
    changing = {take.address for take in takes if take.field in ("tools", "tool_resources")}
    for address in before.keys() | after.keys():
        if address not in after and address.kind in (FILE, VECTOR_STORE) and changing:
            continue
        if address not in before or address not in after:
            raise _NotPullable(f"{address} would be declared no longer, or anew")
        old, new = before[address].fields, after[address].fields
        for name in old.keys() | new.keys():
            if fingerprint(old.get(name)) == fingerprint(new.get(name)):
                continue
            follows = name in ("tools", "tool_resources") and address in changing
            if (address, name) not in wanted and not follows:
                raise _NotPullable(f"{address} ({name}) would change with it, since both share it")
            if (take := wanted.get((address, name))) and not _is_between(new.get(name), take):
                raise _NotPullable("it would be declared otherwise than it is there")


def _is_between(now: Json, take: Take) -> bool:
    """Whether each leaf is as it was declared, or as it is at the target."""
    if _agree(now, take):
        return True
    edited = {path for path, _, _ in leaves(take.field, take.after, take.before, whole=True)}
    return edited.issuperset(path for path, _, _ in leaves(take.field, take.after, now, whole=True))


def _noted(
    planned: PlannedSync, declared: Mapping[Address, Declared], takes: Sequence[Take]
) -> Iterator[Change]:
    """The records that are to be written: of what was taken, of what has been brought into the YAML
    by hand, and of objects whose record is gone."""
    fields: dict[Address, dict[str, Applied]] = {}
    for take in takes:
        noted = fields.setdefault(take.address, {})
        noted[take.field] = _applied(planned, declared, take.address, take.field, take)
        if take.field == "tools":
            before = planned.declared[take.address]
            name = "tool_resources"
            if name not in noted and before.fingerprint(name) != declared[take.address].fingerprint(
                name
            ):
                noted[name] = _applied(planned, declared, take.address, name, None)
    for change in planned.plan.changes:
        if (
            change.address in fields
            or change.action is not Action.UPDATE
            or change.address.kind == FILE
        ):
            continue
        remote = planned.observed.owned[change.address]
        unrecorded = not remote.recorded
        by_hand = not (change.fields or remote.formerly or remote.is_open)
        if unrecorded or by_hand:
            fields[change.address] = {}
    for address, noted in fields.items():
        remote = planned.observed.owned[address]
        yield Change(Action.UPDATE, address, _NOTED, id=remote.id, noted=noted)


def _applied(
    planned: PlannedSync,
    declared: Mapping[Address, Declared],
    address: Address,
    name: str,
    take: Take | None,
) -> Applied:
    """What the record shall say of a field. Of one that was taken in part the rest stays drift."""
    there = fingerprint(planned.observed.owned[address].fields.get(name))
    now = declared[address]
    if name not in now.fields:
        return Applied(None, there)
    hashed = now.fingerprint(name)
    if take is not None and not _agree(now.fields[name], take):
        return Applied(hashed)
    return Applied(hashed, None if there == hashed else there)
