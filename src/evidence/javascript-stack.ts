import { describeError, HangdogError } from '../errors.js'
import type { EvidenceRequest } from '../watch/evidence.js'
import type { Collector, Finding } from './exhibit.js'
import { createSignalMemory, type InspectorPort, openInspectorPort, type Signaller } from './inspector-port.js'
import { type InspectorNews, type InspectorSession, openInspectorSession, toRecord } from './inspector-session.js'
import { parseFields, readTarget, readText } from './proc-file.js'

/** One call of the main thread. Line and column count from 1. */
export interface JavaScriptFrame {
  readonly function: string
  readonly url: string
  readonly line: number
  readonly column: number
}

const frameLimit = 50

/** Share of the limit that the main thread has to open its inspector. It takes 5 ms when it can at all. */
const portShare = 0.6

/** How long the main thread has to pause. It takes 50 to 150 ms on an idle machine. */
const pauseShare = 0.5

/**
 * Takes the JavaScript stack of a hung Node service through its inspector: pause, read the call frames, go on. A busy loop and
 * Atomics.wait both answer; a main thread blocked in native code does not. The service stands still for some milliseconds. When
 * the connection is lost, whatever the reason, Node lets the program go on by itself.
 */
export function createJavaScriptStackCollector(platform: Signaller): Collector {
  const memory = createSignalMemory()
  const takeTurn = createTurns()
  return {
    name: 'javascript-stack',
    collect: async (request, limit, cutOff) => {
      const refusal = await findRefusal(request)
      if (refusal !== undefined) return refusal
      // Two services whose inspectors want the same port must not be opened at once.
      return takeTurn(cutOff, async () => {
        const identity = request.subject
        const port = await openInspectorPort(identity, platform, memory, limit * portShare, cutOff)
        if (port.kind === 'closed') return { kind: 'missing', reason: port.reason }
        return readStack(port, limit * pauseShare, cutOff)
      })
    },
  }
}

/** Runs one job after the other. A job whose time was up before its turn came is not begun. */
function createTurns(): (cutOff: AbortSignal, job: () => Promise<Finding>) => Promise<Finding> {
  let last: Promise<unknown> = Promise.resolve()
  return (cutOff, job) => {
    const turn = last.then(
      async (): Promise<Finding> => (cutOff.aborted ? { kind: 'missing', reason: 'its turn did not come' } : job()),
    )
    last = turn.catch(() => {})
    return turn
  }
}

async function findRefusal(request: EvidenceRequest): Promise<Finding | undefined> {
  const { pid } = request.subject
  const [executable, status] = await Promise.all([readTarget(`/proc/${pid}/exe`), readText(`/proc/${pid}/status`)])
  if (executable.kind === 'unreadable') {
    return { kind: 'missing', reason: `cannot tell whether it is a Node program: ${executable.reason}` }
  }
  // The kernel marks a program file that was replaced, by an upgrade for example.
  const name = executable.value
    .replace(/ \(deleted\)$/, '')
    .split('/')
    .at(-1)
  if (name !== 'node' && name !== 'nodejs') return { kind: 'not-applicable' }
  if (status.kind === 'unreadable') return { kind: 'missing', reason: status.reason }
  const fields = parseFields(status.value, ['State', 'TracerPid'])
  if (fields.TracerPid !== '0') {
    return { kind: 'missing', reason: `process ${fields.TracerPid} traces it; its inspector cannot answer` }
  }
  return /^[TtDZ]/.test(fields.State ?? '')
    ? { kind: 'missing', reason: `its main thread is in state ${fields.State} and runs nothing` }
    : undefined
}

async function readStack(
  port: Extract<InspectorPort, { kind: 'open' }>,
  pauseMs: number,
  cutOff: AbortSignal,
): Promise<Finding> {
  const urls = new Map<string, string>()
  let enabled = false
  let pausedBefore = false
  const paused = settleable<readonly unknown[]>()
  const hear = (news: InspectorNews) => {
    if (news.kind === 'ended') return paused.reject(new HangdogError('unavailable', lostConnection))
    if (news.kind === 'answer') {
      if (news.to === 'Debugger.enable') enabled = true
      return
    }
    const { method, parameters } = news
    if (method === 'Debugger.scriptParsed') urls.set(String(parameters.scriptId), String(parameters.url))
    if (method !== 'Debugger.paused') return
    // A pause that comes before the answer to `enable` was there before: another debugger's, and not ours to end.
    pausedBefore = !enabled
    paused.resolve(Array.isArray(parameters.callFrames) ? parameters.callFrames : [])
  }
  const session = await openInspectorSession(port.at, hear, cutOff)
  try {
    // Both are sent at once; waiting for the first answer costs the 40 ms of a delayed acknowledgement.
    const sent = [session.call('Debugger.enable'), session.call('Debugger.pause')]
    const frames = await within(Promise.all([paused.promise, ...sent]), pauseMs)
    if (frames === undefined) return { kind: 'missing', reason: explainSilence(enabled) }
    return {
      kind: 'found',
      content: { pausedBefore, frames: frames[0].slice(0, frameLimit).map((frame) => parseFrame(frame, urls)) },
    }
  } finally {
    await leave(session, port, pausedBefore)
  }
}

interface Settleable<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** A promise that is settled from outside. Its rejection may come before anybody waits for it. */
function settleable<T>(): Settleable<T> {
  let resolve = (_value: T) => {}
  let reject = (_error: Error) => {}
  const made = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  made.catch(() => {})
  return { promise: made, resolve, reject }
}

const lostConnection = 'cannot take the stack: the inspector closed its connection, or the service ended'

/** The reason of a missing stack that is a finding too: the cause is read from it. */
export const idleLoop = 'the main thread answers its inspector but runs no JavaScript: its event loop is idle'

function explainSilence(answered: boolean): string {
  return answered ? idleLoop : 'the main thread does not answer its inspector: it is blocked in native code'
}

/** How long the last commands may take. They need no answer; this only keeps their order before the connection ends. */
const leaveMs = 150

/**
 * Lets the service go on, and closes the inspector if this capture opened it. The signal also leaves a request in the service's
 * event loop, which would open the inspector again, so closing waits until the loop has gone round. A fixed port is also closed
 * at once, for the next service that wants it.
 */
async function leave(
  session: InspectorSession,
  port: Extract<InspectorPort, { kind: 'open' }>,
  pausedBefore: boolean,
): Promise<void> {
  const quiet = (call: Promise<unknown>) => call.catch((error: unknown) => describeError(error))
  const last = []
  if (!pausedBefore) last.push(quiet(session.call('Debugger.resume')))
  last.push(quiet(session.call('Debugger.disable')))
  if (port.ours) {
    const expression = closeExpression(port.fixed)
    last.push(quiet(session.call('Runtime.evaluate', { expression, includeCommandLineAPI: true, silent: true })))
  }
  await within(Promise.all(last), leaveMs)
  session.close()
}

/** Runs in the service. `require` is there by the command line API, also in an ES module. */
function closeExpression(atOnce: boolean): string {
  return `(() => {
    const load = globalThis.process?.getBuiltinModule ?? require
    const { close } = load('inspector')
    const { setImmediate } = load('timers')
    const quietly = () => { try { close() } catch {} }
    setImmediate(() => setImmediate(quietly))
    ${atOnce ? 'quietly()' : ''}
  })()`
}

function parseFrame(value: unknown, urls: ReadonlyMap<string, string>): JavaScriptFrame {
  const frame = toRecord(value)
  const location = toRecord(frame.location)
  const name = String(frame.functionName ?? '')
  return {
    function: name === '' ? '(anonymous)' : name,
    url: urls.get(String(location.scriptId)) ?? String(frame.url ?? ''),
    line: Number(location.lineNumber ?? 0) + 1,
    column: Number(location.columnNumber ?? 0) + 1,
  }
}

/** The value, or nothing when it does not come in time. */
async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
