import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Fault, faults } from '../../src/fault/kit.js'
import { findMissing } from '../../src/fault/need.js'
import type { TrialOutcome } from '../../src/fault/trial-outcome.js'
import { hangdog, isAlive } from '../e2e/hangdog.js'

/** Long enough for services that share two cores with other tests, short enough for all of them to be run. */
const limit = '1500ms'

/** A temporary directory of the test's own, so that what is left in it is seen. */
export function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'kit-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Runs each fault of these languages by the command, as an operator would, and looks whether it is found as the kit expects. */
export function tryFaults(t: Test, languages: readonly Fault['language'][]): void {
  for (const fault of faults.filter(({ language }) => languages.includes(language))) {
    t.test(`${fault.kind}: ${fault.summary}`, async (t) => {
      const missing = await findMissing(fault.needs)
      if (missing.length > 0) {
        t.pass('not run', { skip: missing.join('; ') })
        return
      }
      const directory = temporaryDirectory(t)
      const args = ['fault', fault.kind, '--limit', limit, '--json']
      const { code, stdout, stderr } = await hangdog(t, args, { TMPDIR: directory })
      t.match(code, /^[01]$/, stderr)
      check(t, fault, JSON.parse(stdout), code)
      t.same(leftBy(directory), [], 'nothing is left behind')
    })
  }
}

function check(t: Test, { expected }: Fault, outcome: TrialOutcome, code: number | null): void {
  const { detected, verdict, held, verdictAfterMs, goneAfterMs, complaints, asExpected, cause } = outcome
  t.ok(detected, 'the hang is found')
  t.ok(verdict !== null && expected.hang.includes(verdict.kind), `the verdict is ${verdict?.kind}`)
  if (expected.held !== undefined) t.equal(held, expected.held, 'it is held before')
  t.ok(verdictAfterMs !== null && verdictAfterMs >= outcome.limitMs, `the whole limit was given: ${verdictAfterMs} ms`)
  t.ok(
    goneAfterMs !== null && verdictAfterMs !== null && goneAfterMs > verdictAfterMs,
    'the service is proven to be gone',
  )
  t.equal(code, asExpected ? 0 : 1, 'the exit code says so as well')
  t.same(complaints, [], cause ?? 'no cause')
}

/** Files other than what was compiled, and processes that were started for the service. */
export function leftBy(directory: string): readonly string[] {
  const cache = `hangdog-fault-${process.getuid?.()}`
  const files = readdirSync(directory).filter((name) => name !== cache)
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isAlive(pid))
  return [...files, ...pids.map(commandOf).filter((command) => command.includes(directory))]
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
