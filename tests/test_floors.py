"""Which room may import which: the floors of docs/architecture.md, kept by reading the imports."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cli" / "assistctl"
GROUND = {"errors", "keys", "resources", "events", "redaction"}
MAY_IMPORT = {
    "__init__": set(),
    "__main__": {"main"},
    "errors": set(),
    "keys": set(),
    "resources": {"errors", "keys"},
    "events": set(),
    "redaction": set(),
    "spec": GROUND,
    "plan": GROUND,
    "toolbox": GROUND,
    "apis": GROUND | {"plan"},
    "dialogue": GROUND | {"apis", "toolbox"},
    "render": GROUND | {"plan"},
    "server": {"redaction"},
    "commands": GROUND
    | {"__init__", "spec", "plan", "toolbox", "apis", "dialogue", "render", "server"},
    "main": GROUND | {"commands", "render"},
}
ONLY_IN = {
    "openai": {"apis"},
    "deepdiff": {"plan"},
    "yaml": {"spec"},
    "httpx2": {"apis", "server"},
    "starlette": {"server"},
    "h11": {"server"},
    "uvicorn": {"server"},
    "python_multipart": {"server"},
    "pydantic": {"toolbox"},
    "click": {"main", "commands", "render"},
    "dotenv": {"commands"},
    "rich": {"render"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(path: Path) -> list[str]:
    """Every imported module, in full; `from package import name` counts as package.name, too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "assistctl":
                found += [
                    f"assistctl.{alias.name}"
                    if (PACKAGE / alias.name).exists() or (PACKAGE / f"{alias.name}.py").exists()
                    else "assistctl"
                    for alias in node.names
                ]
            else:
                found.append(node.module)
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
        elif room not in ONLY_IN.get(top, {room}):
            wrong.append(module)
    assert wrong == []


def test_render_knows_plans_only_as_values():
    wrong = {
        module
        for path in (PACKAGE / "render").rglob("*.py")
        for module in imports(path)
        if module.startswith("assistctl.plan") and module != "assistctl.plan.changes"
    }
    assert wrong == set()
