import { type FileHandle, open, readlink } from 'node:fs/promises'
import { readMappedFiles } from './memory.js'
import { type Reading, readWithin } from './proc-file.js'

/** What executes the code of a program, as far as it can be told from outside. It decides how its stacks are read. */
export type Runtime =
  | { readonly kind: 'node' }
  /** `hotspot`: OpenJDK's own machine, which answers the attach protocol. */
  | { readonly kind: 'java'; readonly machine: 'hotspot' | 'openj9' }
  /** `version` such as 3.11, empty when the file names do not tell. */
  | { readonly kind: 'python'; readonly version: string }
  | { readonly kind: 'go' }
  | { readonly kind: 'native' }
  | { readonly kind: 'unknown'; readonly reason: string }

/** For each reading, in ms: without an answer the wrong stack is taken, so a loaded machine gets more time here than elsewhere. */
const patienceMs = 800

/**
 * Tells the runtime of a process by its executable, then by the libraries mapped into it. Nothing is sent to it. The executable
 * counts first: a Node program that has loaded libpython for an addon is a Node program.
 */
export async function readRuntime(pid: number): Promise<Runtime> {
  const executable = await readWithin(() => readlink(`/proc/${pid}/exe`), patienceMs)
  if (executable.kind === 'unreadable') return { kind: 'unknown', reason: executable.reason }
  const name = nameProgram(executable.value)
  if (name === 'node' || name === 'nodejs') return { kind: 'node' }
  const [built, files] = await Promise.all([hasGoBuild(pid), readMappedFiles(pid)])
  if (built.kind === 'read' && built.value) return { kind: 'go' }
  if (files.kind === 'unreadable') return { kind: 'unknown', reason: files.reason }
  return selectRuntime(
    name,
    files.value.map(({ path }) => path),
  )
}

/** The last part of a path, without the mark of the kernel for a program file that was replaced, by an upgrade for example. */
export function nameProgram(path: string): string {
  return (
    path
      .replace(/ \(deleted\)$/, '')
      .split('/')
      .at(-1) ?? ''
  )
}

/** @param paths of the mapped files */
export function selectRuntime(program: string, paths: readonly string[]): Runtime {
  const names = new Set(paths.map(nameProgram))
  const has = (pattern: RegExp) => [...names].some((name) => pattern.test(name))
  if (names.has('libjvm.so')) return { kind: 'java', machine: has(/^libj9vm\d*\.so/) ? 'openj9' : 'hotspot' }
  const library = [...names].map((name) => /^libpython(\d+\.\d+)[a-z]*\.so/.exec(name)?.[1]).find(Boolean)
  if (library !== undefined) return { kind: 'python', version: library }
  const own = /^python(\d+\.\d+|\d+)?[a-z]*$/.exec(program)
  if (own !== null) return { kind: 'python', version: own[1]?.includes('.') === true ? own[1] : '' }
  return { kind: 'native' }
}

/** What the Go linker puts into each program, stripped or not; the names of sections are within the last of them. */
const goSections = ['.go.buildinfo', '.gopclntab']

function hasGoBuild(pid: number): Promise<Reading<boolean>> {
  return readWithin(async () => {
    const file = await open(`/proc/${pid}/exe`, 'r')
    try {
      return (await readSectionNames(file)).some((name) => goSections.includes(name))
    } finally {
      await file.close()
    }
  }, patienceMs)
}

/** A program with more, or longer, names of sections than this is not looked at. */
const namesLimit = 64 * 1024

/** Names of the sections of a 64-bit little-endian ELF file: those of x86-64 and arm64. Empty for anything else. See elf(5). */
async function readSectionNames(file: FileHandle): Promise<readonly string[]> {
  const header = await readAt(file, 0, 64)
  if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return []
  const [tableAt, entrySize, nameIndex] = [
    Number(header.readBigUInt64LE(0x28)),
    header.readUInt16LE(0x3a),
    header.readUInt16LE(0x3e),
  ]
  const entry = await readAt(file, tableAt + nameIndex * entrySize, 64)
  if (tableAt === 0 || entry.length < 64) return []
  const size = Math.min(Number(entry.readBigUInt64LE(0x20)), namesLimit)
  const names = await readAt(file, Number(entry.readBigUInt64LE(0x18)), size)
  return names.toString('latin1').split('\0')
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
