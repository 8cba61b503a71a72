/* Swagger UI in the theme that was chosen on the site, else in that of the system. It has a dark theme of its own. */
const { theme } = document.currentScript.dataset;
const system = matchMedia("(prefers-color-scheme: dark)");
const apply = () => document.documentElement.classList.toggle("dark-mode", theme ? theme === "dark" : system.matches);
system.addEventListener("change", apply);
apply();
