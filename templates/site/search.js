// Shows names while they are typed. Without this script, the server answers, and the alphabetical lists are below.
"use strict";
(() => {
  const MOST = 30;
  const field = document.getElementById("q");
  const list = document.getElementById("results");
  const status = document.getElementById("found");
  let asked = 0;

  function row(found) {
    const item = document.createElement("li");
    const about = document.createElement("span");
    about.className = "quiet";
    about.textContent = [found.kind, found.title].filter(Boolean).join(", ");
    item.append(FootfallNames.link(found.name, found.path), " ", about);
    return item;
  }

  function say(names, more, text) {
    if (!text.trim()) return "";
    if (!names.length) return "Nothing has such a name here.";
    const all = names.length <= MOST && !more;
    return all ? `${names.length} found.` : "The most used are shown; write more of the name to see others.";
  }

  async function search() {
    const turn = (asked += 1);
    const text = field.value;
    try {
      const { names, more } = await FootfallNames.find(text);
      if (turn !== asked) return;
      list.replaceChildren(...names.slice(0, MOST).map(row));
      status.textContent = say(names, more, text);
    } catch (_error) {
      if (turn !== asked) return;
      status.textContent = "The names could not be read; the lists below have them.";
    }
  }

  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [field, ...list.querySelectorAll("a")];
    const next = stops.indexOf(document.activeElement) + step;
    if (next < 0 || next >= stops.length) return;
    event.preventDefault();
    stops[next].focus();
  }

  field.addEventListener("input", search);
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
    search();
  });
  field.addEventListener("keydown", move);
  list.addEventListener("keydown", move);
  const given = new URLSearchParams(location.search).get("q");
  if (given) {
    field.value = given.slice(0, field.maxLength);
    search();
  }
})();
