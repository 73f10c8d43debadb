// An index of documents: one child execution reads each, all at once, on whichever workers there are.
//
// `ctx.step.batchInvokeAndWait` starts all children as one step and waits until the last is final. A document that cannot be
// read fails its own child and nothing else; the index says which, and why.
import { readFile } from 'node:fs/promises';
import { defineWorkflow } from '@polos/sdk';
import { z } from 'zod';
import { summarize } from './summarize.js';

const documentSchema = z.object({
  /** An absolute path. */
  path: z.string(),
});

const indexSchema = z.object({
  /** Absolute paths. */
  paths: z.array(z.string()),
});

const stateSchema = z.object({
  phase: z.enum(['new', 'reading', 'done']).default('new'),
  failed: z.array(z.object({ path: z.string(), error: z.string() })).default([]),
});

/** Reads one document. Not tried again: a file that is missing stays so. */
export const readDocument = defineWorkflow(
  { id: 'read_document', payloadSchema: documentSchema, maxRetries: 0 },
  (ctx, { path }) =>
    ctx.step.run('read', async () => summarize(await readFile(path, 'utf8')), { maxRetries: 0 }),
);

/** Resolves to the words of all documents together, and the longest ones first. */
export const buildIndex = defineWorkflow(
  { id: 'build_index', payloadSchema: indexSchema, stateSchema },
  async (ctx, { paths }) => {
    ctx.state.phase = 'reading';
    const results = await ctx.step.batchInvokeAndWait(
      'read_all',
      paths.map((path) => ({ workflow: readDocument, payload: { path } })),
    );
    const documents = [];
    for (const [index, { success, result, error }] of results.entries()) {
      const path = paths[index] ?? '';
      if (success) documents.push({ path, ...result });
      else ctx.state.failed.push({ path, error: error.message });
    }
    ctx.state.phase = 'done';
    documents.sort((a, b) => b.words - a.words);
    return { words: documents.reduce((sum, { words }) => sum + words, 0), documents };
  },
);
