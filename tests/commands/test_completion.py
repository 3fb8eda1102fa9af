import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import calling
from tests.commands.conftest import Shop


def print_script(shell: str) -> subprocess.CompletedProcess[str]:
    return calling.run(["completion", shell])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_assistctl_in_the_way_that_the_shell_wants(shell: str) -> None:
    result = print_script(shell)
    assert result.returncode == 0
    assert f"_ASSISTCTL_COMPLETE={shell}_complete" in result.stdout


def test_bash_completes_with_it(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(print_script("bash").stdout)
    binaries = Path(sys.executable).parent
    ask = (
        f'PATH="{binaries}:$PATH"; source "{script}"; COMP_WORDS=(assistctl comp) COMP_CWORD=1; '
        "_assistctl_completion assistctl comp assistctl; echo ${COMPREPLY[@]}"
    )
    result = subprocess.run(["bash", "-c", ask], capture_output=True, text=True)
    assert result.stdout == "completion\n"


def test_another_shell_is_a_usage_error() -> None:
    result = print_script("ksh")
    assert (result.returncode, result.stdout) == (64, "")
    assert "'ksh' is not one of 'bash', 'zsh', 'fish'" in result.stderr


def offered(shop: Shop, *words: str, **environ: str) -> list[str]:
    """What fish is offered for the last of these words after `assistctl`, which may be begun."""
    asked = {
        "_ASSISTCTL_COMPLETE": "fish_complete",
        "COMP_WORDS": " ".join(("assistctl", *words[:-1])) + " ",
        "COMP_CWORD": words[-1],
    }
    done = shop.raw(**asked, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


TESTS = """\
matrix: {models: [gpt-6.1]}
cases:
  - {name: "greets, whoever comes", user: hello, expect: {contains: Welcome}}
"""


def test_what_the_workspace_has_is_offered_where_it_can_be_meant(synced):
    (synced.root / "assistants" / "greeter.tests.yaml").write_text(TESTS)
    said = synced.raw("run", "greeter", "hello").stderr
    (thread,) = re.findall(r"thread (thread_\w+)", said)
    synced.edit("assistants/greeter.yaml", "Greet", "Welcome")
    assert synced("sync", "--yes", "-q").code == 0
    snapshots = sorted(path.name for path in (synced.root / ".assistctl/snapshots/local").iterdir())
    for words, expected in [
        (["plan", "-t", ""], ["local", "staging"]),
        (["-t", "st"], ["staging"]),
        (["threads", "copy", "x", "--to", "l"], ["local"]),
        (["run", ""], ["clerk", "greeter"]),
        (["run", "greeter", "--model", ""], ["gpt-6-luna", "gpt-6.1"]),
        (["sync", ""], ["clerk", "greeter", "vector_store/handbook"]),
        (["plan", "ass"], ["assistant/clerk", "assistant/greeter"]),
        (["show", "file/"], ["file/assistants/prices.csv", "file/handbook/care.md"]),
        (["tools", "show", ""], ["add\tAdd two numbers.", "refund", "stuck", "wait"]),
        (["tools", "call", "clerk/a"], ["clerk/add\tAdd two numbers."]),
        (["chat", "greeter", "--thread", ""], [f"{thread}\thello"]),
        (["steps", thread[:9]], [f"{thread}\thello"]),
        (["threads", "show", "run_"], []),
        (["rollback", "greeter", "--to", ""], [f"{it}\tlocal" for it in reversed(snapshots)]),
        (["test", "--case", "gr"], ["greets\tgreets, whoever comes"]),
        (["init", "--template", ""], ["guide", "rag", "tools", "analyst"]),
    ]:
        found = offered(synced, *words)
        if words[0] == "tools":  # what is said of them is the tools' own matter
            found = [it.partition("\t")[0] for it in found]
            expected = [it.partition("\t")[0] for it in expected]
        assert (words, found) == (words, expected)


@pytest.mark.parametrize("text", ["targets: [", "", "version: 1\nnonsense: 1\n", "\x00"])
def test_of_a_broken_workspace_what_can_be_read_is_offered_and_nothing_is_said(text, shop):
    (shop.root / "assistctl.yaml").write_text(text)
    (shop.root / ".assistctl").mkdir()
    (shop.root / ".assistctl" / "threads.db").write_text("no database, but a text that is long")
    assert offered(shop, "run", "") == ["clerk", "greeter"]
    assert offered(shop, "steps", "") == []
    for words in (["tools", "show", ""], ["rollback", "clerk", "--to", ""], ["plan", "-t", ""]):
        offered(shop, *words)


def test_outside_of_a_workspace_nothing_is_offered(tmp_path):
    for words in (["run", ""], ["plan", "-t", ""], ["steps", ""], ["test", "--case", ""]):
        assert offered(Shop(tmp_path), *words) == []


def test_a_workspace_that_is_named_is_the_one_that_is_meant(shop, tmp_path):
    assert offered(Shop(tmp_path), "-C", str(shop.root), "run", "g") == ["greeter"]
    assert offered(Shop(tmp_path), "run", "-C", str(shop.root), "g") == ["greeter"]


def test_to_offer_names_nothing_is_imported_that_speaks_to_a_target(shop):
    script = (
        "import sys\nfrom assistctl.main import main\n"
        "try:\n    main(['assistctl'])\nexcept SystemExit:\n    pass\n"
        "print(*sorted({'openai', 'httpx2', 'jsonschema', 'rich'} & set(sys.modules)))"
    )
    for words, typed in (("assistctl tools show ", "a"), ("assistctl plan -t ", "")):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=shop.root,
            env={
                **os.environ,
                "_ASSISTCTL_COMPLETE": "fish_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": typed,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout.splitlines()[-1], done.stderr) == ("", "")
