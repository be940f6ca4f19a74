// Draws a quiz as cards. Python judges and remembers; this file only shows
// what it is told and hands over what was answered. No key reaches it.

const LOST =
  "The kernel was stopped or restarted. Run this cell again: your answers " +
  "are kept.";
const WAITING =
  "Waiting for the kernel. It may be busy with a cell; if it was stopped " +
  "since, run the cell of this card: your answers are kept.";
const SIGNS = {
  passed: "\u2713",
  partial: "\u25D0",
  failed: "\u00D7",
  remembered: "\u2022",
  "not attempted": "\u2026",
  error: "!",
};
let made = 0;

/** Makes an element; texts among the children stay texts, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Turns `code` between backticks into code elements. */
function prose(text) {
  return text
    .split("`")
    .map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

/** Fills a live region. What it already said is said anew after a pause. */
function say(region, ...children) {
  const before = region.textContent;
  region.replaceChildren(...children);
  if (before && before === region.textContent) {
    region.replaceChildren();
    setTimeout(() => region.replaceChildren(...children), 100);
  }
}

function liveRegion(name) {
  return make("div", {
    class: `course-quiz-${name}`,
    role: "status",
    "aria-live": "polite",
    ...(name === "hints" ? { "aria-atomic": "false" } : {}),
  });
}

/** One question: `apply` shows a standing, `wait` and `lose` tell why none. */
function drawQuestion(question, send) {
  const id = `course-quiz-${made++}`;
  const verdict = liveRegion("verdict");
  const hints = liveRegion("hints");
  const legend = make(
    "legend",
    {},
    make("strong", {}, question.id),
    " ",
    ...prose(question.prompt),
    " ",
    make("span", { class: "course-quiz-worth" }, `(${question.worth})`),
  );
  const fieldset = make("fieldset", {}, legend);
  if (question.how) {
    fieldset.append(
      make("p", { id: `${id}-how`, class: "course-quiz-how" }, question.how),
    );
  }
  const inputs = [];
  for (const choice of question.choices) {
    const input = make("input", {
      type: question.type === "single" ? "radio" : "checkbox",
      name: id,
      value: choice.id,
      id: `${id}-${choice.id}`,
    });
    const label = make(
      "label",
      { for: input.id },
      `${choice.letter}) `,
      ...prose(choice.text),
    );
    inputs.push(input);
    fieldset.append(
      make("div", { class: "course-quiz-choice" }, input, label),
    );
  }
  if (!inputs.length) {
    const input = make("input", {
      type: "text",
      id: `${id}-input`,
      autocomplete: "off",
      ...(question.type === "text" ? {} : { inputmode: "decimal" }),
      ...(question.how ? { "aria-describedby": `${id}-how` } : {}),
    });
    inputs.push(input);
    fieldset.append(
      make(
        "div",
        { class: "course-quiz-write" },
        make("label", { for: input.id }, question.label),
        input,
      ),
    );
  } else if (question.how) {
    fieldset.setAttribute("aria-describedby", `${id}-how`);
  }
  const check = make("button", { type: "submit" });
  const hint = make("button", { type: "button" });
  const form = make(
    "form",
    { class: "course-quiz-question", novalidate: "" },
    fieldset,
    make("div", { class: "course-quiz-actions" }, check, hint),
    hints,
    verdict,
  );

  let standing = {};
  let asked = 0; // which request is under way; 0 for none
  let answering = false; // whether that request is an answer
  let lost = false;

  function given() {
    if (question.type === "several") {
      return inputs.filter((i) => i.checked).map((i) => i.value);
    }
    if (question.type === "single") {
      return inputs.find((i) => i.checked)?.value ?? "";
    }
    return inputs[0].value;
  }

  function request(content) {
    if (lost) {
      form.dataset.status = "";
      say(verdict, LOST);
      return;
    }
    const mine = ++made;
    asked = mine;
    answering = content.do === "answer";
    setTimeout(() => {
      if (asked === mine && !lost) say(verdict, WAITING);
    }, 1500);
    send({ ...content, name: question.id, request: mine });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (standing.closed) return;
    request({ do: "answer", answer: given() });
  });
  // A button that has the focus is not taken away, or focus would be lost.
  hint.addEventListener("click", () => {
    if (hint.getAttribute("aria-disabled") === "false") request({ do: "hint" });
  });

  function showVerdict() {
    const shown = standing.verdict;
    form.dataset.status = shown ? shown.status : "";
    if (!shown) {
      verdict.replaceChildren();
      return;
    }
    const children = [
      make("span", { "aria-hidden": "true" }, `${SIGNS[shown.status]} `),
      make("strong", {}, shown.word),
      " ",
      ...prose(shown.message),
    ];
    if (shown.note) children.push(make("div", {}, shown.note));
    say(verdict, ...children);
  }

  return {
    form,
    /** Shows how the question stands; what did not change is left alone. */
    apply(next, answered) {
      const done = asked && answered === asked;
      const before = standing;
      standing = next;
      const differs = (part) =>
        JSON.stringify(before[part]) !== JSON.stringify(next[part]);
      check.textContent = next.button;
      check.setAttribute("aria-disabled", String(next.closed));
      if (!question.choices.length) inputs[0].readOnly = next.closed;
      if (differs("given") && next.given !== null) {
        for (const input of inputs) {
          if (question.choices.length) {
            input.checked = next.given.includes(input.value);
          } else if (document.activeElement !== input) {
            input.value = next.given;
          }
        }
      }
      for (let i = hints.children.length; i < next.hints.length; i++) {
        hints.append(
          make("p", {}, `Hint ${i + 1}: `, ...prose(next.hints[i])),
        );
      }
      const left = question.hints - next.hints.length;
      hint.hidden = !question.hints;
      hint.setAttribute("aria-disabled", String(!left));
      hint.textContent = left
        ? `Hint ${next.hints.length + 1} of ${question.hints}`
        : "No more hints";
      const waiting = verdict.textContent === WAITING;
      if (differs("verdict")) {
        showVerdict();
        answering = false;
      } else if (done && (answering || waiting)) {
        // The same verdict again: said again.
        showVerdict();
      }
      if (done) asked = 0;
    },
    lose() {
      lost = true;
      asked = 0;
    },
  };
}

function render({ model, el }) {
  const points = liveRegion("points");
  const news = liveRegion("news");
  const root = make(
    "div",
    { class: "course-quiz", role: "group", "aria-label": model.get("title") },
    make(
      "div",
      { class: "course-quiz-head" },
      make("strong", {}, model.get("title")),
      points,
    ),
    news,
  );
  // The notebook has shortcuts on plain keys (a, b, d d, arrows, Shift+Enter):
  // keys pressed in a card stay in the card. Ctrl and Command pass, so that
  // the notebook can be saved from here; with Enter they would run the cell.
  for (const kind of ["keydown", "keypress", "keyup"]) {
    root.addEventListener(kind, (event) => {
      const command = event.ctrlKey || event.metaKey;
      if (!command || event.key === "Enter") event.stopPropagation();
      if (kind === "keydown" && event.key === "Escape") leave(event);
    });
  }
  // Escape leads from a card to its cell, and so does a click beside a card:
  // JupyterLab leaves the focus where it is if that is inside the cell.
  function leave(event) {
    if (!root.contains(document.activeElement)) return;
    if (event.type === "pointerdown" && root.contains(event.target)) return;
    document.activeElement.blur();
    if (event.type === "keydown") root.closest(".jp-Cell")?.focus();
  }
  document.addEventListener("pointerdown", leave, true);
  const cards = new Map();
  for (const question of model.get("questions")) {
    const card = drawQuestion(question, (content) => model.send(content));
    cards.set(question.id, card);
    root.append(card.form);
  }
  function applyAll(name, answered) {
    const standings = model.get("standings");
    for (const [one, card] of cards) {
      card.apply(standings[one], one === name ? answered : 0);
    }
    if (points.textContent !== model.get("points")) {
      points.textContent = model.get("points");
    }
  }
  applyAll();
  model.on("change:standings", () => applyAll());
  model.on("change:points", () => applyAll());
  model.on("msg:custom", (message) =>
    applyAll(message.done, message.request),
  );
  model.on("comm_live_update", () => {
    for (const card of cards.values()) card.lose();
    news.textContent = LOST;
  });
  el.append(root);
  return () => document.removeEventListener("pointerdown", leave, true);
}

export default { render };
