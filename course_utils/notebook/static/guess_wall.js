// A wall of pictures to pick from, and what came of the guess.

function render({ model, el }) {
  const frame = document.createElement("fieldset");
  frame.className = "course-wall";
  const legend = document.createElement("legend");
  legend.textContent = model.get("question");

  keepKeys(frame);

  const grid = document.createElement("div");
  grid.style.maxWidth = `calc(${model.get("columns")} * (150px + 0.8em))`;
  const boxes = model.get("pictures").map((data, i) => {
    const holder = document.createElement("label");
    const picture = document.createElement("img");
    picture.src = `data:image/png;base64,${data}`;
    picture.alt = `picture ${i + 1}`;
    const box = document.createElement("input");
    box.type = "checkbox";
    const text = document.createElement("span");
    holder.append(picture, box, text);
    grid.append(holder);
    return { box, text };
  });

  const done = document.createElement("button");
  done.type = "button";
  done.textContent = "That is my guess";
  const told = document.createElement("p");
  told.setAttribute("role", "status");
  told.setAttribute("aria-live", "polite");
  frame.append(legend, grid, done, told);
  el.append(frame);

  const waiting = patience(told);
  done.addEventListener("click", () => {
    if (done.getAttribute("aria-disabled") === "true") return;
    const picked = boxes.flatMap(({ box }, i) => (box.checked ? [i + 1] : []));
    if (!picked.length) {
      told.textContent = "Tick at least one picture first.";
      return;
    }
    waiting.start();
    model.send({ guess: picked });
  });

  const show = () => {
    const { picked, texts, wrong } = model.get("shown");
    boxes.forEach(({ box, text }, i) => {
      if (picked) box.checked = picked.includes(i + 1);
      text.textContent = texts[i];
      text.parentElement.classList.toggle("course-wall-wrong", !!wrong[i]);
      box.setAttribute("aria-label", texts[i]);
    });
    tell();
  };
  const tell = () => {
    waiting.stop();
    told.textContent = model.get("told");
  };
  model.on("change:shown", show);
  model.on("change:told", tell);
  model.on("comm_live_update", () => {
    waiting.stop();
    done.setAttribute("aria-disabled", "true");
    told.textContent = KERNEL_LOST;
  });
  show();
  return waiting.stop;
}

export default { render };
