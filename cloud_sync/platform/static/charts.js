// The two drawings: energy flow (Sankey) and the day's consumption by origin. Figures are in tables beside them.
import { energy } from "./exact.js";
import { byOrigin, colour, originColour } from "./colours.js";
import { clock, origin, t } from "./words.js";

const drawn = new Map();

// ECharts' HTML tooltips carry inline styles, which the content policy refuses; rich text is drawn on the canvas.
function tooltip() {
  return {
    renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: colour("line"),
    textStyle: { color: colour("ink"), fontSize: 13 },
  };
}

export function draw(element, options) {
  let chart = drawn.get(element.id);
  if (!chart || chart.getDom() !== element) {
    if (chart) chart.dispose();
    chart = window.echarts.init(element, null, { renderer: "canvas" });
    drawn.set(element.id, chart);
  }
  chart.setOption({ animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily }, ...options },
    { notMerge: true });
}

export function fit() {
  for (const chart of drawn.values()) if (chart.getDom().isConnected) chart.resize();
}

const nodeColour = (node) =>
  node.side === "source" ? originColour(node.origin) : colour(node.side === "residual" ? "residual" : "load");

export function nodeName(node) {
  if (node.side === "residual") return t("Residual of {busbar}", { busbar: node.name });
  if (node.role === "unmetered") return t("Unmetered at {busbar}", { busbar: node.name.replace("unmetered:", "") });
  if (node.role === "intake") return node.side === "source" ? node.name : t("{name} (export)", { name: node.name });
  if (node.role === "storage") {
    return node.side === "source" ? t("{name} (discharge)", { name: node.name }) : t("{name} (charge)", { name: node.name });
  }
  return node.name;
}

export function ordered(nodes) {
  const size = (node) => (node.side === "residual" ? -1 : Number(node.wh));
  const sources = nodes.filter((node) => node.side === "source").sort(byOrigin);
  return [...sources, ...nodes.filter((node) => node.side !== "source").sort((a, b) => size(b) - size(a))];
}

export function sankey(element, flow) {
  const narrow = element.clientWidth < 620;
  const nodes = ordered(flow.nodes);
  const names = new Map(nodes.map((node) => [node.id, nodeName(node)]));
  const side = nodes.filter((node) => node.side !== "source").length;
  element.style.height = Math.max(240, (narrow ? 44 : 50) * Math.max(side, nodes.length - side)) + "px";
  const said = (node) => (narrow ? names.get(node.id) : names.get(node.id) + "  " + energy(node.wh).join(" "));
  draw(element, {
    tooltip: {
      ...tooltip(),
      formatter: (item) => item.dataType === "edge"
        ? names.get(item.data.source) + " → " + names.get(item.data.target) + "\n" + energy(item.data.wh).join(" ")
        : names.get(item.data.name) + "\n" + energy(item.data.wh).join(" "),
    },
    series: [{
      type: "sankey", layoutIterations: 0, nodeGap: narrow ? 17 : 18, nodeWidth: narrow ? 10 : 14, draggable: false,
      left: narrow ? 2 : 220, right: narrow ? 2 : 230, top: 8, bottom: 8, emphasis: { focus: "adjacency" },
      data: nodes.map((node) => ({
        name: node.id, wh: node.wh, itemStyle: { color: nodeColour(node), borderWidth: 0 },
        label: {
          position: (node.side === "source") === narrow ? "right" : "left", formatter: said(node), color: colour("ink"),
          fontSize: narrow ? 12 : 13, textBorderColor: colour("card"), textBorderWidth: narrow ? 3 : 0,
        },
      })),
      links: flow.links.map((link) => ({ source: link.from, target: link.to, value: Number(link.wh), wh: link.wh })),
      lineStyle: { color: "source", opacity: 0.42, curveness: 0.5 },
    }],
  });
}

export function curve(element, answer) {
  const origins = [...new Set(answer.steps.flatMap((step) => step.by_origin.map((part) => part.origin)))]
    .map((name) => ({ origin: name })).sort(byOrigin).map((one) => one.origin);
  const found = new Map(answer.steps.map((step) => [step.start_s, step]));
  const starts = [];
  const last = answer.steps[answer.steps.length - 1].start_s;
  for (let start = answer.steps[0].start_s; start <= last; start += answer.step_s) starts.push(start);
  const line = { lineStyle: { color: colour("line") } };
  const label = { color: colour("soft"), fontSize: 11 };
  const hours = Math.max(1, Math.ceil((starts.length * answer.step_s) / 3600 / (element.clientWidth < 480 ? 5 : 8)));
  const marked = (start) => clock(start).endsWith(":00") && Number(clock(start).slice(0, 2)) % hours === 0;
  const few = starts.filter(marked).length < 2;
  // Energy of a step over its length is its mean power: Wh * 3600 / s / 1000 = kW. For drawing only.
  const mean = (step, name) => (Number(partOf(step, name)) * 3.6) / answer.step_s;
  draw(element, {
    grid: { left: 6, right: 10, top: 26, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltip(), trigger: "axis", axisPointer: { type: "shadow" },
      formatter: (items) => {
        const start = starts[items[0].dataIndex];
        const lines = items.filter((item) => item.value).map((item) =>
          item.marker + " " + item.seriesName + "  " + energy(partOf(found.get(start), origins[item.seriesIndex])).join(" "));
        return [clock(start) + "–" + clock(start + answer.step_s), ...lines].join("\n");
      },
    },
    xAxis: {
      type: "category", data: starts, axisLine: line, axisTick: { show: false },
      axisLabel: { ...label, interval: few ? "auto" : (index, start) => marked(Number(start)), formatter: (start) => clock(Number(start)) },
    },
    yAxis: {
      type: "value", name: "kW", nameTextStyle: { ...label, align: "right" }, splitLine: line, splitNumber: 4, axisLabel: label,
    },
    series: origins.map((name) => ({
      name: origin(name), type: "bar", stack: "all", barCategoryGap: starts.length > 40 ? "6%" : "18%", barMaxWidth: 48,
      itemStyle: { color: originColour(name) }, emphasis: { disabled: true },
      data: starts.map((start) => mean(found.get(start), name)),
    })),
  });
  return origins;
}

function partOf(step, name) {
  const part = step && step.by_origin.find((one) => one.origin === name);
  return part ? part.wh : 0;
}
