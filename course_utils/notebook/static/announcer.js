// Lets a screen reader say the verdict of a check. A live region is only
// reliable if it is in the page before it is filled, and the output of a cell
// comes as a whole; so one region, out of sight, stands at the end of the
// page. It needs no place in the notebook, and nothing of it is saved.

function initialize({ model }) {
  const region = document.createElement("div");
  region.className = "course-announcer";
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  region.style.cssText =
    "position:absolute;width:1px;height:1px;overflow:hidden;" +
    "clip-path:inset(50%);white-space:nowrap";
  document.body.append(region);
  const say = (text) => {
    region.textContent = "";
    setTimeout(() => (region.textContent = text), 100);
  };
  model.on("msg:custom", (message) => say(message.say));
  // A kernel that is gone has nothing more to say.
  model.on("comm_live_update", () => region.remove());
  // What was to be said before the region was there is sent now, and once: a
  // page that is loaded again does not say it again.
  model.send({ ready: true });
  return () => region.remove();
}

export default { initialize };
