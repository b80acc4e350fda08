// What is new. One stream tells that something happened; each part of the page that it concerns is
// then fetched from this page's own address and put in place of what is there.
//
// <div data-live="changes depth run" data-fragment=NAME>: kinds of events, and the block to fetch.
// data-live-id: only what names this id. data-live-every: also so often (ms); with data-live-while only
// as long as something within fits that selector.

import { morph } from "./morph.js";
import { localise } from "./times.js";

const REST_MS = 900;
const REST_MAX_MS = 10000;
const HIDDEN_MS = 15000;
const KINDS = ["changes", "depth", "run"];

const parts = [];
let paused = false;
let source = null;
let button = null;
let leaving = 0;

class Part {
  constructor(element) {
    this.element = element;
    this.kinds = new Set(element.dataset.live.split(" "));
    this.wanted = false;
    this.busy = false;
    this.restUntil = 0;
    if (element.dataset.liveEvery) this.repeat();
  }

  repeat() {
    const { liveEvery, liveWhile } = this.element.dataset;
    setInterval(() => {
      const due = !liveWhile || this.element.querySelector(liveWhile);
      if (due && !paused && !document.hidden) this.want();
    }, Number(liveEvery));
  }

  concerns(kind, data) {
    if (!this.kinds.has(kind)) return false;
    const id = this.element.dataset.liveId;
    if (!id || !data) return true;
    return JSON.stringify(data).includes(id);
  }

  want() {
    this.wanted = true;
    if (this.busy || paused || document.hidden || this.isShut()) return;
    const wait = this.restUntil - performance.now();
    if (wait > 0 || this.isSelectedIn()) {
      this.busy = true;
      setTimeout(() => {
        this.busy = false;
        if (this.wanted) this.want();
      }, Math.max(wait, 200));
      return;
    }
    this.fetch(false);
  }

  // In a dialog that is not open: whoever opens it fetches it.
  isShut() {
    return this.element.closest("dialog:not([open])") !== null;
  }

  isSelectedIn() {
    const chosen = document.getSelection();
    return Boolean(chosen && !chosen.isCollapsed && this.element.contains(chosen.anchorNode));
  }

  // What is `meant` is shown in any case; otherwise not to whoever has paused, or marked something, while
  // the answer was on its way: then it is fetched anew.
  async fetch(meant) {
    this.busy = true;
    this.wanted = false;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, {
        headers: { "X-Holdfast-Fragment": this.element.dataset.fragment },
      });
      if (answer.status === 401) {
        location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
        return;
      }
      const html = await answer.text();
      if (!meant && (paused || this.isSelectedIn())) this.wanted = true;
      else if (answer.ok) this.put(html);
      else if (answer.status === 404) this.gone();
    } catch {
      // The stream says that it reconnects; once it does, everything is fetched anew.
    } finally {
      this.busy = false;
      // Where answers take long there is much to do, and more important things than to look.
      const now = performance.now();
      this.restUntil = now + Math.min(Math.max(REST_MS, 3 * (now - began)), REST_MAX_MS);
      if (this.wanted) this.want();
    }
  }

  // Removed meanwhile: what is shown is all that is left of it.
  gone() {
    if (this.element.querySelector(".gone")) return;
    const said = document.createElement("p");
    said.className = "complaint gone";
    said.role = "alert";
    said.textContent = "What this page shows is no longer there.";
    this.element.prepend(said);
  }

  put(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    localise(fresh.content);
    for (const one of fresh.content.querySelectorAll(".js[hidden]")) one.hidden = false;
    const shown = this.element.querySelector("tbody[data-list]") !== null;
    const rows = new Set([...this.element.querySelectorAll("tr[id]")].map((row) => row.id));
    morph(this.element, fresh.content);
    if (shown) {
      for (const row of this.element.querySelectorAll("tr[id]")) {
        if (!rows.has(row.id)) row.classList.add("new");
      }
    }
    document.dispatchEvent(new CustomEvent("holdfast:fresh", { detail: { part: this.element } }));
  }
}

export function refresh() {
  for (const part of parts) part.want();
}

// What is in this dialog, paused or not: what somebody is about to do is done to what there is now.
export function opened(dialog) {
  for (const part of parts) if (dialog.contains(part.element) && !part.busy) part.fetch(true);
}

function show(state) {
  if (!button) return;
  button.dataset.state = state;
  button.querySelector("span").textContent = state;
  button.title = paused ? "Go on showing what is new" : "Stop showing what is new";
}

function beat() {
  if (!button) return;
  button.classList.remove("beat");
  void button.offsetWidth;
  button.classList.add("beat");
}

function open() {
  source = new EventSource("/api/v1/stream");
  source.addEventListener("hello", (event) => {
    const { live } = JSON.parse(event.data);
    show(paused ? "paused" : live ? "live" : "depths only");
    // Whatever happened between this page and the stream.
    refresh();
  });
  source.addEventListener("gap", refresh);
  source.addEventListener("error", () => {
    if (!paused) show("reconnecting");
    if (source.readyState !== EventSource.CLOSED) return;
    // An answer that is no stream. Where nobody is signed in any longer, the parts find out.
    refresh();
    setTimeout(reopen, 3000);
  });
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      if (!paused) beat();
      document.dispatchEvent(new CustomEvent(`holdfast:${kind}`, { detail: data }));
      for (const part of parts) if (part.concerns(kind, data)) part.want();
    });
  }
}

function reopen() {
  if (source && source.readyState !== EventSource.CLOSED) return;
  open();
}

function onVisibility() {
  clearTimeout(leaving);
  if (document.hidden) {
    // A browser has few connections to one host: pages that nobody sees hold none.
    leaving = setTimeout(() => source.close(), HIDDEN_MS);
    return;
  }
  reopen();
  for (const part of parts) if (part.wanted) part.want();
}

export function prepare() {
  button = document.querySelector("[data-live-switch]");
  for (const element of document.querySelectorAll("[data-live]")) parts.push(new Part(element));
  if (!button) return;
  if (parts.length === 0) {
    button.hidden = true;
    return;
  }
  button.addEventListener("click", () => {
    paused = !paused;
    show(paused ? "paused" : "live");
    if (!paused) {
      reopen();
      refresh();
    }
  });
  document.addEventListener("visibilitychange", onVisibility);
  show("connecting");
  open();
  // A stream that is still open would hold up the next page of the same console.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) reopen();
  });
}
