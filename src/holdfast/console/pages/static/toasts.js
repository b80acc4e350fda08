// What came of it, in a corner, for a while.

const SHOWN_MS = 6000;

export function toast(text, kind = "ok") {
  const place = document.querySelector("[data-toasts]");
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  const said = document.createElement("span");
  said.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "plain";
  close.textContent = "close";
  close.addEventListener("click", () => box.remove());
  box.append(said, close);
  place.append(box);
  // What went wrong stays until somebody has read it.
  if (kind !== "bad") setTimeout(() => box.remove(), SHOWN_MS);
}
