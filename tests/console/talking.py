"""What people do in a playground, by a browser."""

from assistctl.apis import connect
from assistctl.loading import load
from assistctl.sync import plan_sync


def say(page, message):
    before = page.locator("article.exchange").count()
    box = page.get_by_role("textbox", name="Message")
    box.fill(message)
    box.press("Control+Enter")
    exchange = page.locator("article.exchange").nth(before)
    exchange.wait_for()
    return exchange


def done(exchange, status="completed"):
    for state in exchange.locator(".state").all():
        state.get_by_text(status, exact=True).wait_for()
    return exchange


def save(page):
    """As far as what would be written is shown."""
    page.get_by_role("button", name="Save as YAML").click()
    page.get_by_role("heading", name="as YAML").wait_for()


def write(page, files=1):
    page.get_by_role("button", name=f"Write {files} file").click()
    page.get_by_role("status").wait_for()


def plan_of(shop, *keys):
    surface, workspace = connect(shop.target), load(shop.root)
    try:
        return plan_sync(surface, workspace, keys).plan
    finally:
        surface.close()
