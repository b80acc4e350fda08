// What scripts add to pages that are complete without them: local times, keys, what is new, actions.

import { prepare as acts } from "./acts.js";
import { prepare as copies } from "./copying.js";
import { prepare as finding } from "./finding.js";
import { prepare as keys } from "./keys.js";
import { prepare as live } from "./live.js";
import { prepare as times } from "./times.js";

for (const one of document.querySelectorAll(".js[hidden]")) one.hidden = false;

// Where the pages do not fit beside each other, the one that is open is among those that are seen.
const here = document.querySelector(".areas [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;

times();
acts();
copies();
finding();
keys();
live();

for (const form of document.querySelectorAll("[data-filters]")) {
  // What is not filled in does not belong into the address.
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    setTimeout(() => {
      for (const field of form.elements) field.disabled = false;
    });
  });
  for (const field of form.querySelectorAll("select")) {
    // Whoever goes through the choices by keys has not chosen yet; Enter or the button does.
    let byKeys = false;
    field.addEventListener("keydown", () => (byKeys = true));
    field.addEventListener("pointerdown", () => (byKeys = false));
    field.addEventListener("change", () => byKeys || form.requestSubmit());
  }
}
