// Of the page that a portal serves: its language is the page's, the verifier a file beside it.
function firstLanguage() { return document.documentElement.lang.startsWith("zh") ? "zh" : "en"; }
async function verifierBytes() {
  const answer = await fetch(document.querySelector("[data-verifier]").dataset.verifier);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
// The ledger that this portal serves is trusted only once the reader says to have compared it; a record's certificate is put into the form.
const asNumber = (text) => (text.includes("#") ? decodeURIComponent(text.slice(text.indexOf("#") + 1)) : text).split(/\s/)[0];
const askFor = (number) => location.replace(`/verify?${new URLSearchParams({ number })}`);
(async () => {
  const place = $("verifying"), { ledger, certificate } = place.dataset;
  place.hidden = false;
  const compared = $("compared");
  if (compared) compared.addEventListener("change", () => { $("ledger").value = compared.checked ? ledger : ""; $("ledger").dispatchEvent(new Event("change", { bubbles: true })); });
  // The code of a printed certificate leads here with the number behind "#". Only some browsers read codes themselves.
  if (!certificate && location.hash.length > 1) return askFor(asNumber(location.hash));
  if ("BarcodeDetector" in self) {
    $("scanning").hidden = false;
    $("scan").addEventListener("change", async () => {
      const [code] = await new BarcodeDetector({ formats: ["qr_code"] }).detect(await createImageBitmap($("scan").files[0])).catch(() => []);
      if (code) askFor(asNumber(code.rawValue)); else $("unread").hidden = false;
    });
  }
  if (!certificate) return;
  const answer = await fetch(certificate);
  if (!answer.ok) return;
  const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") || "");
  const chosen = new DataTransfer();
  chosen.items.add(new File([await answer.blob()], name ? name[1] : "record.xzc"));
  $("certificate").files = chosen.files;
})();
