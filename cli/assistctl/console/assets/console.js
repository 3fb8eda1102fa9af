// What HTML cannot do by itself: the theme, shortcuts, dialogs, forms that send themselves.
"use strict";

const THEMES = ["auto", "light", "dark"];
const root = document.documentElement;

function theme() {
  try {
    const kept = localStorage.getItem("assistctl-theme");
    return THEMES.includes(kept) ? kept : "auto";
  } catch {
    return "auto"; // where a page may keep nothing
  }
}

function paint(name) {
  if (name === "auto") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", name);
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.textContent = `Theme: ${name}`;
  }
}

function nextTheme() {
  const name = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  try {
    localStorage.setItem("assistctl-theme", name);
  } catch {
    // it lasts as long as the page
  }
  paint(name);
}

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

let after = "";

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const before = after;
  after = "";
  if (document.querySelector("dialog[open]")) return;
  if (before === "g") {
    document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
  } else if (event.key === "g") {
    after = "g";
  } else if (event.key === "/") {
    const box = document.querySelector("main input[type=search]");
    if (box) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  } else if (event.key === "t") {
    nextTheme();
  } else if (event.key === "?") {
    document.getElementById("shortcuts")?.showModal();
  }
}

function clicked(event) {
  const opens = event.target.closest("[data-opens]");
  if (opens) document.getElementById(opens.dataset.opens).showModal();
  if (event.target.closest("[data-theme-switch]")) nextTheme();
}

function sent(event) {
  // Whoever clicks twice means it once.
  for (const button of event.target.querySelectorAll("button:not([type=button])")) {
    if (event.target.method === "post") setTimeout(() => (button.disabled = true));
  }
}

paint(theme());
document.addEventListener("keydown", pressed);
document.addEventListener("click", clicked);
document.addEventListener("submit", sent);
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) event.detail.shouldSwap = true; // why it cannot be shown
});
document.addEventListener("DOMContentLoaded", () => {
  paint(theme());
  const form = document.querySelector("form[data-submit-now]");
  if (form) {
    history.replaceState(null, "", location.pathname); // the link's token stays in no history
    form.requestSubmit();
  }
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form button:disabled")) button.disabled = false;
});
