// What the preload costs a Node service: CPU time of all its threads and resident memory, beside the same service without it, at the same
// time. The beats go to the real heartbeat socket, in a process of its own.
//
//   node bench/preload.mjs [seconds] [services]        (default 20, 5 of each kind)
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openStreamServer } from '../dist/heartbeat/stream-server.js'
import { systemClock } from '../dist/system-clock.js'
import { printTable, quantile } from './statistics.mjs'

const span = Number(process.argv[2] ?? 20)
const count = Number(process.argv[3] ?? 5)
const service = fileURLToPath(new URL('fixtures/idle-web.mjs', import.meta.url))
const register = new URL('../dist/heartbeat/register.js', import.meta.url).href
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const server = await openStreamServer({ path: join(directory, 'beat.sock'), clock: systemClock, emit: () => {} })
const children = []

try {
  const kinds = [
    { kind: 'without', services: await startAll() },
    ...(await Promise.all(
      [60_000, 6_000, 500].map(async (limitMs) => ({
        kind: `preload, limit ${limitMs / 1000} s`,
        services: await startAll(limitMs),
      })),
    )),
  ]
  // V8 tidies its heap some seconds after the start.
  await sleep(8000)
  const before = kinds.map(({ services }) => services.map(({ pid }) => cpuMs(pid)))
  const began = performance.now()
  await sleep(span * 1000)
  const ran = performance.now() - began
  const rows = kinds.map(({ kind, services }, index) => ({
    kind,
    cpu: services.map(({ pid }, place) => ((cpuMs(pid) - before[index][place]) / ran) * 100),
    memory: services.map(({ pid }) => privateMb(pid)),
    beats: services.reduce((sum, { beats }) => sum + beats(), 0),
  }))
  const [bare] = rows
  printTable(`${count} services of each kind for ${span} s, median`, [
    ...rows.map(({ kind, cpu, memory, beats }) => ({
      service: kind,
      'CPU % of a core': quantile(cpu, 0.5).toFixed(3),
      'more than without': (quantile(cpu, 0.5) - quantile(bare.cpu, 0.5)).toFixed(3),
      'memory MB': quantile(memory, 0.5).toFixed(2),
      'more MB': (quantile(memory, 0.5) - quantile(bare.memory, 0.5)).toFixed(2),
      beats,
      n: count,
    })),
  ])
} finally {
  for (const child of children) child.kill('SIGKILL')
  await server.close()
  rmSync(directory, { recursive: true, force: true })
}

async function startAll(limitMs) {
  return Promise.all(Array.from({ length: count }, (_, index) => start(index, limitMs)))
}

async function start(index, limitMs) {
  let beats = 0
  const receiver = {
    service: `s${index}`,
    beat: () => beats++,
    beatChannel: () => true,
    signOfLife: () => true,
    gapsSeen: () => {},
    contact: () => {},
  }
  const enrolment = limitMs === undefined ? undefined : server.enrol(receiver)
  const watched = enrolment && {
    HANGDOG_SOCKET: server.path,
    HANGDOG_TOKEN: enrolment.freshToken(),
    WATCHDOG_USEC: String(limitMs * 1000),
    NODE_OPTIONS: `--import ${register}`,
  }
  const child = spawn(process.execPath, [service], { stdio: 'ignore', env: { ...process.env, ...watched } })
  children.push(child)
  enrolment?.started(child.pid)
  return { pid: child.pid, beats: () => beats }
}

/** Of all threads, by the scheduler's own clock. */
function cpuMs(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6,
    0,
  )
}

/** Memory that is its own alone: what Node's program file takes is shared with every other. */
function privateMb(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
  return (field('Private_Clean') + field('Private_Dirty')) / 1024
}
