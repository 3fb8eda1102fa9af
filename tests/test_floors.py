"""Which room may import which: the floors of docs/architecture.md, kept by reading the imports."""

import ast
import re
from collections import defaultdict
from collections.abc import Collection
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cli" / "assistctl"
GROUND = {
    "errors",
    "cases",
    "checks",
    "verdicts",
    "keys",
    "resources",
    "events",
    "redaction",
    "base_urls",
    "retry_after",
    "state_directory",
    "suggestion",
    "unreadable_json",
    "predicates",
    "some",
}
VALUES = GROUND | {"spec", "plan", "record", "toolbox", "render"}
MAY_IMPORT = {
    "__init__": {"events"},
    "__main__": {"main"},
    "errors": set(),
    "cases": {"errors"},
    "checks": set(),
    "verdicts": {"cases", "errors", "events"},
    "keys": set(),
    "resources": {"errors", "cases", "keys"},
    "events": set(),
    "redaction": set(),
    "base_urls": set(),
    "retry_after": set(),
    "state_directory": set(),
    "suggestion": set(),
    "unreadable_json": set(),
    "predicates": {"resources"},
    "some": set(),
    "spec": GROUND,
    "plan": GROUND,
    "toolbox": GROUND,
    "record": GROUND,
    "render": GROUND | {"plan", "record"},
    "server": {"redaction", "base_urls", "retry_after"},
    "surface": GROUND | {"plan"},
    "apis": GROUND | {"plan", "surface"},
    "targets": GROUND | {"spec", "surface", "apis", "server"},
    "loading": GROUND | {"spec", "toolbox", "apis"},
    "sync": {"__init__", "plan", "render", "surface", "apis"} | GROUND,
    "conversation": GROUND | {"spec", "plan", "record", "toolbox", "surface", "targets", "sync"},
    "importing": GROUND | {"spec", "surface", "apis", "loading"},
    "pulling": GROUND
    | {"spec", "plan", "toolbox", "render", "surface", "loading", "sync", "importing"},
    "testing": GROUND
    | {"spec", "plan", "toolbox", "surface", "targets", "sync", "loading", "conversation"},
    "checkup": GROUND
    | {"__init__", "spec", "toolbox", "record", "render", "apis", "server", "targets", "loading"},
    "console": VALUES
    | {"surface", "apis", "server", "targets", "loading"}
    | {"sync", "conversation", "importing", "pulling", "testing"},
    "commands": VALUES
    | {"__init__", "surface", "apis", "server", "targets", "loading"}
    | {"sync", "conversation", "importing", "pulling", "testing", "console", "checkup"},
    "main": GROUND | {"commands", "render"},
}
ONLY_IN = {
    "openai": {"apis.transport"},
    "deepdiff": {"plan"},
    "yaml": {"spec"},
    "jinja2": {"spec", "console"},
    "markupsafe": {"console"},
    "httpx2": {"apis.transport", "server", "toolbox.mcp_client"},
    "starlette": {"server", "console", "commands"},
    "h11": {"server"},
    "uvicorn": {"server", "console"},
    "python_multipart": {"server"},
    "pydantic": {"toolbox"},
    "mcp": {"toolbox", "commands"},
    "mcp_types": {"toolbox", "commands"},
    "click": {"main", "commands", "render"},
    "dotenv": {"loading"},
    "rich": {"render"},
    "prompt_toolkit": {"commands"},
    "markdown_it": {"render", "console"},
}
MAY_IMPORT_IN_APIS = {
    "__init__": {"capabilities", "managed", "transport"},
    "capabilities": set(),
    "models": set(),
    "transport": set(),
    "managed": {"transport"},
    "answers": {"transport"},
    "assistants": {"transport", "managed", "answers"},
    "agents": {"transport", "managed", "answers"},
    "responses": {"transport", "managed", "answers"},
}
"""Each API's own package is reached by name only, from the table in apis/__init__.py."""
WORDS_OF_THE_SERVER = {"wire", "settings", "thread_pools", "tokens", "upstream", "validation"}
MAY_IMPORT_IN_SERVER = {
    "__init__": {"models", "engine", "http", "seeding", "serving", "settings"} | {"storage"},
    "wire": set(),
    "tokens": set(),
    "thread_pools": set(),
    "upstream": set(),
    "settings": {"sandbox", "models"},
    "validation": {"wire"},
    "storage": {"wire"},
    "sandbox": set(),
    "models": {"wire", "tokens", "upstream"},
    "retrieval": WORDS_OF_THE_SERVER | {"storage", "models", "sandbox"},
    "files": WORDS_OF_THE_SERVER | {"storage", "retrieval"},
    "engine": WORDS_OF_THE_SERVER | {"storage", "models", "sandbox", "retrieval", "files"},
    "http": WORDS_OF_THE_SERVER | {"storage", "retrieval", "engine"},
    "files_api": WORDS_OF_THE_SERVER | {"storage", "retrieval", "files", "http"},
    "assistants_api": WORDS_OF_THE_SERVER
    | {"storage", "models", "retrieval", "files", "engine", "http"},
    "responses_api": WORDS_OF_THE_SERVER
    | {"storage", "models", "retrieval", "files", "engine", "http", "assistants_api"},
    "agents_api": WORDS_OF_THE_SERVER
    | {"storage", "models", "sandbox", "retrieval", "files", "engine", "http", "assistants_api"},
    "routing": {"http", "files_api", "assistants_api", "responses_api", "agents_api"},
    "seeding": WORDS_OF_THE_SERVER | {"storage", "retrieval", "files", "http", "assistants_api"},
    "serving": WORDS_OF_THE_SERVER
    | {"storage", "retrieval", "files", "engine", "http", "responses_api", "routing"},
}
"""The server's rooms, lowest first; no two import each other."""
CLICK_IN_RENDER = {"style", "unstyle", "echo", "get_current_context"}
"""Render styles what it writes, measures it without, and `echo` drops styles where they do not
belong."""
MUTUAL = {
    ("assistctl.toolbox.annotations", "assistctl.toolbox.classes"),
}
"""Imports that close a ring, of which the importing module says why that must be."""
SQL = re.compile(
    r"\b(SELECT\s.*\bFROM|SELECT\s+1|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|UNION\s+ALL|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|VIRTUAL)|PRAGMA|BEGIN\s+IMMEDIATE)\b",
    re.DOTALL,
)
WORDS_BESIDE_SQL = re.compile(
    r"SELECT|INSERT|UPDATE|DELETE|UNION|CREATE|DROP|ALTER|PRAGMA|BEGIN|\.(execute|executemany|stream)\b"
)
"""Where none of these stands is no SQL: a file need not be parsed to know it."""
WORDS_OF_APIS = re.compile(
    r"\b(thread|response|conversation|agent)\.[a-z]+|requires_action|\brun steps?\b|/v1\b"
)
KINDS_OF_APIS = {"ASSISTANT", "THREAD", "MESSAGE", "RUN", "STEP"}
CONNECTIONS = {"tx", "transaction", "connection", "cursor"}
MODULES = sorted(PACKAGE.rglob("*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def imports(path: Path) -> list[str]:
    """Every imported module, in full; `from package import name` counts as package.name, too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            top, *inner = node.module.split(".")
            within = PACKAGE.joinpath(*inner) if top == "assistctl" else None
            found += [
                f"{node.module}.{alias.name}"
                if within
                and ((within / alias.name).is_dir() or (within / f"{alias.name}.py").exists())
                else node.module
                for alias in node.names
            ]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_what_its_floor_allows(path):
    relative = path.relative_to(PACKAGE).with_suffix("")
    room = relative.parts[0]
    wrong = []
    for module in imports(path):
        top = module.split(".")[0]
        if top == "assistctl":
            other = room_of(module)
            allowed = other == room or other in MAY_IMPORT[room]
            inside_server = module.startswith("assistctl.server.") and room != "server"
            if not allowed or inside_server:
                wrong.append(module)
        elif not {room, ".".join(relative.parts[:2])} & ONLY_IN.get(top, {room}):
            wrong.append(module)
    assert wrong == []


@pytest.mark.parametrize(
    "path",
    sorted((PACKAGE / "apis").rglob("*.py")),
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_a_room_of_the_apis_imports_only_what_its_floor_allows(path):
    room = path.relative_to(PACKAGE / "apis").with_suffix("").parts[0]
    wrong = []
    for module in imports(path):
        names = module.split(".")
        if names[:2] == ["assistctl", "apis"]:
            other = names[2] if len(names) > 2 else "__init__"
            if other != room and other not in MAY_IMPORT_IN_APIS[room]:
                wrong.append(module)
    assert wrong == []


@pytest.mark.parametrize(
    "path",
    sorted((PACKAGE / "server").rglob("*.py")),
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_a_room_of_the_server_imports_only_what_its_floor_allows(path):
    room = path.relative_to(PACKAGE / "server").with_suffix("").parts[0]
    wrong = []
    for module in imports(path):
        names = module.split(".")
        if names[:2] == ["assistctl", "server"] and len(names) > 2:
            other = names[2]
            if other != room and other not in MAY_IMPORT_IN_SERVER[room]:
                wrong.append(module)
    assert wrong == []


def test_no_two_rooms_of_the_server_import_each_other():
    pairs = {(room, other) for room, others in MAY_IMPORT_IN_SERVER.items() for other in others}
    assert {pair for pair in pairs if pair[::-1] in pairs} == set()


@pytest.mark.parametrize("api", ["responses_api", "agents_api"])
def test_a_later_api_takes_of_the_assistants_api_its_record_and_locks(api):
    taken = {
        ".".join(module.split(".")[3:4])
        for path in (PACKAGE / "server" / api).rglob("*.py")
        for module in imports(path)
        if module.startswith("assistctl.server.assistants_api")
    }
    assert taken == {"record", "locks"}


def test_render_takes_of_click_what_it_writes_with_and_nothing_that_asks():
    taken = {
        node.attr
        for path in (PACKAGE / "render").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "click"
    }
    assert taken == CLICK_IN_RENDER


def import_rings(without: Collection[tuple[str, str]]) -> list[list[str]]:
    """Files that import each other, directly or around a ring; imports for types only count too."""
    names = {module_name(path): path for path in MODULES}
    graph = {
        name: {
            other
            for other in imports(path)
            if other in names and other != name and (name, other) not in without
        }
        for name, path in names.items()
    }
    rings = []
    order = TopologicalSorter(graph)
    while True:
        try:
            order.prepare()
        except CycleError as error:
            first, second, *_ = ring = error.args[1][::-1]
            rings.append(ring)
            graph[first].discard(second)
            order = TopologicalSorter(graph)
        else:
            return rings


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_two_files_import_each_other_directly_or_around_a_ring():
    assert import_rings(without=MUTUAL) == []


@pytest.mark.parametrize("kept", sorted(MUTUAL), ids=" <-> ".join)
def test_every_exception_closes_a_ring(kept):
    assert import_rings(without=MUTUAL - {kept}) != []


def test_render_knows_plans_only_as_values():
    wrong = {
        module
        for path in (PACKAGE / "render").rglob("*.py")
        for module in imports(path)
        if module.startswith("assistctl.plan") and module != "assistctl.plan.changes"
    }
    assert wrong == set()


def api_words_in(path: Path) -> list[str]:
    """What in a module belongs to one API: names of its events, states and objects."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += WORDS_OF_APIS.findall(node.value)
        elif isinstance(node, ast.ImportFrom) and node.module == "assistctl.server.wire":
            found += [alias.name for alias in node.names if alias.name in KINDS_OF_APIS]
    return found


def test_the_engine_knows_no_object_of_an_api():
    engine = sorted((PACKAGE / "server" / "engine").glob("*.py"))
    assert {path.name: words for path in engine if (words := api_words_in(path))} == {}


def test_how_a_run_is_written_down_is_seen_to_be_of_an_api():
    record = PACKAGE / "server" / "assistants_api" / "record"
    of_the_api = {path.name for path in record.glob("*.py") if api_words_in(path)}
    assert {"endings.py", "follow.py", "steps.py", "thread.py", "writers.py"} <= of_the_api


def inner_room_of(module: str) -> str:
    """A room inside apis/ or server/; any other room is one as a whole."""
    parts = module.split(".")
    return ".".join(parts[1:3]) if parts[1:2] in (["apis"], ["server"]) else room_of(module)


def names_taken_elsewhere() -> set[tuple[str, str]]:
    """(module, name) of what a room takes out of another one."""
    modules = {module_name(path) for path in MODULES}
    taken = set()
    for path in MODULES:
        aliases, found = {}, set()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    found.add((node.module, alias.name))
                    aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add((aliases.get(node.value.id, ""), node.attr))
        room = inner_room_of(module_name(path))
        taken |= {it for it in found if it[0] in modules and inner_room_of(it[0]) != room}
    return taken


@cache
def protocols() -> list[tuple[set[str], set[str]]]:
    """Of each Protocol the methods, and all that has a docstring."""
    bodies = [
        [part for part in node.body if isinstance(part, FUNCTIONS)]
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases)
    ]
    return [
        (
            {part.name for part in body if "property" not in map(ast.unparse, part.decorator_list)},
            {part.name for part in body if ast.get_docstring(part)},
        )
        for body in bodies
    ]


def said_by_protocols(keeper: ast.ClassDef) -> set[str]:
    """What Protocols say of a class that has all of their methods."""
    own = {part.name for part in keeper.body if isinstance(part, FUNCTIONS)}
    return set().union(*(said for methods, said in protocols() if methods and methods <= own))


def without_docstring(module: str, names: Collection[str]) -> list[str]:
    """Which of these definitions in a module, and of their public methods, say nothing; what a
    method does that a base class has, that class says."""
    path = next(path for path in MODULES if module_name(path) == module)
    kinds = (*FUNCTIONS, ast.ClassDef)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, kinds) and node.name in names]
    parts = [
        part
        for node in found
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, kinds) and not part.name.startswith("_")
        if part.name not in said_by_protocols(node) and "super()." not in ast.unparse(part)
    ]
    return [
        f"{module}:{node.lineno} {node.name}"
        for node in (*found, *parts)
        if ast.get_docstring(node) is None
    ]


def test_what_a_room_takes_of_another_says_what_it_is():
    taken = defaultdict(set)
    for module, name in names_taken_elsewhere():
        taken[module].add(name)
    assert [line for it in sorted(taken.items()) for line in without_docstring(*it)] == []


def sql_in(path: Path) -> list[str]:
    """What in a module is SQL, or hands statements to a database, or opens one."""
    found = ["import sqlite3"] if "sqlite3" in imports(path) else []
    text = path.read_text(encoding="utf-8")
    if not WORDS_BESIDE_SQL.search(text):
        return found
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if SQL.search(node.value):
                found.append(f"{node.lineno}: {node.value}")
        elif isinstance(node, ast.Attribute) and node.attr in ("execute", "executemany", "stream"):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name.lstrip("_") in CONNECTIONS:
                found.append(f"{node.lineno}: {name}.{node.attr}")
    return found


def test_sql_stands_in_storage_and_in_the_record_of_threads_only():
    homes = [path.relative_to(PACKAGE).as_posix() for path in MODULES if sql_in(path)]
    assert [home for home in homes if not home.startswith("server/storage/")] == ["record/store.py"]


def test_every_module_of_storage_is_seen_to_hold_sql():
    storage = (PACKAGE / "server" / "storage").glob("*.py")
    assert {path.name for path in storage if not sql_in(path)} == {"__init__.py"}
