import { toRecord } from '../evidence/protocol-channel.js'

/** Which core there is, in one line. Undefined when the record is not one. */
export function describeCore(content: unknown): readonly string[] | undefined {
  const { what, file, bytes, threads, threadsWithoutRegisters } = toRecord(content)
  if (typeof file !== 'string' || typeof bytes !== 'number') return undefined
  const size = `${(bytes / 1024 ** 2).toFixed(1)} MiB`
  const without =
    typeof threadsWithoutRegisters === 'number' && threadsWithoutRegisters > 0
      ? `, ${threadsWithoutRegisters} of them without registers`
      : ''
  return [
    `${file}: ${what}, ${size}, ${threads} ${threads === 1 ? 'thread' : 'threads'}${without}; read it with gdb PROGRAM ${file}`,
  ]
}
