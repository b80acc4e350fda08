// Makes what is there like what came, and touches nothing that is alike already: so that focus,
// selection, scroll positions and what somebody has typed or folded open stay where they are.
//
// Elements with an id are found by it wherever they moved among their siblings. What has `data-keep`
// is the viewer's own and is left alone.

function alike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id;
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

export function morph(from, to, onNew) {
  const known = new Map();
  for (const child of from.children) if (child.id) known.set(child.id, child);
  const wanted = new Set();
  for (const child of to.children) if (child.id) wanted.add(child.id);
  let here = from.firstChild;
  for (const next of [...to.childNodes]) {
    // What is gone makes room first, so that what stays need not be moved.
    while (here && here.id && !wanted.has(here.id) && !here.hasAttribute("data-keep")) {
      const gone = here;
      here = here.nextSibling;
      gone.remove();
    }
    const match = next.id ? known.get(next.id) : null;
    if (match) {
      if (match === here) here = here.nextSibling;
      else if (from.moveBefore && match.isConnected) from.moveBefore(match, here);
      else from.insertBefore(match, here);
      same(match, next);
    } else if (here && !next.id && alike(here, next)) {
      const old = here;
      here = here.nextSibling;
      same(old, next);
    } else {
      from.insertBefore(next, here);
      if (onNew && next.nodeType === Node.ELEMENT_NODE) onNew(next);
    }
  }
  while (here) {
    const gone = here;
    here = here.nextSibling;
    if (!(gone.nodeType === Node.ELEMENT_NODE && gone.hasAttribute("data-keep"))) gone.remove();
  }
}
