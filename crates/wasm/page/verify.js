const texts = {
zh: { other: "English", brand: "獬豸 · 离线验证", title: "验证存证凭证", lead: "在您的浏览器中完成,不联网:文件不离开本机。", certificate: "凭证", certificateHint: "凭证文件(.xzc)、账户证明(.xza)或组合凭证(.xze)。可直接拖入。", original: "原件", originalHint: "与记录比对的文件。可直接拖入,大小不限。", recordOnly: "不比对原件,只验证记录本身", trust: "所信任的账本", trustHint: "凭证只能证明它属于哪个账本。账本的编号须从您信任的渠道取得,例如法院公布的编号;不填则结论至多为“未能判定”。", genesis: "账本的创世文件(genesis.cbor)", ledger: "或账本编号(64 位十六进制)", verify: "验证", hashing: "正在计算原件摘要…", proven: "证明了什么", notProven: "没有证明什么", facts: "凭证的内容", checks: "逐项检查", footer: "本页面不含任何网络访问;其内容安全策略禁止一切连接。结论与命令行工具 xiezhi verify 相同。", pass: "通过", fail: "未通过", unknown: "未能判定", valid: "有效", validText: "原件与记录一致,凭证的每一环节均成立。", record: "记录有效(未比对原件)", recordText: "凭证本身成立;没有比对任何文件,因此对任何文件都不作结论。", account: "账户证明有效", accountText: "账户在该检查点时的状态成立。", invalid: "无效", invalidText: "至少一项检查未通过,见下。", undecided: "未能判定", undecidedText: "有检查无法完成,例如账本不在所信任之列。这不是有效,也不是无效。", needCertificate: "请选择凭证文件。", needOriginal: "请选择原件,或勾选只验证记录。", badLedger: "账本编号须为 64 位十六进制数字。", badGenesis: "创世文件无法读取:", failed: "无法完成:", number: "编号", files: "所验文件", ledgerId: "账本编号", ledgerName: "账本", claimedName: "账本自称(未受信任)", since: "最迟存在于", grantor: "以谁的名义", issuer: "存证账户", sealed: "盖章", stamped: "时间戳", at: "判断时间", tooLarge: "凭证文件过大。", root: "组合凭证的时间戳机构根证书(PEM 或 DER),如有时间戳", closed: "未出示的字段", demonstration: "演示数据:其中所载均非真实。" },
en: { other: "中文", brand: "Xiezhi · offline verification", title: "Verify a certificate", lead: "Done in your browser, without any network: no file leaves this machine.", certificate: "Certificate", certificateHint: "A certificate (.xzc), the proof of an account (.xza) or a bundle (.xze). You can drop it here.", original: "Original", originalHint: "The file to compare with the record, of any size. You can drop it here.", recordOnly: "Compare no original, verify the record alone", trust: "The ledger that you trust", trustHint: "A certificate can only prove to which ledger it belongs. Get the ledger's id from a source that you trust, such as a court's publication; without it the answer is at best \"not decided\".", genesis: "The ledger's genesis file (genesis.cbor)", ledger: "Or the ledger's id (64 hexadecimal digits)", verify: "Verify", hashing: "Computing the original's digests…", proven: "What is proven", notProven: "What is not proven", facts: "What the certificate says", checks: "Check by check", footer: "This page contains no network access; its content security policy forbids every connection. The verdict is that of the command xiezhi verify.", pass: "holds", fail: "FAILS", unknown: "undecided", valid: "VALID", validText: "The original is the one recorded, and every link of the certificate holds.", record: "RECORD VALID, no original compared", recordText: "The certificate itself holds. No file was compared, so nothing is said of any file.", account: "PROOF OF ACCOUNT VALID", accountText: "The account stood so at that checkpoint.", invalid: "INVALID", invalidText: "At least one check fails, see below.", undecided: "NOT DECIDED", undecidedText: "A check could not be made, for example because the ledger is not one that you trust. This is neither valid nor invalid.", needCertificate: "Choose a certificate file.", needOriginal: "Choose the original, or tick that the record alone is to be verified.", badLedger: "A ledger's id has 64 hexadecimal digits.", badGenesis: "The genesis file cannot be read: ", failed: "Could not finish: ", number: "Number", files: "Files judged", ledgerId: "Ledger's id", ledgerName: "Ledger", claimedName: "Ledger's own claim (not trusted)", since: "Existed at the latest at", grantor: "In the name of", issuer: "Depositing account", sealed: "Sealed by", stamped: "Time stamp", at: "Judged as of", tooLarge: "The certificate file is too large.", root: "For a bundle with a time stamp: the authority's root certificate (PEM or DER)", closed: "Fields that stay closed", demonstration: "DEMONSTRATION: nothing in it is meant in earnest." },
};
const CERTIFICATE_BYTES_MAX = 64 << 20;
let lang = firstLanguage();
let shown = null;
// What is under way is for the files chosen in this turn; choosing anew begins another one and ends it.
let turn = 0, stop = () => {};
function translate() {
  const t = texts[lang];
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t[element.dataset.t];
  if (shown) show(shown);
}
async function hash(file, mine) {
  const { digests, end } = await digesting(file, (done) => { if (mine === turn) $("bar").value = done; });
  if (mine !== turn) end();
  else { stop = end; $("bar").value = 0; $("busy").hidden = false; }
  return digests;
}
async function trusted(t) {
  const m = await loaded(), anchors = [], file = $("genesis").files[0], id = $("ledger").value.trim().toLowerCase();
  if (file) {
    m.give(new Uint8Array(await file.arrayBuffer())); m.exports.genesis();
    const named = JSON.parse(m.answer());
    if (named.error) throw new Error(t.badGenesis + named.error);
    anchors.push(named);
  }
  if (id) {
    if (!/^[0-9a-f]{64}$/.test(id)) throw new Error(t.badLedger);
    anchors.push({ ledger: id });
  }
  return anchors;
}
const digits = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
async function run(mine) {
  const t = texts[lang], file = $("certificate").files[0], original = $("original").files[0];
  if (!file) throw new Error(t.needCertificate);
  if (file.size > CERTIFICATE_BYTES_MAX) throw new Error(t.tooLarge);
  const record = $("record").checked, isAccount = file.name.endsWith(".xza");
  if (!original && !record && !isAccount) throw new Error(t.needOriginal);
  const anchors = await trusted(t), exhibit = original && !record ? await hash(original, mine) : null, m = await loaded();
  const certificate = new Uint8Array(await file.arrayBuffer());
  if (mine !== turn) return;
  m.give(certificate); m.exports.certificate();
  const root = $("root").files[0], stamp_roots = root ? [digits(new Uint8Array(await root.arrayBuffer()))] : [];
  const request = { anchors, exhibit, record_only: record, declared_time: String(Date.now()), stamp_roots };
  m.give(new TextEncoder().encode(JSON.stringify(request))); m.exports.judge();
  const verdict = JSON.parse(m.answer());
  if (verdict.error) throw new Error(t.failed + verdict.error);
  m.exports.sentences();
  shown = { verdict: verdict.legs ? ofBundle(verdict, exhibit) : verdict, sentences: verdict.legs ? null : JSON.parse(m.answer()), files: [file.name].concat(exhibit ? [original.name] : []) };
  show(shown);
  $("result").focus();
}
// A bundle's verdict in the form of a certificate's: what is listed, then each leg, and under it what keeps it from being valid.
function ofBundle(verdict, exhibit) {
  const checks = [{ ...verdict.whole, counts: true }];
  for (const leg of verdict.legs) {
    const of = (one, counts) => ({ status: one.status, code: one.code, counts, zh: `${leg.name}:${one.zh}`, en: `${leg.name}: ${one.en}` });
    checks.push(of(leg.finding, true), ...leg.against.map((one) => of(one, false)));
  }
  return { ...verdict, checks, compared: Boolean(exhibit) };
}
function line(list, name, value) {
  if (!value) return;
  const dt = document.createElement("dt"), dd = document.createElement("dd");
  dt.textContent = name; dd.textContent = value; list.append(dt, dd);
}
function show({ verdict, sentences, files }) {
  const t = texts[lang], facts = verdict.facts || {}, said = (at) => sentences ? sentences[lang][at] : verdict.checks[at][lang];
  const isAccount = verdict.checks.some((check) => check.code === "account-state");
  const compared = verdict.compared ?? verdict.checks.some((check) => check.code === "original" && check.status === "pass" && !verdict.record_only);
  let kind = { valid: "valid", invalid: "invalid" }[verdict.outcome] || "undecided";
  if (kind === "valid" && !compared) kind = isAccount ? "account" : "record";
  $("verdict").className = "verdict " + (kind === "account" ? "record" : kind);
  const isDemonstration = verdict.fields?.some(([name]) => name === "transaction.demonstration");
  $("word").textContent = t[kind]; $("explain").textContent = (isDemonstration ? t.demonstration : "") + t[kind + "Text"];
  // What stands in the way is said at once.
  const against = verdict.checks.flatMap((check, at) => check.counts && check.status === (kind === "invalid" ? "fail" : "unknown") ? [said(at)] : []);
  $("why").replaceChildren(...(kind === "invalid" || kind === "undecided" ? against : []).map((sentence) => {
    const li = document.createElement("li"); li.textContent = sentence; return li;
  }));
  $("proves").textContent = verdict.proves[lang]; $("proves-not").textContent = verdict.does_not_prove[lang];
  const list = $("facts"), name = (one) => (one.name && one.name[lang]) || one.institution || one.authority || "";
  list.replaceChildren();
  const isTrusted = verdict.checks.some((check) => check.code === "ledger" && check.status === "pass");
  line(list, t.files, files.join(" · ")); line(list, t.number, facts.record_number); line(list, t.ledgerId, facts.ledger);
  line(list, isTrusted ? t.ledgerName : t.claimedName, facts.ledger_name && facts.ledger_name[lang]);
  line(list, t.since, facts.exists_since); line(list, t.issuer, facts.issuer); line(list, t.grantor, facts.grantor);
  for (const seal of facts.seals || []) line(list, t.sealed, [name(seal), seal.time].filter(Boolean).join(" · "));
  for (const stamp of facts.time_stamps || []) line(list, t.stamped, [name(stamp), stamp.time].filter(Boolean).join(" · "));
  for (const leg of verdict.legs || []) line(list, leg.kind === "ledger" ? t.sealed : t.stamped, [leg.name, leg.time, leg.who].filter(Boolean).join(" · "));
  for (const [name, value] of verdict.fields || []) if (!name.startsWith("sink.")) line(list, name, value);
  if (verdict.closed) line(list, t.closed, String(verdict.closed));
  line(list, t.at, verdict.legs ? verdict.declared_time : new Date(Number(verdict.declared_time)).toISOString());
  $("checks").replaceChildren(...verdict.checks.map((check, at) => {
    const li = document.createElement("li"), status = document.createElement("span"), sentence = document.createElement("span");
    status.className = check.counts ? check.status : "hint"; status.textContent = t[check.status]; sentence.textContent = said(at);
    li.append(status, sentence); return li;
  }));
  $("result").hidden = false;
}
function forget() {
  turn++; stop(); shown = null;
  $("error").textContent = ""; $("result").hidden = true; $("busy").hidden = true; $("verify").disabled = false;
}
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  forget();
  const mine = turn;
  $("verify").disabled = true;
  try { await run(mine); } catch (error) { if (mine === turn) $("error").textContent = error.message; }
  if (mine === turn) { $("busy").hidden = true; $("verify").disabled = false; }
});
for (const name of ["certificate", "original", "genesis"]) {
  const place = $("drop-" + name);
  place.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("over"); });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => { event.preventDefault(); place.classList.remove("over"); if (event.dataTransfer.files.length) { $(name).files = event.dataTransfer.files; forget(); } });
}
$("form").addEventListener("input", forget);
$("form").addEventListener("change", forget);
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => event.preventDefault());
translate();
