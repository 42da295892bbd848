// The live page: pictures and the state come over one WebSocket; whatever is newest is shown.

import { draw } from "/draw.js";

const one = (id) => document.getElementById(id);
const plain = (name) => name.toLowerCase().replaceAll("_", " ");
const whole = new Intl.NumberFormat("en");
let drawing = false;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

async function showPicture(data) {
  const length = new DataView(data).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  if (drawing) return; // this browser is slow: the next picture will do
  drawing = true;
  try {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
    const show = { people: one("show-people").checked, regions: one("show-regions").checked };
    draw(one("video"), bitmap, head, show);
    bitmap.close();
    one("number").textContent = `frame ${whole.format(head.number)}`;
    one("withheld").hidden = head.fault === "NONE";
    one("reason").textContent = plain(head.fault);
  } finally {
    drawing = false;
  }
}

function showStatus(status) {
  one("status").dataset.status = status;
  one("status").textContent = status;
}

// A simulated camera takes seconds for a frame: the page shows that it waits, and for how long already.
function showPause({ status, camera, wait }) {
  one("pause").hidden = status !== "waiting";
  const bar = one("pause-bar");
  if (camera.frames > 0 && wait.usual_s > 0) {
    bar.max = wait.usual_s;
    bar.value = Math.min(wait.waited_s, wait.usual_s);
  } else {
    bar.removeAttribute("value");
  }
  const usual = camera.frames > 0 ? ` of about ${Math.round(wait.usual_s)} s` : "";
  const which = camera.frames > 0 ? "next" : "first";
  one("pause-text").textContent = `Waiting for the ${which} frame: ${Math.floor(wait.waited_s)} s${usual}`;
}

function personItem({ track, actions }) {
  const item = make("li");
  const who = make("div", "who");
  who.append(make("span", "", `person ${track}`));
  item.append(who);
  if (actions.length === 0) item.append(make("div", "what none", "no known action"));
  for (const [name, score, seconds] of actions) {
    const what = make("div", "what");
    what.append(make("span", "", plain(name)), make("span", "quiet", `${seconds.toFixed(0)} s`));
    const meter = make("meter");
    meter.value = score;
    meter.title = `${Math.round(100 * score)} %`;
    item.append(what, meter);
  }
  return item;
}

function eventItem(event, begun) {
  const item = make("li");
  const since = event.time_s - begun;
  item.append(make("span", "time", `${since.toFixed(1)} s`), make("span", "", plain(event.action)));
  const note = event.event === "end" ? `${event.duration_s.toFixed(1)} s` : "begins";
  item.append(make("span", "note", `${note} · ${event.track}`));
  return item;
}

function fill(list, items, empty) {
  one(list).replaceChildren(...items);
  one(empty).hidden = items.length > 0;
}

function details(state) {
  const rows = [["frames", state.camera.frames], ["up for", `${Math.round(state.uptime_s)} s`]];
  for (const [name, count] of Object.entries(state.camera.faults)) rows.push([`withheld: ${plain(name)}`, count]);
  if (state.analysis) {
    rows.push(["detections a second", state.analysis.per_second], ["slowest 5 %", `${state.analysis.slow_ms} ms`]);
    rows.push(["frames not analysed", state.analysis.missed]);
  }
  const known = ["frames", "black"];
  for (const [name, count] of Object.entries(state.camera.counters)) {
    if (!known.includes(name) && count) rows.push([plain(name), count]);
  }
  rows.push(["visitors", state.page.visitors], ["pictures skipped for slow visitors", state.page.skipped]);
  return rows.flatMap(([name, value]) => [
    make("dt", "", name),
    make("dd", "", typeof value === "number" ? whole.format(value) : value),
  ]);
}

function showState(state) {
  if (!state.camera) return;
  const withheld = Object.values(state.camera.faults).reduce((sum, count) => sum + count, 0);
  showStatus(state.status);
  showPause(state);
  one("source").textContent = state.source;
  one("rate").textContent = state.camera.per_second.toFixed(state.camera.per_second < 1 ? 2 : 1);
  one("replaced").textContent = whole.format(state.camera.regions);
  one("black").textContent = whole.format(withheld);
  one("black").classList.toggle("alarm", withheld > 0);
  one("latency").textContent = state.analysis ? state.analysis.median_ms.toFixed(0) : "–";
  one("details").replaceChildren(...details(state));
  fill("people", state.analysis ? state.analysis.scene.people.map(personItem) : [], "nobody");
  fill("events", state.events.map((event) => eventItem(event, state.camera.begun_s)), "no-events");
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => (typeof data === "string" ? showState(JSON.parse(data)) : showPicture(data));
  socket.onclose = () => {
    showStatus("offline");
    setTimeout(connect, 2000);
  };
}

connect();
