// A training that shows itself: progress, a button to end the phase, curves.

function render({ model, el }) {
  const frame = document.createElement("section");
  frame.className = "course-live";
  frame.setAttribute("aria-label", "Training");

  const row = document.createElement("div");
  row.className = "course-live-row";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", "Part of the phase that is done");
  const stop = document.createElement("button");
  stop.type = "button";
  stop.textContent = "End this phase";
  const now = document.createElement("span");
  row.append(bar, stop, now);

  // Read out when it changes, so it changes only where a phase begins or ends.
  const told = document.createElement("p");
  told.setAttribute("role", "status");
  told.setAttribute("aria-live", "polite");

  const picture = document.createElement("img");
  picture.hidden = true;
  frame.append(row, told, picture);
  el.append(frame);

  keepKeys(frame);

  const waiting = patience(told);
  // It stays focusable, so that the keyboard does not lose its place.
  stop.addEventListener("click", () => {
    if (stop.getAttribute("aria-disabled") === "true") return;
    model.send({ end_phase: true });
    stop.setAttribute("aria-disabled", "true");
    stop.textContent = "Ending after this batch";
    waiting.start();
  });
  let phase = null;

  const showState = () => {
    waiting.stop();
    if (told.textContent === KERNEL_WAITS) told.textContent = model.get("told");
    const running = model.get("running");
    bar.value = model.get("done");
    now.textContent = model.get("now");
    if (!running && document.activeElement === stop)
      frame.closest(".jp-Cell")?.focus();
    stop.hidden = !running;
    if (running && model.get("phase") !== phase) {
      phase = model.get("phase");
      stop.setAttribute("aria-disabled", "false");
      stop.textContent = "End this phase";
    }
  };
  const tell = () => {
    waiting.stop();
    told.textContent = model.get("told");
  };
  const draw = () => {
    const data = model.get("picture");
    picture.hidden = !data;
    if (data) {
      picture.src = `data:image/png;base64,${data}`;
      picture.alt = model.get("description");
    }
  };
  model.on("change:running change:done change:now change:phase", showState);
  model.on("change:told", tell);
  model.on("comm_live_update", () => {
    waiting.stop();
    if (!model.get("running")) return;
    stop.hidden = true;
    told.textContent =
      "The kernel was stopped or restarted, and the training with it.";
  });
  model.on("change:picture", draw);
  showState();
  tell();
  draw();
  return waiting.stop;
}

export default { render };
