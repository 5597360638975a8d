// Comfort only: every page does without it.
"use strict";

for (const button of document.querySelectorAll("button.copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    const link = button.dataset.copyLink;
    const text = link ? new URL(link, location.href).href : button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed to copy";
    }
    button.setAttribute("aria-live", "polite");
    setTimeout(() => { button.textContent = label; }, 2500);
  });
}

const find = document.querySelector("#find");
if (find) {
  const box = find.parentElement;
  const status = box.querySelector("[role=status]");
  const rows = [...document.querySelectorAll(".matrix tbody tr")];
  const names = rows.map((row) => row.querySelector("th").textContent.toLowerCase());
  box.hidden = false;
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    let n = 0;
    rows.forEach((row, i) => {
      row.hidden = !names[i].includes(wanted);
      if (!row.hidden) n += 1;
    });
    status.textContent = wanted ? `${n} of ${rows.length} rows` : "";
  });
}
