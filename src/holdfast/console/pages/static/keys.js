// Keys. Lists: j and k go from row to row, Enter opens (rows are links, and are focused). g and a
// letter leads to a page ([data-go]). Whatever has [data-key] is pressed by it. ? shows them all.

const GO_MS = 1500;
// When g was pressed, which is not when a busy page came to hear of it.
let going = 0;

function isTyping(target) {
  // A field of a dialog that has just closed keeps the focus until the next frame.
  const field = target.closest?.("input, textarea, select, [contenteditable]");
  return Boolean(field?.checkVisibility());
}

function rows() {
  return [...document.querySelectorAll("[data-list] [data-row]")].filter((row) => row.offsetParent);
}

function move(step) {
  const all = rows();
  if (!all.length) return false;
  const here = all.indexOf(document.activeElement?.closest("tr, li")?.querySelector("[data-row]"));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  all[next].focus({ preventScroll: true });
  all[next].closest("tr, li").scrollIntoView({ block: "nearest" });
  return true;
}

function named(element) {
  if (element.ariaLabel) return element.ariaLabel;
  const copy = element.cloneNode(true);
  for (const one of copy.querySelectorAll("kbd, svg")) one.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

function entry(list, keys, said) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  for (const key of keys) {
    const shown = document.createElement("kbd");
    shown.textContent = key;
    term.append(shown, " ");
  }
  const told = document.createElement("dd");
  told.textContent = said;
  row.append(told, term);
  list.append(row);
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keys";
  const list = document.createElement("dl");
  list.className = "keys";
  for (const one of document.querySelectorAll("[data-go]")) entry(list, ["g", one.dataset.go], named(one));
  if (rows().length) {
    entry(list, ["j", "k"], "Next and previous row");
    entry(list, ["Enter"], "Open it");
  }
  entry(list, ["/"], "Find events");
  entry(list, ["."], "Pause and go on");
  for (const one of pressable()) entry(list, [one.dataset.key.replace("mod+", "Ctrl ")], named(one));
  entry(list, ["?"], "This list");
  const form = document.createElement("form");
  form.method = "dialog";
  const close = document.createElement("button");
  close.className = "button";
  close.textContent = "Close";
  form.append(close);
  dialog.append(title, list, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function pressable() {
  return [...document.querySelectorAll("[data-key]")].filter((one) => one.offsetParent && !one.disabled);
}

function press(key) {
  const found = pressable().find((one) => one.dataset.key === key);
  found?.click();
  return Boolean(found);
}

function onKey(event) {
  if (event.isComposing || event.altKey) return;
  const dialog = document.querySelector("dialog[open]");
  if (event.ctrlKey || event.metaKey) {
    if (press(`mod+${event.key}`)) event.preventDefault();
    return;
  }
  if (isTyping(event.target)) {
    if (event.key === "Escape" && !dialog) event.target.blur();
    return;
  }
  if (dialog) return;
  if (going && event.timeStamp - going < GO_MS) {
    going = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  going = 0;
  let taken = true;
  switch (event.key) {
    case "g":
      going = event.timeStamp;
      break;
    case "j":
      taken = move(1);
      break;
    case "k":
      taken = move(-1);
      break;
    case "ArrowDown":
    case "ArrowUp":
      taken = document.activeElement?.matches?.("[data-row]") && move(event.key === "ArrowDown" ? 1 : -1);
      break;
    case "/":
      document.querySelector("[data-search]")?.select();
      document.querySelector("[data-search]")?.focus();
      break;
    case ".":
      document.querySelector("[data-live-switch]")?.click();
      break;
    case "?":
      help();
      break;
    default:
      taken = press(event.key);
  }
  if (taken) event.preventDefault();
}

export function prepare() {
  document.addEventListener("keydown", onKey);
  document.querySelector("[data-help]")?.addEventListener("click", help);
}
