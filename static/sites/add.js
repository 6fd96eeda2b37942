/** A site is added with the time zone of the browser that adds it, unless somebody chooses another. */
import "../shared/menus.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

for (const field of /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */ (document.querySelectorAll("[data-zone]"))) {
  if (field instanceof HTMLSelectElement) {
    // Only where nobody has chosen yet, and the server knows the zone.
    const known = [...field.options].some(({ value }) => value === zone);
    if (known && field.value === "UTC") field.value = zone;
  } else field.value = zone;
}
for (const name of document.querySelectorAll("[data-zone-name]")) name.textContent = zone.replaceAll("_", " ");

for (const menu of document.querySelectorAll("details.adding")) {
  menu.addEventListener("toggle", () => /** @type {HTMLElement | null} */ (menu.querySelector("input[name=domain]"))?.focus());
}
