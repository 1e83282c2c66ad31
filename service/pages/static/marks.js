// Marks without leaving the page: whether a paper is read, and the note on it. The forms do the same without this.
// No module, so that it runs before anything can be clicked: the end of a page may take a while.
"use strict";
{
  /** Sets marks of a paper: as a page of this machine's own server, else with the token. */
  async function put(id, marks) {
    const address = `/v1/papers/${id.split("/").map(encodeURIComponent).join("/")}/marks`;
    const init = { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(marks) };
    const answer = await fetch(address, init);
    if (answer.status !== 401) return answer;
    const { changed } = await import("/static/token.js");
    return changed(address, init);
  }

  function show(form, read) {
    form.elements.read.value = read ? "0" : "1";
    form.querySelector("button").setAttribute("aria-pressed", String(read));
    form.closest("li, tr")?.classList.toggle("done", read);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form.mark, form.noting")) return;
    event.preventDefault();
    const data = new FormData(form);
    const isMark = form.matches(".mark");
    const said = form.querySelector(".kept");
    try {
      const read = data.get("read") === "1";
      const answer = await put(form.dataset.id, isMark ? { read } : { note: data.get("note") });
      if (answer.ok === false) throw new Error();
      if (isMark) {
        show(form, read);
        form.dispatchEvent(new CustomEvent("marked", { bubbles: true, detail: { id: form.dataset.id, read } }));
      } else {
        said.textContent = "Kept.";
      }
    } catch {
      form.submit(); // the server says what is wrong
    }
  });

  document.addEventListener("input", (event) => {
    const said = event.target.closest?.("form.noting")?.querySelector(".kept");
    if (said) said.textContent = "";
  });

  // Who comes back to a page is shown it as it was: what was marked since is brought up to date.
  addEventListener("pageshow", async (event) => {
    if (!event.persisted && performance.getEntriesByType("navigation")[0]?.type !== "back_forward") return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "reload" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const read = new Map();
    for (const form of page.querySelectorAll("form.mark")) read.set(form.dataset.id, form.elements.read.value === "0");
    for (const form of document.querySelectorAll("form.mark")) {
      if (read.has(form.dataset.id)) show(form, read.get(form.dataset.id));
    }
  });
}
