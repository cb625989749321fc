"use strict";
// Passkeys: the office asks, the browser's authenticator answers, and the office decides.
const place = document.querySelector("[data-passkeys]"), say = place.dataset;
const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
async function post(what, body) {
  const answer = await fetch(`/office/passkeys/${what}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || say.failed);
  return answer;
}
async function use(register) {
  const asked = await (await post("question", { register })).json(), challenge = decode(asked.challenge);
  let made, given;
  if (register) {
    made = await navigator.credentials.create({ publicKey: {
      challenge, rp: { id: asked.party, name: say.name }, user: { id: decode(asked.user), name: say.name, displayName: say.name },
      pubKeyCredParams: asked.algorithms.map((alg) => ({ type: "public-key", alg })), attestation: "none",
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
    } });
    given = { authenticator: encode(made.response.getAuthenticatorData()) };
  } else {
    made = await navigator.credentials.get({ publicKey: { challenge, rpId: asked.party, userVerification: "required" } });
    given = { authenticator: encode(made.response.authenticatorData), signature: encode(made.response.signature) };
  }
  await post("answer", { challenge: asked.challenge, client: encode(made.response.clientDataJSON), credential: encode(made.rawId), ...given });
  location.assign("/office");
}
for (const button of document.querySelectorAll("[data-passkey]")) {
  button.addEventListener("click", async () => {
    const error = document.getElementById("error");
    error.textContent = "";
    // A refusal by the authenticator or its user says nothing that could be told.
    try { await use(button.dataset.passkey === "register"); } catch (refused) { error.textContent = refused.name === "Error" ? refused.message : say.failed; }
  });
}
if (window.PublicKeyCredential && isSecureContext) place.hidden = false;
