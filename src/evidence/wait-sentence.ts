import { unreachable } from '../errors.js'
import type { Party, Wait, WaitTarget } from './wait.js'

/** What a wait is for, such as `read() on FIFO /run/x, which no other process has open for writing`. Says only what was seen. */
export function describeWait(wait: Wait): string | undefined {
  const { target } = wait
  switch (target.kind) {
    case 'pipe':
      return describePipe(wait, target)
    case 'network':
      return describeConnection(wait, target)
    case 'unix':
      return describeUnix(wait, target)
    case 'lock':
      return describeLock(wait, target)
    case 'served': {
      const server = target.server === undefined ? '' : `; its server is ${nameParty(target.server)}`
      return `${wait.call}() on ${target.path} (${target.type} mount of ${target.source} at ${target.point}${server})`
    }
    case 'process':
      return `${wait.call}() for ${nameParty(target.process)} to end`
    default:
      return unreachable(target)
  }
}

/** A process as it is named in a sentence; its state only when it tells something. */
export function nameParty({ pid, name, state }: Party): string {
  const words: Readonly<Record<string, string>> = {
    T: ', stopped',
    t: ', stopped by a debugger',
    D: ', in state D',
    Z: ', a zombie',
  }
  return `process ${pid} (${name}${words[state] ?? ''})`
}

const readingCall = /^(read|readv|pread64|preadv|splice)$/
const writingCall = /^(write|writev|pwrite64|pwritev|vmsplice)$/
const openingCall = /^open(at2?)?$/

type PipeTarget = Extract<WaitTarget, { kind: 'pipe' }>

function describePipe({ call, arguments: given }: Wait, target: PipeTarget): string {
  const pipe = target.isFifo ? `FIFO ${target.path}` : target.path
  const mode = String(given.flags ?? '').split('|')[0]
  if (openingCall.test(call) && mode === 'O_RDONLY') {
    // The kernel itself lets it wait until there is one.
    return `${call}() on ${pipe}, which no process has open for writing`
  }
  if (openingCall.test(call) && mode === 'O_WRONLY')
    return `${call}() on ${pipe}, which no process has open for reading`
  if (writingCall.test(call)) return `${call}() to ${fullPipe(target, pipe)}`
  const writers = readingCall.test(call) || /poll|select/.test(call) ? describeWriters(target) : ''
  return `${call}() on ${pipe}${writers}`
}

function fullPipe(target: PipeTarget, pipe: string): string {
  const readers = distinct(target.readers)
  const [only] = readers
  if (only !== undefined && readers.length === 1)
    return `${pipe}, which is full and which ${nameParty(only)} does not read`
  if (readers.length > 1)
    return `${pipe}, which is full and which ${readers.length} other processes have open for reading`
  return `${pipe}, which is full${target.complete ? ' and which no other process has open for reading' : ''}`
}

function describeWriters(target: PipeTarget): string {
  const writers = distinct(target.writers)
  const [only] = writers
  if (only !== undefined && writers.length === 1) return `, into which ${nameParty(only)} writes nothing`
  if (writers.length > 1) return `, which ${writers.length} other processes have open for writing`
  return target.complete ? ', which no other process has open for writing' : ''
}

function distinct<T extends { readonly pid: number }>(holders: readonly T[]): readonly T[] {
  return [...new Map(holders.map((holder) => [holder.pid, holder])).values()]
}

function describeConnection({ call }: Wait, target: Extract<WaitTarget, { kind: 'network' }>): string {
  const { local, remote, state, protocol, peer } = target
  const name = protocol.toUpperCase()
  if (state === 'LISTEN') return `${call}() on ${local} (${name})`
  if (remote === undefined) return `${call}() on ${local} (${name})`
  const preposition = /^(connect|send|write)/.test(call) ? 'to' : 'from'
  const other = peer === undefined ? '' : `; the other end is ${nameParty(peer)}`
  return `${call}() ${preposition} ${remote} (${name}, ${[state, ...describeTrouble(target)].join(', ')})${other}`
}

function describeTrouble(target: Extract<WaitTarget, { kind: 'network' }>): readonly string[] {
  const { unacknowledged, retransmits, timer, unanswered, state } = target
  const trouble: string[] = []
  if (state === 'SYN_SENT') return retransmits === 0 ? ['no answer'] : [`no answer to ${retransmits + 1} attempts`]
  if (timer === 'window-probe') return [`the other side takes no more data, ${unacknowledged} bytes wait`]
  if (unacknowledged > 0) trouble.push(`${unacknowledged} bytes unacknowledged`)
  if (retransmits > 0) trouble.push(`${retransmits} ${retransmits === 1 ? 'retransmit' : 'retransmits'}`)
  if (timer === 'keepalive' && unanswered > 0) trouble.push(`${unanswered} keepalives unanswered`)
  return trouble
}

function describeUnix({ call, arguments: given }: Wait, target: Extract<WaitTarget, { kind: 'unix' }>): string {
  const socket = target.path === '' ? 'a Unix socket' : `Unix socket ${target.path}`
  if (call === 'connect') {
    const listener = target.peer === undefined ? '' : `: ${nameParty(target.peer)} listens there and does not accept`
    return `connect() to ${socket}${listener}`
  }
  const fd = given.fd === undefined || target.path !== '' ? '' : ` (descriptor ${given.fd})`
  if (target.peer === undefined) return `${call}() on ${socket}${fd}`
  const isSending = /^(send|write)/.test(call)
  const verb = isSending ? 'does not read what is there' : 'sends nothing'
  return `${call}() on ${socket}${fd}, whose other end is ${nameParty(target.peer)}, which ${verb}`
}

function describeLock({ call, arguments: given }: Wait, target: Extract<WaitTarget, { kind: 'lock' }>): string {
  const how = call === 'flock' ? String(given.operation ?? '') : String(given.command ?? '')
  return `${call}(${how}) on ${target.path}${describeHolder(target)}`
}

function describeHolder({ lock, holder }: Extract<WaitTarget, { kind: 'lock' }>): string {
  if (holder !== undefined) return `, held by ${nameParty(holder)}`
  return lock.holder > 0 ? `, taken by process ${lock.holder}, which has ended` : ''
}
