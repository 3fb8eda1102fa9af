// What the playground's page needs beside htmx: Ctrl-Enter, an empty box once a message is on its
// way, and a place for what has gone wrong.
"use strict";

const trouble = document.getElementById("trouble");
const ground = document.getElementById("ground");

document.addEventListener("keydown", (event) => {
  const isSend = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  if (isSend && event.target.form === ground) {
    event.preventDefault();
    document.getElementById("send").click();
  }
});

// A model chooses when it asks, and so what comes under the pointer of somebody who is about to click:
// nothing is allowed before there was time to see it.
const SEEN_MS = 700;

new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    for (const button of node.querySelectorAll?.(".asked button[value='1']") ?? []) {
      button.disabled = true;
      setTimeout(() => (button.disabled = false), SEEN_MS);
    }
  }
}).observe(document.getElementById("exchanges"), { childList: true, subtree: true });

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status < 400) return;
  event.detail.shouldSwap = true;
  event.detail.target = trouble;
  event.detail.swapOverride = "innerHTML";
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id !== "send" || event.detail.xhr.status !== 200) return;
  trouble.replaceChildren();
  ground.elements.message.value = "";
  ground.elements.files.value = "";
  document.querySelector("#exchanges > :last-child")?.scrollIntoView({ block: "nearest" });
});
