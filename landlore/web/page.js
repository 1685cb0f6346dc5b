// The record and the maps come in; the picked correction with its sums, the list and the filter go out.
"use strict";

const PAGE = 60;
const named = ({ colour, name }) => make("span", { class: "named" }, swatch(colour), name);
const swatch = (colour) => { const node = make("span", { class: "sw" }); node.style.background = colour; return node; };

class Page {
  constructor(record) {
    Object.assign(this, { record, facts: record.facts, shown: PAGE, only: null });
    this.maps = new Maps(record, { click: (pixel) => this.clicked(pixel), point: (pixel, index) => this.say(pixel, index), step: (by) => this.step(by) });
    $("more").addEventListener("click", () => { this.shown += 5 * PAGE; this.list(); });
    $("all").addEventListener("click", () => this.filter(null));
    for (const button of document.querySelectorAll("[data-term]")) {
      button.addEventListener("click", () => { const term = Number(button.dataset.term); this.filter(this.only === term ? null : term); });
    }
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => { const by = Number(button.dataset.zoom); by ? this.maps.zoom(by) : this.maps.showAll(); });
    }
    $("fade").querySelector("input").addEventListener("input", (event) => { this.maps.cover = event.target.value / 100; this.maps.draw(); });
    $("theme").addEventListener("click", () => this.theme());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint());
    addEventListener("hashchange", () => this.fromHash());
    this.list();
    this.photo();
    if (!this.fromHash()) this.pick(this.facts.corrections.length ? 0 : -1, false);
  }

  photo() {
    const text = $("photo").textContent.trim();
    if (!text) { $("fade").hidden = true; $("fade").style.display = "none"; this.repaint(); return; }
    const image = new Image();
    image.onload = () => { this.maps.photo = image; this.repaint(); };
    image.src = "data:image/jpeg;base64," + text;
  }

  repaint() { this.maps.paintGround(); this.maps.draw(); document.documentElement.dataset.ready = "yes"; }

  theme() { document.documentElement.dataset.theme = isDark() ? "light" : "dark"; this.repaint(); }

  // ---- picking
  fromHash() {
    const found = /^#c(\d+)$/.exec(location.hash);
    if (!found || !this.facts.corrections[found[1]]) return false;
    this.pick(Number(found[1]), true);
    return true;
  }

  pick(index, move) {
    this.picked = this.maps.picked = index;
    if (index >= 0 && move) {
      this.maps.show(this.facts.corrections[index]);
      history.replaceState(null, "", "#c" + index);
    }
    this.maps.draw();
    this.panel();
    for (const button of $("rows").querySelectorAll("button")) button.setAttribute("aria-current", Number(button.dataset.index) === index);
  }

  clicked(pixel) {
    const index = pixel < 0 ? -1 : this.record.reason[pixel] - 1;
    if (index >= 0) { this.pick(index, false); history.replaceState(null, "", "#c" + index); }
  }

  listed() { return this.facts.corrections.filter((one) => this.only === null || one.cause === this.only); }

  step(by) {
    const every = this.listed();
    if (!every.length) return;
    const now = every.findIndex((one) => one.index === this.picked);
    this.pick(every[(now + by + every.length) % every.length].index, true);
  }

  filter(term) {
    this.only = this.maps.only = term;
    this.shown = PAGE;
    for (const button of document.querySelectorAll("[data-term]")) {
      const on = Number(button.dataset.term) === term;
      button.setAttribute("aria-pressed", on);
      button.closest("tr").classList.toggle("on", on);
    }
    this.maps.paintReasons();
    this.list();
    const first = this.listed()[0];
    this.pick(first ? first.index : -1, false);
  }

  say(pixel, index) {
    const { classes, corrections, terms } = this.facts;
    let text = WORDS.hint;
    if (index >= 0) {
      const one = corrections[index];
      text = said("point", { before: classes[one.before].name, after: classes[one.after].name, area: areaText(one.area), name: terms[one.cause].name });
    } else if (pixel >= 0 && this.record.after[pixel] !== 255) text = said("unchanged", { name: classes[this.record.after[pixel]].name });
    $("status").textContent = text;
  }

  // ---- the list
  list() {
    const { classes, terms } = this.facts, every = this.listed();
    const rows = every.slice(0, this.shown).map((one) => {
      const button = make("button", { type: "button", "data-index": one.index, "aria-current": one.index === this.picked },
        make("span", {}, named(classes[one.before]), make("span", { class: "arrow", text: "→" }), named(classes[one.after])),
        make("span", { class: "num", text: areaText(one.area) }),
        make("small", { text: terms[one.cause].name }), make("small", { class: "num", text: `${signed(one.odds)} ${WORDS.nats}` }));
      button.addEventListener("click", () => this.pick(one.index, true));
      return make("li", {}, button);
    });
    $("rows").replaceChildren(...rows);
    $("more").hidden = every.length <= this.shown;
    $("all").hidden = this.only === null;
    const n = counted(every.length, "correction", "corrections");
    $("shown").textContent = this.only === null ? said("listed", { n }) : said("listedOf", { n, name: terms[this.only].name });
  }

  // ---- the panel
  panel() {
    if (this.picked < 0) {
      $("panel").replaceChildren(make("p", { class: "muted", text: this.facts.corrections.length ? WORDS.noneHere : WORDS.noneAtAll }));
      return;
    }
    const one = this.facts.corrections[this.picked], { classes, corrections } = this.facts;
    const walk = (by, text, label) => { const button = make("button", { type: "button", text, "aria-label": label }); button.addEventListener("click", () => { this.step(by); $("panel").querySelector(`[aria-label="${label}"]`).focus(); }); return button; };
    const title = make("h3", {}, named(classes[one.before]), make("span", { class: "arrow", text: "→" }), named(classes[one.after]));
    const [lat, lon] = [[one.lat, "N", "S"], [one.lon, "E", "W"]].map(([v, plus, minus]) => `${Math.abs(v).toFixed(5)}° ${v < 0 ? minus : plus}`);
    const parts = [
      make("div", { class: "walk" }, said("number", { n: (one.index + 1).toLocaleString("en"), of: corrections.length.toLocaleString("en") }), make("span", { class: "spacer" }), walk(-1, "‹", WORDS.previous), walk(1, "›", WORDS.next)),
      title,
      make("p", { class: "where", text: `${areaText(one.area)} · ${counted(one.pixels, "pixel", "pixels")} · ${lat}, ${lon}` }),
      make("p", { class: "told", text: this.sentence(one) }),
      make("h4", {}, WORDS.addUp, make("span", { text: WORDS.nats })),
      this.bars(one),
      make("p", { class: "fine", text: this.sum(one) }),
      this.evidence(one), this.rules(one),
      make("p", { class: "fine" }, make("code", { text: `landlore explain RUN --at=${one.lon},${one.lat}` })),
    ];
    $("panel").replaceChildren(...parts.filter((part) => part));
  }

  sentence(one) {
    if (!one.sentence) return said("mostly", { name: this.facts.terms[one.cause].name });
    return one.sentence.replace(/^[a-z]/, (c) => c.toUpperCase());
  }

  sum(one) {
    const { classes, run } = this.facts;
    const values = { after: classes[one.after].name, before: classes[one.before].name, sum: signed(one.odds), times: timesText(one.odds), p: one.confidence.toFixed(2) };
    return said(one.excluded.length ? "excluded" : run.stopped === "best of restarts" ? "best" : "likely", values);
  }

  bars(one) {
    const { terms } = this.facts;
    const big = one.parts.filter((part) => Math.abs(part.value) >= 0.005), small = one.parts.length - big.length;
    const rest = one.parts.reduce((sum, part) => sum + (Math.abs(part.value) < 0.005 ? part.value : 0), 0);
    const low = Math.min(0, ...big.map((part) => part.value)), high = Math.max(0, one.odds, ...big.map((part) => part.value));
    const span = Math.max(high - Math.min(low, one.odds), 1e-9), zero = -Math.min(low, one.odds) / span;
    const row = (name, value, colour, kind) => {
      const bar = make("i", { class: value >= 0 ? "for" : "against" });
      bar.style.left = 100 * (value >= 0 ? zero : zero + value / span) + "%";
      bar.style.width = 100 * Math.abs(value) / span + "%";
      const track = make("span", { class: "t", "aria-hidden": "true" }, bar);
      track.style.setProperty("--zero", 100 * zero + "%");
      const label = make("span", { class: "n", title: name }, colour ? swatch(colour) : null, name);
      return make("li", { class: kind }, label, track, make("span", { class: "v", text: signed(value) }));
    };
    const rows = big.map((part) => row(terms[part.term].name, part.value, terms[part.term].colour));
    if (small) rows.push(row(counted(small, "reason", "reasonsSmall"), rest, null));
    rows.push(row(WORDS.sum, one.odds, null, "sum"));
    return make("ul", { class: "bars" }, ...rows);
  }

  evidence(one) {
    if (!one.evidence.length) return null;
    const links = one.evidence.flatMap((i, n) => {
      const iri = this.facts.evidence[i], name = iri.split("/").slice(-2).join("/");
      const node = /^https:\/\/www\.openstreetmap\.org\//.test(iri) && !this.facts.simulated
        ? make("a", { href: iri, rel: "noopener noreferrer", text: name }) : make("span", { title: iri, text: name });
      return n ? [", ", node] : [node];
    });
    return make("p", { class: "fine" }, WORDS.evidenceAre, ...links);
  }

  rules(one) {
    const told = [...new Set([...one.excluded, ...one.parts.map((part) => part.term)])].map((i) => this.facts.terms[i]).filter((term) => term.axiom);
    if (!told.length) return null;
    return make("details", {}, make("summary", { text: counted(told.length, "rule", "rules") }),
      ...told.map((term) => make("p", {}, make("b", { text: term.name }), make("br"), make("code", { text: term.axiom }), make("br"), make("span", { class: "muted", text: term.cite }))));
  }
}

readRecord().then((record) => { window.page = new Page(record); }).catch((error) => {
  $("status").textContent = WORDS.broken_page ? said("broken_page", { error: error.message }) : error.message;
});
