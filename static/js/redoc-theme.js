/* ReDoc in the theme that was chosen on the site, else in that of the system. It reads its colors only when it starts. */
const DARK = {
  colors: {
    primary: { main: "#7cbcf5" },
    text: { primary: "#e7ebf2", secondary: "#a5b0c1" },
    border: { dark: "#76839a", light: "#2a3443" },
    gray: { 50: "#161d27", 100: "#1d2632" },
    responses: {
      success: { color: "#8fdcb0", backgroundColor: "#10331f", tabTextColor: "#8fdcb0" },
      redirect: { color: "#f2c879", backgroundColor: "#382908", tabTextColor: "#f2c879" },
      error: { color: "#ffa1a8", backgroundColor: "#421418", tabTextColor: "#ffa1a8" },
      info: { color: "#7cbcf5", backgroundColor: "#12304a", tabTextColor: "#7cbcf5" },
    },
  },
  schema: {
    nestedBackground: "#161d27",
    linesColor: "#4a6a8a",
    typeNameColor: "#a5b0c1",
    typeTitleColor: "#a5b0c1",
    requireLabelColor: "#ffa1a8",
  },
  sidebar: { backgroundColor: "#161d27", textColor: "#e7ebf2", activeTextColor: "#7cbcf5" },
  rightPanel: { backgroundColor: "#0b1016", textColor: "#e7ebf2" },
  codeBlock: { backgroundColor: "#0f141b" },
  typography: {
    links: { color: "#7cbcf5", visited: "#7cbcf5", hover: "#9fd0ff" },
    code: { color: "#f2c879", backgroundColor: "#1d2632" },
  },
};

const LIGHT = { colors: { primary: { main: "#125a94" } } };

const { theme, schema } = document.currentScript.dataset;
const system = matchMedia("(prefers-color-scheme: dark)");

function show() {
  const isDark = theme ? theme === "dark" : system.matches;
  document.documentElement.classList.toggle("dark-mode", isDark);
  const place = document.createElement("div");
  document.querySelector("main").replaceChildren(place);
  Redoc.init(schema, { theme: isDark ? DARK : LIGHT }, place);
}

if (!theme) system.addEventListener("change", show);
show();
