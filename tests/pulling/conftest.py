"""A workspace of real files and a target, which somebody else edits, too."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from assistctl.apis.managed.managed_surface import ManagedSurface
from assistctl.loading import load
from assistctl.plan.reconcile import PlanOptions
from assistctl.pulling import Pull, note, plan_pull, write
from assistctl.server import EmbeddedServer, Settings
from assistctl.sync import apply_plan, plan_sync
from tests.apis.bench import wipe
from tests.apis.surfaces import APIS, Api


@dataclass
class Shop:
    """A workspace at `root`, and the surface of its target."""

    root: Path
    api: Api
    surface: ManagedSurface

    @property
    def client(self):
        return self.surface.client

    def write(self, files):
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def read(self, path):
        return (self.root / path).read_bytes().decode()

    def texts(self):
        """All that is declared, by its path."""
        return {
            str(path.relative_to(self.root)): path.read_bytes().decode()
            for path in sorted(self.root.rglob("*.*"))
            if path.suffix in (".yaml", ".md") and ".assistctl" not in path.parts
        }

    def planned(self, *keys, **options):
        workspace = load(self.root)
        asked = PlanOptions(partial=bool(keys), deep=True, **options)
        return plan_sync(self.surface, workspace, keys, asked)

    def sync(self, **options):
        planned = self.planned(**options)
        results = [*apply_plan(self.surface, load(self.root), planned)]
        assert [it.error for it in results if it.error] == []
        assert str(self.planned().plan) == ""
        return self

    def pull_plan(self, *keys, theirs=False) -> Pull:
        return plan_pull(self.surface, self.planned(*keys), load(self.root), theirs=theirs)

    def pull(self, *keys, theirs=False) -> Pull:
        """Pull, and whatever was not left is no drift any more."""
        found = self.pull_plan(*keys, theirs=theirs)
        write(self.root, found.files)
        assert note(self.surface, found) == []
        return found

    def body(self, key="shop"):
        owner = self.api.owner(f"ws/{key}")
        everything = self.client.list(self.api.collection)
        (found,) = (it for it in everything if it["metadata"].get("assistctl") == owner)
        return found

    def edit(self, key="shop", **fields):
        """Somebody edits an assistant at the target."""
        self.client.post(f"{self.api.collection}/{self.body(key)['id']}", fields)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    database = tmp_path_factory.mktemp("target") / "local.db"
    with EmbeddedServer(Settings(database, model="scripted", embeddings="none")) as server:
        yield server


@pytest.fixture(params=["assistants"])
def api(request):
    """The API of the target; tests that are true of several name them."""
    return APIS[request.param]


@pytest.fixture
def client(server, api):
    client = api.client(server.base_url, server.api_key)
    wipe(client)
    yield client
    client.close()


@pytest.fixture
def shop(client, api, tmp_path):
    return Shop(tmp_path / "workspace", api, api.surface(client, "ws"))
