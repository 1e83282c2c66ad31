// Keys that work on every page, and the dialog that tells them. They can be switched off: a screen reader may need them.

const dialog = document.getElementById("keys");
const use = document.getElementById("usekeys");
const KEY = "paperpath-keys";

use.checked = localStorage.getItem(KEY) !== "off";
use.addEventListener("change", () => localStorage.setItem(KEY, use.checked ? "on" : "off"));

const show = document.getElementById("showkeys");
show.hidden = false;
show.addEventListener("click", () => dialog.showModal());

const TEXT = "input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select, [contenteditable]";
const writes = (target) => target.closest(TEXT) !== null;

/** The mark of the paper that one is at: in a list or on the map, else the page's own. */
function markOf(target) {
  const card = target.closest(".card[data-key]");
  const row = card ? document.getElementById(card.dataset.key) : target.closest("li.paper, li.step, .documents tr");
  return (row ?? document.querySelector(".actions"))?.querySelector("form.mark");
}

document.addEventListener("keydown", (event) => {
  if (!use.checked || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (writes(event.target) || document.querySelector("dialog[open]")) return;
  let form;
  if (event.key === "?") {
    dialog.showModal();
  } else if (event.key === "/") {
    const box = document.getElementById("q");
    if (box) {
      box.focus();
      box.select();
    } else {
      location.assign("/");
    }
  } else if (event.key === "r" && (form = markOf(event.target))) {
    form.requestSubmit();
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("marked", (event) => {
  document.getElementById("marked").textContent = event.detail.read ? "Marked as read." : "No longer marked as read.";
});
