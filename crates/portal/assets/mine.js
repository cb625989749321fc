// My evidence: what was deposited here, searched, judged and kept in this browser alone.
const SHOWN_MAX = 200;
const folded = (text) => text.normalize("NFKC").toLowerCase();
let pieces = [];
const nameOf = (piece) => piece.name || piece.number;
function haystack(piece) {
  const { name, note, matter, number, since, type, exhibit } = piece;
  return folded([name, note, matter, number, since, type, ...(exhibit?.digests || [])].filter(Boolean).join("\n"));
}
// Every word of the question occurs somewhere: in Chinese, where words are not apart, what is asked for is a part of the text.
const found = (question) => { const words = folded(question).split(/\s+/).filter(Boolean); return pieces.filter((piece) => words.every((word) => piece.text.includes(word))); };
const moment = (time) => time ? time.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC") : "";
function line(list, name, ...value) {
  const dt = document.createElement("dt"), dd = document.createElement("dd");
  dt.textContent = name; dd.append(...value); list.append(dt, dd);
}
const code = (text) => Object.assign(document.createElement("code"), { textContent: text });
function link(href, content) { const a = document.createElement("a"); a.href = href; a.append(content); return a; }
function facts(piece) {
  const list = document.createElement("dl");
  line(list, say.tNumber, link(`/records/${piece.index}`, piece.number));
  line(list, say.tSince, moment(piece.since));
  line(list, say.tAccount, link(`/accounts/${piece.issuer}`, code(piece.issuer)));
  if (piece.group) line(list, say.tGroup, link(`/records?group=${piece.group}`, code(piece.group)));
  for (const digest of piece.exhibit?.digests || []) line(list, say.tDigest, code(digest));
  return list;
}
function said(place, verdict) {
  place.textContent = say[verdict.outcome] || say.unknown;
  place.className = `mark ${verdict.outcome}`;
}
// Opened: what is known of the piece, and what can be done with it.
function open(piece, item) {
  const inside = part(item, "inside");
  if (inside.childElementCount) return;
  inside.append($("piece-inside").content.cloneNode(true));
  part(inside, "note").textContent = piece.note || "";
  part(inside, "facts").replaceWith(facts(piece));
  part(inside, "take").addEventListener("click", () => {
    save(`${nameOf(piece)}.xzc`, new Blob([piece.certificate], { type: CERTIFICATE }));
    localStorage.setItem(`taken/${holder()}`, piece.number);
  });
  part(inside, "forget").addEventListener("click", async () => {
    if (!confirm(say.forget)) return;
    await inStore("evidence", (store) => store.delete(piece.key));
    await list();
  });
  const original = part(inside, "original"), result = part(inside, "compared"), bar = part(inside, "bar");
  original.id = `original-${piece.statement}${piece.item ?? ""}`; part(inside, "original-label").htmlFor = original.id;
  original.addEventListener("change", async () => {
    const [file] = original.files;
    if (!file) return;
    bar.hidden = false; result.className = "standing"; result.textContent = "";
    try {
      const exhibit = await (await digesting(file, (done) => { bar.value = done; })).digests, { outcome } = await judged(piece.certificate, exhibit);
      result.textContent = { valid: say.same, invalid: say.differs }[outcome] || say.unknown;
      result.classList.add(outcome);
      if (outcome === "valid") localStorage.setItem(`verified/${holder()}`, piece.number);
    } catch (error) { result.textContent = error.message; }
    bar.hidden = true;
  });
  if (say.vault) hasAccount().then((has) => { if (has) inVault(piece, part(inside, "vault")); });
}
function shown(piece) {
  const item = $("piece").content.firstElementChild.cloneNode(true);
  part(item, "name").textContent = nameOf(piece);
  part(item, "when").textContent = moment(piece.since);
  if (piece.verdict) said(part(item, "verdict"), piece.verdict);
  item.addEventListener("toggle", () => { if (item.open) open(piece, item); });
  piece.place = item;
  return item;
}
// A matter is a timeline: its phases in order, then by time.
function matterOf(name, all) {
  const place = $("matter").content.firstElementChild.cloneNode(true), steps = part(place, "steps");
  part(place, "name").textContent = name || say.single;
  all.sort((a, b) => (a.phase ?? Infinity) - (b.phase ?? Infinity) || (a.since < b.since ? -1 : 1));
  if (!name) all.reverse();
  let phase = null;
  for (const piece of all) {
    const step = document.createElement("li"), label = document.createElement("span"), own = piece.phase ?? null;
    label.className = "phase";
    label.textContent = own === null || own === phase ? "" : say.phase.replace("%", own);
    phase = own;
    step.append(label, shown(piece));
    steps.append(step);
  }
  return place;
}
function show() {
  const hits = found($("find").value), matters = new Map();
  hits.sort((a, b) => a.since < b.since ? 1 : -1);
  for (const piece of hits.slice(0, SHOWN_MAX)) matters.set(piece.matter || "", [...(matters.get(piece.matter || "") || []), piece]);
  $("matters").replaceChildren(...Array.from(matters, ([name, all]) => matterOf(name, all)));
  $("count").textContent = say.count.replace("%", hits.length).replace("%", pieces.length) + (hits.length > SHOWN_MAX ? ` ${say.narrow}` : "");
  $("nothing").hidden = pieces.length > 0;
}
// What the vault has besides: granted by others, unknown here, and what is granted of more than one.
async function beside() {
  if (!say.vault || !await hasAccount()) return;
  try {
    await granted();
    const all = await originals();
    await elsewhere(pieces, all);
    await widely(pieces, all);
  } catch (error) { $("error").textContent = error.message; }
}
async function list() {
  const [keys, all] = [await inStore("evidence", (store) => store.getAllKeys()), await inStore("evidence", (store) => store.getAll())];
  const known = new Map(pieces.map((piece) => [piece.key, piece.verdict]));
  pieces = all.map((piece, at) => ({ ...piece, key: keys[at], text: haystack(piece), verdict: known.get(keys[at]) })).filter((piece) => piece.holder === holder());
  show();
  beside();
  // Each is judged anew, here, one after the other: what was stored is believed of nothing.
  for (const piece of pieces) {
    if (piece.verdict) continue;
    piece.verdict = await judged(piece.certificate, null);
    if (piece.place) said(part(piece.place, "verdict"), piece.verdict);
    await wait(0);
  }
}
// Taken along as one file, and brought in from it or from single certificates.
async function taken() {
  const plain = ({ name, type, note, matter, exhibit, certificate }) => ({ name, type, note, matter, exhibit, certificate: hex(certificate) });
  save("xiezhi-evidence.json", new Blob([JSON.stringify({ format: "xiezhi evidence v1", ledger: say.ledger, pieces: pieces.map(plain) })], { type: "application/json" }));
}
async function bring(file) {
  let all = [{ name: file.name.replace(/\.xzc$/, ""), certificate: new Uint8Array(await file.arrayBuffer()) }];
  if (file.name.endsWith(".json")) {
    const read = JSON.parse(await file.text());
    if (read.format !== "xiezhi evidence v1") throw new Error(say.strange);
    all = read.pieces.map((piece) => ({ ...piece, certificate: unhex(piece.certificate) }));
  }
  for (const { name, type, note, matter, exhibit, certificate } of all) {
    const verdict = await judged(certificate, null);
    if (verdict.outcome !== "valid") throw new Error(`${name}: ${say[verdict.outcome] || say.unknown}`);
    await keep(verdict, { name, type, note, matter, exhibit, certificate });
  }
}
$("find").addEventListener("input", show);
$("take").addEventListener("click", taken);
$("bring").addEventListener("change", async () => {
  $("error").textContent = "";
  for (const file of $("bring").files) try { await bring(file); } catch (error) { $("error").textContent = `${file.name}: ${error.message}`; }
  $("bring").value = "";
  await list();
});
(async () => {
  place.hidden = false;
  if (!isSecureContext) { $("error").textContent = say.insecure; return; }
  await list();
})();
