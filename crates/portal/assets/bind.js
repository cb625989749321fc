// Binds this browser's account to an approved application: its key signs the office's challenge, and nothing else.
async function post(what, body) {
  const answer = await fetch(`${location.pathname}/${what}`, { method: "POST", headers: { "content-type": "application/json", "accept-language": document.documentElement.lang }, body: JSON.stringify(body) });
  if (answer.ok) return answer;
  const said = await answer.json();
  throw Object.assign(new Error(`${said.title} (${said.detail})`), { code: said.code });
}
async function bound(own, account) {
  const { nonce, message } = await (await post("challenges", { account })).json();
  const isOurs = message.startsWith(`xiezhi identity binding v1\nledger ${say.ledger}\n`) && message.includes(`\naccount ${account}\n`);
  if (!isOurs) throw new Error(say.other);
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, own.signer, new TextEncoder().encode(message));
  return (await post("bindings", { nonce, key: own.key, signature: hex(signature) })).blob();
}
place.hidden = false;
if (!isSecureContext) { $("error").textContent = say.insecure; $("bind").disabled = true; }
$("bind").addEventListener("click", async () => {
  $("bind").disabled = true;
  $("error").textContent = "";
  $("says").textContent = say.binding;
  try {
    const own = await registered(), account = $("account").textContent;
    let certificate;
    for (let tries = 0; !certificate; tries++) {
      // Recorded, but not sealed yet: the binding is the same when it is asked for again.
      try { certificate = await bound(own, account); } catch (error) {
        if (error.code !== "binding-not-sealed" || tries > 8) throw error;
      }
    }
    const save = $("certificate");
    save.href = URL.createObjectURL(certificate);
    save.download = "identity.xzc";
    save.hidden = false;
    $("says").textContent = say.bound;
    localStorage.setItem(`bound/${holder()}`, account);
  } catch (error) { $("says").textContent = ""; $("error").textContent = error.message; }
  $("bind").disabled = false;
});
