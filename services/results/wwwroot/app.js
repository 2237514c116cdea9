// Asks the API, draws the answers. The key lives in this tab only.
const $ = id => document.getElementById(id);
const svg = "http://www.w3.org/2000/svg";
let key = sessionStorage.getItem("key");
let selected = null; // study id
let shown = ""; // what the detail pane was drawn from
let pictures = []; // object URLs to release
let pages = 1;

function make(tag, properties = {}, ...children) {
  const { class: names, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (names) element.className = names;
  element.append(...children.filter(child => child !== null));
  return element;
}

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { "x-api-key": key } });
  if (response.status === 401) {
    signOut("This key is not known.");
    throw new Error("unknown key");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? problem.title ?? `the server answered ${response.status}`);
  }
  return response;
}

const askJson = async path => (await ask(path)).json();
const when = time => new Date(time).toLocaleString();
const short = id => id.slice(0, 8);
const chip = text => make("span", { class: `chip ${text.toLowerCase()}`, textContent: text.toLowerCase() });
const chipOf = study => chip(study.stage === "analysed" ? study.verdict : study.stage);

// --- key -------------------------------------------------------------------

function signOut(message = "") {
  sessionStorage.removeItem("key");
  key = selected = null;
  show();
  $("key-error").textContent = message;
}

function show() {
  $("sign-in").hidden = key !== null;
  $("work").hidden = key === null;
  $("sign-out").hidden = key === null;
  if (key === null) $("key").focus();
}

$("key-form").addEventListener("submit", event => {
  event.preventDefault();
  key = $("key").value.trim();
  $("key").value = "";
  $("key-error").textContent = "";
  sessionStorage.setItem("key", key);
  show();
  refresh();
});

$("sign-out").addEventListener("click", () => signOut());

// --- upload ----------------------------------------------------------------

$("upload").addEventListener("submit", event => {
  event.preventDefault();
  const form = new FormData();
  form.append("site", $("site").value.trim() || "default");
  form.append("priority", $("priority").value);
  for (const file of $("files").files) form.append("files", file);
  const [button, state, bar] = [event.submitter, $("upload-state"), $("upload-progress")];
  const request = new XMLHttpRequest();
  request.open("POST", "/api/studies");
  request.setRequestHeader("x-api-key", key);
  request.responseType = "json";
  request.upload.addEventListener("progress", sent => (bar.value = sent.loaded / Math.max(1, sent.total)));
  request.addEventListener("loadend", () => {
    button.disabled = false;
    bar.hidden = true;
    const answer = request.response;
    if (request.status === 202) {
      state.textContent = answer.alreadyReceived ? "Received before: here it is." : "Received.";
      event.target.reset();
      select(answer.studyId);
      return;
    }
    state.className = "error";
    if (request.status === 0) state.textContent = "The server cannot be reached.";
    else if (request.status === 405) state.textContent = "This host shows results only; send scans to the ingest service.";
    else state.textContent = answer?.detail ?? answer?.title ?? `The server answered ${request.status}.`;
  });
  button.disabled = true;
  bar.hidden = false;
  bar.value = 0;
  state.className = "";
  state.textContent = "Sending…";
  request.send(form);
});

// --- list ------------------------------------------------------------------

async function drawList() {
  const studies = [];
  let next = null;
  for (let page = 0; page === 0 || (page < pages && next); page++) {
    const answer = await askJson(`/api/studies?limit=30${next ? `&before=${encodeURIComponent(next)}` : ""}`);
    studies.push(...answer.studies);
    next = answer.next ?? null;
  }
  $("empty").hidden = studies.length > 0;
  $("more").hidden = next === null;
  const focused = document.activeElement?.dataset?.study;
  $("studies").replaceChildren(...studies.map(drawEntry));
  if (focused) document.querySelector(`[data-study="${focused}"]`)?.focus();
}

function drawEntry(study) {
  const revision = study.revision > 1 ? ` · revision ${study.revision}` : "";
  const button = make("button", { type: "button" },
    make("span", { class: "mono", textContent: short(study.studyId), title: study.studyId }),
    chipOf(study),
    make("span", { class: "muted", textContent: `${when(study.receivedAt)} · ${study.site}${revision}` }),
    study.notForDiagnosis ? make("span", { class: "error", textContent: "not for diagnosis" }) : null);
  button.dataset.study = study.studyId;
  button.setAttribute("aria-current", String(study.studyId === selected));
  button.addEventListener("click", () => select(study.studyId));
  return make("li", {}, button);
}

$("more").addEventListener("click", () => {
  pages++;
  refresh();
});

// --- one study -------------------------------------------------------------

function select(studyId) {
  selected = studyId;
  shown = "";
  refresh();
}

async function drawDetail(studyId) {
  const detail = await askJson(`/api/studies/${studyId}`);
  const drawnFrom = JSON.stringify(detail.progress) + studyId;
  if (drawnFrom === shown) return;
  const { study, progress } = detail;
  const ended = study.stage === "analysed" || study.stage === "rejected";
  const report = ended ? await askJson(`/api/studies/${studyId}/report?revision=${study.revision}`) : null;
  if (studyId !== selected) return;
  shown = drawnFrom;
  pictures.forEach(URL.revokeObjectURL);
  pictures = [];
  const parts = [
    make("div", { class: "title" },
      make("h2", { class: "mono", textContent: studyId }),
      chipOf(study),
      study.revision > 1 ? make("span", { class: "muted", textContent: `revision ${study.revision}` }) : null),
  ];
  if (study.notForDiagnosis) {
    parts.push(make("p", { class: "banner", textContent: "Not for diagnosis: part of this result derives from a super-resolved volume." }));
  }
  if (study.stage === "failed") parts.push(drawFailure(study));
  if (study.stage === "rejected") {
    parts.push(make("div", { class: "note" }, make("strong", { textContent: report.reason }), make("p", { textContent: report.detail })));
  }
  if (report) {
    parts.push(...(report.refusedSeries ?? []).map(refused =>
      make("div", { class: "note" }, make("strong", { textContent: refused.reason }), make("p", { textContent: refused.detail }))));
    const framesOf = plan => report.series?.find(one => one.series === plan.series.split("-")[0])?.frames ?? 1;
    parts.push(...(report.outputs ?? []).map(output => drawOutput(study, output, framesOf(output.plan))), drawProvenance(report));
  }
  parts.push(make("h3", { textContent: "Progress" }), make("ol", { class: "progress" }, ...progress.map(drawProgress)));
  $("detail").replaceChildren(...parts);
}

function drawProgress({ stage, series, model, detail, time }) {
  return make("li", {},
    make("span", { textContent: [stage, series, model, detail].filter(Boolean).join(" · ") }),
    make("span", { class: "muted", textContent: new Date(time).toLocaleTimeString() }));
}

function drawFailure(study) {
  const button = make("button", { type: "button", textContent: "Replay" });
  const answer = make("p", { class: "error" });
  answer.setAttribute("role", "alert");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await ask(`/api/studies/${study.studyId}/replay?revision=${study.revision}`, { method: "POST" });
      select(study.studyId);
    } catch (error) {
      answer.textContent = error.message;
      button.disabled = false;
    }
  });
  const text = `A stage gave up (${study.detail}). Once the cause is gone, take the work up again:`;
  return make("div", { class: "note" }, make("p", { textContent: text }), button, answer);
}

function drawOutput(study, { plan, quality, provenance }, frames) {
  const mark = plan.notForDiagnosis ? " · not for diagnosis" : "";
  const section = make("section", {}, make("h3", { textContent: `${plan.series} · ${plan.model}${mark}` }));
  if (plan.notApplicable) {
    section.append(make("p", { class: "muted", textContent: `Not applicable: ${plan.notApplicable}` }));
    return section;
  }
  const base = `/api/studies/${study.studyId}`;
  const output = `${base}/outputs/${encodeURIComponent(plan.model)}/${encodeURIComponent(plan.series)}`;
  const file = (what, extension) => download(
    `${output}/${what}${extension}?revision=${study.revision}`,
    what,
    `${short(study.studyId)}-${plan.series}-${plan.model}-${what}${plan.notForDiagnosis ? "-not-for-diagnosis" : ""}${extension}`);
  const downloads = make("div", { class: "downloads" }, file(plan.kind === "Segmentation" ? "labels" : "volume", ".nii.gz"));
  if (provenance?.uncertainty) downloads.append(file("uncertainty", ".nii.gz"));
  if (quality) downloads.append(file("segmentation", ".dcm"), file("quality", ".dcm"));
  section.append(downloads);
  if (provenance?.deviation != null) {
    const share = (100 * provenance.deviation).toFixed(1);
    section.append(make("p", { class: "muted", textContent: `Differs from the acquired slices by ${share} % of the image's standard deviation. Detail between them is learned, not measured.` }));
  }
  if (frames > 1) {
    const rest = quality ? ", each structure in the frame where it is worst; the files hold all frames" : "; the file holds all frames";
    section.append(make("p", { class: "muted", textContent: `Time series of ${frames} frames. Shown: ${quality ? "a picture of the first" : "nothing of it"}${rest}.` }));
  }
  if (!quality) return section;
  const picture = make("img", { class: "preview", alt: `Labels of ${plan.series} over the scan in three planes` });
  const query = new URLSearchParams({ revision: study.revision, model: plan.model, series: plan.series });
  ask(`${base}/preview.png?${query}`)
    .then(response => response.blob())
    .then(blob => {
      pictures.push((picture.src = URL.createObjectURL(blob)));
      downloads.after(picture);
    })
    .catch(error => section.append(make("p", { class: "error", textContent: `No picture: ${error.message}` })));
  section.append(make("div", { class: "scroll" }, drawStructures(quality.structures)));
  return section;
}

function download(path, what, name) {
  const button = make("button", { type: "button", class: "quiet", textContent: `Download ${what}` });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const url = URL.createObjectURL(await (await ask(path)).blob());
      make("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
    } catch (error) {
      button.textContent = error.message;
    }
    button.disabled = false;
  });
  return button;
}

function drawStructures(structures) {
  const head = [["Structure", ""], ["Volume", "number"], ["Predicted Dice", "number"], ["Interval", ""], ["Surface off by", "number"], ["Verdict", ""]];
  return make("table", {},
    make("thead", {}, make("tr", {}, ...head.map(([text, names]) => make("th", { textContent: text, class: names, scope: "col" })))),
    make("tbody", {}, ...structures.map(structure => make("tr", {},
      make("td", { textContent: structure.name }),
      make("td", { class: "number", textContent: volume(structure) }),
      make("td", { class: "number", textContent: structure.predictedDice?.toFixed(2) ?? "–" }),
      make("td", {}, structure.predictedDice === undefined ? null : bar(structure)),
      make("td", { class: "number", textContent: surface(structure) }),
      make("td", {}, chip(structure.verdict))))));
}

/** Of a time series the least and the greatest of its frames. */
function volume({ volumeMl, frames }) {
  const all = (frames ?? [{ volumeMl }]).map(frame => frame.volumeMl);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return frames ? `${least.toFixed(1)} to ${most.toFixed(1)} ml` : `${volumeMl.toFixed(1)} ml`;
}

function surface({ predictedMeanSurfaceDistanceMm: mm }) {
  return mm === undefined ? "–" : `${mm.toFixed(1)} mm`;
}

/** The predicted Dice as a tick on a track from 0 to 1, its interval as a band. */
function bar({ predictedDice, intervalLow = predictedDice, intervalHigh = predictedDice }) {
  const draw = (tag, attributes) => {
    const element = document.createElementNS(svg, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const at = dice => 128 * Math.min(1, Math.max(0, dice));
  const text = `${predictedDice.toFixed(2)}, between ${intervalLow.toFixed(2)} and ${intervalHigh.toFixed(2)}`;
  const image = draw("svg", { class: "dice", viewBox: "0 0 130 14", role: "img", "aria-label": text });
  const title = draw("title", {});
  title.textContent = text;
  image.append(title,
    draw("rect", { class: "track", x: 0, y: 6, width: 130, height: 2 }),
    draw("rect", { class: "interval", x: at(intervalLow), y: 3, width: Math.max(1, at(intervalHigh) - at(intervalLow)), height: 8, rx: 2 }),
    draw("rect", { class: "mean", x: at(predictedDice), y: 1, width: 2, height: 12 }));
  return image;
}

function drawProvenance(report) {
  const list = make("dl");
  const add = (name, value, names = "") =>
    value && list.append(make("dt", { textContent: name }), make("dd", { textContent: value, class: names }));
  add("Received", report.receivedAt && when(report.receivedAt));
  add("Completed", when(report.completedAt));
  add("Time", Object.entries(report.seconds ?? {}).map(([stage, value]) => `${stage} ${value.toFixed(1)} s`).join(", "));
  add("Input", report.inputDigest, "mono");
  for (const { plan, provenance } of report.outputs ?? []) add(plan.model, provenance?.modelDigest, "mono");
  add("Platform", report.codeVersion);
  return make("section", {}, make("h3", { textContent: "Provenance" }), list);
}

// --- keep up ---------------------------------------------------------------

let running = false;
let again = false;

async function refresh() {
  if (key === null) return;
  again = running;
  if (running) return;
  running = true;
  try {
    await drawList();
    if (selected) await drawDetail(selected);
    $("connection").textContent = "";
  } catch (error) {
    $("connection").textContent = key === null ? "" : error.message;
  }
  running = false;
  if (again) refresh();
}

setInterval(() => document.hidden || refresh(), 2500);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
show();
refresh();
