// In a demonstration one browser plays several people: each example has an account of its own, with keys of its own.
const roles = $("role"), ROLES = roles ? Array.from(roles.options, ({ value }) => value).filter(Boolean) : [];
if (roles) {
  roles.value = localStorage.getItem("role") || "";
  roles.addEventListener("change", () => { localStorage.setItem("role", roles.value); location.reload(); });
}
// The examples' accounts, made where they are not there yet, to be chosen from.
async function examples(list) {
  const all = [];
  for (const role of ROLES) {
    const { id } = await registered(`${say.ledger}/${role}`);
    all.push(Object.assign(document.createElement("option"), { value: id, textContent: Array.from(roles.options).find(({ value }) => value === role).textContent }));
  }
  list.replaceChildren(...all);
}
