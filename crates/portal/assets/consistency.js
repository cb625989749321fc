// That the log only grew between two checkpoints: computed here, from the proof that a node gives, in both trees.
const SEEN = `seen/${say.ledger}`, fromBase64 = (text) => hex(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
const seen = JSON.parse(localStorage.getItem(SEEN) || "null");
if (seen && !$("other").value) $("other").value = seen.height;
$("between").addEventListener("submit", async (event) => {
  event.preventDefault();
  const result = $("consistent");
  result.className = "standing"; result.textContent = "";
  try {
    const answer = await fetch(`${event.target.action}?${new URLSearchParams(new FormData(event.target))}`);
    if (!answer.ok) throw new Error(say.none);
    const { old, new: newer, proofs: [sha256, sm3] } = await answer.json(), m = await loaded();
    const [from, to] = [old, newer].map(({ checkpoint }) => fromBase64(checkpoint));
    // What this browser has seen once is what it must be shown again.
    for (const [one, bytes] of [[old, from], [newer, to]]) if (seen && seen.height === one.height && seen.checkpoint !== bytes) throw new Error(say.differs);
    const shown = call(m, "consistency", asJson({ old: from, new: to, sha256: sha256.path.map(fromBase64), sm3: sm3.path.map(fromBase64) }));
    if (shown.ledger !== say.ledger || shown.old !== old.size || shown.new !== newer.size) throw new Error(say.differs);
    localStorage.setItem(SEEN, JSON.stringify({ height: newer.height, checkpoint: to }));
    result.textContent = say.holds.replace("%", shown.old).replace("%", shown.new).replace("%", newer.height);
    result.classList.add("valid");
  } catch (error) { result.textContent = error.message; result.classList.add("invalid"); }
});
