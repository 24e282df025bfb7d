import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { emptySnapshot } from './change-set.js'
import type { PropertySnapshot } from './store.js'
import { decodeStoreFile, storeVersion } from './store-file.js'

/** The newest generation. */
export const currentName = 'properties.json'
/** The generation before it: used when the newest one is damaged. */
export const previousName = 'properties.previous.json'

/** In bytes. Far more than properties need; what is larger is none of our files and is not read into memory. */
export const longestStoreFile = 16 * 1024 * 1024

/** What a directory holds. */
export interface StoreReading {
  readonly snapshot: PropertySnapshot
  /** The current file when it is whole; only then it is worth being kept as the previous one. */
  readonly current: StoreFile | 'damaged' | 'missing'
  /** What was found instead of a whole current file, and what is used. */
  readonly trouble?: string
}

/** A whole file and what it says. */
export interface StoreFile {
  readonly bytes: Buffer
  readonly snapshot: PropertySnapshot
}

/**
 * Reads the newest whole state of a directory. Takes no lock: a file with a name is always whole, because it gets the name last.
 * @param known what the current file was when it was last read or written: the same bytes are not decoded again
 * @param source how files are read; default `readWaiting`
 * @throws HangdogError `data` when nothing usable is left or a newer version wrote it, `permission` when it may not be read or belongs
 * to somebody who must not decide what hangdog does, `unavailable` when the system cannot read at the moment
 */
export async function readStore(
  directory: string,
  known?: StoreFile,
  source: StoreFileSource = readWaiting,
): Promise<StoreReading> {
  const path = join(directory, currentName)
  const current = await inspect(path, source, known)
  switch (current.kind) {
    case 'whole':
      return { snapshot: current.file.snapshot, current: current.file }
    case 'refused':
      throw new HangdogError('permission', `cannot read the properties in "${path}": ${current.finding}`, current.cause)
    case 'newer':
      throw newerVersion(path, current.version)
    case 'damaged':
    case 'missing':
      return await fallBack(directory, source, current)
  }
}

async function fallBack(directory: string, source: StoreFileSource, current: Unusable): Promise<StoreReading> {
  const path = join(directory, previousName)
  const previous = await inspect(path, source)
  switch (previous.kind) {
    case 'newer':
      throw newerVersion(path, previous.version)
    case 'whole': {
      const { snapshot } = previous.file
      const found = `the properties in "${join(directory, currentName)}" cannot be used, found ${describe(current)}`
      const trouble = `${found}; generation ${snapshot.generation} in "${previousName}" is used instead`
      return { snapshot, current: current.kind, trouble }
    }
    case 'missing':
      if (current.kind === 'missing') return { snapshot: emptySnapshot, current: 'missing' }
      break
    default:
  }
  const found = `found ${describe(current)} in the first and ${describe(previous)} in the second`
  const mend = 'with both moved away every property has its default'
  throw new HangdogError(
    'data',
    `cannot read the properties in "${directory}": expected a whole "${currentName}" or "${previousName}", ${found} (${mend})`,
  )
}

function newerVersion(path: string, version: number): HangdogError {
  return new HangdogError(
    'data',
    `cannot read the properties in "${path}": written by a newer hangdog: version ${version}, expected at most ${storeVersion}`,
  )
}

type Finding =
  | { readonly kind: 'whole'; readonly file: StoreFile }
  | { readonly kind: 'newer'; readonly version: number }
  | Refusal
  | { readonly kind: 'missing' }

type Unusable = Extract<Finding, { kind: 'damaged' | 'missing' }>

/** What is none of our files, or must not count. */
type Refusal =
  | { readonly kind: 'refused'; readonly finding: string; readonly cause?: unknown }
  | { readonly kind: 'damaged'; readonly finding: string }

function describe(finding: Exclude<Finding, { kind: 'whole' | 'newer' }>): string {
  return finding.kind === 'missing' ? 'no file' : finding.finding
}

async function inspect(path: string, source: StoreFileSource, known?: StoreFile): Promise<Finding> {
  try {
    const bytes = await source(path)
    if (!Buffer.isBuffer(bytes)) return bytes
    if (known?.bytes.equals(bytes)) return { kind: 'whole', file: known }
    const content = decodeStoreFile(bytes)
    return content.kind === 'whole' ? { kind: 'whole', file: { bytes, snapshot: content.snapshot } } : content
  } catch (error) {
    return judge(error, path)
  }
}

/** Gives the bytes of a file, or why they are not to be read. @throws the system error */
export type StoreFileSource = (path: string) => Buffer | Refusal | Promise<Buffer | Refusal>

/** Opening what is not a file, such as a named pipe, must not wait for somebody at its other end. Windows has no such flag. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** This process goes on meanwhile. */
export async function readWaiting(path: string): Promise<Buffer | Refusal> {
  const file = await open(path, openFlags)
  try {
    const status = await file.stat()
    const refusal = refuseFile(status)
    if (refusal !== undefined) return refusal
    const { buffer, bytesRead } = await file.read(Buffer.alloc(status.size), 0, status.size, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    // Nothing depends on when, or whether, a file that was only read is closed.
    file.close().catch(() => undefined)
  }
}

/** This process stands still meanwhile, and it is over sooner. */
export function readBlocking(path: string): Buffer | Refusal {
  const file = openSync(path, openFlags)
  try {
    const status = fstatSync(file)
    const refusal = refuseFile(status)
    if (refusal !== undefined) return refusal
    const buffer = Buffer.alloc(status.size)
    return buffer.subarray(0, readSync(file, buffer, 0, status.size, 0))
  } finally {
    closeSync(file)
  }
}

const writableByOthers = 0o022

/**
 * Properties decide what is killed, so a file counts only when nobody but its owner can change it and its owner is this user or root.
 * That holds for root as well: it does not take orders from a user's file.
 */
function refuseFile(status: Stats): Refusal | undefined {
  const { size, mode, uid } = status
  if (!status.isFile()) return { kind: 'damaged', finding: 'something that is not a file' }
  if (size > longestStoreFile) return { kind: 'damaged', finding: `more than ${longestStoreFile} bytes` }
  const user = process.geteuid?.()
  if (user === undefined) return undefined
  if (uid !== user && uid !== 0) {
    return { kind: 'refused', finding: `expected a file of user ${user} or of root, found one of user ${uid}` }
  }
  if ((mode & writableByOthers) === 0) return undefined
  const found = `mode ${(mode & 0o7777).toString(8)}`
  return { kind: 'refused', finding: `expected a file that only its owner can change, found ${found}` }
}

/** A failing disk is damage, for which there is the previous file. That the system is short of something says nothing of the file. */
function judge(error: unknown, path: string): Finding {
  switch (systemCode(error)) {
    case 'ENOENT':
      return { kind: 'missing' }
    case 'EACCES':
    case 'EPERM':
      return { kind: 'refused', finding: `it is not permitted (${systemCode(error)})`, cause: error }
    case 'EIO':
    case 'EISDIR':
    case 'ELOOP':
    case 'ENXIO':
      return { kind: 'damaged', finding: describeError(error) }
    default:
      throw new HangdogError('unavailable', `cannot read the properties in "${path}": ${describeError(error)}`, error)
  }
}
