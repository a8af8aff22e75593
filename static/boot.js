// Loads the client and starts it; the page's policy allows no script inside the page itself.
import init, { start } from "{{pkg}}/web.js";

try {
  await init({ module_or_path: "{{pkg}}/web_bg.wasm" });
  start();
} catch (error) {
  console.error(error);
  const text = document.getElementById("shell-text");
  if (text) {
    text.textContent = "Balcony could not start. Reload the page; if that does not help, update your browser.";
    text.className = "error";
  }
}
