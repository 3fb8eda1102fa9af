import subprocess
import sys
from pathlib import Path

import pytest

from tests import forking


def print_script(shell: str) -> subprocess.CompletedProcess[str]:
    return forking.run(["-m", "assistctl", "completion", shell])


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
