// The list of invocations, live, and one invocation beside it.

import { limit, size, time, waterfall } from "./waterfall.js";

const rows = document.getElementById("rows");
const panel = document.getElementById("detail");
const hint = document.getElementById("hint");
const connection = document.getElementById("connection");
const toast = document.getElementById("toast");

const known = new Map();  // rows by the number of the invocation
let shown = null;  // the invocation in the panel
let fetching = false;

// Makes an element. Text from the app is inserted as text, never as HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function statusClass(row) {
  if (failed(row)) return "bad";
  const status = row.status ?? 0;
  if (status >= 500) return "bad";
  if (status >= 400) return "warn";
  if (status >= 300) return "moved";
  return status || row.outcome === "complete" ? "good" : "";
}

const BUSY = new Set(["waiting", "running", "streaming"]);
const failed = (row) => !BUSY.has(row.outcome) && row.outcome !== "complete";

function statusText(row) {
  if (row.status) return String(row.status);
  if (failed(row)) return "ERR";
  return row.outcome === "complete" ? "OK" : "…";
}

// The state of the environment and the id of its process.
function environment(row) {
  return row.environment ? `${row.cold ? "cold" : "warm"}, pid ${row.environment}` : "";
}

// The list.

function rowLink(row) {
  const outcome = failed(row) ? "bad" : BUSY.has(row.outcome) ? "busy" : "";
  return element("a", { href: `#${row.number}` },
    element("span", { class: `status ${statusClass(row)}` }, statusText(row)),
    element("span", { class: "target", title: `${row.method} ${row.target}` },
      element("b", {}, row.method), " ", row.target),
    element("span", { class: "facts" },
      element("span", { class: outcome }, row.outcome),
      ...row.faults.map((fault) => element("span", { class: "bad" }, fault.replaceAll("-", " "))),
      element("span", {}, `first byte ${time(row.first_byte)}`),
      element("span", {}, row.duration === null ? "" : time(row.duration)),
      element("span", {}, size(row.bytes)),
      element("span", { class: row.cold ? "cold" : "" }, environment(row))));
}

function update(changed) {
  for (const row of changed) {
    const fresh = rowLink(row);
    const link = known.get(row.number)?.link ?? fresh;
    if (link !== fresh) {
      link.replaceChildren(...fresh.childNodes);  // the link stays, and with it the focus
    } else {
      rows.prepend(element("li", {}, link));
    }
    known.set(row.number, { row, link });
  }
  for (const number of [...known.keys()].sort((a, b) => b - a).slice(200)) {
    known.get(number).link.parentElement.remove();
    known.delete(number);
  }
  document.getElementById("empty").hidden = known.size > 0;
  markChosen();
  const now = known.get(chosen())?.row;
  if (now && now.version !== shown?.version) show();
}

function chosen() {
  return Number(location.hash.slice(1)) || null;
}

function markChosen() {
  for (const [number, { link }] of known) {
    if (number === chosen()) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  document.body.classList.toggle("chosen", chosen() !== null);
}

// One invocation.

async function show() {
  const number = chosen();
  if (number === null) {
    shown = null;
    panel.replaceChildren(hint);
    return;
  }
  if (fetching) return;
  fetching = true;
  if (!shown) panel.replaceChildren(element("p", { id: "hint" }, `Loading invocation ${number} …`));
  try {
    const response = await fetch(`invocations/${number}`);
    if (!response.ok) {
      shown = null;
      panel.replaceChildren(element("p", { id: "hint" }, await response.text()));
    } else if (number === chosen()) {
      render(await response.json());
    }
  } catch {
    // The connection is lost; its state is in the bar.
  } finally {
    fetching = false;
  }
  const now = known.get(chosen())?.row;
  if (chosen() !== number || (now && shown && now.version > shown.version)) setTimeout(show, 200);
}

function render(invocation) {
  const same = shown?.number === invocation.number;
  const open = new Map([...panel.querySelectorAll("details")].map((each) => [each.id, each.open]));
  const scroll = panel.scrollTop;
  const focus = same ? document.activeElement?.id : "";
  shown = invocation;
  // The buttons stay while the rest is replaced, so that no click is lost.
  if (same) {
    panel.querySelector(".title").replaceWith(title(invocation));
  } else {
    panel.replaceChildren(
      element("a", { class: "button back", href: "#" }, "← All invocations"),
      title(invocation), subtitle(invocation), buttons(invocation),
      element("div", { class: "content" }));
  }
  panel.querySelector(".content").replaceChildren(
    ...findings(invocation), numbers(invocation), figure(invocation), ...details(invocation));
  for (const each of panel.querySelectorAll("details")) {
    if (same && open.has(each.id)) each.open = open.get(each.id);
  }
  if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  panel.scrollTop = same ? scroll : 0;
}

const title = (invocation) => element("div", { class: "title" },
  element("span", { class: `status ${statusClass(invocation)}` }, statusText(invocation)),
  element("h2", {}, `${invocation.method} ${invocation.target}`.trim()));

const subtitle = (invocation) => element("p", { class: "subtitle" },
  `${new Date(invocation.epoch * 1000).toLocaleTimeString()} · request `,
  element("code", {}, invocation.request_id));

function buttons(invocation) {
  const copied = (id, name, text, key) => element("button",
    { id, type: "button", disabled: !text, title: `Key: ${key}`, onclick: () => copy(text, name) },
    `Copy as ${name}`);
  return element("div", { class: "buttons" },
    element("button", { id: "replay", class: "first", type: "button", title: "Key: r",
      disabled: !invocation.replayable, onclick: replay }, "Replay"),
    copied("curl", "curl", invocation.curl, "c"),
    copied("invoke", "adapter invoke", invocation.invoke, "i"),
    element("a", { id: "json", class: "button", href: `invocations/${invocation.number}?download`,
      download: "" }, "Download JSON"));
}

// Text with `code` in it.
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

const WORDS = { fault: "Fault.", warning: "Warning.", note: "Note." };

function findings(invocation) {
  const found = invocation.findings.map((finding) => element("div", { class: `finding ${finding.severity}` },
    element("p", {}, element("strong", {}, WORDS[finding.severity]), ...prose(finding.text)),
    element("p", {}, ...prose(finding.advice))));
  if (found.length || invocation.ended === null || invocation.verdict !== "streams") return found;
  return [element("div", { class: "finding fine" },
    element("p", {}, element("strong", {}, "It streams."), "Nothing holds this response back."))];
}

// A name that may be broken after its dots: Function.RuntimeError.
const breakable = (name) => name.split(/(?<=\.)/).flatMap((part) => [part, element("wbr")]);

function numbers(invocation) {
  const number = (name, ...value) => element("div", {}, element("dt", {}, name), element("dd", {}, ...value));
  return element("dl", { class: "numbers" },
    number("First byte", time(invocation.first_byte)),
    number("Duration", time(invocation.duration)),
    number("Bytes", size(invocation.bytes)),
    number("Chunks received", String(invocation.sent_count)),
    number("Environment", environment(invocation) || "–"),
    number("Outcome", ...breakable(invocation.outcome)));
}

function figure(invocation) {
  const plot = element("div", { class: "plot" });
  const made = element("figure", { class: "panel waterfall" },
    element("h3", {}, "Waterfall ", element("span", {}, "each chunk as the runtime wrote it and as the client received it")),
    plot,
    element("figcaption", { class: "legend" },
      element("span", { class: "written" }, `written by the runtime, ${invocation.written_count}`),
      element("span", { class: "sent" }, `received by the client, ${invocation.sent_count}`),
      element("span", { class: "gap" }, "gap"),
      element("span", { class: "limit" }, limit(invocation.bandwidth))));
  // Drawn once the width is known, and again if it changes.
  new ResizeObserver(([entry]) => {
    const width = Math.max(300, Math.round(entry.contentRect.width));
    if (plot.dataset.width === String(width)) return;
    plot.dataset.width = String(width);
    plot.replaceChildren(waterfall(invocation, width));
  }).observe(plot);
  return made;
}

function section(id, name, note, open, ...content) {
  return element("details", { id, class: "panel", open },
    element("summary", {}, `${name} `, element("span", {}, note)), ...content);
}

const table = (entries) => element("div", { class: "scroll" }, element("table", {},
  ...entries.map(([name, value]) => element("tr", {},
    element("th", { scope: "row" }, name), element("td", { class: "line" }, value)))));

function details(invocation) {
  const left = invocation.lines_left_out ? `, and ${invocation.lines_left_out} before them` : "";
  const cut = invocation.bytes > invocation.body_start_bytes ? `first ${invocation.body_start_bytes} bytes` : "";
  return [
    section("s-log", "Log", `${invocation.lines.length} lines${left}`, true,
      table(invocation.lines.map(([at, line]) => [time(at), line]))),
    section("s-head", "Head", invocation.status ? `status ${invocation.status}` : "", true,
      table(invocation.headers),
      invocation.prelude ? element("pre", {}, `prelude, ${invocation.prelude_bytes} bytes: ${invocation.prelude}`) : null),
    section("s-body", "Body", cut, true, element("pre", {}, invocation.body_start)),
    section("s-event", "Event", size(invocation.event_bytes), false, element("pre", {}, invocation.event)),
    section("s-chunks", "Chunks", "as a table", false, chunkTable(invocation)),
  ];
}

function chunkTable({ written, sent }) {
  const all = [...written.map(([at, bytes]) => [at, bytes, "written by the runtime"]),
    ...sent.map(([at, bytes]) => [at, bytes, "received by the client"])];
  all.sort((a, b) => a[0] - b[0]);
  return element("div", { class: "scroll" }, element("table", {},
    ...all.map(([at, bytes, what]) => element("tr", {},
      element("td", { class: "number" }, time(at)),
      element("td", { class: "number" }, size(bytes)),
      element("td", {}, what)))));
}

// Buttons and keys.

async function replay() {
  if (!shown?.replayable) return;
  const response = await fetch(`invocations/${shown.number}/replay`, { method: "POST" });
  say(response.ok ? "Sent again: it is at the top of the list." : "It could not be sent again.");
}

async function copy(text, name) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied as ${name}.`);
  } catch {
    say("The browser does not allow this page to copy.");
  }
}

let saying;
function say(text) {
  toast.textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => { toast.textContent = ""; }, 2500);
}

function move(step) {
  const numbers = [...known.keys()].sort((a, b) => b - a);
  if (!numbers.length) return;
  const index = numbers.indexOf(chosen());
  const next = index < 0 ? 0 : Math.min(Math.max(index + step, 0), numbers.length - 1);
  location.hash = String(numbers[next]);
  known.get(numbers[next]).link.scrollIntoView({ block: "nearest" });
  known.get(numbers[next]).link.focus({ preventScroll: true });
}

const KEYS = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  j: () => move(1),
  k: () => move(-1),
  r: replay,
  c: () => document.getElementById("curl")?.click(),
  i: () => document.getElementById("invoke")?.click(),
  Escape: () => { location.hash = ""; },
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const scrolls = event.key.startsWith("Arrow") && panel.contains(document.activeElement);
  if (!(event.key in KEYS) || scrolls) return;
  event.preventDefault();
  KEYS[event.key]();
});

addEventListener("hashchange", () => { markChosen(); show(); });

// The live connection. After a restart of the server, the numbers of invocations begin at 1 again.

const events = new EventSource("events");
let fresh = false;
events.addEventListener("open", () => {
  fresh = true;
  connection.textContent = "live";
  connection.className = "live";
});
events.addEventListener("error", () => {
  connection.textContent = "adapter dev does not respond";
  connection.className = "lost";
});
events.addEventListener("message", (event) => {
  if (fresh) {
    fresh = false;
    known.clear();
    rows.replaceChildren();
  }
  update(JSON.parse(event.data));
});

markChosen();
show();
