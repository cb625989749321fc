// Records a transaction at an evidence service and prints its bundle in hexadecimal, once every proof is there: docs/clients.md.
//
//     CLIENT=shop KEY="$(cat shop.key)" URL=http://127.0.0.1:7495 node dist/example.js

import { EvidenceClient } from "./evidence.js";
import { Connection, Key, ServiceError } from "./session.js";

declare const process: { env: Record<string, string> };

const key = await Key.fromFile(process.env.KEY!);
const service = new EvidenceClient(new Connection(process.env.URL!, process.env.CLIENT, key, "zh-CN"));

const transaction = await service.openTransaction({ template: "online-service" }, { idempotencyKey: "order-78" });
const fields = { provider: "示例公司", user: "u-2", version: "3", accepted: "yesterday" };
const content = { kind: "text" as const, text: "服务条款" };
try {
  await service.addEntry(transaction.id, { phase: 1, fields, content });
} catch (refused) {
  // Which field breaks which rule, in the language of the connection.
  if (!(refused instanceof ServiceError) || refused.code !== "evidence-refused") {
    throw refused;
  }
}
fields.accepted = "2026-11-28T09:30:00Z";
const entry = await service.addEntry(transaction.id, { phase: 1, fields, content }, { idempotencyKey: "terms-78" });

for await (const event of service.followEvents()) {
  if (event.type === "entry.complete" && event.data.transaction === transaction.id) {
    break;
  }
}
const bundle = await service.getBundle(transaction.id, entry.entry);
console.log(Array.from(bundle, (byte) => byte.toString(16).padStart(2, "0")).join(""));
