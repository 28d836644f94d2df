// SPDX-License-Identifier: MIT
// The official TypeScript SDK 2.x as a client of the broker, in the era given as argument:
// "legacy", "auto", or a revision to pin.  The last line printed is JSON.
import { bridge, require } from "./load.mjs";

const { Client } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");

const era = process.argv[2];
const mode = era === "legacy" || era === "auto" ? era : { pin: era };
const client = new Client({ name: "typescript-2", version: "0" }, { versionNegotiation: { mode } });
await client.connect(new StdioClientTransport(bridge));

const said = {
    version: client.getNegotiatedProtocolVersion(),
    tools: (await client.listTools()).tools.map((tool) => tool.name),
    echo: await client.callTool({ name: "echo", arguments: { value: "Привіт 🌞", tag: null } }),
    fail: await client.callTool({ name: "fail", arguments: {} }),
    prompt: await client.getPrompt({ name: "greeting", arguments: { name: "Юрко" } }),
};
const sums = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.callTool({ name: "add", arguments: { a: i, b: i } })),
);
said.sums = sums.map((result) => Number(result.content[0].text));

const progress = [];
await client.callTool(
    { name: "slow_progress", arguments: { steps: 3 } },
    { onprogress: (step) => progress.push(step.progress) },
);
said.progress = progress;

await client.close();
console.log(JSON.stringify(said));
