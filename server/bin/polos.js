#!/usr/bin/env node
import { runCli } from '../dist/cli/cli.js';

/** The server is loaded when it is to be started or checked: every other command is twice as fast without it. */
const startServer = async (options) => (await import('../dist/main.js')).startServer(options);
const checkServer = async (options) => (await import('../dist/main.js')).checkServer(options);

process.exitCode = await runCli(process.argv, { startServer, checkServer });
