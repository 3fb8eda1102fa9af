"""A workspace made of values and a target, and the steps of a sync between them."""

import hashlib
from dataclasses import dataclass, field

from assistctl.apis.transport.client import Client
from assistctl.errors import Place
from assistctl.plan.reconcile import PlanOptions, reconcile
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Assistant,
    File,
    Target,
    VectorStore,
    Workspace,
)
from tests.apis.surfaces import Api, is_stand_in

PLACE = Place("assistctl.yaml", 1, 1)


@dataclass
class Bench:
    """A workspace directory and a target, and the steps of a sync between them."""

    root: object
    api: Api
    client: Client
    namespace: str = "ws"
    assistants: dict = field(default_factory=dict)
    stores: dict = field(default_factory=dict)
    moved: dict = field(default_factory=dict)

    @property
    def surface(self):
        return self.api.surface(self.client, self.namespace)

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
        target = Target("local", self.api.name, self.namespace, PLACE)
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
        return self.execute(*self.survey(**options))

    def execute(self, declared, observed, plan):
        """What comes of a plan that was made before: its failures."""
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

    def path(self, kind):
        """Where objects of a kind are."""
        return {ASSISTANT: self.api.collection, VECTOR_STORE: "/vector_stores", FILE: "/files"}[
            kind
        ]

    def at(self, what):
        """What is at the target of a kind, or under a path. A store that stands for an assistant
        counts as an assistant."""
        if what not in (ASSISTANT, VECTOR_STORE, FILE):
            return list(self.client.list(what, order="asc"))
        found = self.client.list(self.path(what), order="asc")
        if what == ASSISTANT:
            return [item for item in found if self.api.holds(item)]
        return [item for item in found if what == FILE or not is_stand_in(item)]

    def only(self, what):
        (item,) = self.at(what)
        return item

    def held(self, key):
        """What holds this assistant of ours."""
        owner = self.api.owner(f"{self.namespace}/{key}")
        (item,) = (
            item for item in self.at(ASSISTANT) if item["metadata"].get("assistctl") == owner
        )
        return item

    def store_of(self, key):
        """The vector store of ours with this key."""
        owner = f"{self.namespace}/{key}"
        (item,) = (it for it in self.at(VECTOR_STORE) if it["metadata"].get("assistctl") == owner)
        return item

    def owners(self, kind):
        """Whose the objects of a kind are, by their ids; None where nobody owns one."""
        prefix = f"/{self.api.prefix}" if kind == ASSISTANT else "/"
        return {
            item["id"]: (item["metadata"] or {}).get("assistctl", "").replace(prefix, "/", 1)
            or None
            for item in self.at(kind)
        }

    def edit(self, kind=ASSISTANT, **fields):
        """Somebody edits our one object of a kind."""
        self.post(kind, self.only(kind), **fields)

    def post(self, kind, item, **fields):
        self.client.post(f"{self.path(kind)}/{item['id']}", fields)

    def use(self, files=None, stores=None):
        """Somebody makes our one assistant use these instead."""
        self.edit(**self.api.using(self.only(ASSISTANT), files, stores))

    def delete(self, kind, item):
        self.client.delete(f"{self.path(kind)}/{item['id']}")

    def make(self, **fields):
        """Somebody makes what holds an assistant."""
        return self.client.create(self.api.collection, self.api.new(**fields))

    def files_of(self, key):
        return self.api.files_of(self.held(key))


def wipe(client):
    """Delete everything that sync deals with; `client` may look at all that there is."""
    for path in ("/assistants", "/agents", "/vector_stores", "/files"):
        for item in client.list(path):
            client.delete(f"{path}/{item['id']}")
