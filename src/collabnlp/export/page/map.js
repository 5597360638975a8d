"use strict";
// Data: codes [id, title, group, definition, F1]; documents [id, title, year, kind, access, invented];
// entities [id, name, kind, counties, councils of today]; passages [document, section, page, speaker, topic, text, id];
// tags [passage, code, entity, stance, score, tie, coder, sentence]; closed [code, stance, text];
// most: how many quotes of an entity and code stand here, 0 for all; rows by kind [id, name]; cells by kind [row, code, passages, positive, negative, neutral, sources, closed, suppressed].
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const STANCES = ["positive", "negative", "neutral"];
const TIES = ["the passage names it", "its heading names it", "its document's title names it", ""];
const FEW = 25;
const form = $("filters");
let everything = false;
let opened = "";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
}

function plural(n, word) {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}

// Which rows of the matrix a tag counts in.
function rowsOf(tag, kind) {
  const passage = data.passages[tag[0]];
  const entity = data.entities[tag[2]];
  if (kind === "document") return [data.documents[passage[0]][0]];
  if (kind === "topic") return [String(passage[4])];
  if (kind === "year") return [String(data.documents[passage[0]][2])];
  if (!entity) return [];
  if (kind === "county") return entity[3];
  if (kind === "today") return entity[4];
  return entity[2] === kind ? [entity[0]] : [];
}

function chosen() {
  return {
    kind: $("rows").value, name: $("name").value.trim().toLowerCase(), from: +$("from").value, to: +$("to").value,
    document: $("document").value, of: $("kind").value, stance: $("stance").value,
  };
}

function narrows(c) {
  const years = [...$("from").options].map((o) => +o.value);
  return Boolean(c.document || c.of || c.stance || c.from > years[0] || c.to < years[years.length - 1]);
}

function passes(tag, c) {
  const d = data.documents[data.passages[tag[0]][0]];
  return d[2] >= c.from && d[2] <= c.to && (!c.document || d[0] === c.document) && (!c.of || d[3] === c.of)
    && (!c.stance || STANCES[tag[3]] === c.stance);
}

// People's tags before the model's, then the closest tie: whose stance a passage is counted by.
function before(a, b) {
  return (a[4] !== null) - (b[4] !== null) || (a[6] < b[6] ? -1 : a[6] > b[6] ? 1 : 0) || a[5] - b[5];
}

// Cells by row id and code: [passages, positive, negative, neutral, sources, closed, suppressed].
function count(c) {
  const cells = new Map();
  if (!narrows(c)) {
    for (const [row, code, ...counts] of data.cells[c.kind]) cells.set(`${data.rows[c.kind][row][0]}\n${code}`, counts);
    return cells;
  }
  const grouped = new Map();
  for (const tag of data.tags.filter((t) => passes(t, c)).sort(before)) {
    for (const id of rowsOf(tag, c.kind)) {
      const key = `${id}\n${tag[1]}`;
      if (!grouped.has(key)) grouped.set(key, new Map());
      if (!grouped.get(key).has(tag[0])) grouped.get(key).set(tag[0], tag[3]);
    }
  }
  for (const [key, passages] of grouped) {
    const counts = [passages.size, 0, 0, 0, 0, 0, 0];
    const sources = new Set();
    for (const [passage, stance] of passages) {
      counts[1 + stance] += 1;
      const [d, , , speaker] = data.passages[passage];
      sources.add(`${d}\n${data.documents[d][3] === "transcript" ? speaker : ""}`);
    }
    counts[4] = sources.size;
    cells.set(key, counts);
  }
  return cells;
}

function told(counts) {
  const [n, positive, negative, neutral, sources, closed] = counts;
  const shut = closed ? `, ${closed} of them not for attribution` : "";
  return `${plural(n, "passage")}${shut}: ${positive} positive, ${negative} negative, ${neutral} neutral; ${plural(sources, "source")}`;
}

function cell(row, code, counts, largest) {
  const td = make("td");
  if (!counts) td.append(make("span", { "aria-hidden": "true" }, "·"), make("span", { class: "hide" }, "none found"));
  else if (counts[6]) td.append(make("span", { "aria-hidden": "true" }, "[c]"), make("span", { class: "hide" }, "withheld"));
  else {
    const n = make("span", { class: "n" }, String(counts[0]));
    n.style.setProperty("--size", `${1.4 + 1.5 * Math.sqrt(counts[0] / largest)}rem`);
    const split = make("span", { class: "split" });
    for (const [i, name] of [[1, "positive"], [3, "neutral"], [2, "negative"]]) {
      const part = make("i", { class: name });
      part.style.width = `${(100 * counts[i]) / Math.max(1, counts[1] + counts[2] + counts[3])}%`;
      split.append(part);
    }
    const label = `${told(counts)}. ${row[1]}, ${data.codes[code][1]}`;
    const button = make("button", { type: "button", "aria-label": label, title: told(counts), tabindex: "-1" }, n, split);
    button.addEventListener("click", () => openCell(row, code));
    td.append(button);
  }
  return td;
}

function draw() {
  const c = chosen();
  const cells = count(c);
  const totals = new Map();
  let largest = 1;
  for (const [key, counts] of cells) {
    const id = key.slice(0, key.lastIndexOf("\n"));
    totals.set(id, (totals.get(id) || 0) + counts[0]);
    largest = Math.max(largest, counts[0]);
  }
  const listed = data.rows[c.kind].filter((r) => totals.has(r[0]) && r[1].toLowerCase().includes(c.name));
  if (c.kind === "year") listed.sort((a, b) => a[0] - b[0]);
  else listed.sort((a, b) => totals.get(b[0]) - totals.get(a[0]) || a[1].localeCompare(b[1], "en"));
  const shown = everything ? listed : listed.slice(0, FEW);
  const title = data.rowKinds.find((k) => k[0] === c.kind)[1];
  const groups = make("tr", { class: "groups" }, make("td"));
  for (const group of new Set(data.codes.map((k) => k[2]))) {
    const span = data.codes.filter((k) => k[2] === group).length;
    groups.append(make("th", { scope: "colgroup", colspan: span }, group));
  }
  const heads = make("tr", {}, make("th", { scope: "col" }, title));
  data.codes.forEach((code, i) => {
    const button = make("button", { type: "button" }, code[1]);
    button.addEventListener("click", () => openCode(i));
    heads.append(make("th", { scope: "col" }, button));
  });
  const body = make("tbody");
  for (const row of shown) {
    const tr = make("tr", {}, make("th", { scope: "row", dir: "auto" }, row[1]));
    data.codes.forEach((_, i) => tr.append(cell(row, i, cells.get(`${row[0]}\n${i}`), largest)));
    body.append(tr);
  }
  const table = make("table", { class: $("show").value }, make("caption", {}, `${title} by code: number of passages`), make("thead", {}, groups, heads), body);
  $("matrix").replaceChildren(table);
  const first = table.querySelector("td button");
  if (first) first.tabIndex = 0;
  $("summary").textContent = `${plural(listed.length, "row")}${shown.length < listed.length ? `, the first ${shown.length} shown` : ""}. ${narrows(c) ? "A filter is set: nothing that was said not for attribution is counted." : ""}${data.most ? `All passages are counted, but only the ${data.most} strongest quotes of a council, partnership or scheme and code stand in this file, and it has no filters: evidence.csv and the pages of collabnlp serve have all.` : ""}`;
  $("more").hidden = listed.length <= FEW;
  $("more").textContent = everything ? `Show the first ${FEW}` : `Show all ${listed.length} rows`;
  keep();
}

// The address after # keeps what is shown, so that a link leads back to it.
function keep() {
  const kept = new URLSearchParams();
  for (const name of ["rows", "name", "from", "to", "kind", "stance", "document", "show"]) {
    const field = $(name);
    if (field.value !== (field.dataset.first || "")) kept.set(name, field.value);
  }
  if (opened) kept.set("open", opened);
  try { history.replaceState(null, "", `#${kept}`); } catch { /* some viewers of files forbid it */ }
}

function restore() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of kept) {
    const field = name === "open" ? null : form.querySelector(`#${CSS.escape(name)}`);
    if (field && !field.disabled && (field.type === "search" || [...field.options].some((o) => o.value === value))) field.value = value;
  }
  draw();
  const [id, code] = (kept.get("open") || "").split("\n");
  const row = data.rows[$("rows").value].find((r) => r[0] === id);
  const place = data.codes.findIndex((k) => k[0] === code);
  if (row && place >= 0) openCell(row, place);
}

function citation(passage) {
  const [d, section, page, speaker] = passage;
  const [, title, year, , , invented] = data.documents[d];
  const inside = section.startsWith(title) ? section.slice(title.length).replace(/^ > /, "") : section;
  return [`${title} (${year})`, inside, page ? `p. ${page}` : "", speaker || ""].filter(Boolean).join(", ") + (invented ? " [invented]" : "");
}

function quote(tag) {
  const passage = data.passages[tag[0]];
  const text = passage[5];
  const at = tag[7] && tag[7].length < text.length ? text.indexOf(tag[7]) : -1;
  const words = make("blockquote", { dir: "auto" });
  if (at < 0) words.append(text);
  else words.append(text.slice(0, at), make("mark", {}, tag[7]), text.slice(at + tag[7].length));
  const by = tag[4] === null ? `coded by ${tag[6]}` : `coded by the model, score ${tag[4].toFixed(2)}`;
  const about = [STANCES[tag[3]], by, tag[2] >= 0 ? `${data.entities[tag[2]][1]}: ${TIES[tag[5]]}` : ""].filter(Boolean).join("; ");
  const copy = make("button", { type: "button", class: "copy" }, "Copy with citation");
  copy.addEventListener("click", async () => {
    const whole = `“${text}” (${citation(passage)})`;
    try { await navigator.clipboard.writeText(whole); copy.textContent = "Copied"; } catch {
      const field = make("textarea", { readonly: "", rows: "4", "aria-label": "Quote with citation" });
      field.value = whole;
      copy.replaceWith(field);
      field.select();
    }
  });
  return make("article", {}, words, make("p", {}, make("cite", { dir: "auto" }, citation(passage))), make("p", { class: "about" }, about), copy);
}

function show(title, children, key) {
  $("heading").textContent = title;
  $("list").replaceChildren(...children);
  opened = key;
  document.body.classList.add("open");
  if (!$("quotes").open) $("quotes").showModal();
  $("quotes").scrollTop = 0;
  $("heading").focus();
  keep();
}

function openCell(row, code) {
  const c = chosen();
  const best = new Map();
  const tags = data.tags.filter((t) => t[1] === code && passes(t, c) && rowsOf(t, c.kind).includes(row[0]));
  tags.sort((a, b) => a[5] - b[5] || (b[4] ?? 1) - (a[4] ?? 1) || a[0] - b[0]);
  for (const tag of tags) if (!best.has(tag[0])) best.set(tag[0], tag);
  const counts = count(c).get(`${row[0]}\n${code}`);
  const note = make("p", {}, `${counts ? told(counts) : "None found"}. Strongest first${[...best.values()].some((t) => t[7]) ? "; the sentence that carries the code most is marked" : ""}.`);
  const part = data.most && counts && best.size < counts[0] - counts[5] ? [make("p", {}, `${plural(best.size, "quote")} of it in this file; evidence.csv holds all.`)] : [];
  const extra = counts && counts[5] ? [make("p", {}, `${plural(counts[5], "passage")} not for attribution cannot be shown here; a choice of such quotes stands under the head of the column.`)] : [];
  show(`${data.codes[code][1]}: ${row[1]}`, [note, ...part, ...extra, ...[...best.values()].map(quote)], `${row[0]}\n${data.codes[code][0]}`);
}

function openCode(i) {
  const [, title, group, definition, f1] = data.codes[i];
  const found = f1 === null ? "How well the model finds it is not known here." : `How well the model finds it in documents it had not seen: F1 ${f1.toFixed(2)} (1 would be every passage right).`;
  const closed = data.closed.filter((q) => q[0] === i);
  const quotes = closed.map((q) => make("article", {}, make("blockquote", { dir: "auto" }, q[2]), make("p", { class: "about" }, `[c] Interviews not for attribution; ${STANCES[q[1]]}`)));
  const head = closed.length ? [make("h3", {}, "Said not for attribution: a choice, without names")] : [];
  show(title, [make("p", {}, definition), make("p", {}, `${group}. ${found}`), ...head, ...quotes], "");
}

function move(event) {
  const button = event.target.closest("td button");
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -99], End: [0, 99] }[event.key];
  if (!button || !step) return;
  event.preventDefault();
  const lines = [...$("matrix").querySelectorAll("tbody tr")].map((tr) => [...tr.querySelectorAll("td")]);
  let y = lines.findIndex((line) => line.includes(button.parentElement));
  let x = lines[y].indexOf(button.parentElement);
  const [dy, dx] = step;
  if (Math.abs(dx) > 1) x = dx < 0 ? -1 : lines[y].length;
  const [sy, sx] = [dy, Math.abs(dx) > 1 ? -Math.sign(dx) : dx];
  for (y += sy, x += sx; lines[y] && lines[y][x]; y += sy, x += sx) {
    const next = lines[y][x].querySelector("button");
    if (!next) continue;
    for (const other of $("matrix").querySelectorAll('td button[tabindex="0"]')) other.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    return;
  }
}

const years = [...new Set(data.documents.map((d) => d[2]))].sort((a, b) => a - b);
options($("rows"), data.rowKinds);
options($("from"), years.map((y) => [y, y]));
options($("to"), years.map((y) => [y, y]));
$("to").value = years[years.length - 1];
options($("document"), [["", "all"], ...(data.most ? [] : data.documents.map((d) => [d[0], d[1]]))]);
for (const name of data.most ? ["from", "to", "kind", "stance", "document"] : []) {
  $(name).disabled = true;
  $(name).parentElement.hidden = true;
}
for (const field of form.querySelectorAll("select, input")) field.dataset.first = field.value;
form.addEventListener("input", draw);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", (event) => {
  event.preventDefault();
  for (const field of form.querySelectorAll("select, input")) if (field.id !== "rows") field.value = field.dataset.first;
  draw();
});
$("more").addEventListener("click", () => { everything = !everything; draw(); });
$("matrix").addEventListener("keydown", move);
$("close").addEventListener("click", () => $("quotes").close());
$("quotes").addEventListener("close", () => { opened = ""; document.body.classList.remove("open"); keep(); });
$("quotes").addEventListener("click", (event) => { if (event.target === $("quotes")) $("quotes").close(); });
window.addEventListener("hashchange", restore);
form.hidden = false;
restore();
