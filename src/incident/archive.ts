import { randomUUID } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Header } from 'tar'
import { describeError, HangdogError, systemCode } from '../errors.js'

/** A file in an archive. */
export type ArchiveEntry = {
  /** With slashes, relative. */
  readonly path: string
} & (
  | { readonly kind: 'text'; readonly text: string }
  /** Read while the archive is written; exactly `size` bytes of it are kept. */
  | { readonly kind: 'file'; readonly size: number; readonly read: () => AsyncIterable<Uint8Array> }
)

export interface ArchiveOptions {
  /** The time that every entry has, so that the same entries make the same archive. */
  readonly at: Date
  /** Stops it; nothing is left behind then. */
  readonly signal?: AbortSignal
}

/**
 * Writes a .tar.gz, for its owner alone. It gets its name when it is whole, and never that of a file that is there.
 * @throws HangdogError `create` when there is such a file or it cannot be written; nothing is left behind
 */
export async function writeArchive(
  path: string,
  entries: readonly ArchiveEntry[],
  { at, signal }: ArchiveOptions,
): Promise<void> {
  const draft = `${path}.${randomUUID().slice(-12)}.tmp`
  try {
    const file = await open(draft, 'wx', 0o600)
    const source = Readable.from(pack(entries, at), { objectMode: false })
    await pipeline(
      source,
      createGzip({ level: 9 }),
      file.createWriteStream({ flush: true }),
      signal === undefined ? {} : { signal },
    )
    await nameAnew(draft, path)
  } catch (error) {
    const reason = systemCode(error) === 'EEXIST' ? 'there is such a file, and it is not written over' : undefined
    throw new HangdogError(
      'create',
      `cannot write the archive "${path}": ${signal?.aborted === true ? 'interrupted' : (reason ?? describeError(error))}`,
      error,
    )
  } finally {
    await rm(draft, { force: true }).catch(() => undefined)
  }
}

/** A link fails where the name is taken; where there are no links, the name is taken first. */
async function nameAnew(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error) ?? '')) throw error
    await (await open(path, 'wx', 0o600)).close()
    await rename(draft, path)
  }
}

const blockBytes = 512

async function* pack(entries: readonly ArchiveEntry[], mtime: Date): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    const text = entry.kind === 'text' ? Buffer.from(entry.text) : undefined
    const size = entry.kind === 'text' ? Buffer.byteLength(entry.text) : entry.size
    const about = { path: entry.path, mode: 0o600, uid: 0, gid: 0, size, mtime, type: 'File' } as const
    const header = new Header(about)
    header.encode()
    if (header.block === undefined) throw new HangdogError('internal', 'internal error: a header was not encoded')
    yield header.block
    if (text !== undefined) yield text
    else if (entry.kind === 'file') yield* exactly(entry.read(), size)
    const rest = size % blockBytes
    if (rest > 0) yield Buffer.alloc(blockBytes - rest)
  }
  yield Buffer.alloc(2 * blockBytes)
}

/** A file that grows meanwhile is cut, and one that shrinks is filled with zeros: its size has been written already. */
async function* exactly(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let left = size
  for await (const chunk of chunks) {
    if (left === 0) return
    yield chunk.subarray(0, left)
    left -= Math.min(left, chunk.length)
  }
  for (; left > 0; left -= Math.min(left, zeros.length)) yield zeros.subarray(0, left)
}

const zeros = Buffer.alloc(64 * 1024)
