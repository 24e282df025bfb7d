import { rename, rm, statfs } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { corePath, pruneCores } from '../core-file.js'
import { describeError } from '../errors.js'
import { runCommand } from '../platform/command.js'
import { findCoreProgram } from '../platform/core-program.js'
import { milliseconds } from '../time.js'
import { type CoreRequest, coreExhibit, type Exhibit } from '../watch/evidence.js'

const mebibyte = 1024 * 1024

/** What stays free on the disk in any case: a share of it, and no less than this. */
const freeShare = 0.1
const leastFree = 512 * mebibyte

/** Left of the limit for taking away what was not finished. */
const marginMs = 200

/** All cores of a state directory together may have as much as so many of the largest. */
const coresKept = 4

/** A disk that several cores were written to at once would do none of them in time. */
let isWriting = false

/**
 * Writes a core of a process into the directory of its incident. The process stands still meanwhile. The program that does it refuses a
 * core that is too large for its limit or for the disk before it has begun, and is killed at the limit; nothing is left behind then.
 * Never rejects.
 */
export async function dumpCore(request: CoreRequest): Promise<Exhibit> {
  const start = performance.now()
  const tookMs = (): number => Math.round(performance.now() - start)
  const missing = (reason: string): Exhibit => ({ kind: 'missing', name: coreExhibit, tookMs: tookMs(), reason })
  if (isWriting) return missing('a core of another service is being written')
  isWriting = true
  try {
    const outcome = await write(request)
    if (typeof outcome === 'string') return missing(outcome)
    return { kind: 'captured', name: coreExhibit, tookMs: tookMs(), content: outcome }
  } catch (error) {
    return missing(describeError(error))
  } finally {
    isWriting = false
    void pruneCores(dirname(request.directory), coresKept * request.largestMiB * mebibyte).catch(() => undefined)
  }
}

interface WrittenCore {
  readonly what: CoreRequest['what']
  /** In the directory of the incident. */
  readonly file: string
  /** Of memory; the file has a little more. */
  readonly bytes: number
  readonly threads: number
  /** Threads in state D, of which there are no registers. */
  readonly threadsWithoutRegisters: number
}

/** @returns what was written, or why nothing was */
async function write({
  subject,
  what,
  directory,
  limit,
  largestMiB,
  sync,
}: CoreRequest): Promise<WrittenCore | string> {
  const program = findCoreProgram()
  if (program === undefined) return 'the program hangdog-core is not built for this machine'
  const { blocks, bsize } = await statfs(directory)
  const floor = Math.round(Math.max(blocks * bsize * freeShare, leastFree))
  const path = corePath(directory, subject.pid)
  const draft = `${path}.partial`
  const sizes = [String(largestMiB * mebibyte), String(floor)]
  const timeoutMs = Math.max(1, limit - marginMs)
  const result = await runCommand({
    command: program,
    args: [String(subject.pid), subject.startTime, what, ...sizes, draft, ...(sync ? ['sync'] : [])],
    timeoutMs: milliseconds(timeoutMs),
  })
  if (result.kind === 'not-started') return `hangdog-core could not be started: ${result.error}`
  const [bytes, threads, unstopped] = result.stdout.trim().split(' ').map(Number)
  const isWhole = result.kind === 'done' && result.exit.kind === 'code' && result.exit.code === 0
  if (!isWhole || bytes === undefined || threads === undefined || unstopped === undefined) {
    await rm(draft, { force: true })
    const said = result.stderr.trim().split('\n').at(-1) ?? ''
    if (result.kind === 'timed-out')
      return `the ${what} core was not written within ${Math.round(timeoutMs)} ms and was removed`
    return said === '' ? 'hangdog-core gave no reason' : said
  }
  await rename(draft, path)
  return { what, file: basename(path), bytes, threads, threadsWithoutRegisters: unstopped }
}
