// Sets the theme before anything is drawn, so that no page flashes in the other one. The choice of the person is kept by
// src/theme.ts; without one, or with "system", it is that of the system.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let choice = null;
    try {
      choice = localStorage.getItem("citytrack.theme");
    } catch {
      // No storage, no choice.
    }
    const theme = choice === "light" || choice === "dark" ? choice : dark.matches ? "dark" : "light";
    if (document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event("citytrack:theme"));
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("citytrack:theme-choice", apply);
})();
