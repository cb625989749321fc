#!/usr/bin/env node
// Many people at once at the pages of a running alliance: each makes an account, deposits, waits for the seals, takes the certificate, and
// opens the page that verifies it. Statements are made by the very module and the WebCrypto that browsers use.
//
//     xiezhi up &
//     benches/pages.mjs [--url http://127.0.0.1:7410] [--people 200] [--rounds 3]
//
// Times are a person's: from the first byte asked for to the last one read, polling included. After the load every certificate is judged.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

const given = (name, otherwise) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? otherwise : process.argv[at + 1]; };
const url = given("url", "http://127.0.0.1:7410"), people = Number(given("people", 200)), rounds = Number(given("rounds", 3));
const { instance: { exports } } = await WebAssembly.instantiate(readFileSync(new URL("../crates/wasm/built/verifier.wasm", import.meta.url)), {});
const hex = (bytes) => Buffer.from(bytes).toString("hex"), unhex = (text) => Buffer.from(text, "hex");
const random = () => hex(crypto.getRandomValues(new Uint8Array(16))), wait = (ms) => new Promise((done) => setTimeout(done, ms));
const give = (data) => { const at = exports.room(data.length); new Uint8Array(exports.memory.buffer, at, data.length).set(data); };
function call(name, input) {
  give(input instanceof Uint8Array ? input : Buffer.from(JSON.stringify(input)));
  exports[name]();
  const answer = JSON.parse(Buffer.from(exports.memory.buffer, exports.answer_at(), exports.answer_len()));
  if (answer.error) throw new Error(answer.error);
  return answer;
}
const times = {}, failures = {};
async function timed(what, act) {
  const begun = performance.now();
  try { return await act(); } finally { (times[what] ||= []).push(performance.now() - begun); }
}
async function ask(path, options) {
  const answer = await fetch(url + path, options), body = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${path.replace(/\d+/g, "N")}: ${answer.status}`);
  return body;
}
// One statement after the other: the module holds one draft.
let turn = Promise.resolve();
function signed({ ledger, key, salt, signer }, exhibits) {
  return turn = turn.catch(() => {}).then(async () => {
    const { message } = call("draft", { ledger, issued_at: String(Date.now()), key, salt, exhibits });
    return unhex(call("sign", new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, signer, unhex(message)))).statement);
  });
}
const send = async (statement) => JSON.parse(await ask("/deposits", { method: "POST", headers: { "content-type": "application/cose" }, body: statement }));
async function person(ledger) {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const point = Buffer.from(await crypto.subtle.exportKey("raw", pair.publicKey));
  const own = { ledger, signer: pair.privateKey, salt: random(), key: hex([2 + (point[64] & 1), ...point.subarray(1, 33)]) };
  return { own, account: await signed(own, []) };
}
const taken = [];
async function visit({ own, account }, round) {
  await timed("page of depositing", () => ask("/deposit"));
  if (!round) await timed("account recorded", () => send(account));
  const exhibit = { size: "64", digests: [`sha256:${random()}${random()}`], title: "a file", media_type: "text/plain", searchable: true, salts: Array.from({ length: 7 }, random) };
  const statement = await signed(own, [exhibit]), { size, digests } = exhibit;
  await timed("deposit to certificate", async () => {
    const { index } = await timed("deposit recorded", () => send(statement));
    while ((await ask(`/records/${index}/live`)).includes("data-more")) await wait(200);
    taken.push({ certificate: await ask(`/records/${index}/certificate`), exhibit: { size, digests } });
    await timed("verifying: page and certificate", () => Promise.all([ask(`/verify?record=${index}`), ask(`/records/${index}/certificate`)]));
  });
}
const [, ledger] = /data-ledger="([0-9a-f]{64})"/.exec(await ask("/deposit"));
const all = await Promise.all(Array.from({ length: people }, () => person(ledger)));
const begun = performance.now();
await Promise.all(all.map(async (one) => {
  for (let round = 0; round < rounds; round++) await visit(one, round).catch((error) => { failures[error.message] = (failures[error.message] || 0) + 1; });
}));
const seconds = (performance.now() - begun) / 1000;
let judging = performance.now(), valid = 0;
for (const { certificate } of taken) {
  give(certificate); exports.certificate();
  const verdict = call("judge", { anchors: [{ ledger }], exhibit: null, record_only: true, declared_time: String(Date.now() + 60000) });
  valid += verdict.outcome === "valid";
}
judging = (performance.now() - judging) / Math.max(1, taken.length);
console.log(`${people} people at once, ${rounds} deposits each, ${seconds.toFixed(1)} s, ${cpus().length} processors shared with the alliance\n`);
console.log("| what | times | p50 ms | p99 ms | most ms |\n|---|---|---|---|---|");
for (const [what, list] of Object.entries(times)) {
  list.sort((a, b) => a - b);
  const at = (share) => list[Math.min(list.length - 1, Math.floor(share * list.length))].toFixed(0);
  console.log(`| ${what} | ${list.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`);
}
console.log(`\n${taken.length} certificates, ${valid} valid, ${judging.toFixed(1)} ms each to judge; failures: ${JSON.stringify(failures)}`);
process.exit(valid === people * rounds ? 0 : 1);
