// Times in the viewer's zone. The server writes UTC; the exact instant stays in the title.
//
// <time datetime=ISO data-time=clock|full|ago>, and in drawings <text data-at=ISO data-time=axis>.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const pad = (value, length = 2) => String(value).padStart(length, "0");
const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function sameDay(one, other) {
  return one.toDateString() === other.toDateString();
}

function clock(at) {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

function offset(at) {
  const minutes = -at.getTimezoneOffset();
  if (!minutes) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

function day(at, now) {
  const told = `${at.getDate()} ${months[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? told : `${told} ${at.getFullYear()}`;
}

function ago(at, now) {
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

function full(at) {
  const date = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${date} ${clock(at)}.${pad(at.getMilliseconds(), 3)} ${offset(at)}`;
}

function axis(element, at) {
  // A tick that is a day in the server's words is one here.
  const dated = element.dataset.form === "day" || !/\d:\d/.test(element.textContent);
  return dated ? `${at.getDate()} ${months[at.getMonth()]}` : `${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

function told(element, at, now) {
  switch (element.dataset.time) {
    case "ago":
      return ago(at, now);
    case "full":
      return full(at);
    case "axis":
      return axis(element, at);
    default: {
      const exact = `${clock(at)}.${pad(at.getMilliseconds(), 3)}`;
      return sameDay(at, now) ? exact : `${day(at, now)} ${exact}`;
    }
  }
}

export function localise(root) {
  const now = new Date();
  for (const element of root.querySelectorAll("[data-time]")) {
    const iso = element.getAttribute("datetime") ?? element.dataset.at;
    const at = new Date(iso);
    if (Number.isNaN(at.getTime())) continue;
    const text = told(element, at, now);
    if (element.textContent !== text) element.textContent = text;
    if (element.localName === "time") {
      const title = `${full(at)}\n${iso}`;
      if (element.title !== title) element.title = title;
    }
  }
}

export function prepare() {
  localise(document);
  for (const element of document.querySelectorAll("[data-zone]")) element.textContent = zone;
  setInterval(() => {
    if (!document.hidden) localise(document.querySelector("main"));
  }, 5000);
}
