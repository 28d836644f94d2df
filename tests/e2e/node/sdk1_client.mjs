// SPDX-License-Identifier: MIT
// The official TypeScript SDK 1.x as a client of the broker.  The last line printed is JSON.
import { bridge, require } from "./load.mjs";

const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

const client = new Client({ name: "typescript-1", version: "0" });
await client.connect(new StdioClientTransport(bridge));

const said = {
    server: client.getServerVersion(),
    instructions: client.getInstructions(),
    tools: (await client.listTools()).tools.map((tool) => tool.name),
    ping: await client.ping(),
    echo: await client.callTool({ name: "echo", arguments: { value: "Привіт 🌞", tag: [1, null] } }),
    fail: await client.callTool({ name: "fail", arguments: {} }),
    prompt: await client.getPrompt({ name: "greeting", arguments: { name: "Юрко" } }),
    resource: await client.readResource({ uri: "counting://counters" }),
};

const sums = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.callTool({ name: "add", arguments: { a: i, b: i } })),
);
said.sums = sums.map((result) => Number(result.content[0].text));

const progress = [];
await client.callTool({ name: "slow_progress", arguments: { steps: 3 } }, undefined, {
    onprogress: (step) => progress.push(step.progress),
});
said.progress = progress;

const abort = new AbortController();
const held = client.callTool({ name: "hold", arguments: { key: "typescript" } }, undefined, {
    signal: abort.signal,
});
held.catch(() => {});
// Returns once the server runs the call.
await fetch(process.env.WAIT_HELD, { method: "POST", body: '{"key": "typescript"}' });
abort.abort("enough");
said.aborted = await held.then(
    () => "answered",
    (error) => String(error),
);
said.after = await client.callTool({ name: "add", arguments: { a: 2, b: 2 } });

await client.close();
console.log(JSON.stringify(said));
