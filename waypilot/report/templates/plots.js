// Maps and curves as SVG. A drive is {series, style}; several drives share one plot.
const SVG = "http://www.w3.org/2000/svg";
const CHARTS = [
  ["Speed (m/s)", [["speed_mps", "speed", ""]]],
  ["Lateral deviation (m, left of the route is positive)", [["lateral_m", "lateral deviation", ""]]],
  ["Steering (-1 to 1, right is positive)", [["steer", "steering", ""]]],
  ["Pedals (0 to 1)", [["throttle", "throttle", ""], ["brake", "brake", "dashed"]]],
];
const CHART = { width: 460, height: 170, left: 46, right: 10, top: 10, bottom: 26 };

function draw(tag, attributes = {}, text = null) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.textContent = text;
  return element;
}

const fixed = (value) => value.toFixed(1);
const known = (values) => values.filter((value) => value !== null);
const scale = (low, high, start, end) => (value) => start + ((value - low) / (high - low)) * (end - start);

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * (1 - 1e-9));
}

function ticks(low, high, count = 5) {
  const step = niceStep((high - low) / count), found = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

function curve(times, values, x, y) {
  let path = "", down = false;
  values.forEach((value, i) => {
    if (value !== null) path += `${down ? "L" : "M"}${fixed(x(times[i]))} ${fixed(y(value))}`;
    down = value !== null;
  });
  return path;
}

// A chart: {svg, cursor(time)}; null when there is nothing to plot. `seek` is called with the time pointed at.
function chart(title, columns, drives, infractions, end, seek) {
  const values = drives.flatMap((drive) => columns.flatMap(([name]) => known(drive.series[name])));
  if (!values.length || !(end > 0)) return null;
  let low = Math.min(0, ...values), high = Math.max(0, ...values);
  if (low === high) [low, high] = [-0.5, 0.5];
  const margin = 0.08 * (high - low);
  if (low < 0) low -= margin;
  if (high > 0) high += margin;
  const x = scale(0, end, CHART.left, CHART.width - CHART.right), y = scale(low, high, CHART.height - CHART.bottom, CHART.top);
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", "aria-label": title });
  for (const tick of ticks(low, high)) {
    svg.append(draw("line", { class: tick === 0 ? "zero" : "grid", x1: CHART.left, x2: CHART.width - CHART.right, y1: fixed(y(tick)), y2: fixed(y(tick)) }));
    svg.append(draw("text", { class: "tick", x: CHART.left - 6, y: fixed(y(tick) + 3.5), "text-anchor": "end" }, String(tick)));
  }
  const times = ticks(0, end);
  times.forEach((tick, i) => svg.append(draw("text", { class: "tick", x: fixed(x(tick)), y: CHART.height - 8, "text-anchor": x(tick) > CHART.width - 20 ? "end" : "middle" }, i === times.length - 1 ? `${tick} s` : String(tick))));
  for (const item of infractions) svg.append(draw("line", { class: `mark ${item.style}`, x1: fixed(x(item.time_s)), x2: fixed(x(item.time_s)), y1: CHART.top, y2: CHART.height - CHART.bottom }));
  drives.forEach((drive) => columns.forEach(([name, , dash], i) => svg.append(draw("path", { class: `line ${drive.style} ${drives.length > 1 ? "" : `n${i}`} ${dash}`, d: curve(drive.series.time_s, drive.series[name], x, y) }))));
  const line = draw("line", { class: "cursor", y1: CHART.top, y2: CHART.height - CHART.bottom });
  svg.append(line);
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * CHART.width;
    seek(Math.max(0, Math.min(end, ((at - CHART.left) / (CHART.width - CHART.right - CHART.left)) * end)));
  };
  svg.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") point(event); });
  svg.addEventListener("pointerdown", point);
  return { svg, cursor: (time) => { line.setAttribute("x1", fixed(x(time))); line.setAttribute("x2", fixed(x(time))); } };
}

function at(series, time) {
  let low = 0, high = series.time_s.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (series.time_s[middle] < time) low = middle + 1; else high = middle;
  }
  return low > 0 && time - series.time_s[low - 1] < series.time_s[low] - time ? low - 1 : low;
}

// The map: north up, one vehicle mark per drive. `seek` is called when an infraction is chosen.
function map(drives, infractions, seek) {
  const paths = drives.map(({ series }) => series.x_m.map((x, i) => [x, series.y_m[i]]).filter(([x, y]) => x !== null && y !== null));
  const route = drives[0].series.route_m, points = [...route, ...paths.flat()], margin = 12;
  if (!points.length) return null;
  const spread = (index) => [Math.min(...points.map((p) => p[index])) - margin, Math.max(...points.map((p) => p[index])) + margin];
  const [west, east] = spread(0), [south, north] = spread(1);
  // A narrow map is widened, so that text and marks keep their size.
  const width = 640, size = Math.max(east - west, (north - south) / 0.75), k = width / size;
  const height = Math.max(k * (north - south), 0.3 * width), left = 0.5 * (width - k * (east - west)), top = 0.5 * (height - k * (north - south));
  const x = (value) => left + k * (value - west), y = (value) => top + k * (north - value);
  const line = (list) => list.map(([px, py]) => `${fixed(x(px))},${fixed(y(py))}`).join(" ");
  const svg = draw("svg", { class: "map", viewBox: `0 0 ${width} ${fixed(height)}`, role: "img", "aria-label": "route, driven path and infractions" });
  svg.append(draw("polyline", { class: "route", "stroke-width": (3.5 * k).toFixed(2), points: line(route) }), draw("polyline", { class: "route-middle", points: line(route) }));
  paths.forEach((path, i) => svg.append(draw("polyline", { class: `driven ${drives[i].style}`, points: line(path) })));
  for (const [name, [px, py]] of [["start", route[0]], ["goal", route[route.length - 1]]]) {
    svg.append(draw("circle", { class: name, cx: fixed(x(px)), cy: fixed(y(py)), r: 6 }), draw("text", { class: "label", x: fixed(x(px)), y: fixed(y(py) - 12), "text-anchor": "middle" }, name));
  }
  for (const item of infractions) {
    const shape = item.style === "collision" ? "M-7 -7l14 14m0 -14l-14 14" : "M0 -8l8 8l-8 8l-8 -8z";
    const mark = draw("path", { class: `mark ${item.style}`, d: shape, transform: `translate(${fixed(x(item.x_m))} ${fixed(y(item.y_m))})` });
    mark.append(draw("title", {}, item.text));
    mark.addEventListener("click", () => seek(item.time_s));
    svg.append(mark);
  }
  const vehicles = drives.map((drive) => svg.appendChild(draw("path", { class: `vehicle ${drive.style}`, d: "M10 0l-16 7l4 -7l-4 -7z" })));
  const bar = niceStep(80 / k);
  svg.append(draw("path", { class: "scale", d: `M12 ${fixed(height - 16)}v4h${fixed(bar * k)}v-4` }), draw("text", { class: "tick", x: fixed(18 + bar * k), y: fixed(height - 10) }, `${bar} m`));
  const cursor = (time) => drives.forEach(({ series }, i) => {
    const n = at(series, time);
    if (series.x_m[n] !== null) vehicles[i].setAttribute("transform", `translate(${fixed(x(series.x_m[n]))} ${fixed(y(series.y_m[n]))}) rotate(${fixed((-180 / Math.PI) * (series.yaw_rad[n] ?? 0))})`);
  });
  return { svg, cursor };
}
