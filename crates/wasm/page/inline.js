// Of the offline page: its language is the browser's until the button changes it, the verifier lies in the page.
function firstLanguage() { return (navigator.language || "zh").startsWith("zh") ? "zh" : "en"; }
async function verifierBytes() { return Uint8Array.from(atob($("wasm").textContent), (c) => c.charCodeAt(0)); }
function named() {
  const other = lang === "zh" ? "en" : "zh-CN";
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = texts[lang].title;
  $("language").textContent = texts[lang].other;
  $("language").lang = other;
}
$("language").addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; translate(); named(); });
named();
