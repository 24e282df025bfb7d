import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { makeFolder } from '../heartbeat/stream-fixture.js'

const lacking = ['gcc', 'make'].find((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0)

/** Why tests in C cannot be built here. */
export const withoutCompiler = lacking === undefined ? false : `skipped: there is no ${lacking}`

export interface TestsInC {
  /** Below native/. */
  readonly folder: 'guard' | 'guard-process'
  /** Default: all of the folder. */
  readonly tests?: readonly string[]
  readonly fuzzSeconds: number
}

/** Builds and runs tests in C, and makes an assertion of each of their cases. @returns what they printed */
export function runTestsInC(t: Test, { folder, tests, fuzzSeconds }: TestsInC): string {
  const chosen = tests === undefined ? [] : [`TESTS=${tests.join(' ')}`]
  const { stdout, stderr, status } = spawnSync(
    'make',
    ['check', `BUILD=${makeFolder(t)}`, `FUZZ_SECONDS=${fuzzSeconds}`, ...chosen],
    { cwd: fileURLToPath(new URL(`../../native/${folder}/`, import.meta.url)), encoding: 'utf8', timeout: 110_000 },
  )
  for (const line of stdout.split('\n')) {
    if (line.startsWith('ok ')) t.pass(line.slice(3))
    else if (line.startsWith('NOT OK ')) t.fail(line.slice(7), { stdout })
  }
  t.equal(status, 0, 'make check', { stdout, stderr })
  return stdout
}
