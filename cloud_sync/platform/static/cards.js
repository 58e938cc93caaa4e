// The cards about now and about the flow: key figures, power, day curve, Sankey and its table.
import { NONE, carbon, energy, intensity, kwh, power, share } from "./exact.js";
import { bar, byId, card, el, figure, stacked } from "./dom.js";
import { byOrigin, colour, originColour } from "./colours.js";
import { curve as drawCurve, nodeName, ordered, sankey } from "./charts.js";
import { origin, range, role, second, t } from "./words.js";

const chip = (colour) => {
  const dot = el("i", { class: "dot", "aria-hidden": "true" });
  dot.style.background = colour;
  return dot;
};
export const originChip = (name) => el("span", {}, chip(originColour(name)), origin(name));

export function keys(summary) {
  const { day, last } = summary;
  if (!last) return byId("keys").replaceChildren();
  const key = (title, name, value, format, extra, before) => el("article", { class: "key" },
    el("h3", {}, title), el("p", { class: "big" }, figure("day." + name, value(day), format)), ...extra,
    el("p", { class: "rule time" }, el("span", {}, before || range(last)), figure("last." + name, value(last), format)));
  const covers = last.tally.covers ? range(last.tally.covers) : range(last);
  const tally = day.tally;
  byId("keys").replaceChildren(
    key(t("Green share of the day"), "green_ppm", (of) => of.tally.green_ppm, share, [
      bar(tally.green_wh, tally.wh, colour("good")),
      el("p", {}, figure("day.green_wh", tally.green_wh, energy), " / ", figure("day.tally_wh", tally.wh, energy))], covers),
    key(t("Consumption"), "consumption_wh", (of) => of.consumption_wh, energy, [el("p", {}, t("loads and own use of plants"))]),
    key(t("Generation on site"), "generation_wh", (of) => of.generation_wh, energy, [
      el("p", {}, ...[...day.generation].sort(byOrigin).flatMap((part, index) => [index ? " · " : "",
        el("span", { class: "piece" }, origin(part.origin) + " ", figure("day.generation_wh:" + part.origin, part.wh, energy))]))]),
    key(t("Grid import"), "grid_import_wh", (of) => of.grid_import_wh, energy, [
      el("p", {}, t("export") + " ", figure("day.grid_export_wh", day.grid_export_wh, energy))]),
    key(t("Carbon of consumption"), "carbon_ug", (of) => (of.tally.covers ? of.tally.carbon_ug : null), carbon, [
      el("p", {}, el("span", { class: "figure" }, tally.covers ? intensity(tally.carbon_ug, tally.wh).join(" ") : NONE),
        " · " + summary.factor_set)], covers),
  );
}

export function powers(live, source) {
  const all = [...live.sources, ...live.loads];
  if (!all.length) {
    return card("power", t("Power now"), "", source, el("p", { class: "nothing" }, t("No meter has given its power yet.")));
  }
  const most = Math.max(...all.map((point) => point.power_w), 1);
  const line = (point, side) => el("li", { class: point.late ? "late" : "", title: second(point.at_ms) },
    el("span", { class: "name" }, point.name, el("small", {},
      side === "source" && point.origin ? origin(point.origin)
        : point.role === "storage" ? t("charging") : point.role === "intake" ? t("export to the grid") : role(point.role),
      point.late ? " · " + second(point.at_ms) : "")),
    bar(point.power_w, most, side === "source" ? originColour(point.origin) : undefined),
    figure("live.power_w:" + point.name, point.power_w, power));
  const side = (title, points, total, name) => [
    el("h3", {}, title, figure("live." + name, total, power)),
    el("ul", { class: "rows" }, ...points.map((point) => line(point, name === "sources_w" ? "source" : "load")))];
  const newest = Math.max(...all.map((point) => point.at_ms));
  const biggest = (points) => [...points].sort((one, other) => other.power_w - one.power_w);
  card("power", t("Power now"), t("as read at {time}", { time: second(newest) }), source,
    ...side(t("Sources"), biggest(live.sources), live.sources_w, "sources_w"),
    ...side(t("Loads"), biggest(live.loads), live.loads_w, "loads_w"),
    live.silent.length ? el("p", { class: "note" }, t("No power reading: {names}", { names: live.silent.join(", ") })) : "");
}

export function curve(answer, source) {
  if (!answer.steps.length) {
    return card("curve", t("Consumption by origin"), "", source, el("p", { class: "nothing" }, t("No interval on this day.")));
  }
  const chart = byId("curve-chart") || el("div", { class: "chart", id: "curve-chart", role: "img" });
  chart.setAttribute("aria-label", t("Consumption by origin"));
  const legend = el("ul", { class: "legend" });
  card("curve", t("Consumption by origin"),
    t("mean power in steps of {n} min, by flow tracing", { n: answer.step_s / 60 }), source, chart, legend);
  legend.replaceChildren(...drawCurve(chart, answer).map((name) => el("li", {}, originChip(name))));
}

export function flow(answer, source) {
  const title = t("Which source fed which load");
  if (!answer.links.length) {
    return card("flow", title, "", source, el("p", { class: "nothing" }, t("No energy was traced in this period.")));
  }
  const chart = byId("flow-chart") || el("div", { class: "chart", id: "flow-chart", role: "img" });
  chart.setAttribute("aria-label", t("Energy flow from sources to loads; the table below has the figures"));
  const open = byId("flow-table") ? byId("flow-table").open : false;
  card("flow", title, range(answer.period) + " · " + t("measured flows along the feeders, shared in proportion (flow)"), source, chart,
    el("details", { id: "flow-table", open }, el("summary", {}, t("Figures in a table (kWh)")), el("div", { class: "scroll" }, matrix(answer))));
  sankey(chart, answer);
}

function matrix(answer) {
  const nodes = ordered(answer.nodes);
  const sources = nodes.filter((node) => node.side === "source");
  const links = new Map(answer.links.map((link) => [link.from + "\n" + link.to, link.wh]));
  const plain = (id) => id.slice(id.indexOf(":") + 1);
  return el("table", {},
    el("thead", {}, el("tr", {}, el("th", {}), ...sources.map((node) => el("th", { scope: "col" }, chip(originColour(node.origin)), nodeName(node))),
      el("th", { scope: "col" }, t("Sum")))),
    el("tbody", {}, ...nodes.filter((node) => node.side !== "source").map((node) => el("tr", {},
      el("td", {}, nodeName(node)),
      ...sources.map((from) => el("td", {}, figure("flow.wh:" + plain(from.id) + "→" + node.id, links.get(from.id + "\n" + node.id), kwh))),
      el("td", {}, figure("flow.wh:" + node.id, node.wh, kwh))))),
    el("tfoot", {}, el("tr", {}, el("td", {}, t("Sum")),
      ...sources.map((node) => el("td", {}, figure("flow.wh:" + node.id, node.wh, kwh))),
      el("td", {}, figure("flow.wh", sources.reduce((sum, node) => sum + BigInt(node.wh), 0n), kwh)))));
}

export function storages(answer, source) {
  const title = t("What the storage holds");
  if (!answer.storages.length) {
    return card("storage", title, "", source, el("p", { class: "nothing" }, t("No storage has an account yet.")));
  }
  const nice = answer.storages.map((one) => {
    const content = [...one.content].sort(byOrigin);
    return el("div", { class: "battery" }, el("h3", {}, one.storage),
      el("p", { class: "total" }, figure("storage.wh:" + one.storage, one.wh, energy)),
      stacked(content.map((part) => [part.wh, originColour(part.origin)]), one.wh),
      el("ul", { class: "parts" }, ...content.map((part) => el("li", {}, originChip(part.origin),
        figure("storage.wh:" + one.storage + ":" + part.origin, part.wh, energy),
        el("span", { class: "figure" }, one.wh ? share((BigInt(part.wh) * 1000000n) / BigInt(one.wh)).join(" ") : NONE)))));
  });
  card("storage", title, t("energy by origin, as charged"), source, ...nice);
}
