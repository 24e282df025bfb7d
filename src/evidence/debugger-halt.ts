import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProcessIdentity } from '../platform/platform.js'
import { findInspectorPorts } from './inspector-port.js'
import { type InspectorSession, openInspectorSession } from './inspector-session.js'
import type { ListeningPort } from './listening-port.js'
import type { InspectorNews } from './protocol-channel.js'

/**
 * For all of it, in ms. It takes 50 ms when the program answers, and much longer on a machine that is busy; a program that does not
 * answer is blocked, and ended that much later. That is the price of an inspector that is left open.
 */
const lookMs = 5000

/** Between two tries, in ms: a busy machine is late for the limits of a single one. */
const againMs = 50

/**
 * Whether a debugger has halted the JavaScript of a Node process, at a breakpoint for example. The main thread then waits for its
 * debugger, which from outside looks like any other wait; but it still answers the inspector, and says that it is paused before it
 * says anything else. A thread that is blocked says nothing, and one that idles says that it is not paused.
 *
 * Only an inspector that is open already is asked. Never rejects: what cannot be told is no halt.
 */
export async function isHaltedByDebugger({ pid }: ProcessIdentity): Promise<boolean> {
  if (!isNode(pid)) return false
  const cutOff = AbortSignal.timeout(lookMs)
  while (!cutOff.aborted) {
    const ports = await findInspectorPorts(pid)
    if (ports.length === 0) return false
    // A port that is not the inspector never answers; the one that is has not to wait for it.
    const answer = await Promise.any(ports.map((port) => ask(port, cutOff))).catch(() => undefined)
    if (answer !== undefined) return answer === 'halted'
    await delay(againMs)
  }
  return false
}

/** @throws HangdogError when nothing there answers as an inspector */
async function ask(port: ListeningPort, cutOff: AbortSignal): Promise<'halted' | 'runs'> {
  let session: InspectorSession | undefined
  try {
    let halted = false
    const hear = (news: InspectorNews): void => {
      if (news.kind === 'event' && news.method === 'Debugger.paused') halted = true
    }
    session = await openInspectorSession(port, hear, cutOff)
    await session.call('Debugger.enable')
    return halted ? 'halted' : 'runs'
  } finally {
    // The other debugger's session keeps the program halted.
    session?.close()
  }
}

/** Not by the pool, where it might wait behind the readings of other hangs: this link of /proc is there at once. */
function isNode(pid: number): boolean {
  try {
    // The kernel marks a program file that was replaced, by an upgrade for example.
    const name = basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''))
    return name === 'node' || name === 'nodejs'
  } catch {
    return false
  }
}
