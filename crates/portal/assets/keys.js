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
