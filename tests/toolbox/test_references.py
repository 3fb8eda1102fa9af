"""References to Python functions, and where they lead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistctl.toolbox.references import Misread, Reference, is_local, locate

Write = Callable[[dict[str, str]], Path]


def misread(text: str, root: Path) -> str:
    with pytest.raises(Misread) as caught:
        locate(Reference.parse(text), root)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "bills", "bills:", ":save", "bills.save", "a/b:c", "../x:y", "a:b:c", "a b:c", ".a:b"],
)
def test_what_is_not_module_and_function_is_refused(text: str) -> None:
    with pytest.raises(Misread) as caught:
        Reference.parse(text)
    assert str(caught.value) == (
        f"{text!r} does not name a Python function; "
        "write module:function, as in bills:save_bill for tools/bills.py"
    )


def test_a_method_is_refused() -> None:
    with pytest.raises(Misread, match=r"'bills:Till\.save' names something inside a class; name a"):
        Reference.parse("bills:Till.save")


def test_tool_modules_are_files_and_packages_below_tools(write: Write) -> None:
    files = ["bills.py", "both.py", "both/__init__.py", "shop/till.py", "账单.py"]
    root = write({f"tools/{file}": "" for file in files})
    assert {
        module: locate(Reference(module, "f"), root).shown
        for module in ["bills", "both", "shop.till", "账单"]
    } == {
        "bills": "tools/bills.py",
        "both": "tools/both/__init__.py",
        "shop.till": "tools/shop/till.py",
        "账单": "tools/账单.py",
    }


def test_the_first_part_of_a_name_decides_between_tools_and_packages(write: Write) -> None:
    root = write({"tools/json/mine.py": "", "tools/bills.py": ""})
    assert {
        module: is_local(Reference(module, "f"), root)
        for module in ["email", "json.decoder", "bills.x", "email.charset"]
    } == {"email": True, "json.decoder": True, "bills.x": True, "email.charset": False}


def test_a_missing_tool_module_names_the_file_and_the_nearest_name(write: Write) -> None:
    root = write({"tools/bills.py": "", "tools/shop/till.py": ""})
    assert misread("bill:save", root) == (
        "'bill:save' needs tools/bill.py, which does not exist; did you mean bills:save?"
    )
    assert misread("shop.tills:save", root) == (
        "'shop.tills:save' needs tools/shop/tills.py, which does not exist; "
        "did you mean shop.till:save?"
    )
    assert misread("orders:save", root) == (
        "'orders:save' needs tools/orders.py, which does not exist; create it, or correct it"
    )
    assert misread("bills.inner:save", root).startswith("'bills.inner:save' needs tools/bills/")


def test_without_a_tools_directory_a_module_is_missing_all_the_same(tmp_path: Path) -> None:
    assert misread("bills:save", tmp_path) == (
        "'bills:save' needs tools/bills.py, which does not exist; create it, or correct it"
    )


def test_a_tool_module_that_links_out_of_the_workspace_is_refused(
    write: Write, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "bills.py"
    outside.write_text("def save(): ...")
    root = write({"tools/other.py": ""})
    (root / "tools/bills.py").symlink_to(outside)
    assert misread("bills:save", root) == (
        "tools/bills.py is a link that leaves the workspace; "
        "put the module itself into tools/, or install it as a package"
    )


def test_an_installed_module_is_found_without_importing_its_parents(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(
        {
            "site/installed_pkg/__init__.py": "raise SystemExit('imported')",
            "site/installed_pkg/inner/deep.py": "",
            "site/single_module.py": "",
        }
    )
    monkeypatch.syspath_prepend(str(root / "site"))
    found = locate(Reference("installed_pkg.inner.deep", "f"), root)
    assert found.file == root / "site/installed_pkg/inner/deep.py"
    assert not [name for name in sys.modules if name.startswith("installed_pkg")]
    assert misread("installed_pkg.missing:f", root) == (
        "the installed package 'installed_pkg' has no Python source for 'installed_pkg.missing'; "
        "correct the name, or write a function in tools/ that calls it"
    )
    assert "has no Python source for 'single_module.x'" in misread("single_module.x:f", root)


def test_a_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    assert misread("no_such_package.module:f", tmp_path) == (
        "there is neither tools/no_such_package/module.py nor an installed package "
        "'no_such_package'; install 'no_such_package' beside assistctl, or correct the name"
    )
    assert "'__main__" in misread("__main__.x:f", tmp_path)  # which has a source, or has none


def test_a_module_is_named_from_within_tools(write: Write) -> None:
    root = write({"tools/shop/till.py": ""})
    assert misread("tools.shop.till:pay", root) == (
        "'tools.shop.till:pay' names tools/ itself, which is where modules are looked for; "
        "write shop.till:pay"
    )
