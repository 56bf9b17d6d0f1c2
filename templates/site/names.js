// Finds names in the index under search/: see bot/render/search_index.py, which writes it. No other code, nothing from elsewhere.
"use strict";
const FootfallNames = (() => {
  const DEEPEST = 12;
  const files = new Map();

  function read(path) {
    if (!files.has(path)) {
      const answer = fetch(path).then((response) => {
        if (!response.ok) throw new Error(`${path}: ${response.status}`);
        return response.json();
      });
      answer.catch(() => files.delete(path));
      files.set(path, answer);
    }
    return files.get(path);
  }

  const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const words = (text) => [...new Set(fold(text).match(/[\p{L}\p{N}]+/gu) || [])];

  // The deepest file for the first letters of a word; undefined where no name has such a word.
  function nodeOf(word, nodes) {
    const letters = Array.from(word);
    let length = 0;
    while (length < Math.min(letters.length, DEEPEST) && letters.slice(0, length + 1).join("") in nodes) length += 1;
    const cut = nodes[letters.slice(0, length).join("")] === 1 && length < Math.min(letters.length, DEEPEST);
    return cut ? undefined : letters.slice(0, length).join("");
  }

  function fileOf(node) {
    if (!node) return "search/all.json";
    const safe = Array.from(node, (c) => (/[a-z0-9]/.test(c) ? c : `_${c.codePointAt(0).toString(16)}_`));
    return `search/in-${safe.join("")}.json`;
  }

  // The names with words that begin like those of the text, the most used first, and whether there may be more.
  async function find(text) {
    const sought = words(text);
    if (!sought.length) return { names: [], more: false };
    const { places, nodes } = await read("search/index.json");
    const chosen = sought.map((word) => nodeOf(word, nodes));
    if (chosen.includes(undefined)) return { names: [], more: false };
    chosen.sort((a, b) => nodes[a] - nodes[b] || b.length - a.length);
    const rows = await read(fileOf(chosen[0]));
    const names = rows
      .filter(([, name]) => {
        const own = words(name);
        return sought.every((word) => own.some((other) => other.startsWith(word)));
      })
      .map(([place, name, address]) => ({ ...places[place], name, path: places[place].folder ? `${places[place].folder}/${address}` : address }));
    return { names, more: nodes[chosen[0]] === 1 };
  }

  // A name as a link that may break at its slashes.
  function link(name, path) {
    const anchor = document.createElement("a");
    const shown = document.createElement("bdi");
    name.split(/(?<=\/)/).forEach((part, n) => shown.append(...(n ? [document.createElement("wbr"), part] : [part])));
    anchor.href = `${path}.html`;
    anchor.append(shown);
    return anchor;
  }

  return { find, read, link };
})();
