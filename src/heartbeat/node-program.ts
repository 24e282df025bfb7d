import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename, delimiter, resolve } from 'node:path'

/** The program a service is started with. */
export interface Program {
  readonly command: string
  readonly directory?: string
  /** PATH of the service. */
  readonly searchPath: string | undefined
}

const nodeCommands: ReadonlySet<string> = new Set([
  'node',
  'nodejs',
  'npm',
  'npx',
  'yarn',
  'yarnpkg',
  'pnpm',
  'pnpx',
  'tsx',
  'ts-node',
])

/** Read of a file to see its first line; the kernel looks at no more than 256 bytes either. */
const shebangBytes = 256

/** Whether the program is run by Node: by its name, or because the first line of its file says so. Never throws. */
export function isNodeProgram(program: Program): boolean {
  const name = basename(program.command)
    .toLowerCase()
    .replace(/\.(?:exe|cmd)$/, '')
  if (nodeCommands.has(name)) return true
  const file = findFile(program)
  return file !== undefined && /^#!.*[/ \t](?:node|nodejs|tsx|ts-node)(?:[ \t\r]|$)/.test(firstLine(file))
}

function findFile({ command, directory, searchPath }: Program): string | undefined {
  const from = directory ?? process.cwd()
  const folders = /[\\/]/.test(command) ? [''] : (searchPath ?? '').split(delimiter)
  return folders.map((folder) => resolve(from, folder, command)).find(isFile)
}

/** Anything but a plain file might never let itself be read to an end. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function firstLine(path: string): string {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(shebangBytes)
      const length = readSync(file, bytes, 0, shebangBytes, 0)
      return bytes.toString('latin1', 0, length).split('\n', 1)[0] ?? ''
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}
