"use strict";
// One image at a time. The next one is shown when the server has this one's answer on its disk.
const at = (id) => document.getElementById(id);
const windowName = (sessionStorage.rayalWindow ??= crypto.randomUUID());
let shown = null; // the image, as the server described it
let classes = [];
let multilabel = false; // an image may have several classes: boxes to check, and then to save
let byPointer = false; // what was done last, rather than by a key
let busy = false;
let seconds = 0; // looked at the image, while the page was visible
let since = null;

async function ask(path, fields = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body: JSON.stringify({ window: windowName, ...fields }) });
  } catch {
    throw new Error("The server does not answer: the last answer may not be kept. Start `rayal label` again; what was answered before is on the disk.");
  }
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.error), { status: answer.status });
  return content;
}

async function step(path, fields, announced) {
  if (busy) return;
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    const view = await ask(path, fields);
    trouble("");
    await show(view);
    at("announce").textContent = [announced, shown ? `Now ${visible(shown.name)}` : "No image is left"].filter(Boolean).join(". ");
  } catch (error) {
    trouble(error.message);
    if (error.status === 409) await show(await ask("/show", { id: fields.id ?? shown.id })).catch(() => {});
  } finally {
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

function trouble(message) {
  at("trouble").textContent = message;
  at("trouble").hidden = !message;
}

async function show(view) {
  classes = view.classes;
  multilabel = view.multilabel;
  shown = view.image;
  progress(view.progress);
  at("desk").hidden = !shown;
  at("done").hidden = Boolean(shown);
  at("undo").disabled = at("undo-done").disabled = !view.can_undo;
  strip("recent", view.recent);
  at("earlier").hidden = !view.recent.length;
  if (!shown) return finished(view.progress);
  at("done").hidden = true;
  caption();
  if (multilabel) classBoxes(); else classButtons();
  strip("related", view.related);
  at("group").hidden = !view.related.length;
  at("group-title").textContent = `Others of ${visible(shown.group)} (${shown.group_size} images)`;
  await picture();
  if (view.after) new Image().src = address(view.after, "large"); // fetched while this one is looked at
}

function progress(counts) {
  at("progress").max = Math.max(1, counts.total);
  at("progress").value = counts.answered;
  const more = [
    counts.not_usable && `${counts.not_usable} not usable`,
    counts.skipped && `${counts.skipped} skipped`,
    counts.conflicts && `${counts.conflicts} disagreed on`,
  ].filter(Boolean);
  at("count").textContent = [`${counts.answered} of ${counts.total} answered`, ...more].join(" · ");
  document.title = `${counts.answered} of ${counts.total} · rayal label`;
}

function finished(counts) {
  at("done-text").textContent = `${counts.labels} images have a label, ${counts.not_usable} of the chosen ones are not usable.`;
  at("done-title").focus();
}

function caption() {
  at("name").textContent = visible(shown.name);
  at("place").textContent = [
    shown.rank ? `Round ${shown.round}, image ${shown.rank} of ${shown.of}` : "Not chosen in a round",
    shown.group && `group ${visible(shown.group)}`,
    shown.purpose === "audit" && "drawn at random to check the classifier with",
  ].filter(Boolean).join(" · ");
  at("reason").textContent = shown.reason;
  at("why").hidden = !shown.reason; // what the classifier takes it for is closed: it would be copied
  at("why").open = false;
  const said = Object.entries(shown.said).map(([who, what]) => (who ? `${who}: ${what}` : what));
  const words = new Set(Object.values(shown.said)).size > 1 ? "People disagree; your answer settles it: " : "So far: ";
  at("said").textContent = said.length ? words + said.join(", ") : "";
}

function classButtons() {
  at("classes").replaceChildren(...classes.map((one) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(one.name === shown.stands));
    if (one.key) button.append(Object.assign(element("kbd", one.key), { ariaHidden: "true" }));
    if (one.key) button.setAttribute("aria-keyshortcuts", one.key);
    button.append(element("span", one.name), element("span", String(one.count), "times"));
    button.addEventListener("click", () => label(one.name));
    return button;
  }));
  at("not-usable").setAttribute("aria-pressed", String(Object.values(shown.said).includes("not usable")));
  at("names").replaceChildren(...classes.map((one) => Object.assign(document.createElement("option"), { value: one.name })));
}

function classBoxes() {
  at("question").textContent = "Which of these are in it?";
  at("hint").textContent = "Keys: 1 to 9 and letters check classes, Enter saves, 0 says none of them.";
  at("several").hidden = false;
  at("other").hidden = true; // what an answer does not name is not on the image: the classes are given
  at("classes").setAttribute("role", "group");
  at("classes").setAttribute("aria-labelledby", "question");
  at("classes").replaceChildren(...classes.map((one) => {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: one.name });
    box.checked = shown.checked.includes(one.name);
    const row = document.createElement("label");
    row.append(box);
    if (one.key) row.append(Object.assign(element("kbd", one.key), { ariaHidden: "true" }));
    if (one.key) box.setAttribute("aria-keyshortcuts", one.key);
    row.append(element("span", one.name), Object.assign(element("span", String(one.count), "times"), { ariaHidden: "true" }));
    return row;
  }));
  at("none").setAttribute("aria-pressed", String(Object.values(shown.said).includes("none of them")));
  at("not-usable").setAttribute("aria-pressed", String(Object.values(shown.said).includes("not usable")));
  weigh();
}

const boxes = () => [...at("classes").querySelectorAll("input")];
const checked = () => boxes().filter((box) => box.checked).map((box) => box.value);

// Nothing checked is no answer: that an image has none of the classes is said by a button of its own.
function weigh() {
  at("save").disabled = !checked().length;
  at("none").disabled = Boolean(checked().length);
}

function toggle(name) {
  const box = boxes().find((one) => one.value === name);
  box.checked = !box.checked;
  changed(box);
}

function changed(box) {
  trouble("");
  weigh();
  at("announce").textContent = `${box.value} ${box.checked ? "checked" : "not checked"}`;
}

function save() {
  const names = checked();
  if (!names.length) return trouble("No class is checked: key 0 says that the image has none of them.");
  return answer({ action: "label", classes: names }, `Labeled ${names.join(", ")}`);
}

function none() {
  if (checked().length) return trouble("Classes are checked: uncheck them, or save them by Enter.");
  return answer({ action: "label", classes: [] }, "Labeled none of them");
}

function strip(id, images) {
  at(id).replaceChildren(...images.map((one) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.title = visible(one.name);
    const image = Object.assign(new Image(), { src: address(one.id, "small"), alt: "", loading: "lazy" });
    button.append(image, element("span", one.stands || "no label", one.stands ? "" : "none"));
    image.alt = `${visible(one.name)}, `;
    button.addEventListener("click", () => step("/show", { id: one.id }));
    item.append(button);
    return item;
  }));
}

function element(kind, text, name = "") {
  return Object.assign(document.createElement(kind), { textContent: text, className: name });
}

// Names of files may hold signs that break lines or turn the direction of writing.
const visible = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
const address = (id, size) => `/image/${encodeURIComponent(id)}/${size}`;

async function picture() {
  const next = new Image();
  next.src = address(shown.id, "large");
  let broken = "";
  await next.decode().catch(async () => { broken = await why(next.src); });
  at("large").hidden = Boolean(broken);
  at("broken").hidden = !broken;
  at("broken").textContent = broken && `${broken} Skip it, or say that it is not usable.`;
  if (broken) at("large").removeAttribute("src"); else at("large").src = next.src;
  at("large").alt = broken ? "" : `The image to label, ${visible(shown.name)}`;
  at("large").classList.toggle("few-pixels", next.naturalWidth < 200);
  seconds = 0;
  since = document.hidden ? null : performance.now();
}

async function why(source) {
  try {
    const answer = await fetch(source);
    return answer.ok ? "The browser cannot show this image." : (await answer.json()).error;
  } catch {
    return "The server does not answer.";
  }
}

function looked() {
  return seconds + (since === null ? 0 : (performance.now() - since) / 1000);
}

function answer(fields, announced) {
  if (!shown || busy) return;
  return step("/answer", { id: shown.id, seen: shown.said, seconds: looked(), ...fields }, announced);
}

const label = (name) => answer({ action: "label", label: name }, `Labeled ${name}`);
const undo = () => step("/undo", {}, "Taken back");
const skip = () => answer({ action: "skip" }, "Skipped");
const notUsable = () => answer({ action: "not_usable" }, "Not usable");

at("undo").addEventListener("click", undo);
at("undo-done").addEventListener("click", undo);
at("skip").addEventListener("click", skip);
at("not-usable").addEventListener("click", notUsable);
at("save").addEventListener("click", save);
at("none").addEventListener("click", none);
at("classes").addEventListener("change", (event) => {
  changed(event.target);
  if (byPointer) event.target.blur(); // Space would check it again
});
document.addEventListener("pointerdown", () => { byPointer = true; }, true);
document.addEventListener("keydown", () => { byPointer = false; }, true);
at("other").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = at("class-name").value.trim().normalize("NFC");
  if (!typed || busy) return;
  const low = (name) => name.toLocaleLowerCase();
  const known = classes.find((one) => one.name === typed) ?? classes.find((one) => low(one.name) === low(typed));
  at("class-name").value = "";
  at("class-name").blur();
  label(known ? known.name : typed);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { seconds = looked(); since = null; } else { since = performance.now(); }
});
document.addEventListener("keydown", (event) => {
  const inBox = event.target instanceof HTMLInputElement && event.target.type === "checkbox";
  if (inBox && event.key === " ") return;
  if (event.target instanceof HTMLInputElement && !inBox) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const undoKey = event.key === "Backspace" || ((event.ctrlKey || event.metaKey) && event.key === "z");
  if (!undoKey && (event.ctrlKey || event.metaKey || event.altKey)) return;
  if (event.repeat) return;
  if (event.target.closest?.("button, summary") && (event.key === " " || event.key === "Enter")) return;
  const own = multilabel ? { Enter: save, 0: none } : { "+": () => at("class-name").focus() };
  const action = undoKey ? undo : { " ": skip, "-": notUsable, ...own }[event.key];
  const named = classes.find((one) => one.key && one.key === event.key.toLowerCase());
  if (!action && !(named && shown)) return;
  event.preventDefault();
  if (action) action(); else if (multilabel) toggle(named.name); else label(named.name);
});
// A pointer leaves no focus behind: Space would press the button again.
document.addEventListener("pointerup", (event) => event.target.closest?.("button, summary")?.blur());
step("/next");
