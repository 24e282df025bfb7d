// What asking a guard process costs, beside the guard in this process, in the same run: `node bench/guard-process.mjs [N]`. Takes some
// seconds. Needs the native part (node tools/native.mjs) and the built sources.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { loadAddon } from '../dist/platform/addon.js'
import { openGuard } from '../dist/platform/guard.js'
import { lackOfGuardProgram, openGuardProcess } from '../dist/platform/guard-process.js'
import { createNativeEngine } from '../dist/watch/native-engine.js'
import { printTable, summary } from './statistics.mjs'

const count = Number(process.argv[2] ?? '50000')
const loaded = loadAddon()
const lack = loaded.kind === 'absent' ? loaded.reason : lackOfGuardProgram()
const rows = {}
if (lack !== undefined) {
  console.log(`skipped: ${lack}`)
  process.exit(0)
}
const folder = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
try {
  const here = openGuard(loaded.addon)
  const there = await openGuardProcess(loaded.addon, { path: join(folder, 'guard'), lost: () => {} })
  console.log(`realtime: ${there.guard.strength.realtime}; memory locked: ${there.guard.strength.memoryLocked}`)
  measure('the guard in this process', here)
  measure('a guard process', there.guard)
  printTable('A call, microseconds', rows)
  there.end()
  there.guard.close()
  here.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function measure(where, guard) {
  const countdown = createNativeEngine(guard).create({ warningElapsed() {}, limitElapsed() {} })
  countdown.arm(3_600_000, 0.5)
  const calls = {
    beat: () => countdown.reset(),
    'arm anew': () => countdown.arm(3_600_000, 0.5),
    'time left': () => countdown.remaining(),
  }
  for (const [name, call] of Object.entries(calls)) rows[`${name}, ${where}`] = summary(times(call))
  countdown.dispose()
}

/** Each call by itself: what counts is how long JavaScript may wait. */
function times(call) {
  for (let warm = 0; warm < 2000; warm++) call()
  return Array.from({ length: count }, () => {
    const start = performance.now()
    call()
    return (performance.now() - start) * 1000
  })
}
