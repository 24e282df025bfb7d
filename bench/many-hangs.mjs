// Many hangs at once: N services of one hangdog stop beating at the same moment and spin. How long until the last of them is gone,
// counted from the end of its limit? Evidence is on, as by default. Beside it: the same processes, ended by a bare SIGKILL each.
//
//   node bench/many-hangs.mjs [services]        (default 50)
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { printTable, summary } from './statistics.mjs'

const count = Number(process.argv[2] ?? 50)
const limitMs = 3000
const program = fileURLToPath(new URL('../dist/cli/hangdog.js', import.meta.url))
const service = fileURLToPath(new URL('fixtures/spins-at.py', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const startSpan = 4000 + 120 * count

try {
  const bare = await measureBare()
  const hangdog = await measureHangdog()
  printTable(`${count} services hang at once, limit ${limitMs} ms; ms after the end of the limit`, [
    { ending: 'bare SIGKILL', ...bare },
    ...hangdog,
  ])
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function measureBare() {
  const spinning = Array.from({ length: count }, () =>
    spawn('python3', ['-c', 'while True: pass'], { stdio: 'ignore' }),
  )
  await sleep(startSpan)
  const begin = performance.now()
  const ends = await Promise.all(
    spinning.map((child) => {
      const gone = new Promise((resolve) => child.on('exit', () => resolve(performance.now() - begin)))
      child.kill('SIGKILL')
      return gone
    }),
  )
  return summary(ends)
}

async function measureHangdog() {
  const hangAt = Date.now() + startSpan
  const config = join(directory, 'services.yaml')
  const lines = Array.from(
    { length: count },
    (_, index) => `  s${index}: { command: [python3, ${service}, '${hangAt / 1000}'], heartbeat: stream }`,
  )
  const defaults = `defaults: { heartbeatTimeout: ${limitMs}ms, action: terminate, terminateTimeout: 1s }`
  writeFileSync(config, `${defaults}\nservices:\n${lines.join('\n')}\n`)
  const state = join(directory, 'state')
  const args = [program, 'supervise', '--config', config, '--state-dir', state, '--log-format', 'json']
  const run = spawn(process.execPath, args, { stdio: 'ignore' })
  // It ends by itself when all its services have.
  await new Promise((resolve) => run.on('exit', resolve))
  const file = readdirSync(join(state, 'events')).find((name) => name.endsWith('.jsonl'))
  const events = readFileSync(join(state, 'events', file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const times = (name) =>
    events.filter((event) => event.name === name).map(({ time }) => Date.parse(time) - hangAt - limitMs)
  const held = times('hold-started').length
  return [
    { ending: `hangdog: verdict (${held} held as starved before)`, ...summary(times('hang-recovery')) },
    { ending: 'hangdog: gone', ...summary(times('terminate-proven')) },
  ]
}
