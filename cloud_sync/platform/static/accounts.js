// The cards that hold accounts: tallies by load, balance of busbars, completeness, shares of the rules.
import { NONE, energy, intensity, kilograms, kwh, share } from "./exact.js";
import { bar, card, el, figure, stacked } from "./dom.js";
import { byOrigin, colour, originColour } from "./colours.js";
import { clock, flag, method, range, role, t } from "./words.js";

export function tallies(answer, source) {
  const title = t("Green share and carbon by load");
  const subtitle = (answer.covers ? range(answer.covers) + " · " : "") + method(answer.method) + " · " + answer.factor_set;
  if (!answer.loads.length) {
    return card("tallies", title, subtitle, source, el("p", { class: "nothing" }, t("Nothing is tallied by this method in this period.")));
  }
  const line = (name, of, key) => [
    el("td", { class: "mix" }, of.by_origin ? stacked([...of.by_origin].sort(byOrigin).map((part) => [part.wh, originColour(part.origin)]), of.wh) : ""),
    el("td", {}, figure("tally.wh" + key, of.wh, kwh)),
    el("td", { class: "wideonly" }, figure("tally.green_wh" + key, of.green_wh, kwh)),
    el("td", {}, figure("tally.green_ppm" + key, of.green_ppm, share)),
    el("td", {}, figure("tally.carbon_ug" + key, of.carbon_ug, kilograms)),
    el("td", { class: "wideonly" }, el("span", { class: "figure" }, intensity(of.carbon_ug, of.wh)[0])),
  ];
  const loads = [...answer.loads].sort((one, other) => other.wh - one.wh);
  const flagged = [...new Set(loads.flatMap((load) => [...load.flags]))];
  card("tallies", title, subtitle, source,
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("Load")), el("th", { scope: "col", class: "mix" }, t("Origin")),
        el("th", { scope: "col" }, "kWh"), el("th", { scope: "col", class: "wideonly" }, t("green kWh")), el("th", { scope: "col" }, t("green")),
        el("th", { scope: "col" }, "kg CO₂"), el("th", { scope: "col", class: "wideonly" }, "g/kWh"))),
      el("tbody", {}, ...loads.map((load) => el("tr", { "data-load": load.meter_point },
        el("td", {}, load.meter_point, load.role !== "load" ? el("small", {}, " " + role("own_use")) : "",
          ...[...load.flags].map((letter) => el("abbr", { class: "flag", title: flag(letter) }, letter))),
        ...line(load.meter_point, load, ":" + load.meter_point)))),
      el("tfoot", {}, el("tr", {}, el("td", {}, t("All loads")), ...line("", answer.total, ""))))),
    flagged.length ? el("p", { class: "note" }, flagged.map((letter) => letter + " = " + flag(letter)).join(" · ")) : "");
}

export function balance(answer, source) {
  const title = t("Balance of every busbar");
  if (!answer.busbars.length) {
    return card("balance", title, "", source, el("p", { class: "nothing" }, t("No interval in this period.")));
  }
  card("balance", title, range(answer.period) + " · kWh", source,
    el("div", { class: "scroll" }, el("table", {},
      el("thead", {}, el("tr", {}, ...[t("Busbar"), t("metered in"), t("metered out"), t("residual"), t("of inflow"), t("unmetered")]
        .map((text, index) => el("th", { scope: "col", class: index === 4 ? "wideonly" : "" }, text)))),
      el("tbody", {}, ...answer.busbars.map((bar) => el("tr", {},
        el("td", {}, bar.busbar),
        el("td", {}, figure("balance.in_wh:" + bar.busbar, bar.in_wh, kwh)),
        el("td", {}, figure("balance.out_wh:" + bar.busbar, bar.out_wh, kwh)),
        el("td", {}, figure("balance.residual_wh:" + bar.busbar, bar.residual_wh, kwh)),
        el("td", { class: "wideonly" }, figure("balance.residual_ppm:" + bar.busbar, bar.residual_ppm, share)),
        el("td", {}, figure("balance.unmetered_wh:" + bar.busbar, bar.unmetered_wh, kwh))))))),
    el("p", { class: "note" }, 
      t("Residual: went into the busbar and was not metered going out (losses, loads without a meter)."), " ",
      t("Unmetered: went out without being metered going in."), " ", t("Both are published, never spread over the loads.")));
}

export function completeness(answer, source) {
  const title = t("Completeness of the day");
  if (answer.complete_ppm === null) {
    return card("completeness", title, "", source, el("p", { class: "nothing" }, t("Nothing was due on this day.")));
  }
  const strip = answer.hours.map((hour) => {
    const ppm = hour.complete_ppm;
    const state = ppm === null ? "" : ppm >= 1000000 ? "full" : ppm > 0 ? "part" : "gone";
    return el("i", { class: state, title: clock(hour.start_s) + "  " + (ppm === null ? NONE : share(ppm).join(" ")) });
  });
  card("completeness", title, t("registers read at both boundaries, of those due by now"), source,
    el("p", { class: "sum" }, figure("day.complete_ppm", answer.complete_ppm, share),
      el("span", {}, t("{n} intervals received", { n: answer.received }))),
    el("div", { class: "hours", role: "img", "aria-label": title }, ...strip),
    el("p", { class: "ticks time", "aria-hidden": "true" }, ...["00", "06", "12", "18", "24"].map((text) => el("span", {}, text))),
    answer.missing.length
      ? el("div", {}, el("p", { class: "note warn" }, t("Missing:")), el("ul", { class: "gaps time" }, ...answer.missing.map((gap) => el("li", { "data-missing": gap.start_s }, range(gap)))))
      : el("p", { class: "note good" }, t("No interval is missing.")));
}

export function selfUse(answer, source) {
  const title = t("Direct green supply: shares of the rules");
  if (!answer.covers) return card("selfuse", title, "", source, el("p", { class: "nothing" }, t("No self-use period has closed on this day.")));
  const rule = (text, name, target, said, most) => {
    const ppm = answer[name];
    const held = ppm === null ? null : most ? ppm <= target : ppm >= target;
    const mark = el("b");
    mark.style.left = target / 10000 + "%";
    const line = bar(ppm === null ? 0 : Math.min(ppm, 1000000), 1000000, held === false ? colour("solar") : colour("good"));
    line.append(mark);
    return el("div", { class: "ruled" }, el("p", { class: "line" }, el("span", {}, text), figure("selfuse." + name, ppm, share)), line,
      el("p", { class: "target" }, said));
  };
  card("selfuse", title, range(answer.covers) + " · " + method("688-hourly"), source,
    el("div", { class: "rules" },
      rule(t("Self-use of generation"), "self_use_of_generation_ppm", 600000, t("rules 650 and 688: at least 60 % a year")),
      rule(t("Self-use of consumption"), "self_use_of_consumption_ppm", 300000, t("rules 650 and 688: at least 30 % a year, 35 % by 2030; notice 910: direct supply 50 % in principle")),
      rule(t("Export of generation"), "export_of_generation_ppm", 200000, t("rule 688: in principle at most 20 % a year"), true)),
    el("p", { class: "note" }, t("The rules count whole years; the day shows where it is heading."), " ",
      figure("selfuse.self_use_wh", answer.self_use_wh, energy), " ", t("self-used"), " · ",
      figure("selfuse.generation_wh", answer.generation_wh, energy), " ", t("generated"), " · ",
      figure("selfuse.export_wh", answer.export_wh, energy), " ", t("exported"),
      answer.unplaced ? " · " + t("{n} intervals whose time is not known are not claimed.", { n: answer.unplaced }) : ""));
}
