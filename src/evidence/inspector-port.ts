import { setTimeout as delay } from 'node:timers/promises'
import type { Platform, ProcessIdentity } from '../platform/platform.js'
import { findKernelCall } from './kernel-call.js'
import { type ListeningPort, readListeners, selectOwn } from './listening-port.js'
import { parseFields, readTarget, readText } from './proc-file.js'

/** What is needed to open an inspector: the signal goes through the platform, which checks identity. */
export type Signaller = Pick<Platform, 'signal'>

export type InspectorPort =
  /** `ours`: it was opened by this capture and is to be closed again. `fixed`: another process may want the same port. */
  | { readonly kind: 'open'; readonly at: ListeningPort; readonly ours: boolean; readonly fixed: boolean }
  /** `signalSent`: it may still open, when the main thread comes back. */
  | { readonly kind: 'closed'; readonly reason: string; readonly signalSent: boolean }

/** For each process that was sent SIGUSR1, the sockets that were listening before. */
export interface SignalMemory {
  get(identity: ProcessIdentity): ReadonlySet<string> | undefined
  set(identity: ProcessIdentity, listening: ReadonlySet<string>): void
}

/** Processes remembered; far more than hang at one time. */
const memoryLimit = 256

export function createSignalMemory(): SignalMemory {
  const known = new Map<string, ReadonlySet<string>>()
  const key = ({ pid, startTime }: ProcessIdentity) => `${pid} ${startTime}`
  return {
    get: (identity) => known.get(key(identity)),
    set: (identity, listening) => {
      const [oldest] = known.keys()
      if (known.size >= memoryLimit && oldest !== undefined) known.delete(oldest)
      known.set(key(identity), listening)
    },
  }
}

const defaultPort = 9229

const pollMs = 10

/** SIGUSR1 is 10 on the architectures Node is built for here; bit 9 of the masks. */
const sigusr1Bit = 1n << 9n

/**
 * Finds the inspector of a Node process, or opens it by SIGUSR1. The signal ends a process that does not catch it, so it is sent
 * only when the process is Node, and catches it. A program with a SIGUSR1 listener of its own looks the same from outside: there
 * the signal runs that listener, once the main thread comes back, and no inspector opens.
 * @param memory what was listening before earlier signals; a blocked main thread opens its inspector when it comes back
 * @param waitMs how long the main thread has to open it
 */
export async function openInspectorPort(
  identity: ProcessIdentity,
  platform: Signaller,
  memory: SignalMemory,
  waitMs: number,
  cutOff: AbortSignal,
): Promise<InspectorPort> {
  const { pid } = identity
  if (!(await sharesNetwork(pid))) return closed('the service has a network namespace of its own')
  const options = await readInspectOptions(pid)
  const before = await readListeners(pid)
  const earlier = memory.get(identity)
  const own = await selectOwn(
    pid,
    before.filter((at) => isCandidate(at, options, earlier)),
  )
  if (own.kind === 'unreadable') return closed(`its sockets are not known: ${own.reason}`)
  const [present] = own.value
  if (present !== undefined) {
    return { kind: 'open', at: present, ours: earlier !== undefined, fixed: present.port === options.port }
  }
  if (options.port !== 0 && before.some((at) => at.port === options.port && at.host === '127.0.0.1')) {
    return portTaken(options.port)
  }
  const refusal = await findRefusal(pid)
  if (refusal !== undefined) return closed(refusal)
  if (cutOff.aborted) return closed('cut off before the signal')
  const outcome = platform.signal(identity, 'SIGUSR1')
  if (outcome.kind !== 'sent') return closed(`SIGUSR1 was not sent: ${outcome.kind}`)
  // What was there before the first signal counts: one that opened since may be the inspector.
  const listening = earlier ?? new Set(before.map((at) => at.inode))
  memory.set(identity, listening)
  return awaitPort(pid, listening, options.port, waitMs, cutOff)
}

/**
 * Where the inspector of a Node process may be open already, by an option or because somebody sent it SIGUSR1. Sends nothing itself.
 * One port at most, the one that its options name or the usual one; but an option may ask for a random one, and then every port of
 * the program is one.
 */
export async function findInspectorPorts(pid: number): Promise<readonly ListeningPort[]> {
  if (!(await sharesNetwork(pid))) return []
  const options = await readInspectOptions(pid)
  const candidates = (await readListeners(pid)).filter((at) => isCandidate(at, options, undefined))
  const own = await selectOwn(pid, candidates)
  return own.kind === 'read' ? own.value.slice(0, mostCandidates) : []
}

/** Ports that are asked whether they are the inspector. */
const mostCandidates = 8

/** A new listener of this process after the signal is the inspector: nothing else can open one while the main thread hangs. */
async function awaitPort(
  pid: number,
  before: ReadonlySet<string>,
  wanted: number,
  waitMs: number,
  cutOff: AbortSignal,
): Promise<InspectorPort> {
  const end = performance.now() + waitMs
  while (performance.now() < end && !cutOff.aborted) {
    const fresh = (await readListeners(pid)).filter((at) => !before.has(at.inode))
    const own = await selectOwn(pid, fresh)
    const at = own.kind === 'read' ? own.value[0] : undefined
    if (at !== undefined) return { kind: 'open', at, ours: true, fixed: at.port === wanted }
    if (fresh.some((other) => other.port === wanted)) return { ...portTaken(wanted), signalSent: true }
    if (await hasEnded(pid)) return closed('it ended before its inspector opened')
    await delay(pollMs)
  }
  const reason = `the main thread did not open the inspector within ${Math.round(waitMs)} ms of SIGUSR1: it is blocked in native code, or the program has a SIGUSR1 listener of its own; ${noWorkers}`
  return { kind: 'closed', reason, signalSent: true }
}

const noWorkers = 'its workers are reached through the main thread alone'

async function hasEnded(pid: number): Promise<boolean> {
  const status = await readText(`/proc/${pid}/status`)
  return status.kind === 'unreadable' || /^[ZX]/.test(parseFields(status.value, ['State']).State ?? '')
}

type ClosedPort = Extract<InspectorPort, { kind: 'closed' }>

function closed(reason: string): ClosedPort {
  return { kind: 'closed', reason, signalSent: false }
}

function portTaken(port: number): ClosedPort {
  return closed(
    `port ${port} of its inspector is taken by another process; --inspect-port=0 for the service avoids this`,
  )
}

function isCandidate(at: ListeningPort, options: InspectOptions, earlier: ReadonlySet<string> | undefined): boolean {
  if (options.active) return options.port === 0 || at.port === options.port
  return at.port === defaultPort || (earlier !== undefined && !earlier.has(at.inode))
}

/** Why SIGUSR1 must not be sent, if it must not. */
async function findRefusal(pid: number): Promise<string | undefined> {
  const status = await readText(`/proc/${pid}/status`)
  if (status.kind === 'unreadable') return `its signals are not known: ${status.reason}`
  const fields = parseFields(status.value)
  const caught = BigInt(`0x${fields.SigCgt ?? '0'}`)
  if ((caught & sigusr1Bit) === 0n) return 'it does not catch SIGUSR1, which would end it'
  const call = await findKernelCall(pid)
  if (call === undefined) return undefined
  return call.stands
    ? `the main thread is blocked in native code, in ${call.name}, so no signal was sent; ${noWorkers}`
    : `the main thread waits in ${call.name} time and again, which a signal would break off, so none was sent`
}

/** A loopback port of another network namespace is another process's port here. */
async function sharesNetwork(pid: number): Promise<boolean> {
  const [own, other] = await Promise.all([readTarget('/proc/self/ns/net'), readTarget(`/proc/${pid}/ns/net`)])
  return own.kind === 'read' && other.kind === 'read' && own.value === other.value
}

interface InspectOptions {
  /** It was started with the inspector open. */
  readonly active: boolean
  /** 0 for a random one. */
  readonly port: number
}

async function readInspectOptions(pid: number): Promise<InspectOptions> {
  const [commandLine, environment] = await Promise.all([
    readText(`/proc/${pid}/cmdline`),
    readText(`/proc/${pid}/environ`),
  ])
  const words = commandLine.kind === 'read' ? commandLine.value.split('\0') : []
  const variables = environment.kind === 'read' ? environment.value.split('\0') : []
  const nodeOptions = variables.find((text) => text.startsWith('NODE_OPTIONS='))?.slice('NODE_OPTIONS='.length) ?? ''
  return parseInspectOptions([...nodeOptions.split(/\s+/), ...words])
}

/** The preload of hangdog in `--import`, which moves the inspector from 9229 to a free port when no option is about it. */
const preload = /(?:\/heartbeat\/register\.js|(?:^|=)hangdog\/register)$/

/** Reads --inspect, --inspect-brk, --inspect-wait and --inspect-port; the last one counts, as in Node. */
export function parseInspectOptions(words: readonly string[]): InspectOptions {
  let active = false
  let port = words.some((word) => preload.test(word)) && !words.some((word) => isAboutInspector(word)) ? 0 : defaultPort
  words.forEach((word, index) => {
    const match = /^--(inspect(?:-brk|-wait|-port)?|debug-port)(?:=(.*))?$/.exec(word)
    if (match === null) return
    const separate = match[1] === 'inspect-port' || match[1] === 'debug-port'
    if (!separate) active = true
    const value = match[2] ?? (separate ? words[index + 1] : undefined)
    const digits = /(?:^|:)(\d+)$/.exec(value ?? '')?.[1]
    if (digits !== undefined) port = Number(digits)
  })
  return { active, port }
}

function isAboutInspector(word: string): boolean {
  return word.includes('--inspect') || word.includes('--debug-port')
}
