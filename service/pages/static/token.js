// What changes the library needs a token: asked for once, and kept until the tab is closed.

const KEY = "paperpath-token";
const CURES = { "bad-source": "Give an arXiv id or an http(s) link; a file can be dropped or chosen here." };
const dialog = document.getElementById("token");
const field = document.getElementById("tokenvalue");
const wrong = dialog.querySelector(".wrongtoken");

/** The token as a person types it, or null. */
function asked(message) {
  wrong.textContent = message;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((tell) => {
    dialog.addEventListener("close", () => tell(dialog.returnValue === "ok" ? field.value.trim() : null), { once: true });
  });
}

/** What went wrong, in the words of the server's answer. */
export async function trouble(answer) {
  try {
    const told = await answer.json();
    return [told.detail, CURES[told.type?.split(":").at(-1)] ?? told.cure].filter(Boolean).join(" ");
  } catch {
    return `The server answered with ${answer.status}.`;
  }
}

/** Fetches with the token, which is asked for where there is none or a wrong one. Throws what to say to a person. */
export async function changed(address, init) {
  let message = "";
  for (;;) {
    const token = sessionStorage.getItem(KEY) ?? (await asked(message));
    if (token === null) throw new Error("Nothing was changed.");
    let answer;
    try {
      const headers = { ...init.headers, Authorization: `Bearer ${token.replace(/[^\x21-\x7e]/g, "")}` };
      answer = await fetch(address, { ...init, headers });
    } catch {
      throw new Error("The server doesn’t answer.");
    }
    if (answer.status === 401) {
      sessionStorage.removeItem(KEY);
      message = "This is not the token.";
      continue;
    }
    sessionStorage.setItem(KEY, token);
    if (!answer.ok) throw new Error(await trouble(answer));
    return answer.json();
  }
}
