"""What only a browser can show of the frame: the link, the keyboard, the themes, narrow windows."""


def width(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def ground(page):
    return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


def test_the_link_leads_to_the_workspace_and_out_of_the_address(browser):
    assert browser.title() == "shop · assistctl"
    assert "token" not in browser.evaluate("location.href + document.referrer")
    assert browser.evaluate("document.cookie") == ""


def test_a_link_that_was_used_says_how_to_get_another(console, new_page):
    link = f"{console.address}/console/enter?token={console.links.new()}"
    first, second = new_page(), new_page()
    first.goto(link)
    first.wait_for_url("**/console/workspace")
    with second.expect_response("**/console/enter") as refused:
        second.goto(link)
    assert refused.value.status == 403
    second.get_by_text("For another link press Enter").wait_for()


def test_the_first_tab_skips_to_the_page(browser):
    browser.keyboard.press("Tab")
    assert browser.evaluate("document.activeElement.textContent") == "Skip to the page"
    browser.keyboard.press("Enter")
    assert browser.evaluate("document.activeElement.id") == "main"


def test_every_link_and_button_can_be_reached_and_shows_that_it_is(browser):
    hidden = browser.evaluate(
        """() => [...document.querySelectorAll("a, button, input, summary")]
            .filter(it => it.type !== "hidden" && it.closest("dialog:not([open])") === null)
            .filter(it => { it.focus({focusVisible: true});
                            return document.activeElement !== it
                                || getComputedStyle(it).outlineStyle === "none"; })
            .map(it => it.outerHTML)"""
    )
    assert hidden == []


def test_shortcuts_are_listed_and_closed_again(browser):
    browser.keyboard.press("?")
    listed = browser.get_by_role("dialog", name="Shortcuts")
    assert "g w" in listed.inner_text().replace("\n", " ")
    browser.keyboard.press("Escape")
    listed.wait_for(state="hidden")
    browser.keyboard.press("g")
    with browser.expect_navigation():
        browser.keyboard.press("w")
    assert browser.url.endswith("/console/workspace")


def test_the_theme_is_the_systems_until_another_is_chosen(console, new_page):
    page = new_page(color_scheme="dark")
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    dark = ground(page)
    page.get_by_role("button", name="Theme: auto").click()
    assert ground(page) != dark
    page.reload()
    page.get_by_role("button", name="Theme: light").click()
    assert ground(page) == dark
    page.keyboard.press("t")
    page.get_by_role("button", name="Theme: auto").wait_for()


def test_in_a_window_of_400_pixels_nothing_is_beside_it(console, new_page):
    page = new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    assert width(page) <= 0
    page.goto(f"{console.address}/console/workspace/show?address=assistant/clerk")
    assert width(page) <= 0


def test_whoever_leaves_is_shown_the_way_in(browser):
    browser.get_by_role("button", name="Leave").click()
    browser.get_by_role("heading", name="Open the console").wait_for()


def test_a_plan_is_applied_by_a_click(browser):
    browser.get_by_role("button", name="Apply 5 changes to local").click()
    browser.get_by_role("heading", name="Applied").wait_for()
    browser.get_by_role("link", name="Back to the workspace").click()
    browser.get_by_text("No changes. local is as declared.").wait_for()
