"""Labels of charts in letters that matplotlib's own font does not have."""

from pathlib import Path

import pytest

FONTS = ("wqy-microhei.ttc", "NotoSansCJK-Regular.ttc")
LABELLED = """
import matplotlib.pyplot as plt
plt.bar(["红玫瑰", "郁金香"], [5, 8])
plt.show()
"""


def test_what_fonts_are_missing_is_said_once_and_of_the_stand_ins_not_at_all(run):
    told = run(
        "import logging\nlog = logging.getLogger('matplotlib.font_manager')\n"
        "for font in ('SimHei', 'SimHei', 'WenQuanYi Micro Hei', 'SimSun'):\n"
        "    log.warning('%r not found', font)\n"
        "log.warning('%(a)s', {'a': 1})"
    )
    assert (told.error, told.output) == (None, "'SimHei' not found\n'SimSun' not found\n1\n")


def test_a_chart_with_chinese_labels_has_all_its_letters(opened):
    sandboxes = opened(memory_bytes=2**30)
    if "matplotlib" not in sandboxes.packages():
        pytest.skip("not installed: matplotlib")
    if not any(file.name in FONTS for file in Path("/usr/share/fonts").rglob("*.ttc")):
        pytest.skip(f"none of these fonts is installed: {', '.join(FONTS)}")
    told = sandboxes.execute("t", LABELLED, [])
    assert (told.output, len(told.pictures)) == ("", 1)
