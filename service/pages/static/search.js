// Results as they are typed for: the page of the same address is fetched, and its results are shown in this one.

const form = document.getElementById("ask");
const box = document.getElementById("q");
const results = document.getElementById("results");
const told = document.getElementById("told"); // says what came to who doesn't see it
const WAIT = 130; // ms without a key before it is asked

let asking = null; // the request under way: what an earlier one answers is not shown
let timer = 0;
let settled = true; // whether the address is one to come back to: what is typed on replaces it otherwise

function address() {
  const values = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) values.set(name, value);
  return values.size ? `/?${values}` : "/";
}

async function show(where) {
  asking?.abort();
  const mine = (asking = new AbortController());
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(where, { signal: mine.signal, headers: { Accept: "text/html" } });
    const text = await answer.text();
    if (mine !== asking) return;
    const start = performance.now();
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById("results") ?? page.getElementById("main");
    results.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    told.textContent = document.getElementById("said")?.textContent.trim() ?? "";
    requestAnimationFrame(() => performance.measure("results", { start }));
  } catch (error) {
    if (error.name !== "AbortError") say("The server doesn’t answer. Is it still running?");
  }
  if (mine === asking) results.setAttribute("aria-busy", "false");
}

function say(text) {
  const said = document.createElement("p");
  said.className = "said";
  said.textContent = told.textContent = text;
  results.replaceChildren(said);
}

/** Asks what the form says now, unless that is what is shown. */
function ask() {
  clearTimeout(timer);
  if (!form.checkValidity()) return;
  const where = address();
  if (where === location.pathname + location.search) return;
  if (settled) history.pushState(null, "", where);
  else history.replaceState(null, "", where);
  settled = false;
  show(where);
}

form.addEventListener("input", (event) => {
  clearTimeout(timer);
  if (event.isComposing) return;
  timer = setTimeout(ask, event.target === box ? WAIT : 0);
});
form.addEventListener("compositionend", () => (timer = setTimeout(ask, WAIT)));
form.addEventListener("change", () => {
  ask();
  settled = true;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
  settled = true;
});

addEventListener("popstate", () => {
  const values = new URLSearchParams(location.search);
  for (const field of form.elements) if (field.name) field.value = values.get(field.name) ?? "";
  settled = true;
  show(location.pathname + location.search);
});

// From the box down through the results, and back.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const inside = event.target === box || results.contains(event.target);
  if (!inside || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.key === "Escape" && event.target !== box) {
    box.focus();
    box.select();
  } else if (step) {
    const links = [...results.querySelectorAll("a.title, .themes li a")];
    const at = links.findIndex((link) => link === event.target || link.closest("li").contains(event.target));
    const next = event.target === box ? (step > 0 ? 0 : -1) : at + step;
    if (event.target === box && step < 0) return;
    if (next < 0) box.focus();
    else links[Math.min(next, links.length - 1)]?.focus();
  } else {
    return;
  }
  event.preventDefault();
});
