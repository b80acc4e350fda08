// Finding in a payload: marks what is found without touching the text. Enter goes on to the next.

const supported = "highlights" in CSS;

function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

function ranges(root, wanted) {
  // Over the borders of coloured pieces: in the whole text, then back to where it stands.
  const nodes = textNodes(root);
  const starts = [];
  let whole = "";
  for (const node of nodes) {
    starts.push(whole.length);
    whole += node.data;
  }
  const text = whole.toLowerCase();
  if (text.length !== whole.length) return [];
  const needle = wanted.toLowerCase();
  const found = [];
  let index = 0;
  const place = (at) => {
    while (index + 1 < nodes.length && starts[index + 1] <= at) index += 1;
    return [nodes[index], at - starts[index]];
  };
  for (let at = text.indexOf(needle); at >= 0 && found.length < 5000; at = text.indexOf(needle, at + needle.length)) {
    const range = new Range();
    range.setStart(...place(at));
    const back = index;
    const last = place(at + needle.length - 1);
    range.setEnd(last[0], last[1] + 1);
    index = back;
    found.push(range);
  }
  return found;
}

function connect(input) {
  const count = input.closest("header, .payload-head").querySelector("[data-find-count]");
  let found = [];
  let here = -1;
  const mark = () => {
    if (!supported) return;
    CSS.highlights.set("found", new Highlight(...found));
    CSS.highlights.set("found-here", new Highlight(...(here >= 0 ? [found[here]] : [])));
  };
  const tell = () => {
    if (!input.value) count.textContent = "";
    else count.textContent = found.length ? `${here + 1} of ${found.length}` : "none";
  };
  const go = (step) => {
    if (!found.length) return;
    here = (here + step + found.length) % found.length;
    const box = found[here].startContainer.parentElement;
    box.scrollIntoView({ block: "center" });
    mark();
    tell();
  };
  const look = () => {
    const target = document.getElementById(input.dataset.findIn);
    found = target && input.value ? ranges(target, input.value) : [];
    here = -1;
    if (found.length) go(1);
    else {
      mark();
      tell();
    }
  };
  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  });
}

export function prepare() {
  for (const input of document.querySelectorAll("[data-find-in]")) connect(input);
}
