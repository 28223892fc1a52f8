"use strict";
// Sorting and filtering of tables, and the choice of light or dark.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function sortTable(table, column, descending) {
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const numeric = $$("tbody tr", table).every((row) => key(row) === "" || !isNaN(key(row)));
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if ((x === "") !== (y === "")) return x === "" ? 1 : -1; // what has no value stays last
    const less = numeric ? x - y : x.localeCompare(y, "en", { numeric: true });
    return descending ? -less : less;
  };
  table.tBodies[0].append(...[...table.rows].filter((row) => row.parentElement === table.tBodies[0]).sort(order));
  $$("th", table).forEach((head, index) => {
    if (index === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

function makeSortable(table) {
  const choice = $(`[data-sort="${table.id}"]`);
  $$("th", table).forEach((head, column) => {
    const name = head.textContent.trim();
    const toggle = () => sortTable(table, column, head.getAttribute("aria-sort") === "ascending");
    head.replaceChildren(make("button", { type: "button", onclick: toggle }, name));
    if (choice) choice.append(make("option", { value: column }, name), make("option", { value: `-${column}` }, `${name}, falling`));
  });
  if (choice) choice.addEventListener("change", () => sortTable(table, Math.abs(choice.value), choice.value.startsWith("-")));
}

function makeFilterable(table) {
  const words = $(`[data-filter="${table.id}"]`), status = $(`[data-status="${table.id}"]`), count = $(`[data-count="${table.id}"]`);
  if (!words) return;
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = $$("tbody tr", table);
    for (const row of rows) {
      const text = `${row.cells[0].textContent} ${row.dataset.words ?? ""}`.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word)) || Boolean(status && status.value && row.dataset.status !== status.value);
    }
    if (count) count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  words.addEventListener("input", apply);
  if (status) status.addEventListener("change", apply);
  apply();
}

$$("table.sortable").forEach((table) => { makeSortable(table); makeFilterable(table); });

$("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
