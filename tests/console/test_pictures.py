import pytest

from tests.console.pictures import FORMS, LARGEST, PAGES, PICTURES


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_its_pictures_in_the_documentation(name):
    sizes = {form: (PICTURES / f"{name}-{form}.png").stat().st_size for form in FORMS}
    assert {form: size for form, size in sizes.items() if size > LARGEST} == {}


def test_there_are_no_others():
    expected = {f"{name}-{form}.png" for name in PAGES for form in FORMS}
    assert {it.name for it in PICTURES.iterdir()} == expected
