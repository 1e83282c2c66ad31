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

document.addEventListener("keydown", (event) => {
  if (!use.checked || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (writes(event.target) || document.querySelector("dialog[open]")) return;
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
  } else {
    return;
  }
  event.preventDefault();
});
