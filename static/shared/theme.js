/* Not a module: it must set the theme before the first paint. */
(() => {
  const KEY = "footfall.theme";
  const THEMES = ["auto", "light", "dark"];
  const root = document.documentElement;

  function kept() {
    try {
      const theme = localStorage.getItem(KEY);
      return theme && THEMES.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // storage is blocked: the preference of the system serves
    }
  }

  /** @param {string} theme */
  function show(theme) {
    root.dataset.theme = theme;
    for (const word of document.querySelectorAll("[data-theme-switch]")) word.textContent = theme;
  }

  function switchTheme() {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length] ?? "auto";
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // It holds for this page then.
    }
    show(next);
  }

  show(kept());
  addEventListener("storage", (event) => event.key === KEY && show(kept()));
  document.addEventListener("DOMContentLoaded", () => {
    show(kept());
    document.querySelector("[data-theme-switch]")?.closest("button")?.addEventListener("click", switchTheme);
  });
})();
