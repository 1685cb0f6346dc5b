"use strict";
// What was asked goes to /sparql of the same server; the answer comes back as a table, or as Turtle.
const at = id => document.getElementById(id);
const prefixes = { ll: "https://w3id.org/landlore/ontology#", run: "https://w3id.org/landlore/run#", rule: "https://w3id.org/landlore/rule#" };
const number = /#(integer|int|long|decimal|double|float)$/;

function short(iri) {
  for (const [prefix, base] of Object.entries(prefixes)) if (iri.startsWith(base)) return `${prefix}:${iri.slice(base.length)}`;
  return iri;
}

function cell(term) {
  const shown = document.createElement("td");
  if (!term) return shown;
  if (term.type === "uri" && /^https?:/.test(term.value)) {
    const link = document.createElement("a");
    link.href = term.value;
    link.rel = "noreferrer";
    link.title = "what is said of it here";
    link.addEventListener("click", event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      at("sparql").value = `DESCRIBE <${term.value}>`;
      ask();
    });
    link.textContent = short(term.value);
    shown.append(link);
  } else {
    shown.textContent = term.value;
    if (number.test(term.datatype || "")) shown.className = "number";
  }
  return shown;
}

function table(found) {
  const shown = document.createElement("table"), head = shown.createTHead().insertRow(), body = shown.createTBody();
  for (const name of found.head.vars) {
    const one = document.createElement("th");
    one.scope = "col";
    one.textContent = name;
    head.append(one);
  }
  for (const row of found.results.bindings) body.insertRow().append(...found.head.vars.map(name => cell(row[name])));
  return shown;
}

function text(words, name) {
  const shown = document.createElement(name);
  shown.textContent = words;
  return shown;
}

async function ask() {
  const sparql = at("sparql").value, begun = performance.now(), button = document.querySelector("button");
  button.disabled = true;
  at("downloads").hidden = true;
  at("state").className = "";
  at("state").textContent = "asking ...";
  at("answer").replaceChildren();
  try {
    const reply = await fetch("sparql", {
      method: "POST",
      headers: { "Content-Type": "application/sparql-query", Accept: "application/sparql-results+json, text/turtle" },
      body: sparql,
    });
    const words = await reply.text(), took = `${((performance.now() - begun) / 1000).toFixed(2)} s`;
    if (!reply.ok) {
      at("state").className = "wrong";
      at("state").textContent = words;
      return;
    }
    const cut = reply.headers.get("X-SPARQL-MaxRows");
    if ((reply.headers.get("Content-Type") || "").startsWith("text/turtle")) {
      at("answer").append(text(words, "pre"));
      at("state").textContent = took;
      return;
    }
    const found = JSON.parse(words);
    if ("boolean" in found) {
      at("answer").append(text(found.boolean ? "yes" : "no", "p"));
      at("state").textContent = took;
      return;
    }
    const count = found.results.bindings.length;
    at("answer").append(table(found));
    at("state").textContent = `${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}${cut ? ", and there are more: the server gives no more at once" : ""}, ${took}`;
    save("csv", "text/csv", rows(found));
    save("json", "application/json", words);
    at("downloads").hidden = false;
  } catch (error) {
    at("state").className = "wrong";
    at("state").textContent = `the server does not answer (${error.message})`;
  } finally {
    button.disabled = false;
  }
}

function rows(found) {
  const quoted = value => /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const lines = [found.head.vars, ...found.results.bindings.map(row => found.head.vars.map(name => row[name] ? row[name].value : ""))];
  return lines.map(line => line.map(quoted).join(",") + "\r\n").join("");
}

function save(id, type, words) {
  const link = at(id);
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([words], { type }));
  link.download = `answer.${id}`;
}

async function begin() {
  const facts = await (await fetch("facts.json")).json();
  at("place").textContent = facts.place;
  at("report").hidden = !facts.report;
  at("endpoint").textContent = new URL("sparql", location.href).href;
  for (const one of facts.queries) at("named").append(new Option(`${one.name}: ${one.title}`, one.name));
  const choose = () => { at("sparql").value = facts.queries.find(one => one.name === at("named").value).sparql; };
  const first = facts.queries.find(one => one.name === "corrections-by-rule");
  if (first && facts.report) at("named").value = first.name;
  choose();
  at("named").addEventListener("change", choose);
  at("form").addEventListener("submit", event => { event.preventDefault(); ask(); });
  at("sparql").addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(); });
}

begin();
