// The first run: a step is done when this browser has what it leads to.
const DONE = {
  register: () => localStorage.getItem(`bound/${holder()}`),
  deposit: (all) => all.length,
  take: () => localStorage.getItem(`taken/${holder()}`),
  verify: () => localStorage.getItem(`verified/${holder()}`),
  grant: () => localStorage.getItem(`granted/${holder()}`),
};
(async () => {
  place.hidden = false;
  const all = (await inStore("evidence", (store) => store.getAll())).filter((one) => one.holder === holder());
  const steps = [...document.querySelectorAll("[data-step]")];
  for (const step of steps) {
    if (!DONE[step.dataset.step](all)) continue;
    step.classList.add("done");
    part(step, "state").textContent = say.done;
    step.querySelector(".tick").textContent = "✓";
  }
  const left = steps.filter((step) => !step.classList.contains("done"));
  left[0]?.setAttribute("aria-current", "step");
  $("standing").textContent = left.length ? say.left.replace("%", steps.length - left.length).replace("%", steps.length) : say.all;
})();
