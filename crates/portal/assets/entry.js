// A file of an entry: its digests are made here and go into the form; the file stays.
async function verifierBytes() {
  const answer = await fetch($("digesting").dataset.verifier);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
const field = (name) => document.querySelector(`#digesting [name=${name}]`);
let choice = 0, end = () => {};
$("file").addEventListener("change", async () => {
  const mine = ++choice, file = $("file").files[0];
  end();
  for (const name of ["sha256", "sm3", "size", "name", "media_type"]) field(name).value = "";
  $("digested").textContent = $("file-error").textContent = "";
  $("bar").hidden = !file; $("add").disabled = Boolean(file);
  if (!file) return;
  try {
    if (!file.size) throw new Error($("digesting").dataset.empty);
    const work = await digesting(file, (done) => { if (mine === choice) $("bar").value = done; });
    if (mine !== choice) { work.end(); return; }
    end = work.end;
    const hashed = await work.digests;
    if (mine !== choice) return;
    for (const digest of hashed.digests) { const [name, value] = digest.split(":"); field(name).value = value; }
    field("size").value = hashed.size; field("name").value = file.name; field("media_type").value = file.type || "application/octet-stream";
    $("digested").textContent = hashed.digests.join(" ");
  } catch (error) { if (mine === choice) { $("file-error").textContent = error.message; $("file").value = ""; } }
  if (mine === choice) { $("bar").hidden = true; $("add").disabled = false; }
});
// A form that the browser kept from before has digests without their file.
addEventListener("pageshow", () => { $("file").value = ""; for (const one of document.querySelectorAll("#digesting input[type=hidden]")) one.value = ""; });
$("digesting").hidden = false;
