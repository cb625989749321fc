// The browser's own account: its key is made and kept here, and only what it signed leaves.
async function verifierBytes() {
  const answer = await fetch(document.querySelector("[data-verifier]").dataset.verifier);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
const place = document.querySelector("[data-ledger]"), say = place.dataset;
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) || [], (two) => parseInt(two, 16));
const random = () => hex(crypto.getRandomValues(new Uint8Array(16)));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const part = (item, which) => item.querySelector(`[data-part=${which}]`);
const asLink = (id) => Object.assign(document.createElement("a"), { href: `/accounts/${id}`, textContent: id });
// What the browser keeps: the account of each ledger, deposits that are under way, and evidence: certificates with what is known of them.
let database = null;
function kept() {
  return database ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("xiezhi", 2);
    asked.onupgradeneeded = () => {
      for (const name of ["accounts", "deposits", "evidence"]) if (!asked.result.objectStoreNames.contains(name)) asked.result.createObjectStore(name);
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
    // A page that was left, and that the browser still holds, keeps the next one from nothing.
    addEventListener("pagehide", () => {
      database = null;
      asked.transaction?.abort();
      if (asked.readyState === "done") asked.result?.close();
    }, { once: true });
  });
}
async function inStore(name, act) {
  const store = (await kept()).transaction(name, "readwrite", { durability: "strict" }), asked = act(store.objectStore(name));
  return new Promise((resolve, reject) => {
    store.oncomplete = () => resolve(asked.result);
    store.onabort = () => reject(store.error);
  });
}
// Whose account is in use: this browser's own, or in a demonstration that of an example.
const holder = () => { const role = say.roles && localStorage.getItem("role"); return role ? `${say.ledger}/${role}` : say.ledger; };
// Looking makes no account.
const hasAccount = () => inStore("accounts", (store) => store.get(holder()));
async function compressed(key) {
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", key));
  return hex([2 + (point[64] & 1), ...point.slice(1, 33)]);
}
// The keys cannot be read out, not even by this page: one signs, to the other others encrypt.
async function account(whose = holder()) {
  const known = await inStore("accounts", (store) => store.get(whose));
  if (known) return known;
  const curve = "P-256", signing = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: curve }, false, ["sign", "verify"]);
  const opening = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: curve }, false, ["deriveBits"]);
  const made = {
    signer: signing.privateKey, key: await compressed(signing.publicKey), salt: random(),
    opener: opening.privateKey, encryption: await compressed(opening.publicKey), point: hex(await crypto.subtle.exportKey("raw", opening.publicKey)),
  };
  await inStore("accounts", (store) => store.put(made, whose));
  return made;
}
function call(m, name, input) {
  m.give(input); m.exports[name]();
  const answer = JSON.parse(m.answer());
  if (answer.error) throw new Error(answer.error);
  return answer;
}
const asJson = (value) => new TextEncoder().encode(JSON.stringify(value));
// One statement after the other: the module holds one draft. Without exhibits it creates the account; over several it is one batch.
let turn = Promise.resolve();
function signed(own, exhibits) {
  return turn = turn.catch(() => {}).then(async () => {
    const { signer, key, encryption, salt } = own, m = await loaded();
    const draft = call(m, "draft", asJson({ ledger: say.ledger, issued_at: String(Date.now()), key, encryption, salt, exhibits }));
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, signer, unhex(draft.message));
    return { account: draft.account, ...call(m, "sign", new Uint8Array(signature)) };
  });
}
async function send(statement, items = []) {
  const answer = items.length
    ? await fetch("/batches", { method: "POST", headers: { "content-type": "application/json" }, body: asJson({ statement, items }) })
    : await fetch("/deposits", { method: "POST", headers: { "content-type": "application/cose" }, body: unhex(statement) });
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.error), { code: said.code, status: answer.status });
  return said;
}
// Makes sure that the account is on the ledger, and says whose it is.
async function registered(whose) {
  const own = await account(whose), { account: id, statement } = await signed(own, []);
  const there = await fetch(`/accounts/${id}`, { method: "HEAD" });
  if (there.status === 404) await send(statement).catch((error) => { if (error.code !== "account-exists") throw error; });
  else if (!there.ok) throw new Error(say.unreachable);
  if (!whose) { $("account").replaceChildren(asLink(id)); $("whose").hidden = false; }
  return { ...own, id };
}
// The verdict on a certificate, by the ledger of this browser's account; of the record alone where there is no exhibit.
async function judged(certificate, exhibit) {
  const m = await loaded();
  m.give(certificate); m.exports.certificate();
  // The other machines' clocks may be a little ahead of this one's.
  return call(m, "judge", asJson({ anchors: [{ ledger: say.ledger }], exhibit: exhibit || null, record_only: !exhibit, declared_time: String(Date.now() + 60000) }));
}
function save(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
const CERTIFICATE = "application/vnd.xiezhi.certificate+cbor";
// A piece of evidence is kept by the record that it is of.
async function keep(verdict, known) {
  const { statement, item, record_number: number, index, exists_since: since, issuer, group, phase } = verdict.facts;
  const piece = { number, index, since, issuer, group, phase, ...known, exhibit: known.exhibit || null, statement, item, holder: known.holder || holder() };
  await inStore("evidence", (store) => store.put(piece, `${piece.holder}/${statement}/${item ?? ""}`));
  return piece;
}
