// Deposits without a login: digests, key and signature are made here, and only the signed statement leaves.
async function verifierBytes() {
  const answer = await fetch(document.querySelector("[data-verifier]").dataset.verifier);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
const place = $("depositing"), say = place.dataset;
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) || [], (two) => parseInt(two, 16));
const random = () => hex(crypto.getRandomValues(new Uint8Array(16)));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
// What the browser keeps: the account of each ledger, and what is deposited without its certificate taken yet.
function kept() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("xiezhi", 1);
    asked.onupgradeneeded = () => { asked.result.createObjectStore("accounts"); asked.result.createObjectStore("deposits"); };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
async function inStore(name, act) {
  const store = (await kept()).transaction(name, "readwrite", { durability: "strict" }), asked = act(store.objectStore(name));
  return new Promise((resolve, reject) => {
    store.oncomplete = () => resolve(asked.result);
    store.onabort = () => reject(store.error);
  });
}
// The key cannot be read out, not even by this page.
async function account() {
  const known = await inStore("accounts", (store) => store.get(say.ledger));
  if (known) return known;
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const made = { signer: pair.privateKey, key: hex([2 + (point[64] & 1), ...point.slice(1, 33)]), salt: random() };
  await inStore("accounts", (store) => store.put(made, say.ledger));
  return made;
}
function call(m, name, input) {
  m.give(input); m.exports[name]();
  const answer = JSON.parse(m.answer());
  if (answer.error) throw new Error(answer.error);
  return answer;
}
const asJson = (value) => new TextEncoder().encode(JSON.stringify(value));
// One statement after the other: the module holds one draft.
let turn = Promise.resolve();
function signed(own, exhibit) {
  return turn = turn.catch(() => {}).then(async () => {
    const { signer, key, salt } = own, m = await loaded();
    const draft = call(m, "draft", asJson({ ledger: say.ledger, issued_at: String(Date.now()), key, salt, exhibit }));
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, signer, unhex(draft.message));
    return { account: draft.account, ...call(m, "sign", new Uint8Array(signature)) };
  });
}
async function send(statement) {
  const answer = await fetch("/deposits", { method: "POST", headers: { "content-type": "application/cose" }, body: unhex(statement) });
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.error), { code: said.code, status: answer.status });
  return said;
}
// Makes sure that the account is on the ledger.
async function registered() {
  const own = await account(), { account: id, statement } = await signed(own, null);
  const there = await fetch(`/accounts/${id}`, { method: "HEAD" });
  if (there.status === 404) await send(statement).catch((error) => { if (error.code !== "account-exists") throw error; });
  else if (!there.ok) throw new Error(say.unreachable);
  $("account").replaceChildren(Object.assign(document.createElement("a"), { href: `/accounts/${id}`, textContent: id }));
  $("whose").hidden = false;
  return own;
}
function listed(name) {
  const item = $("item").content.firstElementChild.cloneNode(true), part = (which) => item.querySelector(`[data-part=${which}]`);
  part("name").textContent = name;
  $("list").append(item);
  return { item, part, says: (text) => { part("says").textContent = text; } };
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
  m.give(bytes); m.exports.certificate();
  // The other machines' clocks may be a little ahead of this one's.
  const verdict = call(m, "judge", asJson({ anchors: [{ ledger: say.ledger }], exhibit: deposit.exhibit, record_only: false, declared_time: String(Date.now() + 60000) }));
  if (verdict.outcome !== "valid") throw new Error(say.invalid);
  const save = shown.part("certificate");
  save.href = URL.createObjectURL(new Blob([bytes], { type: "application/vnd.xiezhi.certificate+cbor" }));
  save.download = `${deposit.name}.xzc`;
  save.hidden = false;
  save.addEventListener("click", () => inStore("deposits", (store) => store.delete(id)));
  shown.says(say.done);
}
async function deposit(own, file) {
  const shown = listed(file.name), bar = shown.part("bar");
  try {
    if (!file.size) throw new Error(say.empty);
    shown.says(say.hashing);
    bar.hidden = false;
    const exhibit = await (await digesting(file, (done) => { bar.value = done; })).digests;
    bar.hidden = true;
    const described = { ...exhibit, title: file.name, media_type: file.type || "application/octet-stream", searchable: $("searchable").checked, salts: Array.from({ length: 7 }, random) };
    const { statement, manifest } = await signed(own, described);
    const made = { name: file.name, exhibit, statement, manifest, sent: false }, id = random();
    // Before it is sent: what is recorded is never without its manifest.
    await inStore("deposits", (store) => store.put(made, id));
    await finish(id, made, shown);
  } catch (error) { bar.hidden = true; shown.says(error.message); shown.item.classList.add("failed"); }
}
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...$("files").files];
  $("error").textContent = files.length ? "" : say.none;
  if (!files.length) return;
  navigator.storage?.persist?.();
  $("deposit").disabled = true;
  try {
    const own = await registered();
    for (const file of files) await deposit(own, file);
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
  const [ids, deposits] = [await inStore("deposits", (store) => store.getAllKeys()), await inStore("deposits", (store) => store.getAll())];
  for (const [at, left] of deposits.entries()) {
    const shown = listed(left.name);
    try { await finish(ids[at], left, shown); } catch (error) { shown.says(error.message); shown.item.classList.add("failed"); }
  }
})();
