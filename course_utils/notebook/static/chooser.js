// A list, and the picture of what is chosen.

function render({ model, el }) {
  const label = model.get("label");
  const frame = document.createElement("section");
  frame.className = "course-explorer";
  frame.setAttribute("aria-label", label);

  // Keys that move through the list are not the notebook's commands.
  for (const kind of ["keydown", "keypress", "keyup"]) {
    frame.addEventListener(kind, (event) => {
      const command = event.ctrlKey || event.metaKey || event.altKey;
      if (!command) event.stopPropagation();
    });
  }

  const holder = document.createElement("label");
  const list = document.createElement("select");
  // The value is told by itself, so the name is the label alone.
  list.setAttribute("aria-label", label);
  list.style.cssText = "font: inherit; margin: 0 0 0.6em 0.4em; max-width: 90%";
  holder.append(label, list);
  const picture = document.createElement("img");
  frame.append(holder, picture);
  el.append(frame);

  list.addEventListener("change", () => {
    model.set("chosen", list.value);
    model.save_changes();
  });
  const fill = () => {
    const options = model.get("options");
    list.replaceChildren(...options.map(([name, text]) => new Option(text, name)));
    list.value = model.get("chosen");
  };
  const show = () => {
    list.value = model.get("chosen");
    picture.src = `data:image/png;base64,${model.get("picture")}`;
    picture.alt = model.get("description");
  };
  const names = "change:chosen change:picture change:description";
  model.on("change:options", fill);
  model.on(names, show);
  fill();
  show();
  return () => {
    model.off("change:options", fill);
    model.off(names, show);
  };
}

export default { render };
