"""A workspace made of values and a target, and the steps of a sync between them."""

import hashlib
from dataclasses import dataclass, field

from assistctl.apis.managed.managed_surface import ManagedSurface
from assistctl.errors import Place
from assistctl.plan.reconcile import PlanOptions, reconcile
from assistctl.resources import Assistant, File, Target, VectorStore, Workspace

PLACE = Place("assistctl.yaml", 1, 1)


@dataclass
class Bench:
    """A workspace directory and a target, and the steps of a sync between them."""

    root: object
    surface: ManagedSurface
    namespace: str = "ws"
    assistants: dict = field(default_factory=dict)
    stores: dict = field(default_factory=dict)
    moved: dict = field(default_factory=dict)

    def file(self, path, content):
        data = content if isinstance(content, bytes) else content.encode()
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return File(path, hashlib.sha256(data).hexdigest(), len(data))

    def assistant(self, key, *tools, protect=False, **settings):
        settings = {"model": "gpt-4.1", **settings}
        self.assistants[key] = Assistant(key, PLACE, settings, tools, protect=protect)

    def store(self, key, *files, **more):
        self.stores[key] = VectorStore(key, PLACE, files, **more)

    @property
    def workspace(self):
        target = Target("local", "assistants", self.namespace, PLACE)
        return Workspace(
            self.root,
            "ws",
            target,
            ("local",),
            dict(self.assistants),
            dict(self.stores),
            moved=dict(self.moved),
        )

    def survey(self, **options):
        declared = self.surface.declare(self.workspace)
        asked = PlanOptions(**options)
        observed = self.surface.observe(declared, deep=asked.deep)
        return declared, observed, reconcile("local", declared, observed, asked)

    def plan(self, **options):
        return str(self.survey(**options)[2])

    def compiled(self, **options):
        declared, observed, plan = self.survey(**options)
        return [str(item) for item in self.surface.compile(plan, declared, observed)]

    def apply(self, **options):
        declared, observed, plan = self.survey(**options)
        operations = self.surface.compile(plan, declared, observed)
        outcomes = self.surface.execute(self.root, operations, declared, observed)
        return [f"{item.operation}: {item.error}" for item in outcomes if item.error]

    def sync(self, **options):
        """Apply without a failure, and nothing is left to do."""
        assert self.apply(**options) == []
        assert self.plan(**options) == ""

    def sync_leaving(self, undeclared):
        """The same beside objects that are declared no longer."""
        assert self.apply() == []
        assert self.plan() == undeclared

    def at(self, path, **params):
        """A list at the target, as it is."""
        return list(self.surface.client.list(path, order="asc", **params))

    def only(self, path):
        (item,) = self.at(path)
        return item

    def only_of(self, path, owner):
        """The one that bears this owner in its metadata."""
        (item,) = (item for item in self.at(path) if item["metadata"].get("assistctl") == owner)
        return item


def wipe(client):
    """Delete everything that sync deals with."""
    for path in ("/assistants", "/vector_stores", "/files"):
        for item in client.list(path):
            client.delete(f"{path}/{item['id']}")
