// Draws the waterfall of one response: two lanes of chunks, the gaps, and the bytes so far.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 78, RIGHT = 18;
const LANE = 34, LANES_TOP = 10, BETWEEN = 20;
const CHART = 130;
const MAX_GAPS = 25;

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = bytes / 1024, unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function time(seconds) {
  if (seconds === null) return "–";
  if (seconds < 0.0995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${(seconds * 1000).toFixed(0)} ms`;
  return `${seconds.toFixed(2)} s`;
}

function draw(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// Round steps for an axis: about `count` of them up to `end`.
function ticks(end, count) {
  const rough = end / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const found = [];
  for (let number = 0; number * step <= end * 1.0001; number += 1) found.push(number * step);
  return found;
}

// The longest spans in which nothing reached the client, from the event to the end.
function gaps(invocation, end) {
  const shortest = Math.max(end * 0.04, 0.02);
  const times = [invocation.started ?? 0, ...invocation.sent.map(([at]) => at), invocation.last];
  return times.slice(1)
    .map((at, index) => [times[index], at])
    .filter(([from, to]) => to - from >= shortest)
    .sort((a, b) => (b[1] - b[0]) - (a[1] - a[0]))
    .slice(0, MAX_GAPS);
}

export function limit({ burst_bytes: burst, bytes_per_second: rate }) {
  return `limit of Lambda: ${size(burst)} at once, then ${size(rate)}/s`;
}

// The maximum of bytes that Lambda may have sent, by a time after the first byte.
function allowed(seconds, bandwidth) {
  return bandwidth.burst_bytes + bandwidth.bytes_per_second * seconds;
}

export function waterfall(invocation, width) {
  const end = Math.max(invocation.last, 0.001) * 1.02;
  const x = (at) => LEFT + (at / end) * (width - LEFT - RIGHT);
  const chartTop = LANES_TOP + 2 * LANE + BETWEEN + 28;
  const bottom = chartTop + CHART;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${bottom + 26}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", describe(invocation));

  for (const at of ticks(end, Math.max(3, Math.round(width / 130)))) {
    draw(svg, "line", { class: "w-grid", x1: x(at), x2: x(at), y1: LANES_TOP - 6, y2: bottom });
    // Without zeros at the end of a fraction: "1.50 s" is "1.5 s", and "2.00 s" is "2 s".
    const label = at === 0 ? "0" : time(at).replace(/(\.[1-9]*)0+ /, "$1 ").replace(". ", " ");
    draw(svg, "text", { class: "w-label", x: x(at), y: bottom + 18, "text-anchor": "middle" }, label);
  }
  drawGaps(svg, invocation, end, x, chartTop);
  const started = invocation.started ?? 0;
  if (x(started) - x(0) > 3) {
    const wait = draw(svg, "rect", { class: "w-wait", x: x(0), width: x(started) - x(0),
      y: LANES_TOP, height: 2 * LANE + BETWEEN });
    draw(wait, "title", {}, `The event waited ${time(started)} for a runtime`);
  }
  drawLinks(svg, invocation, x);
  drawLane(svg, invocation.written, "w-written", "written", LANES_TOP, x);
  drawLane(svg, invocation.sent, "w-sent", "received", LANES_TOP + LANE + BETWEEN, x);
  drawTotal(svg, invocation, end, x, bottom, width);
  return svg;
}

function drawLane(svg, chunks, kind, label, top, x) {
  draw(svg, "text", { class: "w-label", x: LEFT - 10, y: top + LANE / 2 + 4, "text-anchor": "end" }, label);
  const largest = Math.max(1, ...chunks.map(([, bytes]) => bytes));
  for (const [at, bytes] of chunks) {
    const height = 7 + (LANE - 7) * Math.sqrt(bytes / largest);
    const bar = draw(svg, "rect", { class: kind, x: x(at) - 1.5, width: 3, rx: 1.5,
      y: top + LANE - height, height });
    draw(bar, "title", {}, `${size(bytes)} ${label} at ${time(at)}`);
  }
}

// Joins each chunk that was written with the one that was received, if they correspond.
function drawLinks(svg, { written, sent }, x) {
  if (written.length !== sent.length || written.length > 120) return;
  written.forEach(([at, bytes], index) => {
    if (sent[index][1] !== bytes) return;
    draw(svg, "line", { class: "w-link", x1: x(at), y1: LANES_TOP + LANE,
      x2: x(sent[index][0]), y2: LANES_TOP + LANE + BETWEEN });
  });
}

function drawGaps(svg, invocation, end, x, chartTop) {
  for (const [from, to] of gaps(invocation, end)) {
    const width = x(to) - x(from);
    draw(svg, "rect", { class: "w-gap", x: x(from), width, y: LANES_TOP + LANE + BETWEEN, height: LANE });
    if (width < 46) continue;
    draw(svg, "text", { class: "w-gap-label", x: x(from) + width / 2, y: chartTop - 10,
      "text-anchor": "middle" }, time(to - from));
  }
}

function drawTotal(svg, invocation, end, x, bottom, width) {
  const series = invocation.sent.length ? invocation.sent : invocation.written;
  const total = series.reduce((sum, [, bytes]) => sum + bytes, 0);
  const highest = Math.max(total, 1) * 1.12;
  const y = (bytes) => bottom - (bytes / highest) * CHART;
  for (const bytes of [highest / 2, highest]) {
    draw(svg, "line", { class: "w-grid", x1: LEFT, x2: width - RIGHT, y1: y(bytes), y2: y(bytes) });
    draw(svg, "text", { class: "w-label", x: LEFT - 10, y: y(bytes) + 4, "text-anchor": "end" }, size(Math.round(bytes)));
  }
  draw(svg, "line", { class: "w-grid", x1: LEFT, x2: width - RIGHT, y1: bottom, y2: bottom });
  let sum = 0;
  let path = `M${x(0)},${y(0)}`;
  for (const [at, bytes] of series) {
    path += `H${x(at)}`;
    sum += bytes;
    path += `V${y(sum)}`;
  }
  path += `H${x(Math.max(invocation.last, series.at(-1)?.[0] ?? 0))}`;
  draw(svg, "path", { class: "w-area", d: `${path}V${y(0)}Z` });
  draw(svg, "path", { class: "w-total", d: path });
  if (invocation.bandwidth.burst_bytes < highest) drawLimit(svg, invocation, series, end, x, y, highest, width);
}

// The bandwidth of Lambda: a burst, then 2 MiB/s from the first byte on.
function drawLimit(svg, { bandwidth }, series, end, x, y, highest, width) {
  const first = series[0]?.[0] ?? 0;
  const until = Math.min(end, first + (highest - bandwidth.burst_bytes) / bandwidth.bytes_per_second);
  const last = allowed(until - first, bandwidth);
  const d = `M${x(first)},${y(bandwidth.burst_bytes)}L${x(until)},${y(last)}`;
  draw(svg, "path", { class: "w-limit", d });
  draw(svg, "text", { class: "w-limit-label", x: width - RIGHT - 6, "text-anchor": "end",
    y: y(bandwidth.burst_bytes) + 16 }, limit(bandwidth));
}

function describe(invocation) {
  const parts = `${invocation.sent_count} chunks, ${size(invocation.bytes)}`;
  return `The response over time: ${parts}, the first byte after ${time(invocation.first_byte)}, `
    + `the end after ${time(invocation.last)}.`;
}
