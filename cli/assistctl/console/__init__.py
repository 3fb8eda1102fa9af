"""The console in the browser: pages of a workspace and its target, rendered here.

How a page is added:

1. `pages/<noun>.py` with a `SECTION` (what the navigation says, where, and by which key it is
   reached) and `ENDPOINTS`, one for each path and method; the path is below /console.
2. A line in `SECTIONS` in app.py.
3. Its handlers are plain functions of a `Visit`, which run in threads of their own. They take what
   they show from the library's rooms (sync/, conversation/, record/, …), never from commands, and
   return `visit.page("noun.html", title=…, …)`, `visit.fragment(…)` for htmx, or `visit.to(path)`.
4. `templates/noun.html` extends `layout.html`. Everything in `{{ }}` is escaped; there is no inline
   script and no inline style, which the Content-Security-Policy would refuse: behaviour is htmx's
   attributes or a few lines in assets/console.js, looks are in assets/console.css.
5. A form that posts has `{{ csrf() }}` in it. Who comes from where, sessions and tokens are checked
   before a handler is called (access.py), and so is whether the console may write, of an endpoint
   that `writes`. An AssistctlError that a handler raises becomes a page that says it.
6. Tests in tests/console/test_<noun>.py: with `browse` (httpx) what is on the page, with `browser`
   (Chromium) what only a browser can show; its screenshots are a line in tests/console/pictures.py.
"""
