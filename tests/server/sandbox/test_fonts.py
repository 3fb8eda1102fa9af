"""Labels of charts in letters that matplotlib's own font does not have."""

import pytest

from assistctl.server.sandbox.inside.fonts import prepare_charts

LABELLED = """
import matplotlib.pyplot as plt
plt.bar(["红玫瑰", "郁金香"], [5, 8])
plt.show()
"""


def test_the_best_font_of_the_machine_stands_in_where_other_fonts_have_no_letters(tmp_path):
    fonts, settings = tmp_path / "fonts", tmp_path / "settings"
    (fonts / "truetype/wqy").mkdir(parents=True)
    for name in ("truetype/wqy/wqy-zenhei.ttc", "truetype/wqy/wqy-microhei.ttc", "other.ttf"):
        (fonts / name).touch()
    prepare_charts(settings, fonts)
    assert (settings / "matplotlibrc").read_text() == (
        "font.family: sans-serif, WenQuanYi Micro Hei, DejaVu Sans\n"
    )


def test_without_such_a_font_matplotlib_is_left_as_it_is(tmp_path):
    (tmp_path / "DejaVuSans.ttf").touch()
    prepare_charts(tmp_path / "settings", tmp_path)
    prepare_charts(tmp_path / "settings", tmp_path / "nowhere")
    assert not (tmp_path / "settings").exists()


def test_a_font_that_is_missing_is_said_once_and_not_for_each_letter(sandboxes):
    code = (
        "import logging\nlog = logging.getLogger('matplotlib.font_manager')\n"
        "for font in ('SimHei', 'SimHei', 'SimSun'): log.warning('%s not found', font)"
    )
    assert sandboxes.execute("t", code, []).output == "SimHei not found\nSimSun not found\n"


def test_a_chart_with_chinese_labels_has_all_its_letters(opened, tmp_path):
    sandboxes = opened(memory_bytes=2**30)
    if "matplotlib" not in sandboxes.packages():
        pytest.skip("not installed: matplotlib")
    prepare_charts(tmp_path / "settings")
    if not (tmp_path / "settings").exists():
        pytest.skip("no Chinese font is installed")
    told = sandboxes.execute("t", LABELLED, [])
    assert (told.output, len(told.pictures)) == ("", 1)
