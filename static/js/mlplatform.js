// The site's only script beside htmx: progressive touches, each of which the page works without.

// Copy buttons name the element whose text they copy: data-copy="curl"
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent);
  announce("Copied");
});

// Buttons that print the page; without scripts they are not shown
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// The second click of a double click sends nothing: the answer to the first may have brought a new form by then,
// which the server could not know to be the same request
document.addEventListener(
  "click",
  (event) => {
    if (event.detail > 1 && event.target.closest("button[type=submit]")) event.preventDefault();
  },
  { capture: true },
);

// A toast stays until it is closed
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  if (button) button.closest(".toast").remove();
});

// Buttons that open and close the dialog they name: data-open="delete-dialog"
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.open).showModal();
  }
  const closer = event.target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
});

// A dialog that htmx brought is opened; Esc and its own buttons close it, and the focus goes back by itself
document.addEventListener("htmx:afterSettle", (event) => {
  const dialog = event.target.querySelector?.("dialog:not([open])");
  if (dialog) dialog.showModal();
});

// After a refusal came back into the page, the first wrong field gets the focus
document.addEventListener("htmx:afterSettle", (event) => {
  const wrong = event.target.querySelector?.("[aria-invalid=true]");
  if (wrong) wrong.focus();
});

// What was opened stays open when its form is brought anew
let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  opened = [...event.target.querySelectorAll("details[open][id]")].map((details) => details.id);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
});

// On a phone the answer stands below the form that was just sent
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.target.id === "result") event.target.scrollIntoView({ block: "nearest" });
});

// Escape takes back what was opened in place
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.closest("form")?.querySelector("[data-escape]")?.click();
});

// The part of a page that polls is no live region: it would chatter. What it says of itself is, when it changes
document.addEventListener("htmx:afterSettle", () => {
  const run = document.getElementById("run");
  const status = document.getElementById("run-status");
  if (run && status.textContent !== run.dataset.status) status.textContent = run.dataset.status;
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.target.closest(".upload")) return; // the upload says it in its own place
  announce("The server could not be reached. Try again: a repeated request is charged only once.");
});

function announce(text) {
  document.getElementById("live").textContent = text;
}

// Upload form: sends as soon as a file is dropped or chosen, shows progress, can be stopped
for (const form of document.querySelectorAll("form.upload")) {
  const zone = form.querySelector(".drop-zone");
  const input = form.querySelector("input[type=file]");
  const bar = form.querySelector("progress");
  const message = form.querySelector("[data-upload-message]");
  const stop = form.querySelector("[data-upload-stop]");
  let announced = 0;
  const show = (note) => message.replaceChildren(form.querySelector(`[data-note=${note}]`).content.cloneNode(true));

  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    zone.addEventListener(name, () => zone.classList.remove("over"));
  }
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  input.addEventListener("change", () => {
    if (input.files.length) form.requestSubmit();
  });
  stop.addEventListener("click", () => htmx.trigger(form, "htmx:abort"));

  form.addEventListener("htmx:beforeRequest", (event) => {
    const limit = Number(form.dataset.maxBytes);
    if (input.files[0]?.size > limit) {
      event.preventDefault();
      show("too-large");
      return;
    }
    announced = 0;
    bar.hidden = stop.hidden = false;
    message.textContent = `Uploading ${input.files[0]?.name ?? ""}`;
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    if (!event.detail.lengthComputable) return;
    const percent = Math.round((event.detail.loaded / event.detail.total) * 100);
    bar.value = percent;
    if (percent === 100) message.textContent = "Reading the columns";
    else if (percent >= announced + 25) {
      announced = percent - (percent % 25);
      message.textContent = `${announced}% uploaded`; // said every 25 %, not at every step
    }
  });
  form.addEventListener("htmx:afterRequest", () => {
    bar.hidden = stop.hidden = true;
    bar.value = 0;
  });
  form.addEventListener("htmx:xhr:abort", () => {
    message.textContent = "Upload cancelled. Nothing was saved.";
    input.focus();
  });
  form.addEventListener("htmx:sendError", () => show("broken"));
}
