/* Swagger UI in the theme of the system, as our own pages are; it has a dark one of its own. */
const dark = matchMedia("(prefers-color-scheme: dark)");
const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", apply);
apply();
