// Stands before each script that calls it, see `frontend.script`.

const KERNEL_LOST =
  "The kernel was stopped or restarted. Run this cell again to go on.";
const KERNEL_WAITS =
  "Waiting for the kernel. It may be busy with a cell; if it was stopped " +
  "since, run this cell again.";

/** Says so where the kernel has not answered for some seconds. */
function patience(told) {
  let timer = null;
  const stop = () => clearTimeout(timer);
  const start = () => {
    stop();
    timer = setTimeout(() => (told.textContent = KERNEL_WAITS), 3000);
  };
  return { start, stop };
}

/** Keeps keys pressed in a frame from being the notebook's commands. */
function keepKeys(frame) {
  for (const kind of ["keydown", "keypress", "keyup"]) {
    frame.addEventListener(kind, (event) => {
      const command = event.ctrlKey || event.metaKey || event.altKey;
      // Ctrl+Enter would run the cell again, and what was done here be lost.
      if (!command || event.key === "Enter") event.stopPropagation();
      // Escape leads to the cell.
      if (kind === "keydown" && event.key === "Escape") {
        document.activeElement.blur();
        frame.closest(".jp-Cell")?.focus();
      }
    });
  }
}
