// Runs run.ts, as the test runner runs tests: the same loader, types not checked.
process.env.TS_NODE_TRANSPILE_ONLY = '1'
await import('@tapjs/typescript/import')
await import('./run.ts')
