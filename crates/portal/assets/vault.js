// The vault, in this browser's account's name: keeping an original, granting, who looked, reading, erasing.
const PIECE = 4 << 20, SEGMENT = 65536, SEGMENT_MORE = 28;
const utf8 = (text) => new TextEncoder().encode(text);
const joined = (...all) => { const out = new Uint8Array(all.reduce((sum, one) => sum + one.length, 0)); let at = 0; for (const one of all) { out.set(one, at); at += one.length; } return out; };
const numbered = (n) => { const out = new Uint8Array(8); new DataView(out.buffer).setBigUint64(0, BigInt(n)); return out; };
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
let pass = null;
const proven = new Map();
// RFC 7523: the account's key signs for whom it is meant; good for a minute, once.
async function session() {
  if (pass && pass.whose === holder() && pass.until > Date.now()) return pass;
  const about = await (await fetch("/vault/v1/vault")).json();
  if (about.ledger !== say.ledger) throw new Error(say.otherVault);
  const own = await registered(), now = Math.floor(Date.now() / 1000), whose = holder();
  const claims = { iss: own.id, sub: own.id, aud: about.token_endpoint, iat: now, exp: now + 60, jti: random() };
  const head = [{ alg: "ES256", typ: "JWT" }, claims].map((one) => base64url(asJson(one))).join(".");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, own.signer, utf8(head));
  const form = new URLSearchParams({
    grant_type: "client_credentials", client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: `${head}.${base64url(signature)}`,
  });
  const { access_token: token } = await (await asked("/vault/v1/token", { method: "POST", body: form })).json();
  return pass = { token, own, whose, until: Date.now() + 300000 };
}
async function asked(path, options) {
  const headers = { "accept-language": document.documentElement.lang, ...options.headers }, answer = await fetch(path, { ...options, headers });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.title ? `${problem.title} (${problem.detail})` : `${answer.status}`), { code: problem.code });
}
async function vault(method, path, body, headers) {
  const sent = body instanceof Blob || body instanceof Uint8Array || body === undefined ? body : JSON.stringify(body);
  const once = async () => asked(`/vault/v1/${path}`, { method, body: sent, headers: { authorization: `Bearer ${(await session()).token}`, ...headers } });
  // A vault that was started anew knows nobody: logged in once more.
  return once().catch((failed) => { if (failed.code !== "unauthenticated") throw failed; pass = null; return once(); });
}
const read = async (path) => (await vault("GET", path)).json();
async function exhibitOf({ statement, item }) {
  return hex(await crypto.subtle.digest("SHA-256", utf8(`xiezhi exhibit v1\n${statement}\n${item ?? ""}`)));
}
// In pieces; what arrived before a break stays, and the same file chosen again goes on from there.
async function put(piece, file, told) {
  let { exhibit, offset } = await (await vault("POST", `exhibits?size=${file.size}`, piece.certificate)).json();
  while (offset < file.size) {
    told(offset / file.size);
    const headers = { "content-type": "application/offset+octet-stream", "tus-resumable": "1.0.0", "upload-offset": String(offset) };
    const next = Number((await vault("PATCH", `uploads/${exhibit}`, file.slice(offset, offset + PIECE), headers)).headers.get("upload-offset"));
    if (!(next > offset)) throw new Error(say.unreachable);
    offset = next;
  }
}
// HPKE (RFC 9180), base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Opens what was sealed to the account's encryption key.
async function hmac(key, data) {
  const made = await crypto.subtle.importKey("raw", key.length ? key : new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", made, data));
}
async function takenOver(own, wrapped, info, aad) {
  const none = new Uint8Array(), version = utf8("HPKE-v1"), kem = joined(utf8("KEM"), [0, 0x10]), suite = joined(utf8("HPKE"), [0, 0x10, 0, 1, 0, 2]);
  const extract = (id, salt, label, ikm) => hmac(salt, joined(version, id, utf8(label), ikm));
  const expand = async (id, prk, label, data, length) => (await hmac(prk, joined([0, length], version, id, utf8(label), data, [1]))).slice(0, length);
  const encapsulated = wrapped.slice(0, 65), curve = { name: "ECDH", namedCurve: "P-256" };
  const theirs = await crypto.subtle.importKey("raw", encapsulated, curve, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own.opener, 256));
  const secret = await expand(kem, await extract(kem, none, "eae_prk", shared), "shared_secret", joined(encapsulated, unhex(own.point)), 32);
  const context = joined([0], await extract(suite, none, "psk_id_hash", none), await extract(suite, none, "info_hash", info));
  const scheduled = await extract(suite, secret, "secret", none);
  const key = await crypto.subtle.importKey("raw", await expand(suite, scheduled, "key", context, 32), "AES-GCM", false, ["decrypt"]);
  const iv = await expand(suite, scheduled, "base_nonce", context, 12);
  return crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: aad }, key, wrapped.slice(65));
}
// Reads an original: the entry that says so is in the vault's log before the key is handed over.
async function opened(exhibit, purpose, told) {
  const { own } = await session(), { key: handed, size, certificate } = await (await vault("POST", `exhibits/${exhibit}/reads`, { purpose })).json();
  const raw = await takenOver(own, unhex(handed), utf8("xiezhi vault key v1"), joined(unhex(exhibit), unhex(own.id)));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]), parts = [], count = Math.ceil(size / SEGMENT);
  for (let number = 0; number < count;) {
    const sealed = new Uint8Array(await (await vault("GET", `exhibits/${exhibit}/segments?from=${number}`)).arrayBuffer());
    for (let at = 0; at < sealed.length && number < count; number++) {
      const bytes = Math.min(SEGMENT, size - number * SEGMENT) + SEGMENT_MORE, one = sealed.slice(at, at += bytes);
      const additionalData = joined(utf8("xiezhi vault segment v1"), unhex(exhibit), numbered(size), numbered(number));
      parts.push(new Blob([await crypto.subtle.decrypt({ name: "AES-GCM", iv: one.slice(0, 12), additionalData }, key, one.slice(12))]));
    }
    told(number / count);
  }
  const original = new Blob(parts), digests = await (await digesting(original, () => {})).digests;
  return { original, certificate: unhex(certificate), verdict: await judged(unhex(certificate), digests) };
}
function row(...cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) { const td = document.createElement("td"); td.append(cell ?? ""); tr.append(td); }
  return tr;
}
function button(text, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "second small", textContent: text });
  made.addEventListener("click", act);
  return made;
}
const short = (id) => { const a = asLink(id); a.textContent = `${id.slice(0, 8)}…${id.slice(-4)}`; a.title = id; return a; };
const whoIs = (id, piece) => id === piece.issuer ? say.you : short(id);
// The button that proves an entry, or what was proven of it.
function proofOf(exhibit, position, tried) {
  const known = proven.get(`${exhibit}/${position}`);
  if (!known) return button(say.prove, () => tried(() => prove(exhibit, position)));
  const place = document.createElement("span"), { proof, number, index } = known;
  place.append(Object.assign(document.createElement("strong"), { className: "mark valid", textContent: say.proven }), " ", link(`/records/${index}`, number), " ",
    button(say.takeProof, () => save(`vault-entry-${position}.json`, new Blob([JSON.stringify(proof)], { type: "application/json" }))));
  return place;
}
// What a form says of a grant.
function grantOf(form, prefix) {
  const value = (name) => part(form, prefix + name).value.trim(), until = new Date(`${value("until")}T23:59:59Z`);
  return { grantee: value("grantee").toLowerCase(), purpose: value("purpose"), case: value("case") || null, expires: Number.isNaN(until.valueOf()) ? "" : until.toISOString() };
}
const saidOf = (detail) => [detail?.purpose, detail?.case, detail?.reference].filter(Boolean).join(" · ");
const named = (what) => say[`what${what[0].toUpperCase()}${what.slice(1)}`];
// How a grant ends, or how it has ended.
function endOf({ id, expires, revoked }, of, tried) {
  if (revoked) return say.revoked;
  return Date.parse(expires) < Date.now() ? say.expired : button(say.revoke, () => tried(() => vault("DELETE", `${of}/grants/${id}`)));
}
// What the vault has of a piece, and what its owner can do there.
async function inVault(piece, inside) {
  const exhibit = await exhibitOf(piece), error = part(inside, "vault-error"), bar = part(inside, "vault-bar");
  const kept = part(inside, "kept"), absent = part(inside, "absent"), gone = part(inside, "gone");
  for (const label of inside.querySelectorAll("label[data-for]")) { const field = part(inside, label.dataset.for); label.htmlFor = field.id = `${label.dataset.for}-${exhibit}`; }
  const tried = async (act) => { error.textContent = ""; try { await act(); } catch (failed) { error.textContent = failed.message; } bar.hidden = true; await refresh(); };
  async function refresh() {
    let entries = [], grants = [];
    try { [{ entries }, { grants }] = [await read(`exhibits/${exhibit}/entries`), await read(`exhibits/${exhibit}/grants`)]; } catch (failed) {
      if (failed.code !== "not-found") error.textContent = failed.message;
    }
    const isErased = entries.some((one) => one.what === "erased"), isKept = !isErased && entries.some((one) => one.what === "stored");
    kept.hidden = !isKept; absent.hidden = isKept || isErased; gone.hidden = !isErased; part(inside, "happened").hidden = !entries.length;
    part(inside, "grants-table").hidden = !grants.length;
    part(inside, "grants").replaceChildren(...grants.map((grant) => row(
      short(grant.grantee), saidOf(grant.detail), moment(grant.expires), endOf(grant, `exhibits/${exhibit}`, tried),
    )));
    part(inside, "entries").replaceChildren(...entries.map(({ position, time, what, by, detail }) => row(
      moment(time), named(what), whoIs(by, piece), saidOf(detail),
      proofOf(exhibit, position, tried),
    )));
  }
  part(inside, "put").addEventListener("change", () => tried(async () => {
    const [file] = part(inside, "put").files;
    if (!file) return;
    bar.hidden = false;
    await put(piece, file, (done) => { bar.value = done; });
  }));
  part(inside, "grant").addEventListener("submit", (event) => {
    event.preventDefault();
    const body = grantOf(inside, "");
    tried(async () => { await vault("POST", `exhibits/${exhibit}/grants`, body); event.target.reset(); localStorage.setItem(`granted/${holder()}`, exhibit); });
  });
  if (ROLES.length) part(inside, "grantee").addEventListener("focus", () => tried(() => examples($("known-accounts"))), { once: true });
  part(inside, "read").addEventListener("click", () => tried(async () => {
    bar.hidden = false;
    const { original, verdict } = await opened(exhibit, say.ownPurpose, (done) => { bar.value = done; });
    if (verdict.outcome !== "valid") throw new Error(say.differs);
    save(nameOf(piece), original);
  }));
  part(inside, "erase").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!confirm(say.erase)) return;
    tried(() => vault("POST", `exhibits/${exhibit}/erasures`, { basis: part(inside, "basis").value, reference: part(inside, "reference").value.trim() }));
  });
  inside.hidden = false;
  await refresh();
}
// Grants of all of this account's, or of a matter's group: given, ended, and who looked under them.
async function widely(pieces, all) {
  const inside = $("wide"), error = part(inside, "wide-error"), names = new Map([["account", say.all]]), exhibits = new Map();
  for (const piece of pieces) {
    exhibits.set(await exhibitOf(piece), piece);
    if (piece.group && piece.issuer === (await session()).own.id) names.set(piece.group, piece.matter || piece.group);
  }
  for (const { group } of all) if (group && !names.has(group)) names.set(group, group);
  part(inside, "wide-scope").replaceChildren(...Array.from(names, ([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
  const tried = async (act) => { error.textContent = ""; try { await act(); } catch (failed) { error.textContent = failed.message; } await refresh().catch((failed) => { error.textContent = failed.message; }); };
  async function refresh() {
    const grants = [], ids = new Set();
    for (const [scope, name] of names) for (const grant of (await read(`scopes/${scope}/grants`)).grants) { grants.push({ scope, name, ...grant }); ids.add(grant.id); }
    part(inside, "wide-there").hidden = !grants.length;
    part(inside, "wide-grants").replaceChildren(...grants.map((grant) => row(
      grant.name, short(grant.grantee), saidOf(grant.detail), moment(grant.expires), endOf(grant, `scopes/${grant.scope}`, tried),
    )));
    const own = (await session()).own.id, entries = new Map();
    for (const scope of new Set(grants.map((grant) => grant.scope))) {
      for (let from = 0, page; (page = (await read(`scopes/${scope}/entries?from=${from}`)).entries).length; from = page.at(-1).position + 1) {
        for (const entry of page) if (ids.has(entry.detail?.grant)) entries.set(entry.position, entry);
      }
    }
    part(inside, "wide-entries").replaceChildren(...Array.from(entries.values()).sort((a, b) => a.position - b.position).map(({ time, what, exhibit, wide, by, detail }) => row(
      moment(time), named(what), wide ? "" : exhibits.has(exhibit) ? nameOf(exhibits.get(exhibit)) : exhibit.slice(0, 8), whoIs(by, { issuer: own }), saidOf(detail),
    )));
  }
  part(inside, "wide-grant").onsubmit = (event) => {
    event.preventDefault();
    tried(async () => { await vault("POST", `scopes/${part(inside, "wide-scope").value}/grants`, grantOf(inside, "wide-")); event.target.reset(); });
  };
  if (ROLES.length) part(inside, "wide-grantee").addEventListener("focus", () => tried(() => examples($("known-accounts"))), { once: true });
  inside.hidden = false;
  await tried(() => {});
}
// What the vault has, or had, of this account.
async function originals() {
  const all = [];
  for (let after = "", page; (page = (await read(`originals?after=${after}`)).originals).length; after = page.at(-1).exhibit) all.push(...page);
  return all;
}
// What of that this browser does not know of: a record's certificate brings it here.
async function elsewhere(pieces, all) {
  const known = new Set(await Promise.all(pieces.map(exhibitOf))), inside = $("elsewhere"), error = part(inside, "elsewhere-error");
  const missing = all.filter(({ exhibit }) => !known.has(exhibit));
  inside.hidden = !missing.length;
  part(inside, "list").replaceChildren(...missing.map(({ exhibit, state, size, begun }) => row(
    Object.assign(code(exhibit.slice(0, 16)), { title: exhibit }), moment(begun), String(size), say[`state${state[0].toUpperCase()}${state.slice(1)}`],
    state === "erased" ? "" : button(say.bringHere, async () => {
      error.textContent = "";
      try {
        const certificate = new Uint8Array(await (await vault("GET", `exhibits/${exhibit}/certificate`)).arrayBuffer()), verdict = await judged(certificate, null);
        if (verdict.outcome !== "valid" || await exhibitOf(verdict.facts) !== exhibit) throw new Error(say[verdict.outcome === "valid" ? "unknown" : verdict.outcome] || say.unknown);
        await keep(verdict, { certificate });
        await list();
      } catch (failed) { error.textContent = failed.message; }
    }),
  )));
}
// What others granted to this account.
async function granted() {
  const { granted: all } = await read("exhibits");
  $("granted").hidden = !all.length;
  part($("granted"), "list").replaceChildren(...all.map(({ exhibit, owner, size, expires, detail }) => {
    const says = document.createElement("span");
    const looking = button(say.look, async () => {
      looking.disabled = true;
      try {
        const { original, certificate, verdict } = await opened(exhibit, detail?.purpose || say.ownPurpose, (done) => { says.textContent = `${Math.round(done * 100)} %`; });
        says.textContent = { valid: say.same, invalid: say.differs }[verdict.outcome] || say.unknown;
        says.className = `mark ${verdict.outcome}`;
        const name = verdict.facts.record_number;
        save(`${name}.bin`, original); save(`${name}.xzc`, new Blob([certificate], { type: CERTIFICATE }));
      } catch (failed) { says.textContent = failed.message; }
      looking.disabled = false;
    });
    return row(short(owner), saidOf(detail), String(size), moment(expires), looking, says);
  }));
}
// Position and exhibit of an entry (canonical CBOR: 1 position, 2 time, 3 what, 4 exhibit).
function entryOf(bytes) {
  let at = 1;
  const next = (count) => { let n = 0; while (count-- > 0) n = n * 256 + bytes[at++]; return n; };
  const number = () => { const head = next(1) & 31; return head < 24 ? head : next(1 << (head - 24)); };
  next(1); const position = number(); next(1); number(); next(1); number(); next(1);
  const length = number();
  return { position, exhibit: hex(bytes.slice(at, at + length)) };
}
// An entry is proven by its path to a head of the log that is on the ledger: checked here, and given to take away.
async function prove(exhibit, position) {
  const proof = await read(`exhibits/${exhibit}/entries/${position}/proof`).catch((failed) => { throw failed.code === "not-found" ? new Error(say.notYet) : failed; });
  const about = await (await fetch("/vault/v1/vault")).json(), lines = proof.head.split("\n"), head = utf8(proof.head), m = await loaded();
  const entry = entryOf(unhex(proof.entry)), isHead = proof.head === `xiezhi vault log v1\n${about.account}\n${proof.size}\n${lines[3]}\n`;
  call(m, "included", asJson({ leaf: proof.entry, index: String(position), size: String(proof.size), path: proof.path, root: lines[3] }));
  const digest = `sha256:${hex(await crypto.subtle.digest("SHA-256", head))}`;
  const { outcome, facts } = await judged(unhex(proof.certificate), { size: String(head.length), digests: [digest] });
  const holds = isHead && outcome === "valid" && facts.issuer === about.account && entry.exhibit === exhibit && entry.position === position;
  if (!holds) throw new Error(say.notProven);
  proven.set(`${exhibit}/${position}`, { proof, number: facts.record_number, index: facts.index });
}
