// Deposits without a login: digests and signature are made here, and only the signed statement leaves.
// Most files under one signature: what a batch sends is bounded at the portal.
const BATCH_MAX = 1000;
function listed(name) {
  const item = $("item").content.firstElementChild.cloneNode(true);
  part(item, "name").textContent = name;
  $("list").append(item);
  return { item, part: (which) => part(item, which), says: (text) => { part(item, "says").textContent = text; } };
}
// From a signed statement to the certificates with their manifests; sending it again is safe. All files of a batch have one statement.
async function finish(id, deposit, shown) {
  const all = (text) => { for (const one of shown) one.says(text); };
  all(say.sending);
  let index;
  try { ({ index } = await send(deposit.statement, deposit.items)); } catch (error) {
    // The ledger said no to the statement itself: nothing will come of it.
    if ([403, 422].includes(error.status) && !deposit.sent) await inStore("deposits", (store) => store.delete(id));
    throw error;
  }
  if (!deposit.sent) await inStore("deposits", (store) => store.put({ ...deposit, sent: true }, id));
  for (const [item, one] of shown.entries()) {
    const link = one.part("record");
    link.href = `/records/${index}${deposit.items?.length ? `?item=${item}` : ""}`; link.hidden = false;
  }
  all(say.sealing);
  for (;;) {
    const answer = await fetch(`/records/${index}/live`).catch(() => null);
    if (answer?.ok) {
      shown[0].part("seals").innerHTML = await answer.text();
      if (!shown[0].part("seals").querySelector("[data-more]")) break;
    }
    await wait(700);
  }
  for (const [item, one] of shown.entries()) await finishOne(index, deposit.items?.length ? item : null, deposit, one);
  await inStore("deposits", (store) => store.delete(id));
}
// The certificate of one file, judged, kept, and offered.
async function finishOne(index, item, deposit, shown) {
  const got = await fetch(`/records/${index}/certificate${item === null ? "" : `?item=${item}`}`);
  if (!got.ok) throw new Error(say.unreachable);
  const { matter, note, holder } = deposit, { name, type, exhibit, manifest } = piecesOf(deposit)[item ?? 0];
  const sealed = hex(await got.arrayBuffer()), m = await loaded();
  const bytes = unhex(call(m, "whole", asJson({ certificate: sealed, manifest })).certificate);
  const verdict = await judged(bytes, exhibit);
  if (verdict.outcome !== "valid") throw new Error(say.invalid);
  await keep(verdict, { name, type, exhibit, matter, note, holder, certificate: bytes });
  const taken = shown.part("certificate");
  taken.href = URL.createObjectURL(new Blob([bytes], { type: CERTIFICATE }));
  taken.download = `${name}.xzc`;
  taken.hidden = false;
  taken.addEventListener("click", () => localStorage.setItem(`taken/${holder}`, index));
  shown.says(say.done);
}
// The files of a deposit; one that was kept before there were batches is its only file itself.
const piecesOf = (deposit) => deposit.pieces || [deposit];
// The group of a matter: the one that it had before, by its name.
async function groupOf(matter) {
  const all = [...await inStore("evidence", (store) => store.getAll()), ...await inStore("deposits", (store) => store.getAll())];
  return all.find((one) => one.holder === holder() && one.matter === matter && one.group)?.group || random();
}
// Digests a file; null where that fails, which is said at the file.
async function digested(file) {
  const shown = listed(file.name), bar = shown.part("bar");
  try {
    if (!file.size) throw new Error(say.empty);
    shown.says(say.hashing);
    bar.hidden = false;
    const exhibit = await (await digesting(file, (done) => { bar.value = done; })).digests;
    bar.hidden = true;
    shown.says(say.waiting);
    return { file, shown, exhibit };
  } catch (error) { bar.hidden = true; failed(shown, error); return null; }
}
// Signed and kept; what remains until the certificates are done goes on by itself.
async function begun(own, files, { matter, group, phase, note }) {
  const shown = files.map((one) => one.shown);
  try {
    const described = files.map(({ file, exhibit }) => ({ ...exhibit, title: file.name, media_type: file.type || "application/octet-stream", searchable: $("searchable").checked, group, phase, salts: Array.from({ length: 7 }, random) }));
    const { statement, manifests, items } = await signed(own, described);
    const pieces = files.map(({ file, exhibit }, at) => ({ name: file.name, type: file.type, exhibit, manifest: manifests[at] }));
    const made = { statement, items, pieces, matter, group, note, holder: holder(), sent: false }, id = random();
    // Before it is sent: what is recorded is never without its manifest.
    await inStore("deposits", (store) => store.put(made, id));
    // Its seals come while the next file is digested.
    return { done: finish(id, made, shown).catch((error) => failedAll(shown, error)) };
  } catch (error) { failedAll(shown, error); return { done: null }; }
}
function failed(shown, error) { shown.says(error.message); shown.item.classList.add("failed"); }
// Those that have their certificate keep it.
function failedAll(shown, error) { for (const one of shown) if (one.part("certificate").hidden) failed(one, error); }
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
    const sealing = [], place = { matter, group, phase, note }, most = phase === null ? BATCH_MAX : 1;
    // One signature for up to so many files. A batch has no phase: with one, each file has a signature of its own.
    for (let at = 0; at < files.length; at += most) {
      const ready = [];
      for (const file of files.slice(at, at + most)) ready.push(await digested(file));
      const good = ready.filter(Boolean);
      if (good.length) sealing.push(await begun(own, good, place));
    }
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
    const shown = piecesOf(left).map((piece) => listed(piece.name));
    try { await finish(ids[at], left, shown); } catch (error) { failedAll(shown, error); }
  }
})();
