// Makes what is there like what came, and touches nothing that is alike already: so that focus,
// selection, scroll positions and what somebody has typed or folded open stay where they are.
//
// Elements with an id are found by it wherever they moved among their siblings. What has `data-keep`
// is the viewer's own and is left alone.

function alike(one, other) {
  if (one.nodeType !== other.nodeType || one.nodeName !== other.nodeName) return false;
  return one.nodeType !== Node.ELEMENT_NODE || (one.id === other.id && one.classList[0] === other.classList[0]);
}

function blank(node) {
  return node.nodeType === Node.TEXT_NODE && !node.data.trim();
}

function typedInto(element) {
  return (
    element === document.activeElement ||
    ("defaultValue" in element && element.type !== "hidden" && element.value !== element.defaultValue)
  );
}

function attributes(from, to) {
  const folds = from.localName === "details" || from.localName === "dialog";
  for (const { name, value } of to.attributes) {
    if (folds && name === "open") continue;
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (to.hasAttribute(name) || (folds && name === "open")) continue;
    from.removeAttribute(name);
  }
}

function same(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.hasAttribute("data-keep") || from.isEqualNode(to)) return;
  if (from.matches("input, textarea, select") && typedInto(from)) return;
  attributes(from, to);
  morph(from, to);
}

// What of the old stands in the place of `next`, from `here` on; null: nothing, it is new.
function standing(next, here, wanted) {
  for (let old = here; old; old = old.nextSibling) {
    if (alike(old, next)) return old;
    // Past what stays, nothing is looked for: it would have to be moved.
    if (old.id && wanted.has(old.id)) return null;
    if (blank(next)) return null;
  }
  return null;
}

export function morph(from, to) {
  const known = new Map();
  for (const child of from.children) if (child.id) known.set(child.id, child);
  const wanted = new Set();
  for (const child of to.children) if (child.id) wanted.add(child.id);
  let here = from.firstChild;

  const drop = () => {
    const gone = here;
    here = here.nextSibling;
    if (!gone.hasAttribute?.("data-keep")) gone.remove();
  };

  for (const next of [...to.childNodes]) {
    const match = next.id ? known.get(next.id) : standing(next, here, wanted);
    if (!match) {
      from.insertBefore(next, here);
      continue;
    }
    // What is gone makes room first, so that what stays need not be moved.
    while (here && here !== match && !(here.id && wanted.has(here.id))) drop();
    if (match === here) here = here.nextSibling;
    else if (from.moveBefore) from.moveBefore(match, here);
    else from.insertBefore(match, here);
    same(match, next);
  }
  while (here) drop();
}
