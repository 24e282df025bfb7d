// The native guard, beside the same thing done in C without it, in the same run: `node bench/guard.mjs [N]`. Takes about three minutes.
// Needs gcc; the cost of a beat from Node needs the addon (node tools/native.mjs) and the built sources.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { printSeries } from './c-series.mjs'
import { printTable, summary } from './statistics.mjs'

const count = process.argv[2] ?? '1000'
const guardFolder = fileURLToPath(new URL('../native/guard/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const program = join(folder, 'guard-bench')
const busy = []

try {
  const sources = readdirSync(guardFolder).filter((file) => file.endsWith('.c'))
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-pthread', '-o', program, 'bench/guard-bench.c']
  const built = spawnSync('gcc', [...flags, ...sources], { cwd: guardFolder, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
  table('Overshoot of an expiry, ms (death of the service - last beat - limit of 100 ms), idle', 'overshoot', count)
  for (let loop = 0; loop < 8; loop++) busy.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
  table('The same with 8 busy loops', 'overshoot', count)
  table('The same, when the service need not wait for a processor to die', 'overshoot-urgent', count)
  for (const loop of busy) loop.kill('SIGKILL')
  table('From SIGKILL to the exit observed, ms', 'kill', '500')
  table('A heartbeat in C, ns (20 rounds of a million)', 'beat', '1000')
  await beatFromNode()
  table('Notify datagrams, one sender', 'notify', '1')
  table('Notify datagrams, three senders', 'notify', '3')
  table('100,000 services at a beat a second each, limit 6 s', 'scale', '100000')
} finally {
  for (const loop of busy) loop.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

function table(title, what, number) {
  printSeries(title, program, [what, number])
}

async function beatFromNode() {
  const { loadAddon } = await import('../dist/platform/addon.js')
  const { openGuard } = await import('../dist/platform/guard.js')
  const { createNativeEngine } = await import('../dist/watch/native-engine.js')
  const { createJavaScriptEngine } = await import('../dist/watch/javascript-engine.js')
  const { systemClock } = await import('../dist/system-clock.js')
  const loaded = loadAddon()
  if (loaded.kind === 'absent') {
    console.log(`\nA heartbeat from Node: skipped: ${loaded.reason}`)
    return
  }
  const guard = openGuard(loaded.addon)
  const engines = [createJavaScriptEngine(systemClock), createNativeEngine(guard)]
  const rows = {}
  for (const engine of engines) {
    const countdown = engine.create({ warningElapsed() {}, limitElapsed() {} })
    countdown.arm(60_000, 0.5)
    const rounds = Array.from({ length: 25 }, () => {
      const start = performance.now()
      for (let beat = 0; beat < 200_000; beat++) countdown.reset()
      return ((performance.now() - start) / 200_000) * 1e6
    })
    // The first rounds are those of the compiler.
    rows[`Countdown.reset, ${engine.name} engine`] = summary(rounds.slice(5))
    engine.close()
  }
  guard.close()
  printTable('A heartbeat from Node, ns (20 rounds of 200,000)', rows)
}
