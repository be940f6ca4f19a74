// Sliders over committed results, and a button that trains one more point.

function render({ model, el }) {
  const frame = document.createElement("section");
  frame.className = "course-explorer";
  frame.setAttribute("aria-label", model.get("title"));

  keepKeys(frame);

  const sliders = document.createElement("div");
  sliders.className = "course-explorer-sliders";
  const showChosen = [];
  for (const { name, label, choices } of model.get("options")) {
    const holder = document.createElement("label");
    const input = document.createElement("input");
    // Not an output element: the slider itself says its value aloud.
    const output = document.createElement("strong");
    input.type = "range";
    input.min = 0;
    input.max = choices.length - 1;
    input.step = 1;
    // The value is told by itself, so the name is the label alone.
    input.setAttribute("aria-label", label);
    holder.append(`${label}: `, output, input);
    sliders.append(holder);
    const show = () => {
      const index = model.get("chosen")[name];
      input.value = index;
      input.setAttribute("aria-valuetext", choices[index]);
      output.textContent = choices[index];
    };
    input.addEventListener("input", () => {
      model.set("chosen", {
        ...model.get("chosen"),
        [name]: Number(input.value),
      });
      model.save_changes();
      // In a notebook that was opened again nobody may answer.
      wait();
    });
    showChosen.push(show);
  }

  const row = document.createElement("div");
  row.className = "course-explorer-row";
  const train = document.createElement("button");
  train.type = "button";
  train.textContent = "Train this point";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", "Part of the training that is done");
  const now = document.createElement("span");
  row.append(train, bar, now);

  // Read out when it changes, so it changes every few seconds at most.
  const told = document.createElement("p");
  told.setAttribute("role", "status");
  told.setAttribute("aria-live", "polite");
  const picture = document.createElement("img");
  frame.append(sliders, row, told, picture);
  el.append(frame);

  train.addEventListener("click", () => {
    // It stays focusable, so that the keyboard does not lose its place.
    if (train.getAttribute("aria-disabled") !== "true") {
      model.send({ train: model.get("trainings") });
      wait();
    }
  });

  const { start: wait, stop: answered } = patience(told);

  let begun = null;
  const showNow = () => {
    const seconds = Math.round((Date.now() - begun) / 1000);
    now.textContent = `${model.get("now")}, ${seconds} s`;
  };
  const clock = setInterval(() => begun && showNow(), 1000);

  const showState = () => {
    const running = model.get("running");
    if (running) answered();
    begun = running ? (begun ?? Date.now()) : null;
    train.setAttribute("aria-disabled", String(running));
    bar.hidden = now.hidden = !running;
    bar.value = model.get("done");
    if (running) showNow();
    if (told.textContent !== model.get("told")) {
      told.textContent = model.get("told");
    }
  };
  const draw = () => {
    answered();
    if (told.textContent === KERNEL_WAITS) told.textContent = model.get("told");
    picture.src = `data:image/png;base64,${model.get("picture")}`;
    picture.alt = model.get("description");
  };
  const choose = () => showChosen.forEach((show) => show());
  model.on("change:running change:done change:now change:told", showState);
  model.on("change:picture", draw);
  model.on("comm_live_update", () => {
    answered();
    begun = null;
    bar.hidden = now.hidden = true;
    train.setAttribute("aria-disabled", "true");
    frame.querySelectorAll("input").forEach((one) => (one.disabled = true));
    told.textContent = KERNEL_LOST;
  });
  model.on("change:chosen", choose);
  choose();
  showState();
  draw();
  return () => {
    clearInterval(clock);
    answered();
  };
}

export default { render };
