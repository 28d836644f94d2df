// SPDX-License-Identifier: MIT
// Modules from the folder that tests/run.sh installed them in, wherever this script lies.
import { createRequire } from "node:module";

export const require = createRequire(process.env.TEPLO_NODE_MODULES + "/any.js");

// How an MCP host starts the bridge to the broker.
export const bridge = {
    command: process.env.TEPLOCTL,
    args: ["connect"],
    env: { TEPLO_RUNTIME_DIR: process.env.TEPLO_RUNTIME_DIR },
};
