import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, rmdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { describeError, type ErrorCode, HangdogError, systemCode } from './errors.js'

/** Where hangdog keeps what outlives it. All paths are absolute. */
export interface StateDirectory {
  readonly root: string
  /** Control sockets, `<instance>.sock`. */
  readonly control: string
  /** Heartbeat sockets. */
  readonly beat: string
  /** The event history, `<instance>.jsonl` and its rotated files. */
  readonly events: string
  /** One directory an incident. */
  readonly incidents: string
  /** Output of services, where it goes to files. */
  readonly output: string
  /** How far the beats of each service were apart, `<service>.json`. */
  readonly gaps: string
  /** A mark for each hangdog that runs. */
  readonly runs: string
  /** What guards did alone, `<instance>-<random>.rec`. */
  readonly guard: string
}

const parts = ['control', 'beat', 'events', 'incidents', 'output', 'gaps', 'runs', 'guard'] as const

/**
 * Opens the state directory for writing and makes what is missing, for the owner alone (mode 0700). Default: /var/lib/hangdog for
 * root, else $XDG_STATE_HOME/hangdog or ~/.local/state/hangdog.
 * @throws HangdogError `create` when it is not a directory, read-only or full, `permission` when it may not be used; what was made
 * for it is then removed again
 */
export function openStateDirectory(path: string | undefined): StateDirectory {
  const directory = layOutStateDirectory(path)
  const made: string[] = []
  try {
    makeDirectory(directory.root, made)
    checkRoot(directory.root)
    for (const part of parts) {
      makeDirectory(directory[part], made)
      checkPart(directory.root, directory[part])
    }
    proveWritable(directory.root)
    return directory
  } catch (error) {
    for (const name of made.reverse()) removeEmpty(name)
    throw error instanceof HangdogError ? error : refusal(directory.root, error)
  }
}

/**
 * Finds a state directory for reading; makes and changes nothing. Parts of it may be missing.
 * @throws HangdogError `unavailable` when there is none, `permission` when it may not be read
 */
export function findStateDirectory(path: string | undefined): StateDirectory {
  const directory = layOutStateDirectory(path)
  const expected = 'expected the state directory of a hangdog that ran (--state-dir)'
  try {
    if (statSync(directory.root).isDirectory()) return directory
  } catch (error) {
    const code = isDenied(error) ? 'permission' : 'unavailable'
    throw new HangdogError(
      code,
      `cannot read the state directory "${directory.root}": ${expected}, found ${finding(error)}`,
      error,
    )
  }
  throw new HangdogError(
    'unavailable',
    `cannot read the state directory "${directory.root}": ${expected}, found something that is not a directory`,
  )
}

/**
 * Makes sure that what is stored there will be of use to the hangdogs of the directory, who take nothing from another user; makes and
 * changes nothing. root may write anywhere, and what it wrote would be in their way.
 * @throws HangdogError `permission` naming the user whose directory it is
 */
export function checkHolder(directory: StateDirectory): void {
  const user = process.geteuid?.()
  const holder = user === undefined ? undefined : holderOf(directory, user)
  if (user === undefined || holder === undefined || holder === user) return
  throw new HangdogError(
    'permission',
    `cannot use the state directory "${directory.root}": expected to be run as user ${holder}, who owns it, not as user ${user}`,
  )
}

/** The user whose hangdogs used it. One that none used yet may belong to anybody, but not be root's when it was made for a user. */
function holderOf({ root, control }: StateDirectory, user: number): number | undefined {
  return ownerOf(control) ?? (user === 0 ? ownerOf(root) : undefined)
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    // It is not there, or may not be looked at: whoever uses it finds that out.
    return undefined
  }
}

/** Names a hangdog among others in the same state directory; also the stem of its file names. */
export const instancePattern = /^(?!\.)[A-Za-z0-9._-]{1,64}$/

/**
 * The names that have a file in one part of a state directory, in order; none where the part is missing.
 * @param what is in it, for the error @throws HangdogError `permission` or `unavailable` when that cannot be seen
 */
export async function listNames(part: string, extension: string, what: string): Promise<readonly string[]> {
  try {
    const files = await readdir(part)
    return files
      .filter((file) => file.endsWith(extension))
      .map((file) => file.slice(0, -extension.length))
      .filter((name) => instancePattern.test(name))
      .sort()
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return []
    throw new HangdogError(
      code === 'EACCES' ? 'permission' : 'unavailable',
      `cannot read the ${what} "${part}": ${describeError(error)}`,
      error,
    )
  }
}

/** @throws HangdogError `usage` when the name cannot be the stem of a file name */
export function checkInstanceName(name: string): string {
  if (instancePattern.test(name)) return name
  throw new HangdogError(
    'usage',
    `cannot use the instance name "${name}": expected 1 to 64 letters, digits, ".", "_" or "-", not starting with "."`,
  )
}

/** Where everything would be; looks at nothing. */
export function layOutStateDirectory(path: string | undefined): StateDirectory {
  const root = resolve(path ?? defaultRoot())
  return {
    root,
    control: join(root, 'control'),
    beat: join(root, 'beat'),
    events: join(root, 'events'),
    incidents: join(root, 'incidents'),
    output: join(root, 'output'),
    gaps: join(root, 'gaps'),
    runs: join(root, 'runs'),
    guard: join(root, 'guard'),
  }
}

function defaultRoot(): string {
  if (process.getuid?.() === 0) return '/var/lib/hangdog'
  const stateHome = process.env.XDG_STATE_HOME
  // The XDG base directory specification says that a relative path is to be ignored.
  return join(stateHome?.startsWith('/') ? stateHome : join(homedir(), '.local', 'state'), 'hangdog')
}

/** Makes a directory and those above it that are missing; adds what it made to `made`, outermost first. */
function makeDirectory(path: string, made: string[]): void {
  const missing: string[] = []
  for (let at = path; !exists(at); at = resolve(at, '..')) missing.unshift(at)
  for (const name of missing) {
    try {
      mkdirSync(name, { mode: 0o700 })
      made.push(name)
    } catch (error) {
      // Another hangdog that starts at the same time may have been faster.
      if (systemCode(error) !== 'EEXIST') throw error
    }
  }
  if (!statSync(path).isDirectory()) throw refusalOf('create', path, 'something that is not a directory')
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

const writableByAll = 0o002
const sticky = 0o1000
const writableByOthers = 0o022

/** Who may rename our sockets can stand in for them. */
function checkRoot(path: string): void {
  if (process.getuid === undefined) return
  const { mode } = statSync(path)
  if ((mode & writableByAll) !== 0 && (mode & sticky) === 0) {
    throw refusalOf('permission', path, `one that everyone can change (mode ${(mode & 0o7777).toString(8)})`)
  }
}

function checkPart(root: string, path: string): void {
  const user = process.geteuid?.()
  if (user === undefined) return
  const { uid, mode } = statSync(path)
  if (uid !== user) throw refusalOf('permission', root, `"${path}" of user ${uid}, not of user ${user}`)
  if ((mode & writableByOthers) !== 0) {
    throw refusalOf('permission', root, `"${path}" that others can change (mode ${(mode & 0o7777).toString(8)})`)
  }
}

/** A full disk still lets a directory be opened and often an empty file be made; only data that reached the disk proves it. */
function proveWritable(root: string): void {
  const probe = join(root, `.probe-${process.pid}-${Date.now()}`)
  try {
    const file = openSync(probe, 'wx', 0o600)
    try {
      const written = writeSync(file, Buffer.alloc(probeBytes))
      if (written < probeBytes) throw refusalOf('create', root, 'a full disk')
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } finally {
    rmSync(probe, { force: true })
  }
}

/** One block of common file systems. */
const probeBytes = 4096

function removeEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Somebody else uses it by now; it stays.
  }
}

function refusal(root: string, error: unknown): HangdogError {
  return refusalOf(isDenied(error) ? 'permission' : 'create', root, finding(error), error)
}

function refusalOf(code: ErrorCode, path: string, found: string, cause?: unknown): HangdogError {
  return new HangdogError(
    code,
    `cannot use the state directory "${path}": expected a directory that hangdog can write to and others cannot, found ${found}`,
    cause,
  )
}

function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(systemCode(error) ?? '')
}

const findings: Readonly<Record<string, string>> = {
  EACCES: 'that it is not permitted',
  EPERM: 'that it is not permitted',
  EROFS: 'a read-only file system',
  ENOSPC: 'a full disk',
  EDQUOT: 'a used-up quota',
  ENOTDIR: 'a file in its path',
  ENOENT: 'nothing there',
  ELOOP: 'a loop of symbolic links',
  ENAMETOOLONG: 'a name that is too long',
}

function finding(error: unknown): string {
  const code = systemCode(error)
  const known = code === undefined ? undefined : findings[code]
  return known === undefined ? describeError(error) : `${known} (${code})`
}
