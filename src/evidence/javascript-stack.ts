import { setTimeout as delay } from 'node:timers/promises'
import type { EvidenceRequest } from '../watch/evidence.js'
import type { Collector, Finding } from './exhibit.js'
import { createSignalMemory, openInspectorPort, type Signaller } from './inspector-port.js'
import { visitInspector } from './inspector-visit.js'
import { describeVisit } from './javascript-exhibit.js'
import { LateInspectors } from './late-inspector.js'
import { parseFields, readTarget, readText } from './proc-file.js'
import { nameProgram } from './runtime.js'

/** Share of the limit that the main thread has to open its inspector. It takes 5 ms when it can at all. */
const portShare = 0.6

/** How long the inspector has to answer all that is asked. The first pause takes 50 to 150 ms on an idle machine. */
const visitShare = 0.6

/**
 * Takes the JavaScript stacks of a hung Node service through its inspector, main thread and workers: pause, read the call frames, go on,
 * some times over. A busy loop and Atomics.wait both answer; a main thread blocked in native code does not, and its workers are reached
 * through it alone. The service stands still for some milliseconds. When the connection is lost, whatever the reason, Node lets the
 * program go on by itself.
 */
export function createJavaScriptStackCollector(platform: Signaller): Collector {
  const memory = createSignalMemory()
  const late = new LateInspectors(memory)
  const takeTurn = createTurns()
  return {
    name: 'javascript-stack',
    collect: async (request, limit, cutOff) => {
      const refusal = await findRefusal(request)
      if (refusal !== undefined) return refusal
      // Two services whose inspectors want the same port must not be opened at once.
      return takeTurn(cutOff, async () => {
        const identity = request.subject
        await late.cancel(identity)
        const end = performance.now() + limit * endShare
        const port = await openInspectorPort(identity, platform, memory, limit * portShare, cutOff)
        if (port.kind === 'closed') {
          if (port.signalSent) late.expect(identity)
          return { kind: 'missing', reason: port.reason }
        }
        const visit = await visitInspector(port, limit * visitShare, cutOff)
        return describeVisit(identity.pid, visit, end - performance.now())
      })
    },
  }
}

/** Share of the limit after which nothing is begun any more. */
const endShare = 0.95

/** Runs one job after the other. A job whose time was up before its turn came is not begun. */
function createTurns(): (cutOff: AbortSignal, job: () => Promise<Finding>) => Promise<Finding> {
  let last: Promise<unknown> = Promise.resolve()
  return (cutOff, job) => {
    const turn = last.then(
      async (): Promise<Finding> => (cutOff.aborted ? { kind: 'missing', reason: 'its turn did not come' } : job()),
    )
    // One that does not heed the end of its time must not keep the others from theirs.
    last = Promise.race([turn.catch(() => {}), timeIsUp(cutOff)])
    return turn
  }
}

/** How long a job that was cut off may take to leave, in ms. */
const leavingMs = 300

async function timeIsUp(cutOff: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (cutOff.aborted) resolve()
    else cutOff.addEventListener('abort', () => resolve(), { once: true })
  })
  await delay(leavingMs)
}

async function findRefusal(request: EvidenceRequest): Promise<Finding | undefined> {
  const { pid } = request.subject
  const [executable, status] = await Promise.all([readTarget(`/proc/${pid}/exe`), readText(`/proc/${pid}/status`)])
  if (executable.kind === 'unreadable') {
    return { kind: 'missing', reason: `cannot tell whether it is a Node program: ${executable.reason}` }
  }
  const name = nameProgram(executable.value)
  if (name !== 'node' && name !== 'nodejs') return { kind: 'not-applicable' }
  if (status.kind === 'unreadable') return { kind: 'missing', reason: status.reason }
  const fields = parseFields(status.value, ['State', 'TracerPid'])
  if (fields.TracerPid !== '0') {
    return { kind: 'missing', reason: `process ${fields.TracerPid} traces it; its inspector cannot answer` }
  }
  if (/^[TtDZ]/.test(fields.State ?? '')) {
    return { kind: 'missing', reason: `its main thread is in state ${fields.State} and runs nothing` }
  }
  return undefined
}
