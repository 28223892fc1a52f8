// The panel of one run, or of a pair of runs, made when it is asked for: #run=KEY&t=SECONDS.
const STYLES = ["a", "b"];
let stopVideo = () => {};

function runKeys() {
  return $$("#runs tbody tr").filter((row) => !row.hidden).map((row) => new URLSearchParams($("a", row).hash.slice(1)).get("run"));
}

function load(key) {
  return $$("script[data-run]").filter((script) => script.dataset.run === key).map((script) => JSON.parse(script.textContent));
}

function blobUrl(url) {
  if (!url.startsWith("data:")) return url;
  const [head, body] = url.split(",", 2), bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: head.slice(5).split(";")[0] }));
}

function latency(stages) {
  const most = Math.max(...stages.map(([, ms]) => ms), 1e-9);
  return make("table", { class: "latency" }, make("tbody", {}, ...stages.map(([name, ms]) =>
    make("tr", {}, make("td", {}, name, make("span", { class: "bar", "aria-hidden": "true" }, make("i", { style: `left:0;width:${((100 * ms) / most).toFixed(1)}%` }))), make("td", { class: "num" }, `${ms.toFixed(2)} ms`)))));
}

function metrics(themes) {
  return make("div", { class: "themes" }, ...themes.map(([title, rows]) => make("div", { class: "theme" }, make("h4", {}, title), ...rows.map(([name, value, remark, valid]) =>
    make("div", { class: valid ? "row" : "row invalid" }, make("span", {}, name), make("b", {}, value), remark ? make("small", {}, remark) : null)))));
}

function readout(drives, time) {
  const rows = drives.map(({ series }) => {
    const n = at(series, time), show = (name, digits) => (series[name][n] === null ? "n/a" : series[name][n].toFixed(digits));
    return `speed ${show("speed_mps", 2)} m/s, lateral ${show("lateral_m", 2)} m, steer ${show("steer", 3)}, throttle ${show("throttle", 2)}, brake ${show("brake", 2)}`;
  });
  const sides = rows.map((row, i) => (drives.length > 1 ? `${STYLES[i].toUpperCase()}: ${row}` : row));
  return `t = ${time.toFixed(2)} s\n${sides.join("\n")}`;
}

function videos(runs, seek) {
  const urls = [];
  const shown = runs.map((run, i) => {
    if (!run.video) return null;
    urls.push(blobUrl(run.video));
    const video = make("video", { src: urls[urls.length - 1], controls: true, muted: true, playsinline: true, preload: "auto", "aria-label": `camera and plan of ${run.title}` });
    video.muted = true;
    let last = 0;
    const follow = () => {
      if (video.currentTime !== last) { last = video.currentTime; if (!video.paused && i === 0) seek(last, false); }
      if (video.isConnected) requestAnimationFrame(follow);
    };
    video.addEventListener("play", () => requestAnimationFrame(follow));
    return video;
  });
  stopVideo();
  stopVideo = () => urls.filter((url) => url.startsWith("blob:")).forEach((url) => URL.revokeObjectURL(url));
  return shown;
}

function showRuns(runs, time) {
  const panel = $("#run"), several = runs.length > 1;
  const drives = runs.filter((run) => run.series && run.series.time_s.length).map((run) => ({ series: run.series, style: STYLES[runs.indexOf(run)] }));
  const end = Math.max(0, ...drives.map(({ series }) => series.time_s[series.time_s.length - 1]));
  const cursors = [];
  const seek = (seconds, moveVideo = true) => {
    const now = Math.max(0, Math.min(end, seconds));
    cursors.forEach((cursor) => cursor(now));
    if (moveVideo) films.filter(Boolean).forEach((film) => { film.currentTime = now; });
  };
  const films = videos(runs, seek);
  const infractions = runs.flatMap((run, i) => run.infractions.map((item) => ({ ...item, side: i })));
  const go = (seconds) => { seek(seconds); ($("video", panel) ?? $("input[type=range]", panel))?.scrollIntoView({ block: "nearest" }); };
  const plot = drives.length ? map(drives, infractions, go) : null;
  const charts = drives.length ? CHARTS.map(([title, columns]) => [title, columns, chart(title, columns, drives, infractions, end, seek)]) : [];
  const values = make("output", { class: "readout" });
  const slider = make("input", { type: "range", min: 0, max: end, step: 0.05, value: 0, "aria-label": "time", oninput: () => seek(Number(slider.value)) });
  cursors.push((now) => { slider.value = now; values.textContent = readout(drives, now); });
  if (plot) cursors.push(plot.cursor);
  charts.forEach(([, , made]) => { if (made) cursors.push(made.cursor); });

  const keys = runKeys(), place = keys.indexOf(runs[0].key);
  const step = (offset, label) => make("button", { type: "button", disabled: !keys[place + offset], onclick: () => { location.hash = `run=${keys[place + offset]}`; } }, label);
  panel.hidden = false;
  panel.replaceChildren(
    make("div", { class: "title" }, make("h2", { tabindex: "-1" }, runs[0].title), ...runs.map((run) => make("span", { class: `status ${run.style}` }, several ? `${STYLES[runs.indexOf(run)].toUpperCase()}: ${run.style}` : run.style)), make("span", { class: "steps" }, step(-1, "previous"), step(1, "next"))),
    ...runs.filter((run) => run.style !== "completed").map((run) => make("p", { class: `why ${run.style}` }, run.status)),
    ...runs.flatMap((run) => run.notes.map((note) => make("p", { class: "note" }, note))),
    several ? make("p", { class: "quiet" }, make("span", { class: "key a" }), "A ", make("span", { class: "key b" }), "B") : "",
    make("div", { class: "views" }, ...films.map((film, i) => (film ? make("figure", {}, film, make("figcaption", {}, `${several ? `${STYLES[i].toUpperCase()}: ` : ""}camera, with the planned waypoints`)) : "")), plot ? make("figure", {}, plot.svg, make("figcaption", {}, "route (dashed), driven path, ✕ collisions, ◇ other infractions")) : ""),
    drives.length ? make("div", { class: "time" }, slider, values) : make("p", { class: "quiet" }, "No frame was recorded."),
    infractions.length ? make("div", {}, make("h3", {}, "Infractions"), make("ul", { class: "infractions" }, ...infractions.map((item) =>
      make("li", {}, make("button", { type: "button", "data-time": item.time_s, onclick: () => go(item.time_s) }, `${item.time_s.toFixed(2)} s`), make("span", { class: `dot ${item.style}` }, item.style === "collision" ? "✕" : "◇"), several ? `${STYLES[item.side].toUpperCase()}: ${item.text}` : item.text)))) : "",
    make("div", { class: "charts" }, ...charts.map(([title, columns, made]) => make("figure", {}, make("figcaption", {}, title, ...(columns.length > 1 ? columns.map(([, name, dash], i) => make("span", { class: "legend" }, make("span", { class: `key ${several ? "both" : `n${i}`} ${dash}` }), name)) : [])), made ? made.svg : make("p", { class: "quiet" }, "nothing was recorded")))),
    ...runs.flatMap((run, i) => details(run, several ? `${STYLES[i].toUpperCase()}: ` : "")),
  );
  seek(time);
  $("h2", panel).focus({ preventScroll: true });
}

function details(run, prefix) {
  return [
    run.latency_ms.length ? make("details", {}, make("summary", {}, `${prefix}Latency per stage and frame (wall clock)`), latency(run.latency_ms)) : "",
    make("details", {}, make("summary", {}, `${prefix}All metrics`), metrics(run.themes)),
    run.pictures.length ? make("details", {}, make("summary", {}, `${prefix}Pictures`), make("div", { class: "pictures" }, ...run.pictures.map(([name, url]) => make("figure", {}, make("img", { src: url, alt: `camera image ${name}`, loading: "lazy" }), make("figcaption", {}, name))))) : "",
  ];
}

function route() {
  const wanted = new URLSearchParams(location.hash.slice(1)), first = $("script[data-run]");
  const key = wanted.get("run") ?? first?.dataset.run;
  const runs = key ? load(key) : [];
  if (!runs.length) return;
  $$("#runs tbody tr").forEach((row) => row.toggleAttribute("data-current", $("a", row)?.hash === `#run=${key}`));
  showRuns(runs, Number(wanted.get("t") ?? 0) || 0);
  if (wanted.has("run")) $("#run").scrollIntoView({ block: "start" });
}

addEventListener("hashchange", route);
route();
