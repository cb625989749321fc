"use strict";
// The module and what pages do with it: verdicts, digests, drafts. A page says where the module's bytes are: verifierBytes.
const PART = 4 << 20;
const $ = (id) => document.getElementById(id);
let machine = null;
// Loaded when it is first needed.
function loaded() {
  return machine ??= (async () => {
    const { module, instance: { exports } } = await WebAssembly.instantiate(await verifierBytes(), {});
    const give = (data) => { const at = exports.room(data.length); new Uint8Array(exports.memory.buffer, at, data.length).set(data); };
    const answer = () => new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.answer_at(), exports.answer_len()));
    return { module, exports, give, answer };
  })();
}
// Runs in a worker, so that the page stays usable however large the file is: sent there as text, with the verifier already compiled.
function hashing() {
  onmessage = async ({ data: { module, file, part } }) => {
    try {
      const { exports } = await WebAssembly.instantiate(module, {});
      exports.hash_begin();
      for (let at = 0; at < file.size; at += part) {
        const data = new Uint8Array(await file.slice(at, at + part).arrayBuffer());
        const place = exports.room(data.length);
        new Uint8Array(exports.memory.buffer, place, data.length).set(data);
        exports.hash_more();
        postMessage({ done: Math.min(1, (at + part) / file.size) });
      }
      exports.hash_end();
      postMessage({ answer: new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.answer_at(), exports.answer_len())) });
    } catch (error) { postMessage({ error: error.message }); }
  };
}
// Digests a file; `told` hears how much is done. Gives the promise of the digests, and how to end it, with null as its result.
async function digesting(file, told) {
  const { module } = await loaded();
  const address = URL.createObjectURL(new Blob([`(${hashing})()`], { type: "text/javascript" }));
  const worker = new Worker(address);
  let end;
  const digests = new Promise((resolve, reject) => {
    end = () => resolve(null);
    worker.onerror = (event) => reject(new Error(event.message || "Worker"));
    worker.onmessage = ({ data }) => {
      if (data.error) reject(new Error(data.error));
      else if (data.answer) resolve(JSON.parse(data.answer));
      else told(data.done);
    };
    worker.postMessage({ module, file, part: PART });
  }).finally(() => { worker.terminate(); URL.revokeObjectURL(address); });
  return { digests, end };
}
