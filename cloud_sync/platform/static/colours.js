// Colours by origin, from the style sheet, so that light and dark are decided in one place.

const KNOWN = ["grid", "solar", "wind", "storage", "hydro", "biomass", "unmetered"];

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

export const originColour = (origin) => colour(KNOWN.includes(origin) ? origin : "unknown");

// The order in which origins are drawn everywhere: green ones first, the grid last.
const ORDER = ["solar", "wind", "hydro", "biomass", "storage", "grid", "grid-unknown", "unknown", "unmetered"];
export const rank = (origin) => (ORDER.includes(origin) ? ORDER.indexOf(origin) : ORDER.length);
export const byOrigin = (one, other) => rank(one.origin) - rank(other.origin);
