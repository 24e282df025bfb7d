import { open } from 'node:fs/promises'

/** A part of a file. */
export interface Excerpt {
  readonly text: string
  /** There is more of it. */
  readonly cut: boolean
}

/** Reads a file from its beginning, and not more than that many bytes, whatever its size is said to be. @throws the system error */
export async function readStart(path: string, limit: number): Promise<Excerpt> {
  const bytes = await readBytes(path, limit + 1)
  return { text: bytes.subarray(0, limit).toString('utf8'), cut: bytes.length > limit }
}

/** Reads the last bytes of a file, which for a log of the kernel are those that matter. @throws the system error */
export async function readEnd(path: string, limit: number): Promise<Excerpt> {
  const bytes = await readLastBytes(path, limit)
  return { text: bytes.data.toString('utf8'), cut: bytes.skipped > 0 }
}

/** The last bytes of a file, and how many come before them. @throws the system error */
export async function readLastBytes(
  path: string,
  limit: number,
): Promise<{ readonly data: Buffer; readonly skipped: number }> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const skipped = Math.max(0, size - limit)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - skipped), 0, size - skipped, skipped)
    return { data: buffer.subarray(0, bytesRead), skipped }
  } finally {
    await file.close()
  }
}

/** Reads until the end or the limit: files of the kernel have no size, and hand out less than is asked for. */
async function readBytes(path: string, limit: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(limit)
    let length = 0
    while (length < limit) {
      const { bytesRead } = await file.read(buffer, length, limit - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return buffer.subarray(0, length)
  } finally {
    await file.close()
  }
}
