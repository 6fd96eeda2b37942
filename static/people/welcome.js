/**
 * The secret of a personal link stands behind the # of the address: from here it goes into the form, and is gone from
 * the address and the history. Whoever logs in first finds it again, in this tab.
 */
const KEPT = "footfall.link";

const field = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-secret]"));
const login = document.querySelector("[data-login]");
const secret = location.hash.slice(1) || take();

if (location.hash) history.replaceState(null, "", location.pathname);
if (field && secret && document.body.querySelector("[data-open]")) {
  field.value = secret;
  field.form?.submit();
}
login?.addEventListener("click", () => {
  try {
    sessionStorage.setItem(KEPT, field?.value ?? "");
  } catch {
    // Storage is blocked: the link has to be opened again.
  }
});

/** What was kept while somebody logged in; it is kept no longer. */
function take() {
  try {
    const kept = sessionStorage.getItem(KEPT) ?? "";
    sessionStorage.removeItem(KEPT);
    return kept;
  } catch {
    return "";
  }
}
