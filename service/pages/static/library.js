// Adding to the library: links, and files that are dropped; and how far a reindex is, as its events tell.

import { changed } from "./token.js";

const NAMES = { fetch: "Fetching", extract: "Reading", embed: "Understanding", publish: "Publishing" };
const adding = document.getElementById("adding");
const form = document.getElementById("addform");
const panel = document.getElementById("progress");
const [stages, now, wrong, outcome, running] = ["stages", "now", "wrong", "outcome", "running"].map((id) =>
  document.getElementById(id),
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
  for (const part of [stages, now, wrong, outcome]) part.replaceChildren();
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

function ended({ state, report, messages }) {
  for (const bar of stages.querySelectorAll("progress")) bar.value = bar.max;
  now.textContent = "";
  running.textContent = state === "done" ? "Done" : "It failed";
  if (!report) {
    outcome.textContent = messages.slice(-3).join(" ") || "The server’s log says why.";
    return;
  }
  const fresh = report.lines.filter((line) => line.outcome === "full text");
  outcome.textContent =
    `${report.documents} documents` +
    (report.published ? "" : "; nothing changed") +
    (report.removed.length ? `; removed: ${report.removed.join(", ")}` : "") +
    (fresh.length ? `; read now: ${fresh.length}.` : ".");
  const list = made("ul", "", "plainlist small");
  for (const line of fresh.slice(0, 12)) {
    const link = made("a", line.title);
    link.href = `/papers/${line.id.split("/").map(encodeURIComponent).join("/")}`;
    const item = made("li");
    item.append(link);
    list.append(item);
  }
  outcome.append(list);
  const told = new Set([...wrong.children].map((item) => item.dataset.what));
  for (const line of report.lines) {
    if (line.why && line.outcome !== "full text" && line.outcome !== "cached" && !told.has(line.title)) {
      tell(line.title, line.why);
    }
  }
  for (const warning of report.warnings) tell(warning.source, warning.message);
  refresh();
}

function tell(what, why) {
  const item = made("li");
  item.dataset.what = what;
  item.append(made("strong", what), " ", made("span", why));
  wrong.append(item);
}

/** Shows the list of documents as it is now. */
async function refresh() {
  const answer = await fetch(location.pathname + location.search);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("documents");
  if (fresh) document.getElementById("documents").replaceWith(fresh);
}

/** Follows a job to its end. */
function follow(job) {
  if (panel.hidden) begin("At work");
  const events = new EventSource(`/v1/reindex/${job}/events`);
  const on = (kind, hear) => events.addEventListener(kind, (event) => hear(JSON.parse(event.data)));
  on("stage", (said) => stage(said.stage, said.total));
  on("step", step);
  on("failed", (said) => tell(said.what, said.why));
  on("message", (said) => (now.textContent = said.text));
  on("end", (said) => {
    events.close();
    ended(said);
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
  document.getElementById("again").addEventListener("click", () => reindex({}).catch(failed));
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
