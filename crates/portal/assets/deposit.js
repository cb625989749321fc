// Deposits without a login: digests and signature are made here, and only the signed statement leaves.
function listed(name) {
  const item = $("item").content.firstElementChild.cloneNode(true);
  part(item, "name").textContent = name;
  $("list").append(item);
  return { item, part: (which) => part(item, which), says: (text) => { part(item, "says").textContent = text; } };
}
// From a signed statement to the certificate with its manifest; sending it again is safe.
async function finish(id, deposit, shown) {
  shown.says(say.sending);
  let index;
  try { ({ index } = await send(deposit.statement)); } catch (error) {
    // The ledger said no to the statement itself: nothing will come of it.
    if ([403, 422].includes(error.status) && !deposit.sent) await inStore("deposits", (store) => store.delete(id));
    throw error;
  }
  if (!deposit.sent) await inStore("deposits", (store) => store.put({ ...deposit, sent: true }, id));
  const link = shown.part("record");
  link.href = `/records/${index}`; link.hidden = false;
  shown.says(say.sealing);
  for (;;) {
    const answer = await fetch(`/records/${index}/live`).catch(() => null);
    if (answer?.ok) {
      shown.part("seals").innerHTML = await answer.text();
      if (!shown.part("seals").querySelector("[data-more]")) break;
    }
    await wait(700);
  }
  const got = await fetch(`/records/${index}/certificate`);
  if (!got.ok) throw new Error(say.unreachable);
  const sealed = hex(await got.arrayBuffer()), m = await loaded();
  const bytes = unhex(call(m, "whole", asJson({ certificate: sealed, manifest: deposit.manifest })).certificate);
  const { name, type, exhibit, matter, note, holder } = deposit, verdict = await judged(bytes, exhibit);
  if (verdict.outcome !== "valid") throw new Error(say.invalid);
  await keep(verdict, { name, type, exhibit, matter, note, holder, certificate: bytes });
  await inStore("deposits", (store) => store.delete(id));
  const taken = shown.part("certificate");
  taken.href = URL.createObjectURL(new Blob([bytes], { type: CERTIFICATE }));
  taken.download = `${name}.xzc`;
  taken.hidden = false;
  taken.addEventListener("click", () => localStorage.setItem(`taken/${holder}`, index));
  shown.says(say.done);
}
// The group of a matter: the one that it had before, by its name.
async function groupOf(matter) {
  const all = [...await inStore("evidence", (store) => store.getAll()), ...await inStore("deposits", (store) => store.getAll())];
  return all.find((one) => one.holder === holder() && one.matter === matter && one.group)?.group || random();
}
// Digested, signed and kept; what remains until the certificate is done goes on by itself.
async function begun(own, file, { matter, group, phase, note }) {
  const shown = listed(file.name), bar = shown.part("bar");
  try {
    if (!file.size) throw new Error(say.empty);
    shown.says(say.hashing);
    bar.hidden = false;
    const exhibit = await (await digesting(file, (done) => { bar.value = done; })).digests;
    bar.hidden = true;
    const described = { ...exhibit, title: file.name, media_type: file.type || "application/octet-stream", searchable: $("searchable").checked, group, phase, salts: Array.from({ length: 7 }, random) };
    const { statement, manifest } = await signed(own, described);
    const made = { name: file.name, type: file.type, exhibit, statement, manifest, matter, group, note, holder: holder(), sent: false }, id = random();
    // Before it is sent: what is recorded is never without its manifest.
    await inStore("deposits", (store) => store.put(made, id));
    // Its seals come while the next file is digested.
    return { done: finish(id, made, shown).catch((error) => failed(shown, error)) };
  } catch (error) { bar.hidden = true; failed(shown, error); return { done: null }; }
}
function failed(shown, error) { shown.says(error.message); shown.item.classList.add("failed"); }
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...$("files").files];
  $("error").textContent = files.length ? "" : say.none;
  if (!files.length) return;
  navigator.storage?.persist?.();
  $("deposit").disabled = true;
  try {
    const own = await registered(), matter = $("matter").value.trim(), note = $("note").value.trim();
    const group = matter ? await groupOf(matter) : null, phase = group && $("phase").value ? Number($("phase").value) : null;
    const sealing = [];
    for (const file of files) sealing.push(await begun(own, file, { matter, group, phase, note }));
    await Promise.all(sealing.map((one) => one.done));
    $("form").reset();
  } catch (error) { $("error").textContent = error.message; }
  $("deposit").disabled = false;
});
const drop = $("drop");
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); $("files").files = event.dataTransfer.files; });
// What was left behind last time goes on.
(async () => {
  place.hidden = false;
  // Browsers keep keys only for this machine's own pages and for those that come over https.
  if (!isSecureContext) { $("error").textContent = say.insecure; $("deposit").disabled = true; return; }
  const matters = new Set((await inStore("evidence", (store) => store.getAll())).filter((one) => one.holder === holder()).map((one) => one.matter).filter(Boolean));
  $("matters").replaceChildren(...Array.from(matters, (value) => Object.assign(document.createElement("option"), { value })));
  const [ids, deposits] = [await inStore("deposits", (store) => store.getAllKeys()), await inStore("deposits", (store) => store.getAll())];
  for (const [at, left] of deposits.entries()) {
    const shown = listed(left.name);
    try { await finish(ids[at], left, shown); } catch (error) { failed(shown, error); }
  }
})();
