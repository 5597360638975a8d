// Keys for coding. The pages do without them; single keys can be switched off (WCAG 2.1.4), and the choice is kept.
"use strict";

const keys = document.querySelector("#keys");
const box = document.querySelector("#keys-on");
const form = document.querySelector("#coding");
const said = document.querySelector("#said");
const codes = [...document.querySelectorAll("fieldset.code")];
const STANCES = { "+": "positive", "=": "positive", "-": "negative", ".": "neutral" };
let touched = null;
let sent = false;

function stored() {
  try { return localStorage.getItem("single-keys") !== "off"; } catch { return true; }
}

function show(on) {
  document.body.classList.toggle("keys-on", on);
  box.checked = on;
}

function stanceOf(code) {
  return code.querySelector("input:checked").value;
}

function tell(code) {
  const stance = stanceOf(code);
  code.classList.toggle("given", stance !== "");
  said.textContent = `${code.dataset.title}: ${stance || "not given"}`;
}

function touch(code, stance) {
  touched = code;
  const input = code.querySelector(`input[value="${stance}"]`);
  input.checked = true;
  input.focus();
  tell(code);
}

function save() {
  if (form && !sent) form.requestSubmit();
}

const commands = {
  s: () => (form ? save() : document.querySelector("#go")?.click()),
  k: () => document.querySelector("#skip")?.click(),
  u: () => document.querySelector("#undo")?.requestSubmit(),
  b: () => document.querySelector("#back")?.click(),
  m: () => document.querySelector("#note")?.focus(),
  n: () => {
    for (const code of codes) {
      code.querySelector('input[value=""]').checked = true;
      code.classList.remove("given");
    }
    if (said) said.textContent = "No code";
  },
  d: () => {
    const details = touched?.querySelector("details");
    if (details) details.open = !details.open;
  },
};

keys.hidden = false;
show(stored());
box.addEventListener("change", () => {
  show(box.checked);
  try { localStorage.setItem("single-keys", box.checked ? "on" : "off"); } catch { /* only for this page then */ }
});
for (const code of codes) {
  code.addEventListener("change", () => { touched = code; tell(code); });
  code.addEventListener("focusin", () => { touched = code; });
}
form?.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
window.addEventListener("pageshow", () => { sent = false; });
document.querySelector("#problem")?.focus();

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (at.id === "note") {
    if (event.key === "Escape") at.blur();
    return;
  }
  if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (at.matches("textarea, select, input:not([type=radio], [type=checkbox])")) return;
  const key = event.key.toLowerCase();
  const code = codes.find((one) => one.dataset.key === key);
  if (code) touch(code, stanceOf(code) ? "" : code.dataset.stance);
  else if (key in STANCES && touched) touch(touched, STANCES[key]);
  else if (key in commands) commands[key]();
  else return;
  event.preventDefault();
});
