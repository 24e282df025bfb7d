// What an idle supervisor costs: one service at one beat a second. Resident memory, wake-ups a second (voluntary context switches of all
// its threads), CPU, and the time from the start of the program to the start of the service; beside a naive Node supervisor.
//
//   node bench/idle.mjs [seconds]              (default 30)
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { printTable, quantile } from './statistics.mjs'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const span = Number(process.argv[2] ?? 30)
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const victim = ['python3', here('fixtures/beating.py'), '1']
const hangdog = [
  here('../dist/cli/hangdog.js'),
  ...['run', '--state-dir', join(directory, 'state'), '--heartbeat', 'stream', '--log-format', 'json', '--'],
]

printTable('Idle, one service at one beat a second', [
  await watch('naive Node', [
    here('fixtures/naive-supervisor.mjs'),
    '60000',
    join(directory, 'naive.sock'),
    '1',
    ...victim,
  ]),
  await watch('hangdog', [...hangdog, ...victim]),
])
printTable('From the start of the program to the start of the service, ms', [
  await starts('naive Node', (out) => [
    here('fixtures/naive-supervisor.mjs'),
    '60000',
    join(directory, `n${out.slice(-6)}.sock`),
    '1',
  ]),
  await starts('hangdog', () => hangdog),
])
rmSync(directory, { recursive: true, force: true })

async function watch(name, args) {
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  // V8 tidies its heap some seconds after the start; that is not idling yet.
  await sleep(20_000)
  const before = counters(child.pid)
  await sleep(span * 1000)
  const after = counters(child.pid)
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
  return {
    supervisor: name,
    'RSS MB': (after.rss / 1024).toFixed(1),
    'wake-ups/s': ((after.switches - before.switches) / span).toFixed(2),
    'CPU %': (((after.ticks - before.ticks) / span) * 1).toFixed(2),
  }
}

function counters(pid) {
  let switches = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    switches += Number(
      /^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))[1],
    )
  }
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return { switches, rss, ticks: Number(stat[11]) + Number(stat[12]) }
}

/** The service writes the monotonic clock at its first instruction; both clocks are CLOCK_MONOTONIC. */
async function starts(name, args) {
  const times = []
  for (let round = 0; round < 20; round++) {
    const out = join(directory, `start-${Math.random().toString(36).slice(2)}`)
    const stamp = [
      'python3',
      '-S',
      '-c',
      `import time; open(${JSON.stringify(out)}, "w").write(str(time.clock_gettime_ns(time.CLOCK_MONOTONIC)))`,
    ]
    const from = process.hrtime.bigint()
    const child = spawn(process.execPath, [...args(out), ...stamp], { stdio: 'ignore' })
    await new Promise((resolve) => child.once('exit', resolve))
    times.push(Number(BigInt(readFileSync(out, 'utf8')) - from) / 1e6)
  }
  return {
    supervisor: name,
    median: quantile(times, 0.5).toFixed(0),
    max: Math.max(...times).toFixed(0),
    n: times.length,
  }
}
