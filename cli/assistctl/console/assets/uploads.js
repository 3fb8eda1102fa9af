// Uploads one file after the other and shows how far each is. Without it the form does it at once.
"use strict";

function line(list, name) {
  const item = document.createElement("li");
  const progress = document.createElement("progress");
  const said = document.createElement("small");
  const label = document.createElement("bdi");
  label.textContent = name;
  progress.max = 1;
  progress.setAttribute("aria-label", name);
  item.append(label, " ", progress, " ", said);
  list.append(item);
  return { item, progress, said };
}

function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

function send(form, file, shown) {
  const fields = new FormData(form);
  fields.delete("file");
  fields.append("file", file);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("HX-Request", "true"); // a fragment is wanted, not a page
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    shown.progress.value = event.loaded / event.total;
    shown.said.textContent = `${Math.floor((100 * event.loaded) / event.total)} %`;
  });
  request.upload.addEventListener("load", () => {
    shown.progress.removeAttribute("value"); // nobody tells how far the target is
    shown.said.textContent = "on its way to the target";
  });
  return new Promise((done) => {
    request.addEventListener("loadend", () => {
      const answer = parsed(request.responseText);
      const made = answer.querySelector("li");
      if (request.status === 200 && made) {
        shown.item.replaceChildren(...made.childNodes, " uploaded");
        done(true);
        return;
      }
      shown.progress.remove();
      shown.said.className = "failed";
      shown.said.textContent =
        answer.textContent.trim() || "The console did not answer; look whether it still runs.";
      done(false);
    });
    request.send(fields);
  });
}

async function upload(event) {
  const form = event.target;
  event.preventDefault();
  const input = form.querySelector("input[type=file]");
  const list = form.querySelector(".uploads");
  const lines = [...input.files].map((file) => [file, line(list, file.name)]);
  for (const [file, shown] of lines) await send(form, file, shown);
  form.reset();
  for (const button of form.querySelectorAll("button")) button.disabled = false;
  input.focus();
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", upload);
}
