// A list, and the picture of what is chosen.

function render({ model, el }) {
  const label = model.get("label");
  const frame = document.createElement("section");
  frame.className = "course-explorer";
  frame.setAttribute("aria-label", label);

  keepKeys(frame);

  const holder = document.createElement("label");
  const list = document.createElement("select");
  // The value is told by itself, so the name is the label alone.
  list.setAttribute("aria-label", label);
  list.style.cssText = "font: inherit; margin: 0 0 0.6em 0.4em; max-width: 90%";
  holder.append(label, list);
  const picture = document.createElement("img");
  const told = document.createElement("p");
  told.setAttribute("role", "status");
  told.setAttribute("aria-live", "polite");
  frame.append(holder, told, picture);
  el.append(frame);

  const waiting = patience(told);
  list.addEventListener("change", () => {
    model.set("chosen", list.value);
    model.save_changes();
    // In a notebook that was opened again nobody may answer.
    waiting.start();
  });
  const fill = () => {
    const options = model.get("options");
    list.replaceChildren(...options.map(([name, text]) => new Option(text, name)));
    list.value = model.get("chosen");
  };
  const tell = () => {
    waiting.stop();
    told.textContent = model.get("told");
  };
  const lose = () => {
    waiting.stop();
    list.disabled = true;
    told.textContent = KERNEL_LOST;
  };
  const show = () => {
    list.value = model.get("chosen");
    picture.src = `data:image/png;base64,${model.get("picture")}`;
    picture.alt = model.get("description");
  };
  const answered = () => {
    waiting.stop();
    if (told.textContent === KERNEL_WAITS) tell();
    show();
  };
  model.on("change:options", fill);
  model.on("change:chosen", show);
  model.on("change:picture change:description", answered);
  model.on("change:told", tell);
  model.on("comm_live_update", lose);
  fill();
  show();
  tell();
  return waiting.stop;
}

export default { render };
