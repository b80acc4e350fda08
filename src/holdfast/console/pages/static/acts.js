// Doing something, through the API, with this session's token.
//
// <button data-act="POST /api/v1/..." data-body=JSON data-confirm=TEXT data-done=TEXT data-then=WHAT>
// <form data-act=...>: its fields are the body. data-then: `visit:/events/{id}`, `show`, or nothing:
// the page is fetched anew. {id}, {replayed.X}: taken from the answer.
//
// Fields: numbers and ticks are sent as such, empty ones left out unless data-keep-empty, data-json is
// read as JSON, data-lines as header lines, data-if-changed only where it was changed.

import { opened, refresh } from "./live.js";
import { toast } from "./toasts.js";

const csrf = document.querySelector("meta[name=csrf]")?.content ?? "1";

export class Refused extends Error {
  constructor(error) {
    super(error.message);
    this.code = error.code;
    this.detail = error.detail;
  }
}

export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { "Content-Type": "application/json", "X-Holdfast-CSRF": csrf },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Refused({ code: "unreachable", message: "The console does not answer; is it running?" });
  }
  const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Refused(told.error ?? { code: "unknown", message: `Answered ${answer.status}` });
  }
  return told;
}

export function filled(template, told) {
  return template.replace(/\{([^{}]+)\}/g, (_, path) => {
    const found = path.split(".").reduce((value, key) => value?.[key], told);
    return found === undefined || found === null ? "" : String(found);
  });
}

export function confirmed(text, label) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Please confirm");
  const form = document.createElement("form");
  form.method = "dialog";
  form.className = "stack";
  const said = document.createElement("p");
  said.textContent = text;
  const row = document.createElement("div");
  row.className = "actions";
  const yes = document.createElement("button");
  yes.className = "button danger";
  yes.value = "yes";
  yes.textContent = label;
  const no = document.createElement("button");
  no.className = "button";
  no.value = "no";
  no.textContent = "Cancel";
  no.autofocus = true;
  row.append(yes, no);
  form.append(said, row);
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

function label(element) {
  const copy = element.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd")) key.remove();
  return copy.textContent.trim();
}

function lines(text) {
  return text
    .split("\n")
    .filter((line) => line.trim())
    .map((line) => {
      const at = line.indexOf(":");
      return at < 1 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
}

export function fields(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.type === "submit") continue;
    if (field.type === "radio" && !field.checked) continue;
    if ("ifChanged" in field.dataset && field.value === field.defaultValue) continue;
    if (field.type === "checkbox") body[field.name] = field.checked;
    else if (field.value === "" && !("keepEmpty" in field.dataset)) continue;
    else if (field.type === "number") body[field.name] = field.valueAsNumber;
    else if ("json" in field.dataset) body[field.name] = JSON.parse(field.value);
    else if ("lines" in field.dataset) body[field.name] = lines(field.value);
    else if (field.dataset.lineEnds === "crlf") body[field.name] = field.value.replace(/\n/g, "\r\n");
    else body[field.name] = field.value;
  }
  return body;
}

function complain(place, error) {
  const box = document.createElement("div");
  box.className = "complaint";
  const inner = document.createElement("div");
  const said = document.createElement("p");
  said.textContent = error.message;
  inner.append(said);
  if (Array.isArray(error.detail) && error.detail.length) {
    const list = document.createElement("ul");
    for (const one of error.detail) {
      const item = document.createElement("li");
      const path = document.createElement("code");
      path.textContent = one.path;
      item.append(path, ` ${one.message}`);
      list.append(item);
    }
    inner.append(list);
  }
  box.append(inner);
  place.replaceChildren(box);
}

function showAnswer(place, told) {
  const head = document.createElement("p");
  const badge = document.createElement("span");
  badge.className = `badge ${told.accepted ? "ok" : "bad"}`;
  badge.textContent = told.accepted ? `✓ ${told.status}` : `✕ ${told.status}`;
  head.append(badge, told.milliseconds === null ? "" : ` in ${Math.round(told.milliseconds)} ms`);
  const pre = document.createElement("pre");
  pre.className = "code";
  pre.tabIndex = 0;
  const headers = told.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  const body = told.body ?? (told.body_base64 ? "(binary)" : "");
  pre.textContent = `${headers}\n\n${body}${told.cut ? "\n…" : ""}`;
  place.replaceChildren(head, pre);
}

async function perform(element, body) {
  const [method, path] = element.dataset.act.split(" ");
  const form = element.localName === "form" ? element : null;
  const pressed = form ? form.querySelector("button:not([type=button])") : element;
  const complaint = form?.querySelector("[data-complaint]");
  const answer = form?.querySelector("[data-answer]");
  complaint?.replaceChildren();
  pressed.disabled = true;
  pressed.setAttribute("aria-busy", "true");
  try {
    const told = await call(method, path, body);
    element.dispatchEvent(new CustomEvent("holdfast:done", { detail: told, bubbles: true }));
    const then = element.dataset.then ?? "";
    if (element.dataset.done) toast(filled(element.dataset.done, told));
    if (then === "show") showAnswer(answer, told);
    else if (then.startsWith("visit:")) {
      if (told.accepted === false) throw new Refused({ message: `Answered ${told.status}: ${told.body ?? ""}` });
      location.assign(filled(then.slice(6), told));
      return;
    } else {
      form?.closest("dialog")?.close();
      refresh();
    }
  } catch (error) {
    if (!(error instanceof Refused || error instanceof SyntaxError)) throw error;
    if (complaint) complain(complaint, error);
    else toast(error.message, "bad");
  } finally {
    pressed.disabled = false;
    pressed.removeAttribute("aria-busy");
  }
}

export function prepare() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.dialog) {
      const dialog = document.getElementById(button.dataset.dialog);
      for (const field of dialog.querySelectorAll("[data-remember]")) {
        field.value ||= localStorage.getItem(`holdfast ${field.dataset.remember}`) ?? "";
      }
      dialog.showModal();
      opened(dialog);
    } else if ("close" in button.dataset) button.closest("dialog").close();
    else if (button.dataset.format) format(document.getElementById(button.dataset.format));
    else if (button.dataset.act) {
      const { confirm, body } = button.dataset;
      if (confirm && !(await confirmed(confirm, label(button)))) return;
      await perform(button, body ? JSON.parse(body) : {});
    }
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.act) return;
    event.preventDefault();
    for (const field of form.querySelectorAll("[data-remember]")) {
      localStorage.setItem(`holdfast ${field.dataset.remember}`, field.value);
    }
    let body;
    try {
      body = fields(form);
    } catch (error) {
      const place = form.querySelector("[data-complaint]");
      if (place) complain(place, new Refused({ message: `No JSON: ${error.message}` }));
      return;
    }
    if (form.dataset.confirm && !(await confirmed(form.dataset.confirm, label(event.submitter)))) return;
    await perform(form, body);
  });
}

function format(area) {
  try {
    area.value = JSON.stringify(JSON.parse(area.value), null, 2);
  } catch (error) {
    toast(`This is no JSON: ${error.message}`, "bad");
  }
}
