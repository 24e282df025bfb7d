// Heartbeats through shared memory, beside what each of their parts costs alone, in the same run: `node bench/page.mjs`. Takes about a minute.
// Needs gcc; the part of Node needs the addon (node tools/native.mjs) and the built sources.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { printSeries } from './c-series.mjs'
import { printTable, summary } from './statistics.mjs'

const guardFolder = fileURLToPath(new URL('../native/guard/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const program = join(folder, 'page-bench')

try {
  const sources = readdirSync(guardFolder).filter((file) => file.endsWith('.c'))
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-pthread', '-o', program, 'bench/page-bench.c']
  const built = spawnSync('gcc', [...flags, ...sources], { cwd: guardFolder, stdio: 'inherit' })
  if (built.status !== 0) process.exit(1)
  table('A heartbeat in C, ns (500 rounds of 100,000)', 'beat', '100000')
  await fromNode()
  table('100,000 services in one page at a beat a second each, limit 6 s', 'scale', '100000')
  table('10,000 services, each with a page of its own', 'isolated', '10000')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function table(title, what, number) {
  printSeries(title, program, [what, number])
}

async function fromNode() {
  const { loadAddon } = await import('../dist/platform/addon.js')
  const loaded = loadAddon()
  if (loaded.kind === 'absent') {
    console.log(`\nA heartbeat from Node: skipped: ${loaded.reason}`)
    return
  }
  const guard = loaded.addon.open(16, 16, 1 << 16, 0, 0, () => {})
  const { page, fd } = guard.pageOpen(63)
  const countdown = guard.countdownCreate()
  guard.countdownArm(countdown, 60_000, 30_000)
  guard.countdownQuietBeat(countdown)
  guard.pageBind(page, 0, countdown)
  process.env.HANGDOG_PAGE = `${fd}:0:63`
  const { HeartbeatClient } = await import('../dist/heartbeat/client.js')
  const heartbeat = new HeartbeatClient(process.env)
  const bare = loaded.addon.openHeartbeat()
  const words = new BigInt64Array(new SharedArrayBuffer(64))
  const loops = Object.entries({
    'an empty loop': () => {},
    'performance.now': () => performance.now(),
    'process.hrtime.bigint': () => process.hrtime.bigint(),
    'Atomics.store of a constant': () => Atomics.store(words, 0, 1n),
    'Atomics.store of process.hrtime.bigint': () => Atomics.store(words, 0, process.hrtime.bigint()),
    'the function of the addon': bare,
    'heartbeat.beat of the library': () => heartbeat.beat(),
  }).map(([name, body]) => ({ name, body, run: loopOf(), values: [] }))
  for (let round = -20; round < 200; round++) {
    for (const { body, run, values } of loops) {
      const start = performance.now()
      run(body)
      // The first rounds are those of the compiler.
      if (round >= 0) values.push(((performance.now() - start) / 50_000) * 1e6)
    }
  }
  const counted = guard.countdownReading(countdown).pageBeats
  guard.close()
  printTable(
    'A heartbeat from Node, ns (200 rounds of 50,000)',
    Object.fromEntries(loops.map(({ name, values }) => [name, summary(values)])),
  )
  console.log(`beats that arrived in the page: ${counted}`)
}

/** One for each body, so that the compiler knows what is called in it. */
function loopOf() {
  return new Function('body', 'for (let index = 0; index < 50_000; index++) body()')
}
