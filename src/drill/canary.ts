/**
 * The canary of a fire drill: a small service that beats, and then hangs for real. Its first process hangs; the next one, started in its
 * place, sees in the record that there was one before, and only beats.
 *
 *   node canary.js MANNER RECORD BEATS INTERVAL LIFETIME SIGNAL
 *
 * MANNER is how it hangs; RECORD the file it writes each beat to; it hangs after BEATS beats, one each INTERVAL ms. After LIFETIME ms it
 * ends by itself, even out of its hang: a canary whose hangdog was killed must not be left behind. SIGNAL asks it to end.
 */
import { openSync, readFileSync, writeSync } from 'node:fs'
import { HeartbeatClient } from '../heartbeat/client.js'
import { freeInspectorPort } from '../heartbeat/inspector-port.js'
import { timerDelay } from '../time.js'
import { type CanaryNote, formatNote, parseRecord, unrecordedExitCode } from './canary-record.js'

const [manner, record = '', beats, interval, lifetime, signal = 'SIGTERM'] = process.argv.slice(2)
const beatsBefore = Number(beats)
const end = performance.now() + Number(lifetime)
/** Left by itself, because nobody ended it. */
const abandonedExitCode = 3
/** Turns of the loop between two looks at the clock, so that the loop is what a stack shows. */
const turnsPerLook = 1_000_000

/** Signals that no program can catch, and the one by which Node opens its inspector. */
const notForPrograms: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP', 'SIGUSR1'])

const heartbeat = new HeartbeatClient(process.env)
const { isFirst, notes } = recording(() => ({
  isFirst: parseRecord(readFileSync(record, 'utf8')).length === 0,
  notes: openSync(record, 'a'),
}))
let done = 0

freeInspectorPort()
// As most services do, it means to end in order when it is asked to. Hung, it does not come to it, and must be killed.
if (!notForPrograms.has(signal)) process.on(signal, () => process.exit(0))
heartbeat.ready()
setInterval(() => {
  // What is said before the connection stands waits in this process, and would never leave it after the hang.
  if (heartbeat.connected) beat()
}, Number(interval))
setTimeout(() => process.exit(abandonedExitCode), timerDelay(Number(lifetime)))

function beat(): void {
  const at = process.hrtime.bigint()
  heartbeat.beat()
  note('beat', at)
  done++
  if (!isFirst || done < beatsBefore) return
  note('hung', process.hrtime.bigint())
  if (manner === 'busy-loop') drillBusyLoop()
  else drillBlocked()
  process.exit(abandonedExitCode)
}

function note(what: CanaryNote, at: bigint): void {
  const text = formatNote(what, process.pid, at)
  recording(() => {
    // A disk that is nearly full takes a part, and says nothing.
    if (writeSync(notes, text) < text.length) throw new Error('only a part was written')
  })
}

/** A canary without a record is no good: what it does would be taken for something else. The code is all that it can still say. */
function recording<T>(use: () => T): T {
  try {
    return use()
  } catch {
    process.exit(unrecordedExitCode)
  }
}

/** The names of these two are looked for in the stack that hangdog takes. */
function drillBusyLoop(): number {
  let sum = 0
  while (performance.now() < end) {
    for (let turn = 0; turn < turnsPerLook; turn++) sum = (sum + turn) % 1_000_003
  }
  return sum
}

function drillBlocked(): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(nobody, 0, 0, end - performance.now())
}
