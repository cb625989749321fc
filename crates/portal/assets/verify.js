// Of the page that a portal serves: its language is the page's, the verifier a file beside it.
function firstLanguage() { return document.documentElement.lang.startsWith("zh") ? "zh" : "en"; }
async function verifierBytes() {
  const answer = await fetch(document.querySelector("[data-verifier]").dataset.verifier);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
// The ledger that this portal serves is trusted only once the reader says to have compared it; a record's certificate is put into the form.
(async () => {
  const place = $("verifying"), { ledger, certificate } = place.dataset;
  place.hidden = false;
  const compared = $("compared");
  if (compared) compared.addEventListener("change", () => { $("ledger").value = compared.checked ? ledger : ""; $("ledger").dispatchEvent(new Event("change", { bubbles: true })); });
  if (!certificate) return;
  const answer = await fetch(certificate);
  if (!answer.ok) return;
  const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") || "");
  const chosen = new DataTransfer();
  chosen.items.add(new File([await answer.blob()], name ? name[1] : "record.xzc"));
  $("certificate").files = chosen.files;
})();
