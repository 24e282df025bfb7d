// Many hangs at once: N services of one hangdog stop beating at the same moment and spin, or sleep. How long until the last of them is
// gone, counted from the end of its limit, and what CPU time does hangdog itself take for it? Evidence is on, as by default. Beside it:
// the same processes, ended by a bare SIGKILL each.
//
//   node bench/many-hangs.mjs [services] [spin|sleep]        (default 50 spin)
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { printTable, summary } from './statistics.mjs'

const count = Number(process.argv[2] ?? 50)
const how = process.argv[3] ?? 'spin'
const limitMs = 3000
const program = fileURLToPath(new URL('../dist/cli/hangdog.js', import.meta.url))
const service = fileURLToPath(new URL('fixtures/hangs-at.py', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const startSpan = 4000 + 120 * count

try {
  const bare = await measureBare()
  const hangdog = await measureHangdog()
  printTable(`${count} services hang at once (${how}), limit ${limitMs} ms; ms after the end of the limit`, [
    { ending: 'bare SIGKILL', ...bare },
    ...hangdog,
  ])
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function measureBare() {
  const spinning = Array.from({ length: count }, () =>
    spawn('python3', ['-c', how === 'spin' ? 'while True: pass' : 'import time; time.sleep(3600)'], {
      stdio: 'ignore',
    }),
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
    (_, index) => `  s${index}: { command: [python3, ${service}, '${hangAt / 1000}', ${how}], heartbeat: stream }`,
  )
  const defaults = `defaults: { heartbeatTimeout: ${limitMs}ms, action: terminate, terminateTimeout: 1s }`
  writeFileSync(config, `${defaults}\nservices:\n${lines.join('\n')}\n`)
  const state = join(directory, 'state')
  const args = [program, 'supervise', '--config', config, '--state-dir', state, '--log-format', 'json']
  const run = spawn(process.execPath, args, { stdio: 'ignore' })
  // It ends by itself when all its services have.
  const ended = new Promise((resolve) => run.on('exit', resolve))
  const cpuMs = await cpuUntilEnd(run.pid, hangAt + limitMs - 100)
  await ended
  console.log(`CPU time of hangdog itself from the end of the limit on: ${cpuMs} ms`)
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

/** User and system time of a process, in ms, from a moment on until it is gone; of its children nothing. */
async function cpuUntilEnd(pid, from) {
  let first
  let last
  for (;;) {
    const now = readCpuMs(pid)
    if (now === undefined) return last - first
    if (Date.now() < from) first = now
    last = now
    await sleep(20)
  }
}

/** In ms, by ticks of 10 ms; undefined when it has ended. */
function readCpuMs(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : 10 * (Number(fields[10]) + Number(fields[11]))
  } catch {
    return undefined
  }
}
