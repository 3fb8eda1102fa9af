"""A workspace on disk: five assistants with files, functions and vector stores, and an edit of it.
The commands that are tried are processes; what comes before and after them is called here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.apis.transport.client import Client
from assistctl.resources import ASSISTANT, VECTOR_STORE
from assistctl.server import EmbeddedServer
from tests import calling
from tests.apis.bench import Bench, wipe
from tests.apis.fault_proxy import FaultProxy, proxy_to
from tests.apis.jobs import Job
from tests.apis.scene import UPLOAD, content_of, sort_files
from tests.apis.states import States
from tests.apis.surfaces import Api

CHUNKS = "{type: static, static: {max_chunk_size_tokens: %d, chunk_overlap_tokens: 50}}"
BEFORE = {
    "assistctl.yaml": f"""\
version: 1
workspace: ws
default_target: prod
defaults: {{model: gpt-4.1-mini}}
targets:
  prod: {{base_url: "${{SHOP_URL}}", api_key: "${{SHOP_KEY}}"}}
vector_stores:
  handbook: {{files: ["docs/*.md"], chunking_strategy: {CHUNKS % 200}}}
  lists: {{files: ["assistants/prices.csv", "assistants/costs.csv"]}}
""",
    "assistants/shop.yaml": """\
name: Shop
instructions: Sell.
tools:
  - {type: code_interpreter, files: [prices.csv, costs.csv]}
  - {type: file_search, files: [prices.csv, care.md]}
""",
    "assistants/desk.yaml": """\
name: Desk
instructions: Be brief.
tools:
  - {type: code_interpreter, files: [prices.csv]}
  - {type: file_search, vector_store: handbook}
""",
    "assistants/clerk.yaml": """\
name: Clerk
metadata: {team: a}
tools:
  - type: function
    function: {name: save, description: Save., parameters: {type: object, properties: {}}}
""",
    "assistants/buyer.yaml": """\
name: Buyer
tools:
  - {type: file_search, vector_store: lists}
""",
    "assistants/guide.yaml": """\
name: Guide
tools:
  - {type: code_interpreter, files: [map.txt]}
  - {type: file_search, vector_store: handbook}
""",
    "assistants/prices.csv": "rose,1",
    "assistants/costs.csv": "rose,0.5",
    "assistants/care.md": "Water them.",
    "assistants/map.txt": "Left, then right.",
    "docs/a.md": "page a",
    "docs/b.md": "page b",
}
AFTER = {
    **{path: text for path, text in BEFORE.items() if path != "docs/b.md"},
    "assistctl.yaml": BEFORE["assistctl.yaml"].replace(CHUNKS % 200, CHUNKS % 400),
    "assistants/desk.yaml": BEFORE["assistants/desk.yaml"].replace("Be brief.", "Be kind."),
    "assistants/prices.csv": "rose,2",
    "docs/c.md": "page c",
}
del AFTER["assistants/shop.yaml"], AFTER["assistants/care.md"]
"""A file's content, instructions, a store's membership and chunking; one assistant is removed, and
with it its store."""

OWNERS = {
    "first": {
        ASSISTANT: ["ws/buyer", "ws/clerk", "ws/desk", "ws/guide", "ws/shop"],
        VECTOR_STORE: ["ws/handbook", "ws/lists", "ws/shop.file_search"],
    },
    "update": {
        ASSISTANT: ["ws/buyer", "ws/clerk", "ws/desk", "ws/guide"],
        VECTOR_STORE: ["ws/handbook", "ws/lists"],
    },
}
UPDATE = ("--prune",)


@dataclass
class Florists:
    """The workspace, the target, and the proxy between them. `kind` is which sync is tried,
    `direct` may look at all that is at the target."""

    root: Path
    proxy: FaultProxy
    direct: Client
    kind: str
    api: Api
    states: States
    number: int = field(default=0)

    @property
    def there(self):
        """The target as it is, past the proxy."""
        return Bench(self.root, self.api, self.direct)

    @property
    def files(self):
        """Those of the workspace; not what commands keep there for convenience."""
        return [
            path
            for path in self.root.rglob("*.*")
            if path.is_file() and ".assistctl" not in path.parts
        ]

    def write(self, files):
        for path in self.files:
            path.unlink()
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            spoken = f"prod: {{api: {self.api.name}{self.api.target_options}, "
            path.write_text(text.replace("prod: {", spoken))

    def job(self, *arguments, root=None):
        self.number += 1
        output = self.root.parent / f"job-{self.number}.txt"
        return Job(root or self.root, arguments, output, dict(self.environ))

    @property
    def environ(self):
        return {"SHOP_URL": self.proxy.base_url, "SHOP_KEY": self.direct._client.api_key}

    def run(self, *arguments):
        started = self.job(*arguments).start()
        return started.wait(), started.said

    def called(self, *arguments):
        """The same, where nothing can happen to it that only happens to processes."""
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        done = calling.run(arguments, cwd=self.root, env={**kept, **self.environ})
        return done.returncode, done.stdout + done.stderr

    @property
    def sync(self):
        return ("sync", "--yes", *(UPDATE if self.kind == "update" else ()))

    def prepare(self):
        """The state before the sync that is tried."""
        self.proxy.reset()
        self.write(BEFORE)
        self.states.again((self.kind, self.proxy.rewrite), self._make)
        if self.kind == "update":
            self.write(AFTER)
        self.proxy.reset()

    def _make(self):
        wipe(self.direct)
        if self.kind == "update":
            code, said = self.called("sync", "--yes")
            assert code == 0, said

    def requests(self):
        """How many requests the sync makes when nothing goes wrong."""
        self.prepare()
        code, said = self.called(*self.sync)
        assert code == 0, said
        return len(self.proxy.requests)

    def uploads(self):
        """How many uploads the target may have got whose answers were lost. Of a killed process
        some may be on their way still."""
        self.proxy.door.wait_until_left()
        return sum(str(request) == UPLOAD for request in self.proxy.requests)

    def wrong(self, lost):
        """What is not as declared after another sync, in words; `lost` uploads may lie about."""
        self.proxy.door.wait_until_left()
        self.proxy.reset()
        code, said = self.called(*self.sync)
        found = [f"the healing sync: {code}, {said}"] if code else []
        prune = UPDATE if self.kind == "update" else ()
        code, said = self.called("plan", "--detailed-exitcode", *prune)
        found += [f"the plan: {code}, {said}"] if code else []
        for kind, owners in OWNERS[self.kind].items():
            there = sorted(map(str, self.there.owners(kind).values()))
            found += [f"{kind}: {there}"] if there != owners else []
        orphans, used = sort_files(self.direct)
        if len(orphans) > lost:
            found.append(f"orphans: {[file['filename'] for file in orphans]}, lost {lost}")
        declared = {path.name: path.read_text() for path in self.files}
        found += [
            f"{file['filename']} has other content"
            for file in used
            if content_of(self.direct, file["id"]) != declared[file["filename"]]
        ]
        wanted = {name.rpartition("/")[2] for name in BEFORE if not name.endswith(".yaml")}
        if self.kind == "update":
            wanted = wanted - {"care.md", "b.md"} | {"c.md"}
        names = sorted(file["filename"] for file in used)
        return found + ([f"files: {names}"] if names != sorted(wanted) else [])

    def clean(self):
        for path in self.root.parent.glob("job-*.txt"):
            with suppress(OSError):
                path.unlink()


@contextmanager
def florists_at(
    target: tuple[EmbeddedServer, Client], api: Api, directory: Path, kind: str = "first"
) -> Iterator[Florists]:
    """The workspace in this directory, with a way of its own to the target."""
    server, direct = target
    with proxy_to(server.base_url) as proxy:
        states = States(server, directory)
        yield Florists(directory / "workspace", proxy, direct, kind, api, states)
