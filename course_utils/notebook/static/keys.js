// Stands before each script that calls it, see `frontend.script`.

/** Keeps keys pressed in a frame from being the notebook's commands. */
function keepKeys(frame) {
  for (const kind of ["keydown", "keypress", "keyup"]) {
    frame.addEventListener(kind, (event) => {
      const command = event.ctrlKey || event.metaKey || event.altKey;
      if (!command) event.stopPropagation();
      // Escape leads to the cell.
      if (kind === "keydown" && event.key === "Escape") {
        document.activeElement.blur();
        frame.closest(".jp-Cell")?.focus();
      }
    });
  }
}
