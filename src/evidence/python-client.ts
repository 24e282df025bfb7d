import { constants as fileConstants } from 'node:fs'
import { type FileHandle, open, readdir, readlink } from 'node:fs/promises'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProcessIdentity } from '../platform/platform.js'
import type { Signaller } from './inspector-port.js'
import { parseFields, readText, readWithin } from './proc-file.js'

export type ClientStacks =
  | { readonly kind: 'read'; readonly lines: readonly string[] }
  /** The service does not use the client. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly reason: string }

/** Descriptors that are looked at for the client's memory; it is made early, so its number is low. */
const descriptorLimit = 512

/** Read of one dump: a hundred threads with a hundred frames each are about 600 kB. */
const dumpLimit = 1 << 20

/** When nothing more came for so long, the dump is whole. It is written by one signal handler without a pause. */
const settledMs = 60
const pollMs = 15

/**
 * Reads the stacks that native/clients/hangdog.py has Python's faulthandler write on a signal: into memory of the service with the
 * name `hangdog-stacks-N`, where N is the signal. It works without the interpreter's lock, so also while C code holds that. The
 * signal is sent only when the service catches it.
 */
export async function readClientStacks(
  identity: ProcessIdentity,
  platform: Signaller,
  limitMs: number,
  cutOff: AbortSignal,
): Promise<ClientStacks> {
  const found = await findMemory(identity.pid)
  if (found === undefined) return { kind: 'absent' }
  const signal = nameSignal(found.signal)
  const status = await readText(`/proc/${identity.pid}/status`)
  if (status.kind === 'unreadable') return failed(status.reason)
  const { SigCgt = '0', State = '' } = parseFields(status.value, ['SigCgt', 'State'])
  if (/^[TtZX]/.test(State)) return failed(`it is in state ${State} and takes no signal`)
  const caught = (BigInt(`0x${SigCgt}`) >> BigInt(found.signal - 1)) & 1n
  if (signal === undefined || caught === 0n) return failed(`it does not catch signal ${found.signal} any more`)
  const before = await readWithin(() => readSize(found.path))
  if (before.kind === 'unreadable') return failed(before.reason)
  if (cutOff.aborted) return failed('cut off before the signal')
  const sent = platform.signal(identity, signal)
  if (sent.kind !== 'sent') return failed(`${signal} was not sent: ${sent.kind}`)
  return awaitDump(found.path, before.value, limitMs, cutOff)
}

async function awaitDump(path: string, from: number, limitMs: number, cutOff: AbortSignal): Promise<ClientStacks> {
  const end = performance.now() + limitMs
  let size = from
  let since = performance.now()
  while (performance.now() < end && !cutOff.aborted) {
    await delay(pollMs)
    const now = await readWithin(() => readSize(path))
    if (now.kind === 'unreadable') return failed(now.reason)
    if (now.value !== size) since = performance.now()
    size = now.value
    if (size > from && performance.now() - since >= settledMs) break
  }
  if (size <= from)
    return failed(`it wrote no stacks within ${Math.round(limitMs)} ms: its main thread takes no signal`)
  const text = await readWithin(() => readPart(path, from, Math.min(size - from, dumpLimit)))
  return text.kind === 'read' ? { kind: 'read', lines: text.value.split('\n') } : failed(text.reason)
}

/** One reading for all descriptors: on a loaded machine each one apart would wait for its turn. */
const searchLimitMs = 800

interface StackMemory {
  readonly path: string
  readonly signal: number
}

async function findMemory(pid: number): Promise<StackMemory | undefined> {
  const found = await readWithin(async (): Promise<StackMemory | undefined> => {
    const folder = `/proc/${pid}/fd`
    for (const fd of (await readdir(folder)).slice(0, descriptorLimit)) {
      const target = await readlink(`${folder}/${fd}`).catch(() => '')
      const signal = /^\/memfd:hangdog-stacks-(\d+) /.exec(target)?.[1]
      if (signal !== undefined) return { path: `${folder}/${fd}`, signal: Number(signal) }
    }
    return undefined
  }, searchLimitMs)
  return found.kind === 'read' ? found.value : undefined
}

/** Signals that stop a process or cannot be caught are no one's to ask for. */
function nameSignal(number: number): NodeJS.Signals | undefined {
  const names = Object.entries(constants.signals).find(([, value]) => value === number)
  const name = names?.[0]
  return name !== undefined && isSignal(name) ? name : undefined
}

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals
}

/** The service may have put a FIFO there meanwhile, and opening that would wait for ever. */
async function openMemory(path: string): Promise<FileHandle> {
  const file = await open(path, fileConstants.O_RDONLY | fileConstants.O_NONBLOCK)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw new Error('it is no memory of the client any more')
}

async function readSize(path: string): Promise<number> {
  const file = await openMemory(path)
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

async function readPart(path: string, from: number, length: number): Promise<string> {
  const file = await openMemory(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
    return buffer.subarray(0, bytesRead).toString('utf8')
  } finally {
    await file.close()
  }
}

function failed(reason: string): ClientStacks {
  return { kind: 'failed', reason }
}
