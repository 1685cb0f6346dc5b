// What the page carries comes in as base64 of zlib streams; classes, terms, corrections and pixels go out.
"use strict";

const $ = (id) => document.getElementById(id);

function make(tag, attributes, ...parts) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "text") node.textContent = value;
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...parts.filter((part) => part !== null && part !== undefined));
  return node;
}

async function carried(id) {
  const text = $(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const COLUMNS = ["before", "after", "pixels", "area", "lon", "lat", "odds", "confidence", "cause", "box", "reasons",
  "evidence", "excluded", "region", "sentence"];

async function readRecord() {
  const facts = JSON.parse(new TextDecoder().decode(await carried("facts")));
  WORDS = facts.words;
  const after = await carried("after");
  const raw = (await carried("reason")).buffer;
  const reason = facts.deep ? new Uint32Array(raw) : new Uint16Array(raw);
  facts.corrections = facts.corrections.map((row, index) => {
    const one = { index };
    COLUMNS.forEach((name, i) => { one[name] = row[i]; });
    one.parts = [];
    for (let i = 0; i < one.reasons.length; i += 2) one.parts.push({ term: one.reasons[i], value: one.reasons[i + 1] });
    return one;
  });
  return { facts, after, reason, width: facts.width, height: facts.height };
}

function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "+") + text;
}

let WORDS = {};

function said(key, values) {  // a phrase of the page's language, its places filled
  return WORDS[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function areaText(m2) {
  const [unit, value, digits] = m2 >= 1e6 ? ["km2", m2 / 1e6, 1] : m2 >= 1e4 ? ["ha", m2 / 1e4, 1] : ["m2", m2, 0];
  return said(unit, { n: value.toLocaleString("en", { maximumFractionDigits: digits }) });
}

function counted(n, one, many) {
  return said(n === 1 ? one : many, { n: n.toLocaleString("en") });
}

function timesText(odds) {
  const times = Math.exp(Math.abs(odds));
  if (times > 1e6) return WORDS.million;
  return times >= 100 ? Math.round(times).toLocaleString("en") : times >= 10 ? times.toFixed(0) : times.toFixed(1);
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}
