// Publishes listings to Tasador and reads their answers, with node-redis only.
//
//   REDIS_URL=redis://127.0.0.1:6379 node client.mjs listings.jsonl [prefix]
//
// Each line of the file is an event: {"id": "...", "data": {...}}, or with the name of a property whose features are
// stored: {"id": "...", "subject": "...", "data": {}}. Prints one JSON line for each, in the order of the file.

import { readFile } from "node:fs/promises";
import { createClient } from "redis";

const [file, prefix = "housing"] = process.argv.slice(2);
const TIMEOUT_MS = 30_000;
const ANSWERS = ["predictions", "dead-letters", "repeats", "rate-limited"].map((name) => `${prefix}:${name}`);

const client = createClient({
  url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379",
  RESP: 2,
  // after a lost connection a listing must not be sent twice silently
  disableOfflineQueue: true,
  socket: { reconnectStrategy: false },
});
client.on("error", (error) => console.error(`redis: ${error.message}`));
await client.connect();

// the last answer of each stream so far: later ones may be ours
const readUntil = new Map();
for (const key of ANSWERS) {
  const [last] = await client.xRevRange(key, "+", "-", { COUNT: 1 });
  readUntil.set(key, last?.id ?? "0-0");
}

const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.trim());
// commands that are not awaited one by one are pipelined
const entries = await Promise.all(lines.map((line) => client.xAdd(`${prefix}:listings`, "*", { data: line })));

// answers come in no particular order: the `id` of each is the entry that it answers
const answers = new Map(entries.map((entry) => [entry, null]));
const deadline = Date.now() + TIMEOUT_MS;
let missing = answers.size;
while (missing > 0 && Date.now() < deadline) {
  const positions = [...readUntil].map(([key, id]) => ({ key, id }));
  const streams = (await client.xRead(positions, { COUNT: 1000, BLOCK: 1000 })) ?? [];
  for (const { name, messages } of streams) {
    for (const { id, message } of messages) {
      readUntil.set(name, id);
      const answer = JSON.parse(message.data);
      if (answers.get(answer.id) === null) {
        answers.set(answer.id, answer);
        missing -= 1;
      }
    }
  }
}

for (const entry of entries) {
  const answer = answers.get(entry);
  console.log(JSON.stringify({ entry, type: answer?.type ?? "unanswered", ...answer?.data, payload: undefined }));
}
await client.close();
process.exitCode = missing > 0 ? 1 : 0;
