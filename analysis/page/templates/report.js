"use strict";
// The menu: closed on a phone until it is asked for, and again when a section was chosen.
const menu = document.querySelector("nav details");
const phone = matchMedia("(max-width: 30rem)");
const fit = () => { menu.open = !phone.matches; };
phone.addEventListener("change", fit);
menu.addEventListener("click", (event) => { if (event.target.closest("a")) fit(); });
fit();

// Tables: a click on a heading sorts; cells without a value stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.sort ?? cell.textContent;
    const number = Number(text);
    return text.trim() !== "" && !Number.isNaN(number) ? number : text;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const first = head.classList.contains("number") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const now = before === first ? other : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", now);
      const sign = now === "ascending" ? 1 : -1;
      const keyed = [...body.rows].map((row) => [value(row, column), row]);
      keyed.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

// Figures: the mark that is nearest to the pointer shows its value; arrow keys step through all.
const tip = document.getElementById("tip");
const NEAR = 28;
let shown = null;
const middle = (mark) => {
  const box = mark.getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
};
const hide = () => {
  shown?.classList.remove("on");
  shown = null;
  tip.hidden = true;
};
const show = (mark) => {
  if (mark === shown) return;
  hide();
  shown = mark;
  mark.classList.add("on");
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const [x, y] = middle(mark);
  const width = document.documentElement.clientWidth;
  tip.style.left = "0";
  tip.style.left = `${Math.max(4, Math.min(x + 10, width - tip.offsetWidth - 4))}px`;
  const above = y - tip.offsetHeight - 12;
  tip.style.top = `${above > 4 ? above : y + 14}px`;
};
for (const plot of document.querySelectorAll(".plot")) {
  const marks = [...plot.querySelectorAll("[data-tip]")];
  if (!marks.length) continue;
  let places = null;
  let seen = "";
  const nearest = (x, y) => {
    const box = plot.getBoundingClientRect();
    const now = `${box.left} ${box.top} ${box.width} ${plot.scrollLeft}`;
    if (now !== seen) {
      places = marks.map(middle);
      seen = now;
    }
    let best = -1;
    let least = NEAR * NEAR;
    places.forEach(([a, b], i) => {
      const far = (a - x) ** 2 + (b - y) ** 2;
      if (far < least) [best, least] = [i, far];
    });
    return marks[best];
  };
  const point = (event) => {
    const mark = event.target.dataset?.tip ? event.target : nearest(event.clientX, event.clientY);
    if (mark) show(mark);
    else hide();
  };
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Escape") hide();
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const at = marks.indexOf(shown);
    const step = steps[event.key];
    const next = at < 0 ? (step > 0 ? 0 : marks.length - 1) : at + step;
    const mark = marks[(next + marks.length) % marks.length];
    mark.scrollIntoView({ block: "nearest", inline: "nearest" });
    show(mark);
  });
}
addEventListener("scroll", () => { if (document.activeElement?.classList.contains("plot") !== true) hide(); }, { passive: true });
addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach((each) => { each.open = true; }));
