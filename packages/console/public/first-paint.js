// Runs before the first paint so that a chosen theme never flashes the other one.
(() => {
  let choice = "auto";
  try {
    choice = localStorage.getItem("muster-theme") || "auto";
  } catch {
    // storage is closed to us: the system's theme it is
  }
  const dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  document.documentElement.style.background = dark ? "#0f1115" : "#f6f7f9";
})();
