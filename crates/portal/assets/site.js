// Refreshes what is live: a place with data-live is filled anew from that address, while what is in it says that more comes (data-more)
// and somebody looks. What the reader has focused or selected is left alone until the next time.
const EVERY_MS = 2000;
for (const place of document.querySelectorAll("[data-live]")) {
  let last = null;
  const refresh = async () => {
    if (!place.querySelector("[data-more]")) return;
    try {
      const isUsed = place.contains(document.activeElement) || !getSelection().isCollapsed;
      if (!document.hidden && !isUsed) {
        const answer = await fetch(place.dataset.live);
        if (answer.ok) {
          const text = await answer.text();
          if (text !== last) place.innerHTML = text;
          last = text;
        }
      }
    } catch { /* Out of reach for a moment: asked again. */ }
    setTimeout(refresh, EVERY_MS);
  };
  setTimeout(refresh, EVERY_MS);
}
