// The map: cards and arrows open their details, arrow keys go from card to card, and the form answers as it is changed.
// Without this, the form asks by its button, and what the map links to stands in the list.

const FARTHEST = 0.05;
const NEAREST = 2;
const form = document.getElementById("asking");
let held = null; // the card or arrow whose details stay open
let zoom = 1;

const el = (id) => document.getElementById(id);
const named = (key) => (key ? el(key) : null);
const cards = () => [...document.querySelectorAll("#drawing .card")];
const cardOf = (key) => document.querySelector(`#drawing .card[data-key="${CSS.escape(key)}"]`);
const arrowsOf = (key) => document.querySelectorAll(`#drawing .arrow:is([data-before="${CSS.escape(key)}"], [data-after="${CSS.escape(key)}"])`);

/** A copy of an entry of the list, without the names that may stand on a page once. */
function copied(entry) {
  const copy = document.createElement("div");
  copy.className = entry.className;
  copy.append(...entry.cloneNode(true).childNodes);
  for (const one of copy.querySelectorAll("[id]")) one.removeAttribute("id");
  for (const one of copy.querySelectorAll("details")) one.open = true;
  return copy;
}

function paragraph(text, look = "") {
  const made = document.createElement("p");
  made.dir = "auto";
  made.className = look;
  made.textContent = text;
  return made;
}

/** Shows what a card or an arrow says, or clears it. */
function show(thing) {
  const panel = el("panel");
  for (const one of document.querySelectorAll("#drawing .near, #drawing .chosen")) one.classList.remove("near", "chosen");
  if (!panel) return;
  panel.classList.toggle("told", Boolean(thing));
  if (!thing) {
    panel.replaceChildren(paragraph(matchMedia("(pointer: coarse)").matches ? "Tap a card or an arrow: here stands why." : "Point at a card or an arrow, or go to it with the keyboard: here stands why.", "soft"));
    return;
  }
  thing.classList.add("chosen");
  const isCard = thing.matches(".card");
  const key = isCard ? thing.dataset.key : thing.getAttribute("href").replace(/^#/, "");
  if (isCard) {
    for (const arrow of arrowsOf(key)) {
      arrow.classList.add("near");
      const other = cardOf(arrow.dataset.before === key ? arrow.dataset.after : arrow.dataset.before);
      other?.classList.add("near");
    }
  } else {
    for (const end of [thing.dataset.before, thing.dataset.after]) cardOf(end)?.classList.add("near");
  }
  const listed = named(key);
  const parts = [];
  if (isCard && listed) {
    parts.push(copied(listed));
  } else {
    const later = isCard ? null : named(thing.dataset.after)?.querySelector(".step-title");
    parts.push(paragraph((listed && later ? later : thing.querySelector("title")).textContent, "step-title"));
    if (listed) {
      parts.push(copied(listed));
    } else {
      const sentence = thing.querySelector("desc")?.textContent;
      if (sentence) parts.push(Object.assign(document.createElement("blockquote"), { textContent: sentence, dir: "auto" }));
      if (isCard) parts.push(paragraph("Not on the way.", "soft small"), opening(thing));
    }
  }
  panel.replaceChildren(...parts);
  panel.scrollTop = 0;
}

function opening(card) {
  const link = document.createElement("a");
  link.href = card.getAttribute("href");
  link.textContent = "Open it";
  return link;
}

/** Keeps the details of a card or an arrow open, and shows its place in the list. */
function hold(thing) {
  held = thing;
  show(thing);
  for (const one of document.querySelectorAll(".step.current")) one.classList.remove("current");
  const entry = named(thing?.dataset.key ?? thing?.dataset.after);
  const list = el("list");
  if (!entry?.matches(".step") || getComputedStyle(list).overflowY !== "auto") return;
  entry.classList.add("current");
  list.scrollTop += entry.getBoundingClientRect().top - list.getBoundingClientRect().top - 60;
}

/** One card is where Tab leads; the arrows to it come next. */
function stop(card) {
  for (const one of document.querySelectorAll("#drawing a")) one.tabIndex = -1;
  if (!card) return;
  card.tabIndex = 0;
  for (const arrow of document.querySelectorAll(`#drawing .arrow[data-after="${CSS.escape(card.dataset.key)}"]`)) arrow.tabIndex = 0;
}

/** The card beside one in a direction: in the same column, or the nearest in height in the next. */
function beside(card, key) {
  const column = Number(card.dataset.column);
  const row = Number(card.dataset.row);
  const at = (one) => [Number(one.dataset.column), Number(one.dataset.row)];
  if (key === "Home" || key === "End") return key === "Home" ? cards()[0] : cards().at(-1);
  if (key === "ArrowUp" || key === "ArrowDown") {
    const sign = key === "ArrowDown" ? 1 : -1;
    const there = cards().filter((one) => at(one)[0] === column && sign * (at(one)[1] - row) > 0);
    return there.sort((a, b) => sign * (at(a)[1] - at(b)[1]))[0];
  }
  const next = column + (key === "ArrowRight" ? 1 : -1);
  return cards().filter((one) => at(one)[0] === next).sort((a, b) => Math.abs(at(a)[1] - row) - Math.abs(at(b)[1] - row))[0];
}

/** Draws the map larger or smaller, about the middle of what is seen. */
function scale(to) {
  const drawing = el("drawing");
  const pane = el("pane");
  if (!drawing) return;
  const middle = [(pane.scrollLeft + pane.clientWidth / 2) / zoom, (pane.scrollTop + pane.clientHeight / 2) / zoom];
  zoom = Math.min(Math.max(to, FARTHEST), NEAREST);
  drawing.setAttribute("width", drawing.dataset.width * zoom);
  drawing.setAttribute("height", drawing.dataset.height * zoom);
  pane.scrollLeft = middle[0] * zoom - pane.clientWidth / 2;
  pane.scrollTop = middle[1] * zoom - pane.clientHeight / 2;
}

function fit() {
  const drawing = el("drawing");
  const pane = el("pane");
  const room = Math.max(pane.clientHeight, 320);
  scale(Math.min((pane.clientWidth - 4) / drawing.dataset.width, room / drawing.dataset.height, 1));
}

const zooms = { out: () => scale(zoom / 1.25), in: () => scale(zoom * 1.25), one: () => scale(1), fit };

/** Brings a card into the pane, not the page. */
function reveal(card) {
  const pane = el("pane");
  const [box, own] = [card.getBoundingClientRect(), pane.getBoundingClientRect()];
  const margin = 24;
  if (box.left < own.left + margin) pane.scrollLeft -= own.left + margin - box.left;
  if (box.right > own.right - margin) pane.scrollLeft += box.right - own.right + margin;
  if (box.top < own.top + margin) pane.scrollTop -= own.top + margin - box.top;
  if (box.bottom > own.bottom - margin) pane.scrollTop += box.bottom - own.bottom + margin;
}

/** What has to be done whenever a map comes onto the page. */
function ready() {
  const pane = el("pane");
  if (!pane) return;
  document.querySelector(".zoom").hidden = false;
  el("panel").hidden = false;
  const goal = document.querySelector("#drawing .card.goal");
  stop(goal ?? cards()[0]);
  held = null;
  show(null);
  scale(zoom);
  if (goal) reveal(goal);

  const thingAt = (event) => event.target.closest?.(".card, .arrow") ?? null;
  pane.addEventListener("pointerover", (event) => {
    if (thingAt(event)) show(thingAt(event));
  });
  pane.addEventListener("pointerout", (event) => {
    if (thingAt(event) && !event.relatedTarget?.closest?.(".card, .arrow")) show(held);
  });
  pane.addEventListener("focusin", (event) => {
    const thing = thingAt(event);
    if (!thing) return;
    if (thing.matches(".card")) stop(thing);
    if (thing.matches(":focus-visible")) {
      reveal(thing.matches(".card") ? thing : cardOf(thing.dataset.after) ?? thing);
      held = thing;
    }
    show(thing);
  });
  pane.addEventListener("click", (event) => {
    const thing = thingAt(event);
    if (!thing || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    hold(thing);
    if (event.detail === 0) el("panel").focus(); // by a key: what is there is reached from here
  });
  el("panel").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && held) held.focus({ focusVisible: true });
  });
  pane.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key;
    const how = { "+": "in", "=": "in", "-": "out", 0: "fit" }[key];
    if (how) {
      zooms[how]();
    } else if (key === "Escape") {
      hold(null);
    } else {
      const thing = thingAt(event);
      const from = thing?.matches(".arrow") ? cardOf(thing.dataset.after) : thing;
      if (!from || !/^(Arrow|Home|End)/.test(key)) return;
      beside(from, key)?.focus({ preventScroll: true, focusVisible: true });
    }
    event.preventDefault();
  });
}

// The form answers as it is changed.
let asking = null;
let waiting = 0;

function address() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value && !(name === "budget" && value === form.elements.budget.max)) asked.append(name, value);
  }
  return `/order${asked.size ? `?${asked}` : ""}`;
}

async function ask(to, keep) {
  asking?.abort();
  const own = (asking = new AbortController());
  el("answer").setAttribute("aria-busy", "true");
  const pane = el("pane");
  const place = [pane?.scrollLeft ?? 0, pane?.scrollTop ?? 0];
  try {
    const answer = await fetch(to, { signal: own.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = page.getElementById("answer");
    if (!answer.ok || !made) throw new Error();
    const inside = el("answer").contains(document.activeElement);
    el("answer").replaceWith(document.adoptNode(made));
    el("said").replaceChildren(...page.getElementById("said").childNodes);
    if (inside) el("list-title").focus({ preventScroll: true });
    document.title = page.title;
    const ticked = document.activeElement === form.elements.only;
    el("narrowing").replaceChildren(...page.getElementById("narrowing").childNodes);
    if (ticked) (form.elements.only ?? form.elements.goal).focus();
    if (keep) history.pushState(null, "", to);
    if (el("pane")) el("pane").scrollLeft = place[0];
    if (el("pane")) el("pane").scrollTop = place[1];
    ready();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(to); // the server says what is wrong
  }
}

/** As `minutes.spoken` has it. */
function spoken(minutes) {
  const rest = minutes % 60;
  const hours = (minutes - rest) / 60;
  if (!hours) return `${rest} min`;
  return rest && hours < 10 ? `${hours} h ${rest} min` : `${hours + (rest >= 30)} h`;
}

form.addEventListener("input", (event) => {
  const { budget } = form.elements;
  if (event.target === budget) el("time").textContent = budget.value === budget.max ? "any time" : spoken(Number(budget.value));
  if (event.target.matches("input#goal")) return; // half an id is none: it is asked for when it is whole
  clearTimeout(waiting);
  waiting = setTimeout(() => ask(address(), true), event.target === budget ? 200 : 60);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  ask(address(), true);
});
form.addEventListener("change", (event) => {
  if (event.target.matches("input#goal")) ask(address(), true);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-zoom]");
  if (button) zooms[button.dataset.zoom]();
  const link = event.target.closest?.(".to-goal");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  form.elements.goal.value = link.dataset.goal;
  ask(address(), true);
});
document.addEventListener("marked", (event) => {
  const { id, read } = event.detail;
  for (const one of document.querySelectorAll(`form.mark[data-id="${CSS.escape(id)}"]`)) {
    one.elements.read.value = read ? "0" : "1";
    one.querySelector("button").setAttribute("aria-pressed", String(read));
    const step = one.closest(".step");
    step?.classList.toggle("done", read);
    if (step?.id) cardOf(step.id)?.classList.toggle("read", read);
  }
});
addEventListener("popstate", () => {
  if (location.hash) return;
  location.reload();
});

ready();
