// Into the clipboard: the text of data-copy-text, or what the address of a[data-copy] answers.

import { toast } from "./toasts.js";

async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS, beyond localhost, there is no clipboard: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) {
      toast("This browser does not let pages copy.", "bad");
      return;
    }
  }
  toast(done);
}

export function prepare() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-text]");
    if (button) {
      await copy(button.dataset.copyText, "Copied.");
      return;
    }
    const link = event.target.closest("a[data-copy]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const answer = await fetch(link.href);
    if (answer.ok) await copy(await answer.text(), link.dataset.done ?? "Copied.");
    else toast(`Answered ${answer.status}.`, "bad");
  });
}
