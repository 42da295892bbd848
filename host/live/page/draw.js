// Draws one picture and what is known about it.

const ACCENT = "#5fd4b4";
const PALE = "rgba(255, 255, 255, .75)";

function label(context, text, x, y, scale, limit) {
  context.font = `600 ${12 * scale}px system-ui, "DejaVu Sans", sans-serif`;
  const width = context.measureText(text).width + 10 * scale;
  const height = 18 * scale;
  const left = Math.max(0, Math.min(x, limit - width));
  const top = y >= height ? y - height : y;
  context.fillStyle = ACCENT;
  context.fillRect(left, top, width, height);
  context.fillStyle = "#0e1012";
  context.fillText(text, left + 5 * scale, top + 13 * scale);
}

function region(context, [x, y, width, height], scale) {
  context.strokeStyle = PALE;
  context.lineWidth = scale;
  context.setLineDash([4 * scale, 3 * scale]);
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
}

function person(context, { track, box: [x1, y1, x2, y2], actions }, scale, limit) {
  context.strokeStyle = ACCENT;
  context.lineWidth = 2 * scale;
  context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  const names = actions.map(([name]) => name.replaceAll("_", " ")).join(", ");
  label(context, names || `person ${track}`, x1 - scale, y1, scale, limit);
}

// Draws about 1280 pixels wide whatever the camera's size, so that lines and letters stay fine.
export function draw(canvas, bitmap, head, show) {
  const zoom = Math.max(1, Math.round(1280 / head.width));
  if (canvas.width !== head.width * zoom || canvas.height !== head.height * zoom) {
    canvas.width = head.width * zoom;
    canvas.height = head.height * zoom;
  }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  context.setTransform(zoom, 0, 0, zoom, 0, 0);
  const scale = head.width / 650;
  if (show.regions) head.regions.forEach((box) => region(context, box, scale));
  if (show.people && head.fault === "NONE") {
    head.scene.people.forEach((one) => person(context, one, scale, head.width));
  }
}
