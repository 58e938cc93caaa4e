// Building elements. Texts become text nodes only: a name from the field can never become markup.
import { NONE } from "./exact.js";

export function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export const byId = (id) => document.getElementById(id);

// One figure: what it is, its exact whole number, and the text people read.
export function figure(name, value, format, tag = "span") {
  if (value === null || value === undefined) return el(tag, { class: "figure none", "data-figure": name }, NONE);
  const [number, unit] = format(value);
  return el(tag, { class: "figure", "data-figure": name, "data-value": String(value) },
    number, unit ? el("small", {}, unit) : "");
}

export function card(id, title, subtitle, source, ...content) {
  const parts = [
    el("div", { class: "head" }, el("h2", {}, title), subtitle ? el("p", { class: "sub" }, subtitle) : "",
      source ? el("a", { class: "json", href: source, target: "_blank", "aria-label": title + ": JSON" }, "JSON") : ""),
    ...content,
  ];
  byId(id).replaceChildren(...parts);
}

// A bar whose length is part of whole; styled through CSSOM, which the content policy allows.
export function bar(part, whole, colour) {
  const fill = el("i");
  fill.style.width = whole > 0 ? Math.max(0, Math.min(100, (100 * Number(part)) / Number(whole))) + "%" : "0";
  if (colour) fill.style.background = colour;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

// One bar made of several parts of a whole: [[part, colour], ...].
export function stacked(parts, whole) {
  const fills = parts.map(([part, colour]) => {
    const fill = el("i");
    fill.style.width = whole > 0 ? (100 * Number(part)) / Number(whole) + "%" : "0";
    fill.style.background = colour;
    return fill;
  });
  return el("span", { class: "bar stacked", "aria-hidden": "true" }, ...fills);
}
