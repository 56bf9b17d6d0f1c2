// Draws what is compared from the JSON file of each page, where no server did: see bot/render/compare_page.py and
// bot/charts/svg.py, which show the same.
"use strict";
(() => {
  const MOST = 4, WIDTH = 440, HEIGHT = 250, TOP = 14, FOOT = HEIGHT - 30, RIGHT = WIDTH - 8, TEXT = 14;
  const LETTERS = "ABCD", DASH = "–";
  const form = document.querySelector("form.compare");
  const status = document.getElementById("said");
  const section = document.getElementById("compared");
  const paths = new Map();
  const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const COUNT = new Intl.NumberFormat("en-US");
  const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", compactDisplay: "long", maximumFractionDigits: 1 });
  const day = (iso, style = DAY) => style.format(new Date(`${iso}T00:00:00Z`)).replace("Sept", "Sep");

  function element(name, attributes, ...content) {
    const made = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...content);
    return made;
  }

  function share(value) {
    const percent = value * 100;
    if (Number.isInteger(percent)) return `${percent}%`;
    if (value < 0.001) return "<0.1%";
    return value > 0.999 ? ">99.9%" : `${percent.toFixed(1)}%`;
  }

  function ratio(value) {
    const shown = `${(Math.abs(value) * 100).toFixed(1)}%`;
    return value > 0 ? `+${shown}` : value < 0 ? `−${shown}` : "0%";
  }

  function figure(held) {
    const reason = held.unknown || held.reason;
    const shown = held.value === null ? "unknown" : held.unit === "ratio" ? ratio(held.value) : COUNT.format(held.value);
    const why = reason ? [element("span", { class: "reason", dir: "auto" }, reason)] : [];
    return [held.at_least ? `at least ${shown}` : shown, ...why];
  }

  // A group has no rank, and a model only with use; that of a used model without one is unknown.
  function rank(kind, { rank: place, uses }) {
    if (place !== null) return COUNT.format(place);
    return kind !== "model" || uses.value === 0 ? DASH : "unknown";
  }

  const newest = (side) => side.days[side.days.length - 1];
  const dated = (key) => (side) => [key in side ? (side[key] ? day(side[key]) : "unknown") : DASH];
  const figured = (key) => (side) => (side[key] ? figure(side[key]) : [DASH]);
  const ROWS = [
    ["Counted in", (side) => [side.unit]],
    ["Newest day", (side) => [day(newest(side).day)]],
    ["On that day", (side) => figure(newest(side).uses)],
    ["Rank", (side) => [rank(side.kind, newest(side))]],
    ["Share", (side) => [newest(side).share === null ? "unknown" : share(newest(side).share)]],
    ["Last 7 days", figured("uses_7d")],
    ["Change against the 7 days before", figured("uses_change_7d")],
    ["All days shown", figured("uses_shown")],
    ["First listed", dated("first_listed")],
    ["Last used", dated("last_used")],
  ];

  function table(caption, first, sides, rows) {
    const heads = sides.map((side, n) =>
      element("th", { scope: "col", class: "number" }, LETTERS[n], element("span", { class: "hidden" }, `: ${side.name}`)));
    const body = rows.map(([label, cells]) =>
      element("tr", {}, element("th", { scope: "row" }, label), ...cells.map((cell) => element("td", { class: "number" }, ...cell))));
    return element("table", {}, element("caption", {}, caption),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, first), ...heads)), element("tbody", {}, ...body));
  }

  function daysTable(sides) {
    const held = sides.map((side) => new Map(side.days.map((each) => [each.day, each.uses])));
    const days = [...new Set(sides.flatMap((side) => side.days.map((each) => each.day)))].sort().reverse();
    return table("By day", "Day", sides, days.map((when) => [day(when), held.map((own) => (own.has(when) ? figure(own.get(when)) : [DASH]))]));
  }

  function ceiling(highest) {
    if (!(highest > 0)) return 0;
    const power = 10 ** Math.floor(Math.log10(highest));
    return [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10, 12].map((step) => step * power).find((top) => top >= highest * (1 - 1e-12));
  }

  function svg(name, attributes, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.textContent = text;
    return made;
  }

  // Lines of values by day; null is a day that is not known.
  function chart(title, lines, label) {
    const known = lines.flatMap((line) => [...line.values()]).filter((value) => value !== null);
    const all = lines.flatMap((line) => [...line.keys()]).sort();
    const days = [];
    for (let at = Date.parse(all[0]); at <= Date.parse(all[all.length - 1]); at += 864e5) days.push(new Date(at).toISOString().slice(0, 10));
    const high = ceiling(Math.max(0, ...known));
    const ticks = high ? [0, high / 2, high] : [0];
    const left = Math.max(...ticks.map((tick) => label(tick).length)) * 8.2 + 6;
    const column = (RIGHT - left) / Math.max(days.length + Math.ceil(days.length * 0.06), 7);
    const x = (index) => left + (index + 0.5) * column;
    const y = (value) => FOOT - (value / (high || 1)) * (FOOT - TOP);
    const drawn = svg("svg", { class: "chart", role: "img", "aria-label": title, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "font-size": TEXT, direction: "ltr" });
    ticks.forEach((tick) => drawn.append(
      svg("path", { class: "rule", d: `M${left} ${y(tick)}H${RIGHT}`, stroke: "currentColor", opacity: ".25" }),
      svg("text", { x: left - 6, y: y(tick) + 5, "text-anchor": "end" }, label(tick))));
    drawn.append(svg("text", { x: left, y: HEIGHT - 10 }, day(days[0], SHORT)));
    if (days.length >= 6) drawn.append(svg("text", { x: x(days.length - 0.5), y: HEIGHT - 10, "text-anchor": "end" }, day(days[days.length - 1], SHORT)));
    gaps(days.map((when) => lines.every((line) => (line.get(when) ?? null) === null))).forEach(([first, last]) => {
      const width = (last - first + 1) * column;
      const middle = x(first - 0.5) + width / 2;
      drawn.append(svg("rect", { class: "gap", x: x(first - 0.5), y: TOP, width, height: FOOT - TOP, fill: "currentColor", opacity: ".12" }));
      if (width > 9) drawn.append(svg("text", { x: middle, y: (TOP + FOOT) / 2, "text-anchor": "middle" }, width > 70 ? "unknown" : "?"));
    });
    const ends = lines.flatMap((line, n) => lineElements(drawn, line, days, n + 1, x, y));
    let lowest = -Infinity;
    ends.sort((a, b) => a.y - b.y).forEach((end) => {
      lowest = Math.max(end.y + 5, lowest + TEXT);
      drawn.append(svg("text", { class: `name series-${end.number}`, x: end.x + 6, y: lowest }, LETTERS[end.number - 1]));
    });
    return drawn;
  }

  // Runs of days that are unknown, as first and last place.
  function gaps(unknown) {
    const runs = [];
    unknown.forEach((is, index) => {
      if (is && unknown[index - 1]) runs[runs.length - 1][1] = index;
      else if (is) runs.push([index, index]);
    });
    return runs;
  }

  function lineElements(drawn, line, days, number, x, y) {
    const runs = [[]];
    days.forEach((when, index) => {
      const value = line.get(when) ?? null;
      if (value === null) runs.push([]);
      else runs[runs.length - 1].push([x(index), y(value)]);
    });
    const known = runs.filter((run) => run.length);
    known.forEach((run) => {
      if (run.length === 1) drawn.append(svg("circle", { class: `series-${number} dot`, cx: run[0][0], cy: run[0][1], r: 3.5 }));
      else drawn.append(svg("path", { class: `series-${number} line`, d: `M${run.map((place) => place.join(" ")).join("L")}`, fill: "none", "stroke-width": 2.5, "stroke-linejoin": "round" }));
    });
    const last = known.length ? known[known.length - 1] : [];
    return last.slice(-1).map(([endX, endY]) => ({ x: endX, y: endY, number }));
  }

  function figures(sides) {
    const networks = new Set(sides.map((side) => side.kind === "network"));
    const units = new Set(sides.map((side) => side.unit));
    if (networks.size > 1) return [];
    const network = networks.has(true);
    const unit = sides[0].unit;
    const exact = (uses) => (uses.at_least ? null : uses.value);
    const shown = [];
    const framed = (title, value, label) => {
      const lines = sides.map((side) => new Map(side.days.map((each) => [each.day, value(each)])));
      return element("figure", {}, element("figcaption", {}, title), chart(title, lines, label));
    };
    if (units.size === 1) {
      const title = network ? "Models used by day" : `${unit[0].toUpperCase()}${unit.slice(1)} by day`;
      shown.push(framed(title, (each) => exact(each.uses), (tick) => (tick < 1e6 ? COUNT : COMPACT).format(tick)));
    }
    shown.push(framed(network ? "Share of the list that was used, by day" : "Share of all use by day", (each) => each.share, share));
    return shown;
  }

  function key(side, n) {
    const about = aboutSide(side);
    return element("li", {}, element("span", { class: `letter series-${n + 1}` }, LETTERS[n]), " ",
      FootfallNames.link(side.name, side.kind === "network" ? `${side.path}/index` : side.path), " ", element("span", { class: "quiet" }, about));
  }

  function show(sides) {
    const rows = ROWS.map(([label, cell]) => [label, sides.map(cell)]).filter(([, cells]) => cells.some(([first]) => first !== DASH));
    section.querySelector(".key").replaceChildren(...sides.map(key));
    section.querySelector(".charts").replaceChildren(...figures(sides));
    section.querySelector(".figures").replaceChildren(table("Figures side by side", "Figure", sides, rows));
    section.querySelector(".days").replaceChildren(daysTable(sides));
    section.hidden = false;
  }

  // The address of a page, from an address, a network's key or a name. Raises an error with a sentence.
  async function resolve(text) {
    if (paths.has(text)) return paths.get(text);
    if (/^[a-z0-9_-]+\/(models|authors|categories)\/[a-z0-9_-]+\/[a-z0-9-]+$/.test(text)) return text;
    const { places } = await FootfallNames.read("search/index.json");
    if (places.some((place) => place.network === text)) return text;
    const { names } = await FootfallNames.find(text);
    const same = names.find((found) => found.name.toLowerCase() === text.toLowerCase()) || names[0];
    if (!same) throw new Error(`${text}: nothing has such a name here.`);
    return same.path.replace(/\/index$/, "");
  }

  async function load(text) {
    const path = await resolve(text);
    const response = await fetch(path.includes("/") ? `${path}.json` : `${path}/use.json`);
    if (!response.ok) throw new Error(`${text}: there is no such page.`);
    const side = await response.json();
    if (!side.days.length) throw new Error(`${text}: no day is known yet.`);
    return side;
  }

  async function compare(items) {
    const loaded = await Promise.allSettled(items.slice(0, MOST).map(load));
    const sides = loaded.filter((each) => each.status === "fulfilled").map((each) => each.value);
    const wrong = loaded.filter((each) => each.status === "rejected").map((each) => each.reason.message);
    if (sides.length) show(sides);
    status.textContent = wrong.join(" ") || (sides.length === 1 ? "Name another to compare it with." : "");
    return sides;
  }

  // A network may have the same name in two lists.
  function aboutSide(side) {
    return [side.kind, side.kind === "network" ? "" : side.title, side.catalogue_title].filter(Boolean).join(", ");
  }

  async function suggest(event) {
    const field = event.target;
    if (!field.list || !field.value.trim()) return;
    const { names } = await FootfallNames.find(field.value).catch(() => ({ names: [] }));
    field.list.replaceChildren(...names.slice(0, 12).map((found) => {
      const about = [found.title, found.catalogue].filter(Boolean).join(", ");
      const label = about ? `${found.name} (${about})` : found.name;
      paths.set(label, found.path.replace(/\/index$/, ""));
      return element("option", { value: label });
    }));
  }

  // One empty field more than there are names.
  function grow() {
    const labels = [...form.querySelectorAll("label")];
    if (labels.length >= MOST || !labels.every((label) => label.querySelector("input").value)) return;
    const letter = LETTERS[labels.length];
    const field = element("input", { name: "item", maxlength: 200, autocomplete: "off", spellcheck: "false", list: `names-${letter}` });
    labels[0].parentElement.append(element("label", {}, `${letter} `, field), element("datalist", { id: `names-${letter}` }));
  }

  form.querySelectorAll("input[data-path]").forEach((field) => paths.set(field.value, field.dataset.path));
  form.addEventListener("input", (event) => {
    grow();
    suggest(event);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const items = [...form.querySelectorAll("input")].map((field) => field.value.trim()).filter(Boolean);
    const sides = await compare(items);
    const query = sides.map((side) => `item=${encodeURIComponent(side.path).replaceAll("%2F", "/")}`).join("&");
    if (query) history.replaceState(null, "", `?${query}`);
  });
  const given = new URLSearchParams(location.search).getAll("item").filter(Boolean).slice(0, MOST);
  if (given.length && !("answered" in form.dataset)) {
    compare(given).then((sides) => sides.forEach((side, n) => {
      grow();
      const label = paths.has(side.name) ? `${side.name} (${aboutSide(side)})` : side.name;
      paths.set(label, side.path);
      form.querySelectorAll("input")[n].value = label;
      grow();
    }));
  }
})();
