/** The page of a site's snippet, which stays when the first visit has come. */
import "../shared/menus.js";
import { Install } from "./install.js";

const page = /** @type {HTMLElement} */ (document.querySelector("#install"));
new Install(/** @type {HTMLElement} */ (page.querySelector(".install")), page.dataset.key ?? "", null);
