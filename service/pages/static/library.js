// Adding to the library: links, and files that are dropped; and how far a reindex is, as its events tell.

import { changed } from "./token.js";

const NAMES = { fetch: "Fetching", extract: "Reading", embed: "Understanding", publish: "Publishing", open: "Making ready" };
const adding = document.getElementById("adding");
const form = document.getElementById("addform");
const panel = document.getElementById("progress");
const [stages, now, wrong, outcome, running, failures] = ["stages", "now", "wrong", "outcome", "running", "failures"].map(
  (id) => document.getElementById(id),
);

function made(name, text = "", className = "") {
  const one = document.createElement(name);
  one.textContent = text;
  one.className = className;
  one.dir = "auto";
  return one;
}

function begin(title) {
  panel.hidden = false;
  running.textContent = title;
  for (const part of [stages, now, wrong, outcome, failures.querySelector("ul")]) part.replaceChildren();
  failures.hidden = true;
}

function failed(error) {
  panel.hidden = false;
  running.textContent = "";
  now.textContent = "";
  outcome.textContent = error.message;
}

function stage(name, total) {
  for (const bar of stages.querySelectorAll("progress")) bar.value = bar.max;
  const row = made("li");
  const bar = document.createElement("progress");
  const label = made("span", NAMES[name] ?? name);
  bar.max = Math.max(total, 1);
  bar.value = 0;
  bar.setAttribute("aria-label", label.textContent);
  row.append(label, bar, made("span", total ? `0 of ${total}` : "nothing to do", "soft small count"));
  stages.append(row);
}

function step({ done, total, step }) {
  const row = stages.lastElementChild;
  if (row) {
    row.querySelector("progress").value = done;
    row.querySelector(".count").textContent = `${done} of ${total}`;
  }
  if (step) now.textContent = step;
}

/** Shows what became of a job, and the list of documents as it is now: both as the server has them. */
async function ended(job, { state }) {
  for (const bar of stages.querySelectorAll("progress")) bar.value = bar.max;
  now.textContent = "";
  const asked = new URLSearchParams(location.search);
  asked.set("ended", job);
  try {
    const answer = await fetch(`${location.pathname}?${asked}`, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("documents").replaceWith(page.getElementById("documents"));
    outcome.replaceChildren(...page.getElementById("outcome").childNodes);
    offerRemoval();
  } catch {
    outcome.textContent = "The list below is as it was before: open this page again.";
  }
  running.textContent = state === "done" ? "Done" : "It failed";
  failures.hidden = true; // what became of them is told with the outcome
}

/** A document that could not be had, while others still are: all of them in one line, to be opened. */
function missed(what, why) {
  const list = failures.querySelector("ul");
  list.append(made("li", `${what}: ${why}`));
  failures.hidden = false;
  failures.querySelector("summary").textContent = `${list.children.length} could not be had`;
}

function tell(what, why) {
  const item = made("li");
  item.append(made("strong", what), " ", made("span", why));
  wrong.append(item);
}

/** Follows a job to its end. */
function follow(job) {
  if (panel.hidden) begin("At work");
  const events = new EventSource(`/v1/reindex/${job}/events`);
  const on = (kind, hear) => events.addEventListener(kind, (event) => hear(JSON.parse(event.data)));
  on("stage", (said) => stage(said.stage, said.total));
  on("step", step);
  on("failed", (said) => missed(said.what, said.why));
  on("message", (said) => (now.textContent = said.text));
  on("end", (said) => {
    events.close();
    ended(job, said);
  });
  events.addEventListener("error", () => {
    // While it only waits to connect again, nothing is lost: the server goes on from the last event.
    if (events.readyState === EventSource.CLOSED) failed(new Error("The server no longer knows of it. The list below is as it is now."));
  });
  addEventListener("pagehide", () => events.close(), { once: true });
}

async function reindex(body) {
  begin("At work");
  const headers = { "Content-Type": "application/json" };
  const job = await changed("/v1/reindex", { method: "POST", headers, body: JSON.stringify(body) });
  follow(job.id);
}

async function upload(files) {
  const sources = [];
  begin("Sending");
  for (const file of files) {
    now.textContent = file.name;
    const address = `/v1/uploads?${new URLSearchParams({ name: file.name })}`;
    const headers = { "Content-Type": "application/octet-stream" };
    try {
      sources.push((await changed(address, { method: "POST", headers, body: file })).source);
    } catch (error) {
      tell(file.name, error.message);
    }
  }
  if (!sources.length) throw new Error("Nothing was added.");
  const refused = [...wrong.childNodes];
  await reindex({ add: sources });
  wrong.append(...refused);
}

/** Asks whether a source is to go, with what goes with it. */
function sure(name, goes) {
  const dialog = document.getElementById("removing");
  document.getElementById("removingtitle").textContent = `Remove ${name}?`;
  document.getElementById("removinggoes").replaceChildren(goes.content.cloneNode(true));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "ok"), { once: true });
  });
}

function offerRemoval() {
  for (const button of document.querySelectorAll("[data-remove]")) {
    const row = button.closest("li");
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (!(await sure(row.querySelector("span").textContent, row.querySelector("template")))) return;
      panel.scrollIntoView({ block: "center" });
      // What goes was named, so that nothing asks again whether so much is to go.
      reindex({ remove: [button.dataset.remove], yes: true }).catch(failed);
    });
  }
}

offerRemoval();
if (form) {
  const files = document.getElementById("files");
  const drop = document.getElementById("drop");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const names = form.elements.link.value.split(/[\s,]+/).filter(Boolean);
    if (!names.length) return;
    try {
      await reindex({ add: names });
      form.elements.link.value = "";
    } catch (error) {
      failed(error);
    }
  });
  document.getElementById("again")?.addEventListener("click", () => reindex({}).catch(failed));
  files.addEventListener("change", () => {
    const chosen = [...files.files];
    files.value = "";
    if (chosen.length) upload(chosen).catch(failed);
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault(); // a file that is dropped beside would be opened in the page's place
      drop.classList.toggle("over", kind === "dragover");
    });
  }
  document.addEventListener("drop", (event) => {
    const dropped = [...(event.dataTransfer?.files ?? [])];
    if (dropped.length) upload(dropped).catch(failed);
  });
}
if (adding.dataset.job) follow(adding.dataset.job);
