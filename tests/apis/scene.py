"""A workspace that syncs through a faulty proxy, and a look at the target past the proxy."""

import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.apis.transport.client import Client
from assistctl.errors import AssistctlError, Place
from assistctl.resources import (
    ASSISTANT,
    VECTOR_STORE,
    CodeInterpreter,
    FileSearch,
    Function,
    FunctionTool,
)
from tests.apis.bench import Bench, wipe
from tests.apis.fault_proxy import FaultProxy
from tests.apis.states import States
from tests.apis.surfaces import APIS, ASSISTANTS

PLACE = Place("assistctl.yaml", 1, 1)
SECONDS_UNTIL_HUNG = 60
UPLOAD = "POST /v1/files"
ALL = {
    ASSISTANT: ["ws/clerk", "ws/desk", "ws/shop"],
    VECTOR_STORE: ["ws/handbook", "ws/shop.file_search"],
}


def function(name, description="Save."):
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    return FunctionTool(Function(name, PLACE, description, parameters, True))


def declare(bench, *, prices="rose,1", instructions="Be brief.", tools=("save",), chunks=200):
    """Three assistants, two of which share a code_interpreter file, an explicit store and an
    implicit one."""
    bench.assistants.clear()
    bench.stores.clear()
    prices = bench.file("assistants/prices.csv", prices)
    costs = bench.file("assistants/costs.csv", "rose,0.5")
    pages = [bench.file(f"docs/{name}.md", f"page {name}") for name in "ab"]
    static = {"max_chunk_size_tokens": chunks, "chunk_overlap_tokens": 50}
    bench.store("handbook", *pages, chunking_strategy={"type": "static", "static": static})
    bench.store("shop.file_search", prices, implicit=True)
    bench.assistant(
        "shop", CodeInterpreter((prices, costs)), FileSearch("shop.file_search"), function("save")
    )
    desk = {"name": "Desk", "instructions": instructions, "reasoning_effort": "low"}
    bench.assistant("desk", CodeInterpreter((prices,)), FileSearch("handbook"), **desk)
    bench.assistant("clerk", *map(function, tools), metadata={"team": "a"})


@dataclass(frozen=True)
class Scenario:
    """What is there before a sync (None: nothing), what happens then, and what it shall end in;
    how the target rewrites its answers, and the uploads that are lost before the sync begins."""

    before: Callable[["Scene"], None] | None
    change: Callable[["Scene"], None]
    options: dict = field(default_factory=dict)
    after: dict = field(default_factory=lambda: ALL)
    rewrite: Callable = lambda request, body: body
    orphans: int = 0

    def start(self, scene):
        scene.proxy.reset()
        scene.proxy.rewrite = self.rewrite
        if self.before:
            self.before(scene)
        scene.states.again((self.before, self.rewrite), lambda: self._make(scene))
        self.change(scene)
        scene.proxy.reset()

    def _make(self, scene):
        wipe(scene.direct)
        if self.before:
            assert scene.bench.apply() == []

    def requests(self, scene):
        """How many requests the sync makes when nothing goes wrong."""
        self.start(scene)
        assert scene.bench.apply(**self.options) == []
        return len(scene.proxy.requests)


EDITED = {"prices": "rose,2", "instructions": "Be kind.", "tools": ()}


def edit(scene):
    declare(scene.bench, **EDITED)


def undeclare(scene):
    scene.bench.assistants.pop("shop")
    scene.bench.stores.pop("shop.file_search")


def lose(scene):
    """Somebody deletes a shared upload and a store at the target."""
    (prices,) = [f for f in scene.direct.list("/files") if f["filename"] == "prices.csv"]
    scene.direct.delete(f"/files/{prices['id']}")
    (store,) = [s for s in scene.direct.list("/vector_stores") if s["name"] == "handbook"]
    scene.direct.delete(f"/vector_stores/{store['id']}")


def expire(scene):
    """The target says of a store from now on that it has expired."""
    (old,) = [s["id"] for s in scene.direct.list("/vector_stores") if s["name"] == "handbook"]

    def rewrite(request, body):
        for item in body.get("data", [body]):
            if item.get("id") == old and item.get("object") == "vector_store":
                item["status"] = "expired"
        return body

    scene.proxy.rewrite = rewrite


def everything(scene):
    declare(scene.bench)


def opinionated(request, body):
    """A target that pins models, knows no reasoning_effort, and fills in what it likes."""
    for item in body.get("data", [body]):
        if item.get("object") == "assistant":
            item["model"] = f"{item['model'].removesuffix('-2026-01-01')}-2026-01-01"
            item["top_p"] = 1.0
            item.pop("reasoning_effort", None)
            for tool in item["tools"]:
                if tool["type"] == "file_search":
                    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
                    tool["file_search"] = {"ranking_options": ranking, "max_num_results": 20}
                if tool["type"] == "function":
                    tool["function"] = dict(reversed(tool["function"].items()))
            item["tools"].reverse()
    return dict(reversed(body.items()))


SCENARIOS = {
    "first sync": Scenario(None, everything),
    "edit": Scenario(everything, edit),
    "prune": Scenario(
        everything,
        undeclare,
        {"prune": True},
        {ASSISTANT: ["ws/clerk", "ws/desk"], VECTOR_STORE: ["ws/handbook"]},
    ),
    "chunking": Scenario(everything, lambda scene: declare(scene.bench, chunks=400)),
    "loss": Scenario(everything, lose, orphans=2),
    "expiry": Scenario(everything, expire),
    "first sync, opinionated": Scenario(None, everything, rewrite=opinionated),
    "edit, opinionated": Scenario(everything, edit, rewrite=opinionated),
}


@dataclass
class Scene:
    bench: Bench
    proxy: FaultProxy
    direct: Client
    states: States

    def try_sync(self, **options):
        """A sync that may fail, but neither with a traceback nor without an end."""
        with ThreadPoolExecutor(1) as pool:
            try:
                return pool.submit(self.bench.apply, **options).result(SECONDS_UNTIL_HUNG)
            except AssistctlError as failure:
                return [str(failure)]

    def wrong(self, scenario, uploads_lost=0):
        """What is not as declared after a sync without faults, in words."""
        self.proxy.reset()
        allowed = scenario.orphans + uploads_lost
        try:
            failures = self.bench.apply(**scenario.options)
            plan = self.bench.plan(**scenario.options)
        except AssistctlError as failure:
            return [f"the healing sync was refused: {failure}"]
        found = [f"the healing sync failed: {failure}" for failure in failures]
        found += [f"the plan is not empty: {plan}"] if plan else []
        for kind, owners in scenario.after.items():
            if (there := sorted(map(str, self.bench.owners(kind).values()))) != owners:
                found.append(f"{kind}: {there}")
        orphans, others = self.files()
        if len(orphans) > allowed:
            found.append(f"orphans: {[file['filename'] for file in orphans]}")
        return found + self.falsely_drifted() + self.wrong_contents(others)

    def falsely_drifted(self):
        """An edit of everything after the healing must not pass for an edit at the target."""
        before = self.bench.assistants.copy()
        for key, assistant in before.items():
            settings = {"instructions": "Other.", "temperature": 0.1, "metadata": {"new": "x"}}
            self.bench.assistant(key, *assistant.tools, function("more"), **settings)
        _, _, plan = self.bench.survey()
        self.bench.assistants = before
        return [f"false drift: {change}" for change in plan.drifted]

    def wrong_contents(self, files):
        """Files at the target that are not what is declared of the same name."""
        declared = {path.name: path.read_text() for path in self.bench.root.rglob("*.*")}
        return [
            f"{file['filename']} has other content"
            for file in files
            if self.content(file["id"]) != declared[file["filename"]]
        ]

    def content(self, file_id):
        return content_of(self.direct, file_id)

    def files(self):
        return sort_files(self.direct)


def content_of(client, file_id):
    base_url = str(client._client.base_url).rstrip("/")
    request = urllib.request.Request(
        f"{base_url}/files/{file_id}/content",
        headers={"Authorization": f"Bearer {client._client.api_key}"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def sort_files(client):
    """All uploads: those that nothing refers to, and the others."""
    used = set()
    for store in client.list("/vector_stores"):
        used |= {f["id"] for f in client.list(f"/vector_stores/{store['id']}/files")}
    for api in APIS.values():
        used |= {used for it in client.list(api.collection) for used in api.files_of(it)}
    files = list(client.list("/files"))
    return [f for f in files if f["id"] not in used], [f for f in files if f["id"] in used]


def owner(item):
    return item["metadata"].get("assistctl")


def sync_from(root: Path, base_url: str, api_key: str, scenario: str) -> None:
    """A whole sync in a process of its own, which may be killed; the target is prepared."""
    client = Client(base_url, api_key)
    bench = Bench(root, ASSISTANTS, client)
    declare(bench)
    if scenario == "edit":
        declare(bench, **EDITED)
    bench.apply()
