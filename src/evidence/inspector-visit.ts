import { fetchSource, nameBuiltInCall } from './call-name.js'
import { InspectedThread, quietly } from './inspected-thread.js'
import type { InspectorPort } from './inspector-port.js'
import { type InspectorSession, openInspectorSession } from './inspector-session.js'
import type { InspectorNews } from './protocol-channel.js'
import { parseSummary, type RuntimeSummary, summaryExpression } from './runtime-summary.js'
import { within } from './settleable.js'
import { type Sampling, type StackSamples, sampleStack } from './stack-samples.js'
import { type InspectedWorker, WorkerThreads } from './worker-threads.js'

/** How often the main thread's stack is looked at, and a worker's. */
const mainLooks = 3
const workerLooks = 2

/** Of the limit, for what is asked about the last stack. */
const callShare = 0.25

export interface ThreadVisit {
  readonly thread: InspectedThread
  readonly sampling: Sampling
  /** The built-in function it was inside of at every look, such as `RegExp.exec`. */
  readonly builtIn?: string
}

/** What one connection to an inspector brought. */
export interface Visit {
  readonly main: ThreadVisit
  readonly workers: readonly (ThreadVisit & Pick<InspectedWorker, 'title' | 'url'>)[]
  /** Workers that were not looked at. */
  readonly moreWorkers: number
  readonly runtime: RuntimeSummary | undefined
}

const silent: Sampling = { kind: 'silent' }

type OpenPort = Extract<InspectorPort, { kind: 'open' }>

/**
 * Takes the stacks of all JavaScript threads through an open inspector, and closes the inspector if it was opened for this.
 * @throws HangdogError `unavailable` when the connection ends meanwhile
 */
export async function visitInspector(port: OpenPort, limitMs: number, cutOff: AbortSignal): Promise<Visit> {
  const call: InspectorSession['call'] = async (method, parameters) => (await session).call(method, parameters)
  const main = new InspectedThread(call)
  const workers = new WorkerThreads(call)
  const hear = (news: InspectorNews) => {
    if (news.kind === 'ended') workers.end()
    if (news.kind !== 'event' || !workers.hear(news.method, news.parameters)) main.hear(news)
  }
  const session = openInspectorSession(port.at, hear, cutOff)
  const opened = await session
  try {
    return await lookAtThreads(main, workers, limitMs)
  } finally {
    await leave(opened, port, main.pausedBefore)
  }
}

/**
 * All commands are sent at once; waiting for each answer would cost the 40 ms of a delayed acknowledgement. What runs code comes before
 * the pause: in an idle loop the pause would catch that code and nothing else.
 */
async function lookAtThreads(main: InspectedThread, workers: WorkerThreads, limitMs: number): Promise<Visit> {
  const end = performance.now() + limitMs
  const left = () => Math.max(1, end - performance.now())
  quietly(main.call('Debugger.enable'))
  const attached = main.call('NodeWorker.enable', { waitForDebuggerOnStart: false }).catch(() => undefined)
  const evaluation = { expression: summaryExpression, includeCommandLineAPI: true, returnByValue: true, silent: true }
  const summary = main.call('Runtime.evaluate', evaluation).catch(() => undefined)
  quietly(main.call('Debugger.pause'))
  const others = within(attached, limitMs).then(() =>
    Promise.all(
      workers.all.map(async ({ title, url, thread }) => ({
        title,
        url,
        // One that ended meanwhile does not answer; the others still do.
        ...(await lookAt(thread, workerLooks, left()).catch(() => ({ thread, sampling: silent }))),
      })),
    ),
  )
  const [mainVisit, workerVisits] = await Promise.all([lookAt(main, mainLooks, limitMs), others])
  const runtime = mainVisit.sampling.kind === 'silent' ? undefined : parseSummary(await within(summary, left()))
  return { main: mainVisit, workers: workerVisits, moreWorkers: workers.omitted, runtime }
}

async function lookAt(thread: InspectedThread, looks: number, limitMs: number): Promise<ThreadVisit> {
  const end = performance.now() + limitMs
  const sampling = await sampleStack(thread, looks, limitMs * (1 - callShare))
  if (sampling.kind !== 'sampled') return { thread, sampling }
  const builtIn = await nameSteadyCall(thread, sampling.samples, end - performance.now())
  return { thread, sampling, ...(builtIn === undefined ? {} : { builtIn }) }
}

/** Only when every look saw the innermost frame at the same call. */
async function nameSteadyCall(
  thread: InspectedThread,
  samples: StackSamples,
  limitMs: number,
): Promise<string | undefined> {
  const [frame] = samples.last
  if (frame === undefined || samples.steady !== 0 || !samples.samePlace || thread.pausedBefore) return undefined
  const source = await fetchSource(thread, frame.scriptId, limitMs / 2)
  return source === undefined ? undefined : nameBuiltInCall(thread, frame, source, limitMs / 2)
}

/** How long the last commands may take. They need no answer; this only keeps their order before the connection ends. */
const leaveMs = 150

/**
 * Lets the service go on, and closes the inspector if this capture opened it. The signal also leaves a request in the service's
 * event loop, which would open the inspector again, so closing waits until the loop has gone round. A fixed port is also closed
 * at once, for the next service that wants it.
 */
async function leave(session: InspectorSession, port: OpenPort, pausedBefore: boolean): Promise<void> {
  const last = [session.call('NodeWorker.disable')]
  if (!pausedBefore) last.push(session.call('Debugger.resume'))
  last.push(session.call('Debugger.disable'))
  if (port.ours) {
    const expression = closeExpression(port.fixed)
    last.push(session.call('Runtime.evaluate', { expression, includeCommandLineAPI: true, silent: true }))
  }
  await within(Promise.allSettled(last), leaveMs)
  if (!port.ours) return session.close()
  // Node crashes (SIGSEGV) when its inspector is closed just while a client leaves, so the service, whose loop may turn, goes first.
  void within(session.ended, partingMs).then(() => session.close())
}

/** How long the inspector of a service whose event loop turns may take to close. It takes some milliseconds. */
const partingMs = 500

/** Closes an inspector that opened after the capture that asked for it had gone. */
export async function closeInspector(port: OpenPort, cutOff: AbortSignal): Promise<void> {
  const session = await openInspectorSession(port.at, () => {}, cutOff)
  await leave(session, port, true)
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
